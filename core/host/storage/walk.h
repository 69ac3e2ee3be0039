/* walk.h: reads all that a storage holds, piece by piece. */
#ifndef HOST_STORAGE_WALK_H
#define HOST_STORAGE_WALK_H

#include <host/storage/subject.h>

enum { WALK_ENTRIES = 4096 };          /* read at once */
#define WALK_BYTES (UINT64_C(4) << 20) /* likewise, of payload or of a snapshot */

/* ---- the log ---- */

struct walk {
  const struct subject *subject;
  rkv_index next, to;        /* what is still to be read */
  struct rkv_entry *entries; /* the batch at hand: [at, count) was not given yet */
  size_t at, count;
};

/* From the first entry to index `to`. Errors: RKV_NO_MEMORY; walk_end follows in either case. */
enum rkv_status walk_begin(struct walk *w, const struct subject *subject, rkv_index to,
                           struct rkv_error *error);
/* Drops the batch at hand and reads the next one; count 0 is the end. Errors: the storage's;
 * RKV_CORRUPT for an index out of order. */
enum rkv_status walk_batch(struct walk *w, struct rkv_error *error);
/* The next entry, borrowed until the next call; NULL is the end. Errors likewise. */
enum rkv_status walk_entry(struct walk *w, const struct rkv_entry **entry, struct rkv_error *error);
void walk_end(struct walk *w);

/* ---- the newest snapshot ---- */

struct snapshot_walk {
  const struct subject *subject;
  void *reader; /* NULL: not open */
  struct rkv_snapshot_meta meta;
  uint64_t offset;
  struct rkv_buf chunk; /* the one at hand */
};

/* Errors: the storage's; snapshot_walk_end follows in either case. */
enum rkv_status snapshot_walk_begin(struct snapshot_walk *w, const struct subject *subject,
                                    struct rkv_error *error);
/* At most `max` bytes into w->chunk; an empty one is the end. Errors: the storage's; RKV_CORRUPT if
 * the whole is not as long as its description says. */
enum rkv_status snapshot_walk_next(struct snapshot_walk *w, size_t max, struct rkv_error *error);
void snapshot_walk_end(struct snapshot_walk *w);

#endif
