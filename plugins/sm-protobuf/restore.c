/* restore.c: builds a new state from the bytes of StateMachineData, beside the present one.
 *
 * The bytes come cut anywhere, from any implementation: fields in any order, a key twice (the last
 * one wins), an entry without its key or value (empty). An element that is whole in the chunk is
 * read where it lies. An element that is cut waits in `pending`, so that memory is bounded by the
 * largest element (COMMAND_BYTES_MAX); it grows with the bytes that came, not with a length that
 * was only announced.
 *
 * At the end last_applied, last_membership_log_id and last_membership must equal the meta's, and so
 * must the size if the meta has one. So nothing is missing: all implementations write the latter
 * two after the data. Bytes of this machine's own begin with a mark and end with a checksum (sm.h);
 * neither comes without the other, so a change anywhere is noticed. */
#include "membership.h"
#include "sm.h"
#include "wire.h"

#include <storage-parts/crc32c.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define PENDING_MIN 256u /* bytes */
/* Bytes of one field, its head included. */
#define ELEMENT_MAX (COMMAND_BYTES_MAX + 2u * WIRE_HEAD_MAX)

struct restore {
  struct sm *sm;
  struct map map;
  uint64_t digest;
  struct rkv_log_id meta_last, meta_membership_id;
  struct rkv_buf meta_membership;
  uint64_t meta_size;
  bool checked;           /* ... and all of it is there: restore_finish may swap */
  struct rkv_buf encoded; /* after the check: the membership, encoded as in the log */
  struct rkv_log_id last, membership_id; /* none: it has not come yet */
  struct rkv_membership membership;      /* all zero: it has not come yet */
  uint64_t taken;                        /* bytes of all elements read */
  uint32_t checksum;                     /* of these */
  bool marked, sealed;                   /* the checksum was announced; it came, and was right */
  size_t skip;                           /* bytes of an unknown field that are still to come */
  size_t wanted;                         /* bytes that the cut element needs, as far as is known */
  uint8_t *pending;                      /* the beginning of an element that was cut */
  size_t pending_len, pending_capacity;
};

enum rkv_status sm_restore_begin(void *sm, const struct rkv_snapshot_meta *meta, void **restore,
                                 struct rkv_error *error) {
  struct restore *r = calloc(1, sizeof *r);
  if (!r) return rkv_fail(error, RKV_NO_MEMORY, "sm-protobuf: no memory for a restore");
  r->sm = sm;
  r->meta_last = meta->last;
  r->meta_membership_id = meta->membership_id;
  r->meta_membership = rkv_buf_share(meta->membership);
  r->meta_size = meta->size;
  *restore = r;
  return RKV_OK;
}

static enum rkv_status no_memory(struct rkv_error *error) {
  return rkv_fail(error, RKV_NO_MEMORY, "sm-protobuf: no memory for the restored state");
}

static enum rkv_status take_entry(struct restore *r, const uint8_t *data, size_t len,
                                  struct rkv_error *error) {
  struct command entry;
  struct item *item, *replaced;
  enum rkv_status status = command_scan("StateMachineData.data", data, len, &entry, error);
  if (status != RKV_OK) {
    if (error) error->status = RKV_CORRUPT;
    return RKV_CORRUPT;
  }
  item = item_new(entry.key, entry.key_len, entry.value, entry.value_len);
  if (!item) return no_memory(error);
  if (map_put(&r->map, item, &replaced) != RKV_OK) {
    item_drop(item);
    return no_memory(error);
  }
  item_count_in(&r->digest, item, replaced);
  item_drop(replaced);
  return RKV_OK;
}

static bool is_check(uint32_t number) {
  return number == DATA_CHECKED || number == DATA_CHECKSUM;
}

/* Takes the mark or the checksum. */
static enum rkv_status take_check(struct restore *r, const struct wire_field *field,
                                  struct rkv_error *error) {
  if (field->number == DATA_CHECKED) {
    r->marked = true;
    return RKV_OK;
  }
  if (field->type != WIRE_FIXED32 || rkv_get_le(field->data, 4) != r->checksum)
    return rkv_fail(error, RKV_CORRUPT,
                    "snapshot: the %" PRIu64 " bytes before its checksum contradict it", r->taken);
  r->sealed = true;
  return RKV_OK;
}

/* Reads one whole element. */
static enum rkv_status take_element(struct restore *r, const struct wire_field *field,
                                    struct rkv_error *error) {
  if (is_check(field->number)) return take_check(r, field, error);
  if (field->number > DATA_MEMBERSHIP) return RKV_OK;
  if (field->type != WIRE_BYTES)
    return rkv_fail(error, RKV_CORRUPT, "StateMachineData: field %u has wire type %u",
                    field->number, field->type);
  switch (field->number) {
  case DATA_LAST_APPLIED: return log_id_from_wire(field->data, field->len, &r->last, error);
  case DATA_ENTRY: return take_entry(r, field->data, field->len, error);
  case DATA_MEMBERSHIP_ID:
    return log_id_from_wire(field->data, field->len, &r->membership_id, error);
  default: return membership_from_wire(field->data, field->len, &r->membership, error);
  }
}

/* Reads as many elements as are whole in [at, at + len) and tells how many bytes they take. */
static enum rkv_status take_elements(struct restore *r, const uint8_t *at, size_t len, size_t *used,
                                     struct rkv_error *error) {
  for (*used = 0; *used < len;) {
    struct wire_field field;
    size_t left = len - *used, size;
    enum rkv_status status;
    int head = wire_head(at + *used, left, &field);
    if (r->sealed)
      return rkv_fail(error, RKV_CORRUPT, "snapshot: something follows its checksum, byte %" PRIu64,
                      r->taken);
    if (head < 0)
      return rkv_fail(error, RKV_CORRUPT, "StateMachineData: malformed protobuf at byte %" PRIu64,
                      r->taken);
    r->wanted = left + 1;
    if (head == 0) return RKV_OK;
    size = (size_t)head + field.len;
    if (field.number > DATA_MEMBERSHIP && !is_check(field.number) && size > left) {
      r->skip = size - left; /* an unknown field is passed over without being kept */
      size = left;
    } else if (size > ELEMENT_MAX) {
      return rkv_fail(error, RKV_CORRUPT, "StateMachineData: field %u of %zu bytes (at most %u)",
                      field.number, size, ELEMENT_MAX);
    } else {
      r->wanted = size;
      if (size > left) return RKV_OK;
      field.data = at + *used + head;
      status = take_element(r, &field, error);
      if (status != RKV_OK) return status;
    }
    r->checksum = crc32c(r->checksum, at + *used, size);
    *used += size;
    r->taken += size;
  }
  return RKV_OK;
}

static enum rkv_status keep_pending(struct restore *r, const uint8_t *data, size_t len,
                                    struct rkv_error *error) {
  if (len > r->pending_capacity - r->pending_len) {
    size_t capacity = 2 * (r->pending_len + len) + PENDING_MIN;
    uint8_t *pending = realloc(r->pending, capacity);
    if (!pending) return no_memory(error);
    r->pending = pending;
    r->pending_capacity = capacity;
  }
  memcpy(r->pending + r->pending_len, data, len);
  r->pending_len += len;
  return RKV_OK;
}

enum rkv_status sm_restore_write(void *restore, struct rkv_buf chunk, struct rkv_error *error) {
  struct restore *r = restore;
  const uint8_t *at = chunk.data;
  size_t left = chunk.len, n, used;
  while (left > 0) {
    enum rkv_status status = RKV_OK;
    if (r->skip > 0) {
      n = left < r->skip ? left : r->skip;
      r->checksum = crc32c(r->checksum, at, n);
      r->skip -= n;
      r->taken += n;
    } else if (r->pending_len == 0) {
      status = take_elements(r, at, left, &used, error);
      if (status == RKV_OK && used < left) status = keep_pending(r, at + used, left - used, error);
      n = left;
    } else { /* fills the cut element up; one byte at a time while its head is cut */
      n = r->wanted - r->pending_len;
      if (n > left) n = left;
      status = keep_pending(r, at, n, error);
      if (status == RKV_OK) status = take_elements(r, r->pending, r->pending_len, &used, error);
      if (status == RKV_OK && used > 0) r->pending_len = 0;
    }
    if (status != RKV_OK) return status;
    at += n;
    left -= n;
  }
  return RKV_OK;
}

/* Checks that all has come, and that it is what the meta says. */
static enum rkv_status check_whole(const struct restore *r, struct rkv_error *error) {
  if (r->pending_len > 0 || r->skip > 0)
    return rkv_fail(error, RKV_CORRUPT, "snapshot: cut inside a field behind byte %" PRIu64,
                    r->taken);
  if (r->marked != r->sealed)
    return rkv_fail(error, RKV_CORRUPT, "snapshot: its %s is missing",
                    r->marked ? "checksum, at the end," : "mark, before everything else,");
  if (r->meta_size > 0 && r->meta_size != r->taken)
    return rkv_fail(error, RKV_CORRUPT, "snapshot: %" PRIu64 " bytes came, its size is %" PRIu64,
                    r->taken, r->meta_size);
  if (!rkv_log_id_equal(r->last, r->meta_last))
    return rkv_fail(error, RKV_CORRUPT,
                    "snapshot: last_applied is %" PRIu64 ".%" PRIu64 " in its bytes and %" PRIu64
                    ".%" PRIu64 " in its meta",
                    r->last.term, r->last.index, r->meta_last.term, r->meta_last.index);
  if (!rkv_log_id_equal(r->membership_id, r->meta_membership_id))
    return rkv_fail(error, RKV_CORRUPT,
                    "snapshot: last_membership_log_id is %" PRIu64 ".%" PRIu64
                    " in its bytes and not its meta's",
                    r->membership_id.term, r->membership_id.index);
  return RKV_OK;
}

/* True if both are records of one member. Incarnation and `returning` count only if both records
 * have an incarnation: other implementations leave them out when they pass memberships on. */
static bool same_member(const struct rkv_member *a, const struct rkv_member *b) {
  if (a->id != b->id || strcmp(a->addr, b->addr) != 0) return false;
  if (a->incarnation == 0 || b->incarnation == 0) return true;
  return a->incarnation == b->incarnation && a->returning == b->returning;
}

static bool same_membership(const struct rkv_membership *a, const struct rkv_membership *b) {
  if (a->config_count != b->config_count || a->node_count != b->node_count) return false;
  for (uint32_t c = 0; c < a->config_count; c++) {
    const struct rkv_config_set *x = &a->configs[c], *y = &b->configs[c];
    if (x->count != y->count || memcmp(x->ids, y->ids, x->count * sizeof x->ids[0]) != 0)
      return false;
  }
  for (uint32_t i = 0; i < a->node_count; i++)
    if (!same_member(&a->nodes[i], &b->nodes[i])) return false;
  return true;
}

/* Checks that the bytes hold the meta's membership: the node uses the meta's, this machine the one
 * in the bytes. */
static enum rkv_status check_membership(const struct restore *r, struct rkv_error *error) {
  const struct rkv_membership *m = &r->membership;
  struct rkv_membership meta = {0};
  enum rkv_status status = RKV_OK;
  if (r->membership_id.index == 0 && (m->config_count > 0 || m->node_count > 0))
    return rkv_fail(error, RKV_CORRUPT, "snapshot: last_membership without its log id");
  if (r->membership_id.index > 0) status = rkv_membership_check(m, error);
  if (status == RKV_OK && r->meta_membership.len > 0)
    status = rkv_membership_decode(r->meta_membership.data, r->meta_membership.len, &meta, error);
  if (status != RKV_OK) {
    if (error) error->status = RKV_CORRUPT;
    return RKV_CORRUPT;
  }
  if (same_membership(m, &meta)) return RKV_OK;
  return rkv_fail(error, RKV_CORRUPT,
                  "snapshot: last_membership of %" PRIu64 ".%" PRIu64
                  " is another one in its bytes and in its "
                  "meta (%u and %u nodes)",
                  r->membership_id.term, r->membership_id.index, m->node_count, meta.node_count);
}

/* Encodes the membership as in the log; empty if there was none yet. */
static enum rkv_status encode_membership(struct restore *r, struct rkv_error *error) {
  const struct rkv_membership *m = &r->membership;
  const struct rkv_host *host = r->sm->host;
  uint8_t *bytes;
  if (r->membership_id.index == 0) return RKV_OK;
  bytes = host->buf_alloc(host->ctx, rkv_membership_encoded_size(m), &r->encoded);
  if (!bytes) return no_memory(error);
  rkv_membership_encode(m, bytes);
  return RKV_OK;
}

enum rkv_status sm_restore_check(void *restore, struct rkv_error *error) {
  struct restore *r = restore;
  enum rkv_status status = check_whole(r, error);
  if (status == RKV_OK) status = check_membership(r, error);
  if (status == RKV_OK) status = encode_membership(r, error);
  r->checked = status == RKV_OK;
  return status;
}

enum rkv_status sm_restore_finish(void *restore, struct rkv_error *error) {
  struct restore *r = restore;
  struct rkv_snapshot_meta meta = {
      .last = r->last, .membership_id = r->membership_id, .membership = r->encoded};
  (void)error;
  assert(r->checked);
  r->encoded = rkv_buf_none();
  sm_replace(r->sm, &r->map, r->digest, &meta);
  sm_restore_abort(r);
  return RKV_OK;
}

void sm_restore_abort(void *restore) {
  struct restore *r = restore;
  map_free(&r->map);
  rkv_buf_drop(&r->meta_membership);
  rkv_buf_drop(&r->encoded);
  free(r->pending);
  free(r);
}
