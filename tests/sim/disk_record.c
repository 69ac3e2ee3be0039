/* disk_record.c: the records on a simulated disk.
 *
 * A record: u64 length of the body, u64 check, u64 type, u64 where its batch begins, u64 check of
 * the record before, body, zeros up to a multiple of 8. The check is of type, batch, chain, the
 * place where the record stands, and body. Everything before a batch was durable when it was
 * written: a record that is not right with a later batch behind it is damage, not a crash. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "disk_internal.h"

#define FNV_FIRST UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)
#define LANES 4

static size_t padded(size_t len) {
  return (len + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
}

/* FNV-1a (Fowler, Noll, Vo), eight bytes at a time in four lanes, which a processor works on at
 * once: each step is a bijection, so that no single word can change unnoticed. */
static uint64_t check_of(const uint8_t *record, size_t place) {
  uint64_t body = rkv_get_le(record, 8), h[LANES] = {FNV_FIRST ^ body, FNV_FIRST ^ place, 1, 2};
  const size_t end = RECORD_HEADER + padded((size_t)body);
  size_t i = 16;
  for (; i + 8 * LANES <= end; i += 8 * LANES)
    for (size_t lane = 0; lane < LANES; lane++)
      h[lane] = (h[lane] ^ rkv_get_le(record + i + 8 * lane, 8)) * FNV_PRIME;
  for (; i < end; i += 8) h[0] = (h[0] ^ rkv_get_le(record + i, 8)) * FNV_PRIME;
  for (size_t lane = 1; lane < LANES; lane++) h[0] = (h[0] * FNV_PRIME) ^ h[lane];
  return h[0];
}

/* ---- writing ---- */

/* Leaves room for a header. */
static size_t record_begin(struct bytes *out) {
  static const uint8_t zero[RECORD_HEADER] = {0};
  size_t at = out->len;
  bytes_put(out, zero, sizeof zero);
  return at;
}

static void record_end(struct bytes *out, size_t at, enum record_type type) {
  static const uint8_t zero[RECORD_ALIGN] = {0};
  size_t len = out->len - at - RECORD_HEADER;
  bytes_put(out, zero, padded(len) - len);
  rkv_put_le(out->data + at, len, 8);
  rkv_put_le(out->data + at + 16, type, 8);
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

void record_snapshot(struct bytes *out, const struct rkv_snapshot_meta *meta,
                     const struct bytes *data) {
  size_t at = record_begin(out);
  bytes_put_u64(out, meta->last.term);
  bytes_put_u64(out, meta->last.index);
  bytes_put_u64(out, meta->membership_id.term);
  bytes_put_u64(out, meta->membership_id.index);
  bytes_put(out, meta->id, sizeof meta->id);
  bytes_put_u64(out, meta->membership.len);
  bytes_put(out, meta->membership.data, meta->membership.len);
  bytes_put(out, data->data, data->len);
  record_end(out, at, RECORD_SNAPSHOT);
}

void record_all(struct bytes *out, const struct disk_state *s) {
  size_t at = record_begin(out);
  bytes_put_u64(out, 0);
  record_end(out, at, RECORD_HEAD);
  record_vote(out, s->vote);
  record_identity(out, &s->identity);
  if (s->purged.index > 0) record_purge(out, s->purged);
  for (size_t i = 0; i < s->count; i++) record_entry(out, &s->entries[i].e);
  rkv_put_le(out->data + at + RECORD_HEADER, out->len, 8);
}

size_t record_size_at(const struct bytes *file, size_t place) {
  return RECORD_HEADER + padded((size_t)rkv_get_le(file->data + place, 8));
}

void record_seal(struct bytes *b, size_t place, uint64_t *chain) {
  for (size_t at = 0; at < b->len; at += record_size_at(b, at)) {
    uint8_t *record = b->data + at;
    rkv_put_le(record + 24, place, 8);
    rkv_put_le(record + 32, *chain, 8);
    *chain = check_of(record, place + at);
    rkv_put_le(record + 8, *chain, 8);
  }
}

void record_places(const struct bytes *b, size_t place, struct disk_state *s) {
  for (size_t at = 0; at < b->len; at += record_size_at(b, at)) {
    const uint8_t *record = b->data + at, *body = record + RECORD_HEADER;
    if (rkv_get_le(record + 16, 8) != RECORD_ENTRY) continue;
    struct disk_entry *entry = state_find(s, rkv_get_le(body + 8, 8));
    if (entry && entry->e.id.term == rkv_get_le(body, 8)) entry->place = place + at;
  }
}

/* ---- reading ---- */

bool record_is_whole(const struct bytes *file, size_t place) {
  if (place > file->len || file->len - place < RECORD_HEADER) return false;
  const uint8_t *record = file->data + place;
  uint64_t body = rkv_get_le(record, 8), type = rkv_get_le(record + 16, 8);
  if (type < RECORD_HEAD || type > RECORD_SNAPSHOT) return false;
  if (body > file->len - place - RECORD_HEADER) return false;
  if (padded((size_t)body) > file->len - place - RECORD_HEADER) return false;
  return rkv_get_le(record + 8, 8) == check_of(record, place);
}

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

enum rkv_status record_read_snapshot(const struct bytes *file, struct rkv_snapshot_meta *meta,
                                     size_t *data_at, struct rkv_error *error) {
  if (!record_is_whole(file, 0) || rkv_get_le(file->data + 16, 8) != RECORD_SNAPSHOT)
    return rkv_fail(error, RKV_CORRUPT, "simulated disk: the snapshot is damaged");
  const uint8_t *body = file->data + RECORD_HEADER, *at = body + 32;
  *meta = (struct rkv_snapshot_meta){
      .last = {rkv_get_le(body, 8), rkv_get_le(body + 8, 8)},
      .membership_id = {rkv_get_le(body + 16, 8), rkv_get_le(body + 24, 8)}};
  memcpy(meta->id, at, sizeof meta->id);
  at += sizeof meta->id;
  size_t members = (size_t)rkv_get_le(at, 8);
  meta->membership = copy_of(at + 8, members);
  *data_at = (size_t)(at + 8 + members - file->data);
  meta->size = RECORD_HEADER + rkv_get_le(file->data, 8) - *data_at;
  return RKV_OK;
}

static void replay_one(const uint8_t *record, size_t place, struct disk_state *s) {
  const uint8_t *body = record + RECORD_HEADER;
  size_t len = (size_t)rkv_get_le(record, 8);
  struct rkv_entry e = {0};
  switch (rkv_get_le(record + 16, 8)) {
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
    state_append(s, &e, place);
    rkv_buf_drop(&e.payload);
    break;
  case RECORD_TRUNCATE: state_truncate(s, rkv_get_le(body, 8)); break;
  case RECORD_PURGE:
    state_purge(s, (struct rkv_log_id){rkv_get_le(body, 8), rkv_get_le(body + 8, 8)});
    break;
  default: break;
  }
}

/* A record whose batch began behind `end`: what stands at `end` was durable once. */
static bool was_durable(const struct bytes *log, size_t end) {
  for (size_t at = end + RECORD_ALIGN; at + RECORD_HEADER <= log->len; at += RECORD_ALIGN) {
    uint64_t batch = rkv_get_le(log->data + at + 24, 8);
    if (batch > end && batch <= at && record_is_whole(log, at)) return true;
  }
  return false;
}

enum rkv_status record_replay(const struct bytes *log, struct disk_state *s, struct disk_scan *scan,
                              struct rkv_error *error) {
  *scan = (struct disk_scan){.head = log->len};
  while (record_is_whole(log, scan->end)) {
    const uint8_t *record = log->data + scan->end;
    if (rkv_get_le(record + 32, 8) != scan->chain) break;
    if (scan->end == 0) scan->head = (size_t)rkv_get_le(record + RECORD_HEADER, 8);
    replay_one(record, scan->end, s);
    scan->chain = rkv_get_le(record + 8, 8);
    scan->batch = (size_t)rkv_get_le(record + 24, 8);
    scan->end += record_size_at(log, scan->end);
  }
  if (scan->end < scan->head || was_durable(log, scan->end))
    return rkv_fail(error, RKV_CORRUPT, "simulated disk: the log is damaged at %zu", scan->end);
  return RKV_OK;
}
