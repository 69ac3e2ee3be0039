/* disk_state.c: what a log and a snapshot stand for (disk_internal.h). */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "disk_internal.h"

void state_free(struct disk_state *s) {
  state_truncate(s, s->purged.index);
  free(s->entries);
  rkv_buf_drop(&s->meta.membership);
  rkv_buf_drop(&s->content);
  *s = (struct disk_state){0};
}

void state_append(struct disk_state *s, const struct rkv_entry *e) {
  assert(e->id.index == s->last.index + 1);
  if (s->count == s->capacity) {
    s->capacity = s->capacity ? s->capacity * 2 : 64;
    s->entries = realloc(s->entries, s->capacity * sizeof *s->entries);
    assert(s->entries);
  }
  s->entries[s->count] = *e;
  s->entries[s->count].payload = rkv_buf_share(e->payload);
  s->count++;
  s->last = e->id;
}

void state_truncate(struct disk_state *s, rkv_index after) {
  while (s->count > 0 && s->entries[s->count - 1].id.index > after)
    rkv_buf_drop(&s->entries[--s->count].payload);
  s->last = s->count > 0 ? s->entries[s->count - 1].id : s->purged;
}

void state_purge(struct disk_state *s, struct rkv_log_id up_to) {
  size_t drop = 0;
  if (up_to.index <= s->purged.index) return;
  while (drop < s->count && s->entries[drop].id.index <= up_to.index)
    rkv_buf_drop(&s->entries[drop++].payload);
  if (drop > 0) memmove(s->entries, s->entries + drop, (s->count - drop) * sizeof *s->entries);
  s->count -= drop;
  s->purged = up_to;
  if (s->count == 0) s->last = up_to;
}

void state_snapshot(struct disk_state *s, const struct rkv_snapshot_meta *meta,
                    struct rkv_buf content) {
  rkv_buf_drop(&s->meta.membership);
  rkv_buf_drop(&s->content);
  s->meta = *meta;
  s->content = content;
}

const struct rkv_entry *state_find(const struct disk_state *s, rkv_index index) {
  if (index <= s->purged.index || index > s->last.index) return NULL;
  size_t at = (size_t)(index - s->purged.index - 1);
  return at < s->count ? &s->entries[at] : NULL;
}
