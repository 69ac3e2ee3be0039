/* tail.c: entries that are no rows yet; they are read as soon as append has returned. */
#include "store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { TAIL_MIN = 64 };

static void tail_drop_last(struct store *s) {
  rkv_buf_drop(&s->tail[s->tail_head + --s->tail_count].entry.payload);
}

static void tail_drop_first(struct store *s) {
  rkv_buf_drop(&s->tail[s->tail_head++].entry.payload);
  s->tail_count--;
  s->tail_first++;
}

static bool tail_room(struct store *s, size_t more) {
  size_t room = 2 * (s->tail_count + more) + TAIL_MIN;
  struct kept *tail;
  if (s->tail_head + s->tail_count + more <= s->tail_room) return true;
  tail = malloc(room * sizeof *tail);
  if (!tail) return false;
  if (s->tail_count > 0) memcpy(tail, s->tail + s->tail_head, s->tail_count * sizeof *tail);
  free(s->tail);
  s->tail = tail;
  s->tail_head = 0;
  s->tail_room = room;
  return true;
}

static void cut_above(struct store *s, rkv_index after) {
  if (after < s->purged) after = s->purged;
  if (after >= s->last) return;
  while (s->tail_count > 0 && s->tail_first + s->tail_count - 1 > after) tail_drop_last(s);
  s->last = after;
  if (s->tail_first > after + 1) s->tail_first = after + 1;
}

static void cut_to(struct store *s, rkv_index up_to) {
  if (up_to <= s->purged) return;
  while (s->tail_count > 0 && s->tail_first <= up_to) tail_drop_first(s);
  s->purged = up_to;
  if (s->last < up_to) s->last = up_to;
  if (s->tail_first <= up_to) s->tail_first = up_to + 1;
}

void tail_release(struct store *s, uint64_t seq) {
  while (s->tail_count > 0 && s->tail[s->tail_head].seq <= seq) tail_drop_first(s);
  if (s->tail_count == 0) s->tail_first = s->last + 1;
}

bool tail_show(struct store *s, const struct op *op) {
  if (op->kind == OP_TRUNCATE) cut_above(s, op->id.index);
  if (op->kind == OP_PURGE) cut_to(s, op->id.index);
  if (op->kind != OP_APPEND) return true;
  if (!tail_room(s, op->count)) return false;
  for (size_t i = 0; i < op->count; i++) {
    struct kept *kept = &s->tail[s->tail_head + s->tail_count++];
    *kept = (struct kept){op->entries[i], op->seq};
    (void)rkv_buf_share(kept->entry.payload);
  }
  s->last += op->count;
  assert(s->tail_first + s->tail_count == s->last + 1); /* (Q2) */
  return true;
}

void tail_free(struct store *s) {
  while (s->tail_count > 0) tail_drop_last(s);
  free(s->tail);
}
