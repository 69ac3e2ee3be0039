/* disk_record.c: the records on a simulated disk and the state they stand for.
 *
 * A record: u64 length of the body, u64 check of type and body, u64 type, body. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "disk_internal.h"

enum { HEADER = 24 };

void bytes_put(struct bytes *b, const void *data, size_t len) {
  if (b->len + len > b->capacity) {
    while (b->len + len > b->capacity) b->capacity = b->capacity ? b->capacity * 2 : 4096;
    b->data = realloc(b->data, b->capacity);
    assert(b->data);
  }
  if (len > 0) memcpy(b->data + b->len, data, len);
  b->len += len;
}

void bytes_put_u64(struct bytes *b, uint64_t value) {
  uint8_t le[8];
  rkv_put_le(le, value, 8);
  bytes_put(b, le, sizeof le);
}

/* FNV-1a (Fowler, Noll, Vo), eight bytes at a time: enough to notice a lost or torn sector. */
static uint64_t check_of(uint64_t type, const uint8_t *body, size_t len) {
  uint64_t h = UINT64_C(0xcbf29ce484222325) ^ type ^ len;
  size_t i = 0;
  for (; i + 8 <= len; i += 8) h = (h ^ rkv_get_le(body + i, 8)) * UINT64_C(0x100000001b3);
  for (; i < len; i++) h = (h ^ body[i]) * UINT64_C(0x100000001b3);
  return h;
}

/* Leaves room for a header; record_end fills it. */
static size_t record_begin(struct bytes *out) {
  static const uint8_t zero[HEADER] = {0};
  size_t at = out->len;
  bytes_put(out, zero, sizeof zero);
  return at;
}

static void record_end(struct bytes *out, size_t at, enum record_type type) {
  uint8_t *header = out->data + at;
  size_t len = out->len - at - HEADER;
  rkv_put_le(header, len, 8);
  rkv_put_le(header + 8, check_of(type, header + HEADER, len), 8);
  rkv_put_le(header + 16, type, 8);
}

void record_vote(struct bytes *out, struct rkv_vote vote) {
  size_t at = record_begin(out);
  bytes_put_u64(out, vote.term);
  bytes_put_u64(out, vote.node_id);
  bytes_put_u64(out, vote.committed);
  record_end(out, at, RECORD_VOTE);
}

void record_identity(struct bytes *out, const struct rkv_identity *identity) {
  size_t at = record_begin(out);
  bytes_put_u64(out, identity->cluster.high);
  bytes_put_u64(out, identity->cluster.low);
  bytes_put_u64(out, identity->incarnation);
  bytes_put_u64(out, identity->settled);
  record_end(out, at, RECORD_IDENTITY);
}

void record_entry(struct bytes *out, const struct rkv_entry *e) {
  size_t at = record_begin(out);
  bytes_put_u64(out, e->id.term);
  bytes_put_u64(out, e->id.index);
  bytes_put_u64(out, e->kind);
  bytes_put(out, e->payload.data, e->payload.len);
  record_end(out, at, RECORD_ENTRY);
}

void record_truncate(struct bytes *out, rkv_index after) {
  size_t at = record_begin(out);
  bytes_put_u64(out, after);
  record_end(out, at, RECORD_TRUNCATE);
}

void record_purge(struct bytes *out, struct rkv_log_id up_to) {
  size_t at = record_begin(out);
  bytes_put_u64(out, up_to.term);
  bytes_put_u64(out, up_to.index);
  record_end(out, at, RECORD_PURGE);
}

void record_snapshot(struct bytes *out, const struct rkv_snapshot_meta *meta, struct rkv_buf data) {
  size_t at = record_begin(out);
  bytes_put_u64(out, meta->last.term);
  bytes_put_u64(out, meta->last.index);
  bytes_put_u64(out, meta->membership_id.term);
  bytes_put_u64(out, meta->membership_id.index);
  bytes_put(out, meta->id, sizeof meta->id);
  bytes_put_u64(out, meta->membership.len);
  bytes_put(out, meta->membership.data, meta->membership.len);
  bytes_put(out, data.data, data.len);
  record_end(out, at, RECORD_SNAPSHOT);
}

/* ---- state ---- */

struct block {
  struct rkv_buf_owner owner;
  uint8_t bytes[];
};

static void block_free(struct rkv_buf_owner *owner) {
  free(owner);
}

static struct rkv_buf copy_of(const uint8_t *data, size_t len) {
  struct block *b = malloc(sizeof *b + len);
  assert(b);
  b->owner = (struct rkv_buf_owner){.refs = 1, .free = block_free};
  if (len > 0) memcpy(b->bytes, data, len);
  return (struct rkv_buf){.data = b->bytes, .len = len, .owner = &b->owner};
}

void state_free(struct disk_state *s) {
  state_truncate(s, s->purged.index);
  free(s->entries);
  rkv_buf_drop(&s->meta.membership);
  rkv_buf_drop(&s->snapshot);
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
                    struct rkv_buf data) {
  rkv_buf_drop(&s->meta.membership);
  rkv_buf_drop(&s->snapshot);
  s->meta = *meta;
  s->meta.size = data.len;
  s->snapshot = data;
}

static void replay_snapshot(const uint8_t *body, size_t len, struct disk_state *s) {
  struct rkv_snapshot_meta meta = {
      .last = {rkv_get_le(body, 8), rkv_get_le(body + 8, 8)},
      .membership_id = {rkv_get_le(body + 16, 8), rkv_get_le(body + 24, 8)}};
  const uint8_t *at = body + 32;
  memcpy(meta.id, at, sizeof meta.id);
  at += sizeof meta.id;
  size_t members = (size_t)rkv_get_le(at, 8);
  at += 8;
  meta.membership = copy_of(at, members);
  at += members;
  state_snapshot(s, &meta, copy_of(at, (size_t)(body + len - at)));
}

static void replay_one(uint64_t type, const uint8_t *body, size_t len, struct disk_state *s) {
  struct rkv_entry e = {0};
  switch (type) {
  case RECORD_VOTE:
    s->vote = (struct rkv_vote){rkv_get_le(body, 8), rkv_get_le(body + 8, 8), body[16] != 0};
    break;
  case RECORD_IDENTITY:
    s->identity = (struct rkv_identity){.cluster = {rkv_get_le(body, 8), rkv_get_le(body + 8, 8)},
                                        .incarnation = rkv_get_le(body + 16, 8),
                                        .settled = body[24] != 0};
    break;
  case RECORD_ENTRY:
    e.id = (struct rkv_log_id){rkv_get_le(body, 8), rkv_get_le(body + 8, 8)};
    e.kind = (uint32_t)rkv_get_le(body + 16, 8);
    e.payload = copy_of(body + 24, len - 24);
    state_append(s, &e);
    rkv_buf_drop(&e.payload);
    break;
  case RECORD_TRUNCATE: state_truncate(s, rkv_get_le(body, 8)); break;
  case RECORD_PURGE:
    state_purge(s, (struct rkv_log_id){rkv_get_le(body, 8), rkv_get_le(body + 8, 8)});
    break;
  default: replay_snapshot(body, len, s); break;
  }
}

size_t record_replay(const uint8_t *data, size_t len, struct disk_state *s) {
  size_t at = 0;
  while (len - at >= HEADER) {
    uint64_t body = rkv_get_le(data + at, 8), type = rkv_get_le(data + at + 16, 8);
    if (type < RECORD_VOTE || type > RECORD_IDENTITY || body > len - at - HEADER) break;
    if (rkv_get_le(data + at + 8, 8) != check_of(type, data + at + HEADER, (size_t)body)) break;
    replay_one(type, data + at + HEADER, (size_t)body, s);
    at += HEADER + (size_t)body;
  }
  return at;
}
