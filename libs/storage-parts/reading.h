/* reading.h: gives entries back: from the queue while they are not durable, else from the device.
 *
 * The log may change while a reader waits for the device. A truncation meanwhile ends the read
 * early, so that entries of before and after it are never given together. */
#ifndef STORAGE_PARTS_READING_H
#define STORAGE_PARTS_READING_H

#include "log.h"

struct reading;

/* How durable entries are given. */
struct reading_ops {
  /* Finds entry r->at on the device. `last` is the last durable entry: those behind it on the
   * device may have been truncated. False: it stands nowhere. Under the lock. NULL: `give` finds
   * it. */
  bool (*find)(struct reading *r, rkv_index last);
  /* Gives entries from r->at to r->to, at least one, until `find` found no more, or one does not
   * fit (reading_fits). Meanwhile r->to is the last durable entry at most; what was truncated may
   * still stand behind it. Entry r->at is gone from the device only if reading_is_past: then give
   * none and RKV_OK, and it is looked for anew. Not under the lock. */
  enum rkv_status (*give)(struct reading *r, struct rkv_error *error);
};

/* One call; a storage's own struct for it may begin with this one. */
struct reading {
  struct log *log;
  const struct reading_ops *ops;
  rkv_index at, to; /* what is still to be given */
  uint64_t bytes, bytes_max;
  struct rkv_entry *entries;
  size_t count, capacity;
  uint64_t cuts; /* log.cuts when the first entry was given */
};

/* True if an entry of `len` bytes may still be given; false ends the read, and r->to is 0 then. */
bool reading_fits(struct reading *r, uint64_t len);
/* Gives an entry that fits; takes the reference over. */
void reading_give(struct reading *r, const struct rkv_entry *entry);
/* Gives entry r->at with a copy of this payload, if it fits. Errors: RKV_NO_MEMORY. */
enum rkv_status reading_give_copy(struct reading *r, rkv_term term, uint32_t kind,
                                  const uint8_t *payload, size_t len, struct rkv_error *error);
/* True if entries may be missing that were there when `find` was called: the log was cut or purged
 * since. Takes the lock. */
bool reading_is_past(const struct reading *r);

/* Reads as rkv_storage_ops.read says; `log` and `ops` are filled in. */
enum rkv_status reading_run(struct reading *r, rkv_index from, rkv_index to, uint64_t bytes_max,
                            struct rkv_entry *entries, size_t capacity, size_t *count,
                            struct rkv_error *error);

/* As in rkv_storage_ops; `storage` begins with its struct log. */
enum rkv_status reading_load(void *storage, struct rkv_storage_state *state,
                             struct rkv_error *error);

#endif
