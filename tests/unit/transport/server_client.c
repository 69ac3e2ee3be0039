/* server_client.c: the client of server_*_test.c. */
#include "server_client.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/time.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "server_harness.h"

static gpr_timespec after(int ms) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(ms, GPR_TIMESPAN));
}

void client_open(struct client *c, const char *addr, bool compress) {
  grpc_channel_credentials *plain = grpc_insecure_credentials_create();
  grpc_arg args[2];
  grpc_channel_args list = {1, args};
  grpc_init();
  args[0].type = GRPC_ARG_INTEGER;
  args[0].key = (char *)(uintptr_t)GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL;
  args[0].value.integer = 1;
  args[1].type = GRPC_ARG_INTEGER;
  args[1].key = (char *)(uintptr_t)GRPC_COMPRESSION_CHANNEL_DEFAULT_ALGORITHM;
  args[1].value.integer = GRPC_COMPRESS_GZIP;
  if (compress) list.num_args = 2;
  c->cq = grpc_completion_queue_create_for_pluck(NULL);
  c->channel = grpc_channel_create(addr, plain, &list);
  grpc_channel_credentials_release(plain);
}

void client_close(struct client *c) {
  grpc_channel_destroy(c->channel);
  grpc_completion_queue_shutdown(c->cq);
  grpc_completion_queue_destroy(c->cq);
  grpc_shutdown_blocking();
}

/* Waits for one batch; the tag is its own address. */
static bool pluck(struct client *c, void *tag) {
  grpc_event event = grpc_completion_queue_pluck(c->cq, tag, after(2 * PATIENCE_MS), NULL);
  assert_int_equal(event.type, GRPC_OP_COMPLETE);
  return event.success != 0;
}

void call_start(struct call *call, struct client *c, const char *method,
                const struct call_options *options) {
  static const struct call_options none = {0};
  grpc_slice path = grpc_slice_from_copied_string(method);
  grpc_metadata pair;
  grpc_op op;
  memset(call, 0, sizeof *call);
  if (!options) options = &none;
  call->client = c;
  call->call = grpc_channel_create_call(
      c->channel, NULL, GRPC_PROPAGATE_DEFAULTS, c->cq, path, NULL,
      options->timeout_ms < 0 ? gpr_inf_future(GPR_CLOCK_MONOTONIC)
                              : after(options->timeout_ms ? options->timeout_ms : PATIENCE_MS),
      NULL);
  grpc_slice_unref(path);
  memset(&op, 0, sizeof op);
  op.op = GRPC_OP_SEND_INITIAL_METADATA;
  if (options->key) {
    pair.key = grpc_slice_from_copied_string(options->key);
    pair.value = grpc_slice_from_copied_string(options->value);
    op.data.send_initial_metadata.count = 1;
    op.data.send_initial_metadata.metadata = &pair;
  }
  assert_int_equal(grpc_call_start_batch(call->call, &op, 1, &call->initial, NULL), GRPC_CALL_OK);
  (void)pluck(c, &call->initial);
  if (options->key) {
    grpc_slice_unref(pair.key);
    grpc_slice_unref(pair.value);
  }
}

bool call_send(struct call *call, const void *message, size_t len) {
  grpc_slice slice = grpc_slice_from_copied_buffer(message, len);
  grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
  grpc_op op;
  bool ok;
  memset(&op, 0, sizeof op);
  op.op = GRPC_OP_SEND_MESSAGE;
  atomic_fetch_add(&client_asked, 1);
  op.data.send_message.send_message = buffer;
  assert_int_equal(grpc_call_start_batch(call->call, &op, 1, &call->answer, NULL), GRPC_CALL_OK);
  ok = pluck(call->client, &call->answer);
  grpc_byte_buffer_destroy(buffer);
  grpc_slice_unref(slice);
  return ok;
}

void call_half_close(struct call *call) {
  grpc_op op;
  memset(&op, 0, sizeof op);
  op.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
  assert_int_equal(grpc_call_start_batch(call->call, &op, 1, &call->code, NULL), GRPC_CALL_OK);
  (void)pluck(call->client, &call->code);
}

static void copy_answer(grpc_byte_buffer *answer, struct outcome *out) {
  grpc_byte_buffer_reader reader;
  grpc_slice whole;
  out->has_message = true;
  assert_true(grpc_byte_buffer_reader_init(&reader, answer));
  whole = grpc_byte_buffer_reader_readall(&reader);
  grpc_byte_buffer_reader_destroy(&reader);
  out->len = GRPC_SLICE_LENGTH(whole);
  assert_true(out->len <= OUTCOME_BYTES_MAX);
  if (out->len > 0) memcpy(out->bytes, GRPC_SLICE_START_PTR(whole), out->len);
  grpc_slice_unref(whole);
}

static void copy_text(char *to, size_t size, grpc_slice slice) {
  size_t len = GRPC_SLICE_LENGTH(slice) < size ? GRPC_SLICE_LENGTH(slice) : size - 1;
  memcpy(to, GRPC_SLICE_START_PTR(slice), len);
  to[len] = '\0';
}

/* The ops of receiving; initial metadata only once. */
static size_t receive_ops(struct call *call, grpc_op ops[2]) {
  size_t n = 0;
  if (!call->initial_seen) {
    ops[n].op = GRPC_OP_RECV_INITIAL_METADATA;
    ops[n++].data.recv_initial_metadata.recv_initial_metadata = &call->initial;
  }
  call->initial_seen = true;
  ops[n].op = GRPC_OP_RECV_MESSAGE;
  ops[n++].data.recv_message.recv_message = &call->answer;
  return n;
}

bool call_receive(struct call *call, struct outcome *out) {
  grpc_op ops[2];
  size_t n;
  memset(ops, 0, sizeof ops);
  memset(out, 0, sizeof *out);
  n = receive_ops(call, ops);
  assert_int_equal(grpc_call_start_batch(call->call, ops, n, &call->trailing, NULL), GRPC_CALL_OK);
  (void)pluck(call->client, &call->trailing);
  (void)atomic_load(&client_asked);
  if (!call->answer) return false;
  copy_answer(call->answer, out);
  grpc_byte_buffer_destroy(call->answer);
  call->answer = NULL;
  return true;
}

void call_cancel(struct call *call) {
  assert_int_equal(grpc_call_cancel(call->call, NULL), GRPC_CALL_OK);
}

void call_end(struct call *call, struct outcome *out) {
  grpc_op ops[3];
  size_t n;
  memset(ops, 0, sizeof ops);
  memset(out, 0, sizeof *out);
  n = receive_ops(call, ops);
  ops[n].op = GRPC_OP_RECV_STATUS_ON_CLIENT;
  ops[n].data.recv_status_on_client.trailing_metadata = &call->trailing;
  ops[n].data.recv_status_on_client.status = &call->code;
  ops[n++].data.recv_status_on_client.status_details = &call->details;
  assert_int_equal(grpc_call_start_batch(call->call, ops, n, call, NULL), GRPC_CALL_OK);
  (void)pluck(call->client, call);
  (void)atomic_load(&client_asked);
  out->code = call->code;
  copy_text(out->text, sizeof out->text, call->details);
  for (size_t i = 0; i < call->trailing.count; i++) {
    const grpc_metadata *pair = &call->trailing.metadata[i];
    if (grpc_slice_str_cmp(pair->key, "x-openraft-leader-endpoint") == 0)
      copy_text(out->leader, sizeof out->leader, pair->value);
    if (grpc_slice_str_cmp(pair->key, "rkv-message-max") == 0)
      copy_text(out->limit, sizeof out->limit, pair->value);
  }
  if (call->answer) {
    copy_answer(call->answer, out);
    grpc_byte_buffer_destroy(call->answer);
  }
  grpc_slice_unref(call->details);
  grpc_metadata_array_destroy(&call->initial);
  grpc_metadata_array_destroy(&call->trailing);
  grpc_call_unref(call->call);
}

void ask(struct client *c, const char *method, const void *message, size_t len,
         const struct call_options *options, struct outcome *out) {
  struct call call;
  call_start(&call, c, method, options);
  if (!options || !options->no_message) (void)call_send(&call, message, len);
  call_half_close(&call);
  call_end(&call, out);
}

void ask_hex(struct client *c, const char *method, const char *hex, grpc_status_code code,
             struct outcome *out) {
  uint8_t bytes[4096];
  size_t len = from_hex(hex, bytes);
  ask(c, method, bytes, len, NULL, out);
  if (out->code != code) print_error("%s: %d %s\n", method, (int)out->code, out->text);
  assert_int_equal(out->code, code);
}
