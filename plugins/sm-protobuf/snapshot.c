/* snapshot.c: streams the bytes of StateMachineData from a frozen copy of the map.
 *
 * The bytes are a list of elements: the mark that a checksum will come, last_applied, one entry per
 * key in order of the keys, last_membership_log_id, last_membership, the checksum. A machine that
 * has applied nothing has no bytes. Each element is a few pieces of memory: heads that are
 * made here, keys and values where they lie. A chunk is filled piece by piece. Same state, same
 * bytes: they do not depend on time, addresses or the sizes of chunks. */
#include "membership.h"
#include "sm.h"
#include "wire.h"

#include <storage-parts/crc32c.h>

#include <assert.h>
#include <stdlib.h>

#define CHUNK_MAX (1u << 20) /* bytes that one read gives at most */
#define PIECES_MAX 4u        /* of one element */

enum step { STEP_MARK, STEP_LAST, STEP_DATA, STEP_MEMBERSHIP, STEP_CHECKSUM, STEP_END };

struct piece {
  const uint8_t *data;
  size_t len;
};

struct snapshot {
  struct map map;
  struct map_cursor cursor;
  struct rkv_log_id last, membership_id;
  struct rkv_buf membership;
  enum step step; /* the kind of the next element */
  struct piece pieces[PIECES_MAX];
  size_t piece, piece_count; /* of the present element; pieces[piece ..) are not written yet */
  uint8_t head[2 * WIRE_HEAD_MAX + LOG_ID_WIRE_MAX];
  uint8_t *membership_bytes;
  uint32_t checksum; /* of the bytes that were given */
};

struct chunk {
  struct rkv_buf_owner owner; /* first */
  uint8_t bytes[];
};

enum rkv_status sm_snapshot_begin(void *instance, void **snapshot, struct rkv_snapshot_meta *meta,
                                  struct rkv_error *error) {
  struct sm *sm = instance;
  struct snapshot *s = calloc(1, sizeof *s);
  if (!s) return rkv_fail(error, RKV_NO_MEMORY, "sm-protobuf: no memory for a snapshot");
  s->map = map_copy(&sm->map);
  s->last = sm->last;
  s->step = s->last.index > 0 ? STEP_MARK : STEP_LAST;
  s->membership_id = sm->membership_id;
  s->membership = rkv_buf_share(sm->membership);
  map_walk(&s->cursor, &s->map);
  memset(meta, 0, sizeof *meta);
  meta->last = s->last;
  meta->membership_id = s->membership_id;
  meta->membership = rkv_buf_share(s->membership);
  *snapshot = s;
  return RKV_OK;
}

static void add_piece(struct snapshot *s, const uint8_t *data, size_t len) {
  if (len == 0) return;
  assert(s->piece_count < PIECES_MAX);
  s->pieces[s->piece_count].data = data;
  s->pieces[s->piece_count++].len = len;
}

/* Lays out one entry of `data`. An item holds its value as field 1 of a Response; only that first
 * byte differs from field 2 of the entry. */
static void add_item(struct snapshot *s, struct item *item) {
  static const uint8_t value_tag[] = {ENTRY_VALUE << 3 | WIRE_BYTES};
  struct rkv_buf answer = item_answer(item);
  size_t len, key_field = 1 + wire_varint_size(item->key_len) + item->key_len;
  len = wire_put_head(s->head, DATA_ENTRY, key_field + answer.len);
  len += wire_put_head(s->head + len, ENTRY_KEY, item->key_len);
  assert(len <= sizeof s->head && answer.len > 0);
  add_piece(s, s->head, len);
  add_piece(s, item->bytes, item->key_len);
  add_piece(s, value_tag, sizeof value_tag);
  add_piece(s, answer.data + 1, answer.len - 1);
}

static enum rkv_status add_membership(struct snapshot *s, struct rkv_error *error) {
  struct rkv_membership m;
  enum rkv_status status;
  size_t len;
  if (s->membership.len == 0) return RKV_OK;
  status = rkv_membership_decode(s->membership.data, s->membership.len, &m, error);
  if (status != RKV_OK) return status;
  s->membership_bytes = malloc(LOG_ID_WIRE_MAX + MEMBERSHIP_WIRE_MAX);
  if (!s->membership_bytes)
    return rkv_fail(error, RKV_NO_MEMORY, "sm-protobuf: no memory for a snapshot");
  len = log_id_to_wire(s->membership_id, DATA_MEMBERSHIP_ID, s->membership_bytes);
  len += membership_to_wire(&m, DATA_MEMBERSHIP, s->membership_bytes + len);
  add_piece(s, s->membership_bytes, len);
  return RKV_OK;
}

/* Lays out the mark that the checksum will come, or the checksum. */
static void add_mark(struct snapshot *s) {
  add_piece(s, s->head, wire_put_u64(s->head, DATA_CHECKED, 1));
}

static void add_checksum(struct snapshot *s) {
  add_piece(s, s->head, wire_put_fixed32(s->head, DATA_CHECKSUM, s->checksum));
}

/* Lays out the pieces of the next element; no piece if the state has no such element. */
static enum rkv_status next_element(struct snapshot *s, struct rkv_error *error) {
  struct item *item;
  s->piece = s->piece_count = 0;
  switch (s->step) {
  case STEP_MARK:
    s->step = STEP_LAST;
    add_mark(s);
    return RKV_OK;
  case STEP_LAST:
    s->step = STEP_DATA;
    add_piece(s, s->head, log_id_to_wire(s->last, DATA_LAST_APPLIED, s->head));
    return RKV_OK;
  case STEP_DATA:
    item = map_next(&s->cursor);
    if (item)
      add_item(s, item);
    else
      s->step = STEP_MEMBERSHIP;
    return RKV_OK;
  case STEP_MEMBERSHIP:
    s->step = s->last.index > 0 ? STEP_CHECKSUM : STEP_END;
    return add_membership(s, error);
  case STEP_CHECKSUM:
    s->step = STEP_END;
    add_checksum(s);
    return RKV_OK;
  case STEP_END: break;
  }
  return RKV_OK;
}

static void chunk_free(struct rkv_buf_owner *owner) {
  free(owner); /* the chunk's first member */
}

enum rkv_status sm_snapshot_read(void *snapshot, size_t max, struct rkv_buf *chunk,
                                 struct rkv_error *error) {
  struct snapshot *s = snapshot;
  size_t room = max < CHUNK_MAX ? max : CHUNK_MAX, filled = 0;
  struct chunk *c, *fitted;
  enum rkv_status status;
  *chunk = rkv_buf_none();
  c = malloc(sizeof *c + room);
  if (!c) return rkv_fail(error, RKV_NO_MEMORY, "sm-protobuf: no memory for a chunk");
  while (filled < room && (s->piece < s->piece_count || s->step != STEP_END)) {
    struct piece *piece = &s->pieces[s->piece];
    size_t len;
    if (s->piece == s->piece_count) {
      status = next_element(s, error);
      if (status != RKV_OK) goto fail;
      continue;
    }
    len = piece->len < room - filled ? piece->len : room - filled;
    memcpy(c->bytes + filled, piece->data, len);
    s->checksum = crc32c(s->checksum, piece->data, len);
    filled += len;
    piece->data += len;
    piece->len -= len;
    if (piece->len == 0) s->piece++;
  }
  status = RKV_OK;
  if (filled == 0) goto fail; /* the end: no chunk */
  fitted =
      /* the chunk may be kept for long, so its unused room is given back */
      filled < room ? realloc(c, sizeof *c + filled) : NULL;
  if (fitted) c = fitted;
  c->owner = (struct rkv_buf_owner){1, 0, chunk_free};
  *chunk = (struct rkv_buf){c->bytes, filled, &c->owner};
  return RKV_OK;
fail:
  free(c);
  return status;
}

void sm_snapshot_end(void *snapshot) {
  struct snapshot *s = snapshot;
  map_free(&s->map);
  rkv_buf_drop(&s->membership);
  free(s->membership_bytes);
  free(s);
}
