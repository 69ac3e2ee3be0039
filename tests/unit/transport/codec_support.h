/* codec_support.h: the vocabulary of the codec tests: messages as hex texts, and comparisons. */
#ifndef CODEC_SUPPORT_H
#define CODEC_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>

#include <raft-wire/wire/bytes.h>
#include <raft-wire/wire/codec.h>

#define BYTES_MAX 4096
#define VOTE "0a080a04080110011001" /* T1-N1, committed */

/* "0a 03 ..." as a message. */
static inline struct rkv_buf hex(const char *text) {
  static uint8_t bytes[BYTES_MAX];
  size_t len = 0;
  for (; *text; text++) {
    char pair[3] = {text[0], text[1], '\0'};
    if (*text == ' ') continue;
    bytes[len++] = (uint8_t)strtoul(pair, NULL, 16);
    text++;
  }
  return rkv_buf_static(bytes, len);
}

static inline void assert_bytes(struct rkv_buf got, const char *golden) {
  struct rkv_buf want = hex(golden);
  assert_int_equal(got.len, want.len);
  assert_memory_equal(got.data, want.data, want.len);
}

static inline void assert_slice(grpc_slice got, const char *golden) {
  struct rkv_buf buf;
  assert_int_equal(bytes_from_slice(got, &buf), RKV_OK);
  assert_bytes(buf, golden);
  rkv_buf_drop(&buf);
}

/* The message becomes the callee's. */
static inline struct rkv_buf joined(grpc_byte_buffer *message) {
  struct rkv_buf buf;
  assert_int_equal(bytes_from_message(message, &buf), RKV_OK);
  grpc_byte_buffer_destroy(message);
  return buf;
}

static inline struct rkv_log_id id(rkv_term term, rkv_index index) {
  return (struct rkv_log_id){term, index};
}

static inline void assert_id(struct rkv_log_id got, rkv_term term, rkv_index index) {
  assert_int_equal(got.term, term);
  assert_int_equal(got.index, index);
}

static inline void assert_vote(struct rkv_vote got, rkv_term term, rkv_node_id node,
                               bool committed) {
  assert_int_equal(got.term, term);
  assert_int_equal(got.node_id, node);
  assert_int_equal(got.committed, committed);
}

/* Given to the caller: rkv_membership_encode. */
static inline struct rkv_buf encoded(const struct rkv_membership *m) {
  static uint8_t bytes[BYTES_MAX];
  assert_in_range(rkv_membership_encoded_size(m), 1, BYTES_MAX);
  rkv_membership_encode(m, bytes);
  return rkv_buf_static(bytes, rkv_membership_encoded_size(m));
}

static inline struct rkv_buf one_voter(void) {
  static struct rkv_membership m;
  memset(&m, 0, sizeof m);
  m.config_count = 1;
  (void)rkv_config_add(&m.configs[0], 1);
  (void)rkv_membership_add_node(&m, 1, "127.0.0.1:21001", 15);
  return encoded(&m);
}

static inline int setup(void **state) {
  (void)state;
  grpc_init();
  return 0;
}

static inline int teardown(void **state) {
  (void)state;
  grpc_shutdown_blocking();
  return 0;
}

#endif
