/* index.h: where the log's entries stand, kept sparse: a slot for a run of entries, not for each.
 *
 * (X1) Slots ascend by index. The run of a slot goes up to the next slot's first entry.
 * (X2) Within a run the entries stand in ascending order in one segment, between them only records
 *      that are no entries: a walk from the slot on finds each.
 * (X3) The terms cover every entry held. */
#ifndef WAL_INDEX_H
#define WAL_INDEX_H

#include "segment.h"

#include <rkv/types.h>

enum {
  INDEX_RUN_ENTRIES = 64,
  INDEX_RUN_BYTES = 64 * 1024, /* a run that is so long gets no more entries */
};

struct index_slot {
  rkv_index first;
  struct segment *segment;
  uint64_t offset;
};

struct index_term {
  rkv_index first; /* entry of this term */
  rkv_term term;
};

struct index {
  struct index_slot *slots; /* slots[slot_head .. slot_head + slot_count) */
  size_t slot_head, slot_count, slot_capacity;
  struct index_term *terms;
  size_t term_head, term_count, term_capacity;
  rkv_index next; /* the entry that would go on the last run */
  bool cut; /* the last run may be followed by entries that were truncated: (X2) needs a new slot */
};

void index_free(struct index *index);

/* `count` entries from `first` on stand at `offset`. Errors: RKV_NO_MEMORY. */
enum rkv_status index_place(struct index *index, rkv_index first, size_t count,
                            struct segment *segment, uint64_t offset, struct rkv_error *error);
/* The entry `id` follows the last one. Errors: RKV_NO_MEMORY. */
enum rkv_status index_note_term(struct index *index, struct rkv_log_id id, struct rkv_error *error);

/* Forgets every entry above `after`. */
void index_truncate(struct index *index, rkv_index after);
/* Forgets every entry up to and including `up_to`; entries beyond it are held. */
void index_purge(struct index *index, rkv_index up_to);
/* Forgets every entry. */
void index_clear(struct index *index);

/* The slot whose run holds `at`, NULL if there is none; *next is the slot after that, NULL if there
 * is none. Both borrowed until the index changes. */
const struct index_slot *index_find(const struct index *index, rkv_index at,
                                    const struct index_slot **next);
/* The term of an entry held. */
rkv_term index_term(const struct index *index, rkv_index at);
/* The first entry that has a place, 0 if none has. */
rkv_index index_first(const struct index *index);
/* The oldest segment that holds a run, NULL if there is none. */
const struct segment *index_oldest(const struct index *index);

#endif
