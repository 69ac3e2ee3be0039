/* index.c: the sparse index: two arrays that grow at the end and shrink at both ends. */
#include "index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 64 };

void index_free(struct index *index) {
  free(index->slots);
  free(index->terms);
  *index = (struct index){0};
}

/* Room for one more element behind head + count: moves the elements to the front, or grows. */
static void *room(void *array, size_t size, size_t *head, size_t count, size_t *capacity) {
  char *bytes = array;
  if (*head + count < *capacity) return array;
  if (*head > *capacity / 2) {
    memmove(bytes, bytes + *head * size, count * size);
    *head = 0;
    return array;
  }
  *capacity = *capacity ? 2 * *capacity : CAPACITY_MIN;
  return realloc(array, *capacity * size);
}

static const struct index_slot *last_slot(const struct index *index) {
  return index->slot_count ? &index->slots[index->slot_head + index->slot_count - 1] : NULL;
}

static const struct index_term *last_term(const struct index *index) {
  return index->term_count ? &index->terms[index->term_head + index->term_count - 1] : NULL;
}

/* True if the entries from `first` on may stand in the last run. */
static bool in_last_run(const struct index *index, rkv_index first, const struct segment *segment,
                        uint64_t offset) {
  const struct index_slot *last = last_slot(index);
  return last && !index->cut && first == index->next && last->segment == segment &&
         first - last->first < INDEX_RUN_ENTRIES && offset - last->offset < INDEX_RUN_BYTES;
}

enum rkv_status index_place(struct index *index, rkv_index first, size_t count,
                            struct segment *segment, uint64_t offset, struct rkv_error *error) {
  size_t capacity = index->slot_capacity;
  struct index_slot *slots;
  bool goes_on = in_last_run(index, first, segment, offset);
  assert(!last_slot(index) || last_slot(index)->first < first); /* (X1) */
  assert(!goes_on || last_slot(index)->offset < offset);        /* (X2) */
  index->next = first + count;
  if (goes_on) return RKV_OK;
  slots = room(index->slots, sizeof *slots, &index->slot_head, index->slot_count, &capacity);
  if (!slots) return rkv_fail(error, RKV_NO_MEMORY, "no memory for the index of the log");
  index->slots = slots;
  index->slot_capacity = capacity;
  slots[index->slot_head + index->slot_count++] = (struct index_slot){first, segment, offset};
  index->cut = false;
  return RKV_OK;
}

enum rkv_status index_note_term(struct index *index, struct rkv_log_id id,
                                struct rkv_error *error) {
  const struct index_term *last = last_term(index);
  size_t capacity = index->term_capacity;
  struct index_term *terms;
  if (last && last->term == id.term) return RKV_OK;
  terms = room(index->terms, sizeof *terms, &index->term_head, index->term_count, &capacity);
  if (!terms) return rkv_fail(error, RKV_NO_MEMORY, "no memory for the terms of the log");
  index->terms = terms;
  index->term_capacity = capacity;
  terms[index->term_head + index->term_count++] = (struct index_term){id.index, id.term};
  return RKV_OK;
}

void index_truncate(struct index *index, rkv_index after) {
  while (last_slot(index) && last_slot(index)->first > after) index->slot_count--;
  while (last_term(index) && last_term(index)->first > after) index->term_count--;
  index->cut = true;
}

void index_purge(struct index *index, rkv_index up_to) {
  while (index->slot_count > 1 && index->slots[index->slot_head + 1].first <= up_to + 1) {
    index->slot_head++;
    index->slot_count--;
  }
  while (index->term_count > 1 && index->terms[index->term_head + 1].first <= up_to + 1) {
    index->term_head++;
    index->term_count--;
  }
}

void index_clear(struct index *index) {
  index->slot_count = index->term_count = 0;
  index->cut = true;
}

const struct index_slot *index_find(const struct index *index, rkv_index at,
                                    const struct index_slot **next) {
  size_t low = index->slot_head, high = index->slot_head + index->slot_count;
  const size_t begin = low, end = high;
  while (low < high) { /* the first slot above `at` */
    size_t middle = low + (high - low) / 2;
    if (index->slots[middle].first <= at)
      low = middle + 1;
    else
      high = middle;
  }
  *next = low < end ? &index->slots[low] : NULL;
  return low > begin ? &index->slots[low - 1] : NULL;
}

rkv_term index_term(const struct index *index, rkv_index at) {
  size_t low = index->term_head, high = index->term_head + index->term_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (index->terms[middle].first <= at)
      low = middle + 1;
    else
      high = middle;
  }
  assert(low > index->term_head); /* (X3) */
  return index->terms[low - 1].term;
}

rkv_index index_first(const struct index *index) {
  return index->slot_count ? index->slots[index->slot_head].first : 0;
}

const struct segment *index_oldest(const struct index *index) {
  return index->slot_count ? index->slots[index->slot_head].segment : NULL;
}
