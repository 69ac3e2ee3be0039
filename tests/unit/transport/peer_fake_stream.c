/* peer_fake_stream.c: StreamAppend of the peer of peer_*_test.c: reads without pause, answers in
 * order, ends or falls silent where OpenRaft's HEAD does. */
#include "peer_fake.h"

#include <grpc/byte_buffer.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <raft-wire/wire/bytes.h>
#include <raft-wire/wire/codec.h>

#define ANSWERS_MAX 4096

struct flow {
  struct peer_fake *fake;
  grpc_call *call;
  grpc_byte_buffer *in, *out;
  grpc_slice answers[ANSWERS_MAX];
  size_t first, count; /* answers that wait */
  unsigned answered;
  struct peer_step read, written, closed, ended;
  unsigned pending;
  bool writing, silent, lost, last, done;
  grpc_status_code code;
  grpc_metadata limit;
  char limit_text[24];
  grpc_slice text;
  int cancelled;
};

static void start(struct flow *f, const grpc_op *ops, size_t n, struct peer_step *step) {
  f->pending++;
  assert_int_equal(grpc_call_start_batch(f->call, ops, n, step, NULL), GRPC_CALL_OK);
}

static void leave(struct flow *f) {
  if (--f->pending > 0) return;
  while (f->count > 0) {
    grpc_slice_unref(f->answers[f->first++ % ANSWERS_MAX]);
    f->count--;
  }
  grpc_call_unref(f->call);
  f->fake->open--;
  free(f);
}

static void read_next(struct flow *f) {
  grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};
  op.data.recv_message.recv_message = &f->in;
  start(f, &op, 1, &f->read);
}

/* ---- out ---- */

static void send_status(struct flow *f) {
  grpc_op op = {.op = GRPC_OP_SEND_STATUS_FROM_SERVER};
  op.data.send_status_from_server.status = f->code;
  op.data.send_status_from_server.status_details = &f->text;
  op.data.send_status_from_server.trailing_metadata = &f->limit;
  op.data.send_status_from_server.trailing_metadata_count = f->limit_text[0] ? 1 : 0;
  f->done = true;
  start(f, &op, 1, &f->ended);
}

static void write_next(struct flow *f) {
  grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};
  grpc_slice slice;
  if (f->writing || f->done) return;
  if (f->count == 0) {
    if (f->last) send_status(f);
    return;
  }
  slice = f->answers[f->first++ % ANSWERS_MAX];
  f->count--;
  f->out = grpc_raw_byte_buffer_create(&slice, 1);
  grpc_slice_unref(slice);
  op.data.send_message.send_message = f->out;
  f->writing = true;
  start(f, &op, 1, &f->written);
}

static void on_written(void *owner, bool ok) {
  struct flow *f = owner;
  grpc_byte_buffer_destroy(f->out);
  f->writing = false;
  if (!ok) f->done = true;
  write_next(f);
  leave(f);
}

static void on_gone(void *owner, bool ok) {
  struct flow *f = owner;
  (void)ok;
  f->done = true;
  leave(f);
}

static void on_ended(void *owner, bool ok) {
  (void)ok;
  leave(owner);
}

/* ---- in ---- */

static void push(struct flow *f, grpc_slice slice) {
  assert_true(f->count < ANSWERS_MAX);
  f->answers[(f->first + f->count++) % ANSWERS_MAX] = slice;
  f->answered++;
}

/* Under the fake's mutex. */
static bool too_large(struct flow *f, size_t bytes) {
  const struct peer_manner *manner = &f->fake->manner;
  if (bytes > f->fake->seen.largest) f->fake->seen.largest = bytes;
  if (!manner->limit || bytes <= manner->limit) return false;
  f->fake->seen.refused++;
  if (f->fake->dialect == PEER_HEAD) {
    f->fake->seen.swallowed++;
    f->lost = f->silent = true;
    return true;
  }
  f->last = true;
  (void)snprintf(f->limit_text, sizeof f->limit_text, "%zu", manner->limit);
  f->limit.key = grpc_slice_from_static_string("rkv-message-max");
  f->limit.value = grpc_slice_from_static_string(f->limit_text);
  return true;
}

/* Under the fake's mutex. */
static void take(struct flow *f, struct rkv_buf message) {
  struct rkv_append_call call = {0};
  struct rkv_error error;
  grpc_slice slice;
  assert_int_equal(codec_append_request_decode(message, &call, &error), RKV_OK);
  if (!peer_fake_take(f->fake, &call)) f->silent = true;
  if (!f->silent) {
    slice = codec_append_stream_answer_encode(&call);
    push(f, f->fake->manner.strange ? grpc_slice_from_static_string("\xff\xff") : slice);
    f->last = call.result != RKV_APPEND_SUCCESS;
    if (f->fake->manner.end_after && f->answered == f->fake->manner.end_after) {
      f->last = true;
      f->code = f->fake->manner.end;
    }
  }
  codec_append_request_free(&call);
}

static void on_read(void *owner, bool ok) {
  struct flow *f = owner;
  struct rkv_buf message;
  if (!ok || !f->in) {
    f->last = true;
  } else {
    assert_int_equal(bytes_from_message(f->in, &message), RKV_OK);
    pthread_mutex_lock(&f->fake->mutex);
    if (!f->last && !f->lost && !too_large(f, message.len)) take(f, message);
    pthread_cond_broadcast(&f->fake->changed);
    pthread_mutex_unlock(&f->fake->mutex);
    rkv_buf_drop(&message);
  }
  if (f->in) grpc_byte_buffer_destroy(f->in);
  f->in = NULL;
  if (!f->silent) write_next(f);
  if (!f->last) read_next(f);
  leave(f);
}

void peer_fake_stream(struct peer_fake *fake, grpc_call *call, grpc_byte_buffer *first) {
  struct flow *f = calloc(1, sizeof *f);
  grpc_op op = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
  fake->open++;
  pthread_mutex_lock(&fake->mutex);
  fake->seen.streams++;
  pthread_mutex_unlock(&fake->mutex);
  f->fake = fake;
  f->call = call;
  f->text = grpc_empty_slice();
  f->read = (struct peer_step){on_read, f};
  f->written = (struct peer_step){on_written, f};
  f->closed = (struct peer_step){on_gone, f};
  f->ended = (struct peer_step){on_ended, f};
  op.data.recv_close_on_server.cancelled = &f->cancelled;
  start(f, &op, 1, &f->closed);
  f->pending++; /* the message that has come already */
  f->in = first;
  on_read(f, true);
}
