/* broken_sm_sum.c: faults of a state machine whose snapshots have no checksum, or a poor one: the
 * good machine's bytes without its own mark and checksum, and a number behind them. */
#include "broken_sm.h"

#include <stdlib.h>

enum {
  MARK_LEN = 3, /* of the good machine's bytes */
  CHECKSUM_LEN = 6,
  SUM_LEN = 4,
  PART = 256, /* bytes that checked_in_part looks at */
  READ_MAX = 4096
};

bool sum_wanted(const struct broken *b) {
  return b->fault == FAULT_unchecked || b->fault == FAULT_checked_in_part ||
         b->fault == FAULT_sum_of_bytes;
}

uint64_t sum_inner(uint64_t size) {
  return size < SUM_LEN ? size : size - SUM_LEN;
}

static uint32_t sum_of(enum sm_fault fault, const uint8_t *bytes, size_t len) {
  uint32_t sum = 0x811c9dc5;
  if (fault == FAULT_unchecked) return 0;
  if (fault == FAULT_checked_in_part && len > PART) len = PART;
  if (fault == FAULT_sum_of_bytes) {
    for (size_t i = 0; i < len; i++) sum += bytes[i] + 1u;
    return sum;
  }
  for (size_t i = 0; i < len; i++) sum = (sum ^ bytes[i]) * 0x01000193; /* FNV-1a */
  return sum ^ (uint32_t)len;
}

static bool sum_add(struct sum *sum, struct rkv_buf bytes) {
  uint8_t *more = realloc(sum->bytes, sum->len + bytes.len + SUM_LEN);
  if (!more) return false;
  sum->bytes = more;
  if (bytes.len > 0) memcpy(sum->bytes + sum->len, bytes.data, bytes.len);
  sum->len += bytes.len;
  return true;
}

/* Reads the whole view at its first read. */
static enum rkv_status sum_fill(struct broken *b, void *good, struct sum *sum,
                                struct rkv_error *error) {
  struct rkv_buf chunk;
  enum rkv_status status;
  do {
    status = b->good->snapshot_read(good, READ_MAX, &chunk, error);
    if (status != RKV_OK) return status;
    if (!sum_add(sum, chunk)) status = rkv_fail(error, RKV_NO_MEMORY, "broken: no memory");
    if (chunk.len == 0) break;
    rkv_buf_drop(&chunk);
  } while (status == RKV_OK);
  sum->filled = true;
  if (status != RKV_OK || sum->len < MARK_LEN + CHECKSUM_LEN) return status;
  sum->len -= MARK_LEN + CHECKSUM_LEN;
  memmove(sum->bytes, sum->bytes + MARK_LEN, sum->len);
  rkv_put_le(sum->bytes + sum->len, sum_of(b->fault, sum->bytes, sum->len), SUM_LEN);
  sum->len += SUM_LEN;
  return status;
}

enum rkv_status sum_read(struct broken *b, void *good, struct sum *sum, size_t max,
                         struct rkv_buf *chunk, struct rkv_error *error) {
  enum rkv_status status = sum->filled ? RKV_OK : sum_fill(b, good, sum, error);
  size_t len = sum->len - sum->at < max ? sum->len - sum->at : max;
  uint8_t *out;
  *chunk = rkv_buf_none();
  if (status != RKV_OK || len == 0) return status;
  out = b->host->buf_alloc(b->host->ctx, len, chunk);
  if (!out) return rkv_fail(error, RKV_NO_MEMORY, "broken: no memory");
  memcpy(out, sum->bytes + sum->at, len);
  sum->at += len;
  return RKV_OK;
}

enum rkv_status sum_write(struct sum *sum, struct rkv_buf chunk, struct rkv_error *error) {
  if (sum_add(sum, chunk)) return RKV_OK;
  return rkv_fail(error, RKV_NO_MEMORY, "broken: no memory");
}

enum rkv_status sum_check(struct broken *b, void *good, struct sum *sum, struct rkv_error *error) {
  size_t len = sum->len < SUM_LEN ? 0 : sum->len - SUM_LEN;
  if (sum->len > 0 && sum->len < SUM_LEN)
    return rkv_fail(error, RKV_CORRUPT, "broken: a snapshot that was cut");
  if (sum->len > 0 && rkv_get_le(sum->bytes + len, SUM_LEN) != sum_of(b->fault, sum->bytes, len))
    return rkv_fail(error, RKV_CORRUPT, "broken: the sum is another one");
  return b->good->restore_write(good, rkv_buf_static(sum->bytes, len), error);
}
