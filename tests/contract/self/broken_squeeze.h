/* broken_squeeze.h: which bytes plugins broken on purpose take for such as compress. */
#ifndef CONTRACT_BROKEN_SQUEEZE_H
#define CONTRACT_BROKEN_SQUEEZE_H

#include <rkv/rkv.h>

enum { SQUEEZE_PERIOD = 8, SQUEEZE_LEN_MIN = 32, SQUEEZE_RUN_MIN = 16 };

/* Most bytes are as those eight before them. */
static inline bool squeezes(struct rkv_buf bytes) {
  size_t same = 0;
  for (size_t i = SQUEEZE_PERIOD; i < bytes.len; i++)
    same += bytes.data[i] == bytes.data[i - SQUEEZE_PERIOD];
  return bytes.len >= SQUEEZE_LEN_MIN && same > bytes.len / 2;
}

/* All bytes are one, which is not zero. */
static inline bool is_alike(struct rkv_buf bytes) {
  if (bytes.len < SQUEEZE_LEN_MIN || bytes.data[0] == 0) return false;
  return memcmp(bytes.data, bytes.data + 1, bytes.len - 1) == 0;
}

/* Where a run of equal bytes begins (those that fill the suite's long keys do not count);
 * bytes.len: nowhere. */
static inline size_t run_of(struct rkv_buf bytes) {
  size_t run = 1;
  for (size_t i = 1; i < bytes.len; i++) {
    run = bytes.data[i] == bytes.data[i - 1] && bytes.data[i] != 'x' ? run + 1 : 1;
    if (run == SQUEEZE_RUN_MIN) return i + 1 - run;
  }
  return bytes.len;
}

/* The bytes with one of them changed, in place of the reference to them. */
static inline void squeeze_wrong(const struct rkv_host *host, struct rkv_buf *bytes, size_t at) {
  struct rkv_buf out;
  uint8_t *to = host->buf_alloc(host->ctx, bytes->len, &out);
  if (!to) return;
  memcpy(to, bytes->data, bytes->len);
  to[at] ^= 1;
  rkv_buf_drop(bytes);
  *bytes = out;
}

#endif
