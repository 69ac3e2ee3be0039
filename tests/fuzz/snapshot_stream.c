/* snapshot_stream.c: an inbound snapshot stream (plugins/transport-grpc/snapshot_stream.c) of any
 * messages, ends and breaks, into sm-protobuf, whose state changes whole or not at all.
 *
 * The target stands where the gRPC core is: batches come back in the order that the input says. */
#include <raft-wire/wire/codec.h>
#include "fuzz.h"
#include "fuzz_machine.h"
#include "keep.h"
#include "snapshot_stream.h"

#define EVENTS_MAX 8
#define MESSAGE_MAX 4096

struct event {
  struct tag *tag;
  bool is_message;
};

static struct world {
  struct feed f;
  struct machine m;
  struct stream s;
  struct transport t;
  struct rkv_node_api node;
  struct event events[EVENTS_MAX]; /* to come back */
  size_t event_count;
  struct tag *closing;  /* comes back with the end of the call */
  void *restore;        /* the node's, between begin and the end */
  bool finished, ended; /* the snapshot was installed; the stream was freed */
  bool left;            /* the sender's messages are over */
} w;

/* ---- what the stream stands on ---- */

static void come(struct tag *tag, bool is_message) {
  FUZZ_CHECK(w.event_count < EVENTS_MAX);
  w.events[w.event_count++] = (struct event){tag, is_message};
}

grpc_call_error __wrap_grpc_call_start_batch(grpc_call *call, const grpc_op *ops, size_t count,
                                             void *tag, void *reserved);
grpc_call_error __wrap_grpc_call_start_batch(grpc_call *call, const grpc_op *ops, size_t count,
                                             void *tag, void *reserved) {
  (void)call, (void)reserved;
  FUZZ_CHECK(count > 0 && !w.ended);
  if (ops[0].op == GRPC_OP_RECV_CLOSE_ON_SERVER)
    w.closing = tag;
  else
    come(tag, ops[0].op == GRPC_OP_RECV_MESSAGE);
  return GRPC_CALL_OK;
}

grpc_call_error __wrap_grpc_call_cancel(grpc_call *call, void *reserved);
grpc_call_error __wrap_grpc_call_cancel(grpc_call *call, void *reserved) {
  (void)call, (void)reserved;
  return GRPC_CALL_OK;
}

void transport_post(struct transport *t, struct tag *tag) {
  FUZZ_CHECK(t == &w.t);
  come(tag, false);
}

uint64_t transport_from_gpr(const struct transport *t, gpr_timespec deadline) {
  (void)t, (void)deadline;
  return 0;
}

void server_count_refusal(struct transport *t, enum rkv_status status, const char *of_peer,
                          const struct rkv_error *error) {
  (void)t, (void)of_peer, (void)error;
  FUZZ_CHECK(status != RKV_OK);
}

enum rkv_status server_check_message(struct transport *t, const grpc_byte_buffer *message,
                                     uint64_t limit, struct rkv_error *error) {
  (void)t;
  if (keep_is_compressed(message) || grpc_byte_buffer_length((grpc_byte_buffer *)message) > limit)
    return rkv_fail(error, RKV_TOO_LARGE, "message too large");
  return RKV_OK;
}

enum rkv_status snapshots_take_slot(struct stream *s, struct rkv_error *error) {
  FUZZ_CHECK(s == &w.s && !w.ended);
  if (feed_pick(&w.f, 8) == 7) return rkv_fail(error, RKV_FULL, "no slot");
  s->place = STREAM_SLOT;
  return RKV_OK;
}

void snapshots_leave(struct stream *s) {
  FUZZ_CHECK(s == &w.s && !w.ended);
  s->place = STREAM_NOWHERE;
}

void snapshots_end(struct stream *s) {
  FUZZ_CHECK(s == &w.s && !w.ended && !w.restore); /* the node was told how it ended */
  w.ended = true;
  answer_end(&s->answer);
  rkv_buf_drop(&s->message_bytes);
  rkv_buf_drop(&s->membership);
}

/* ---- the node ---- */

static void done(struct rkv_snapshot_call *call, enum rkv_status status, struct rkv_error *error) {
  call->chunk_max = feed_pick(&w.f, 16);
  check_refusal(status, error);
  call->call.done(&call->call, status, status == RKV_OK ? NULL : error);
}

static void begin(void *ctx, struct rkv_snapshot_call *call) {
  struct rkv_error error = {0};
  enum rkv_status status;
  (void)ctx;
  FUZZ_CHECK(!w.restore && !w.finished);
  call->finished = feed_byte(&w.f) % 16 == 15; /* held already */
  if (call->finished) {
    done(call, RKV_OK, NULL);
    return;
  }
  status = w.m.ops->restore_begin(w.m.sm, &call->meta, &w.restore, &error);
  if (status != RKV_OK) w.restore = NULL;
  done(call, status, &error);
}

static void step_failed(void) {
  if (w.restore) w.m.ops->restore_abort(w.restore);
  w.restore = NULL;
}

static void write_chunk(void *ctx, struct rkv_snapshot_call *call) {
  struct rkv_error error = {0};
  enum rkv_status status;
  (void)ctx;
  FUZZ_CHECK(w.restore && call->chunk.len > 0);
  status = w.m.ops->restore_write(w.restore, call->chunk, &error);
  if (status != RKV_OK) step_failed();
  done(call, status, &error);
}

static void finish(void *ctx, struct rkv_snapshot_call *call) {
  struct rkv_error error = {0};
  enum rkv_status status;
  (void)ctx;
  FUZZ_CHECK(w.restore && w.left);
  status = w.m.ops->restore_check(w.restore, &error);
  if (status == RKV_OK)
    FUZZ_CHECK(w.m.ops->restore_finish(w.restore, &error) == RKV_OK);
  else
    w.m.ops->restore_abort(w.restore);
  w.restore = NULL;
  w.finished = status == RKV_OK;
  done(call, status, &error);
}

static void abort_it(void *ctx, struct rkv_snapshot_call *call) {
  (void)ctx;
  FUZZ_CHECK(w.restore);
  step_failed();
  done(call, RKV_OK, NULL);
}

static void kick(void *ctx) {
  (void)ctx;
}

/* ---- the sender ---- */

/* The next message, or the end of all. */
static bool send_message(void) {
  struct feed message = feed_message(&w.f);
  grpc_slice slice;
  w.left = w.left || (message.left == 0 && w.f.left == 0);
  if (w.left) return feed_byte(&w.f) % 2 == 0; /* a half-close and a reset look the same */
  slice = grpc_slice_from_copied_buffer((const char *)message.at, message.left);
  w.s.message = grpc_raw_byte_buffer_create(&slice, 1);
  grpc_slice_unref(slice);
  return true;
}

static void deliver(uint32_t which) {
  struct event e = w.events[which];
  bool ok = true;
  memmove(&w.events[which], &w.events[which + 1], (--w.event_count - which) * sizeof w.events[0]);
  if (e.is_message) ok = send_message();
  e.tag->fn(e.tag, ok);
}

static void close_call(void) {
  struct tag *tag = w.closing;
  w.closing = NULL;
  w.left = true;
  tag->fn(tag, true);
}

static void open_stream(void) {
  w.node = (struct rkv_node_api){.snapshot_begin = begin,
                                 .snapshot_write = write_chunk,
                                 .snapshot_finish = finish,
                                 .snapshot_abort = abort_it,
                                 .kick = kick};
  w.t.host = &w.m.fake.host;
  w.t.node = &w.node;
  w.t.options.raft_message_max = MESSAGE_MAX;
  w.t.options.snapshot_idle_timeout = SECOND;
  w.s.t = &w.t;
  w.s.place = STREAM_AWAITED;
  w.s.call = (grpc_call *)(void *)&w; /* nobody looks into it */
  stream_begin(&w.s, RKV_OK, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct rkv_snapshot_meta before = {0}, after = {0};
  struct rkv_error error;
  memset(&w, 0, sizeof w);
  w.f = (struct feed){data, size};
  machine_open(&w.m);
  FUZZ_CHECK(w.m.ops->applied(w.m.sm, &before, &error) == RKV_OK);
  open_stream();
  while (!w.ended) {
    uint8_t what = feed_byte(&w.f);
    if (w.closing && (w.event_count == 0 || what % 32 == 31))
      close_call();
    else if (what % 32 == 30)
      stream_tick(&w.s, feed_number(&w.f) * SECOND / 64, what & 0x80);
    else
      deliver(what % (uint32_t)w.event_count);
  }
  FUZZ_CHECK(w.m.ops->applied(w.m.sm, &after, &error) == RKV_OK);
  if (!w.finished) FUZZ_CHECK(rkv_log_id_equal(before.last, after.last));
  rkv_buf_drop(&before.membership);
  rkv_buf_drop(&after.membership);
  machine_close(&w.m);
  return 0;
}
