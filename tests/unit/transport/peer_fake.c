/* peer_fake.c: the peer of peer_*_test.c. */
#include "peer_fake.h"

#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include <raft-wire/wire/bytes.h>
#include <raft-wire/wire/codec.h>
#include "server_harness.h"

/* One call, from its arrival to its status. */
struct rpc {
  struct peer_fake *fake;
  grpc_call *call;
  grpc_call_details details;
  grpc_metadata_array metadata;
  grpc_byte_buffer *request, *answer;
  grpc_slice text;
  int cancelled;
  struct peer_step step;
};

static void arrived(void *owner, bool ok);

static void request_next(struct peer_fake *fake) {
  struct rpc *rpc = calloc(1, sizeof *rpc);
  fake->open++;
  rpc->fake = fake;
  rpc->step = (struct peer_step){arrived, rpc};
  rpc->text = grpc_empty_slice();
  grpc_call_details_init(&rpc->details);
  grpc_metadata_array_init(&rpc->metadata);
  (void)grpc_server_request_call(fake->server, &rpc->call, &rpc->details, &rpc->metadata, fake->cq,
                                 fake->cq, &rpc->step);
}

static void rpc_free(struct rpc *rpc) {
  if (rpc->call) grpc_call_unref(rpc->call);
  if (rpc->request) grpc_byte_buffer_destroy(rpc->request);
  if (rpc->answer) grpc_byte_buffer_destroy(rpc->answer);
  grpc_slice_unref(rpc->text);
  grpc_call_details_destroy(&rpc->details);
  grpc_metadata_array_destroy(&rpc->metadata);
  rpc->fake->open--;
  free(rpc);
}

static void finished(void *owner, bool ok) {
  struct rpc *rpc = owner;
  (void)ok;
  rpc_free(rpc);
}

static void finish(struct rpc *rpc, grpc_status_code code, bool close) {
  grpc_op ops[3] = {0};
  size_t n = 0;
  ops[n].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
  ops[n].data.send_status_from_server.status = code;
  ops[n++].data.send_status_from_server.status_details = &rpc->text;
  if (rpc->answer) {
    ops[n].op = GRPC_OP_SEND_MESSAGE;
    ops[n++].data.send_message.send_message = rpc->answer;
  }
  if (close) {
    ops[n].op = GRPC_OP_RECV_CLOSE_ON_SERVER;
    ops[n++].data.recv_close_on_server.cancelled = &rpc->cancelled;
  }
  rpc->step.fn = finished;
  (void)grpc_call_start_batch(rpc->call, ops, n, &rpc->step, NULL);
}

static void given_up(void *owner, bool ok) {
  struct rpc *rpc = owner;
  (void)ok;
  finish(rpc, GRPC_STATUS_CANCELLED, false);
}

/* Silence until the caller goes away. */
static void keep_silent(struct rpc *rpc) {
  grpc_op op = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
  op.data.recv_close_on_server.cancelled = &rpc->cancelled;
  rpc->step.fn = given_up;
  (void)grpc_call_start_batch(rpc->call, &op, 1, &rpc->step, NULL);
}

static void answer(struct rpc *rpc, grpc_slice slice) {
  rpc->answer = grpc_raw_byte_buffer_create(&slice, 1);
  grpc_slice_unref(slice);
  finish(rpc, GRPC_STATUS_OK, true);
}

/* ---- a follower, under the mutex ---- */

static void store(struct peer_fake *fake, struct rkv_append_call *call) {
  call->result = RKV_APPEND_SUCCESS;
  call->matched = call->prev;
  if (call->prev.index > fake->seen.last) fake->seen.gaps++;
  for (size_t i = 0; i < call->entry_count; i++) {
    rkv_index index = call->entries[i].id.index;
    if (fake->manner.partial_at && index > fake->manner.partial_at) break;
    call->matched = call->entries[i].id;
    if (index > fake->seen.last) fake->seen.last = index;
  }
}

bool peer_fake_take(struct peer_fake *fake, struct rkv_append_call *call) {
  rkv_index first = call->entry_count ? call->entries[0].id.index : 0;
  if (first)
    fake->seen.appends++;
  else
    fake->seen.beats++;
  if (fake->manner.hang || (fake->manner.hang_from && first >= fake->manner.hang_from))
    return false;
  call->lease_ns = fake->manner.lease_ns;
  if (fake->manner.conflict_from && first >= fake->manner.conflict_from) {
    call->result = RKV_APPEND_CONFLICT;
  } else if (fake->manner.rejected_from && first >= fake->manner.rejected_from) {
    call->result = RKV_APPEND_REJECTED;
    call->voter_vote = (struct rkv_vote){9, 9, true};
  } else {
    store(fake, call);
  }
  return true;
}

/* ---- calls ---- */

static void on_append(struct rpc *rpc, struct rkv_buf message) {
  struct peer_fake *fake = rpc->fake;
  struct rkv_append_call call = {0};
  struct rkv_error error;
  grpc_slice out;
  bool strange, answers;
  assert_int_equal(codec_append_request_decode(message, &call, &error), RKV_OK);
  pthread_mutex_lock(&fake->mutex);
  answers = peer_fake_take(fake, &call);
  fake->seen.unary++;
  strange = fake->manner.strange;
  pthread_cond_broadcast(&fake->changed);
  pthread_mutex_unlock(&fake->mutex);
  if (answers) {
    assert_int_equal(codec_append_answer_encode(&call, &out, &error), RKV_OK);
    answer(rpc, strange ? grpc_slice_from_static_string("\xff\xff") : out);
  } else {
    keep_silent(rpc);
  }
  codec_append_request_free(&call);
}

static void on_vote(struct rpc *rpc, struct rkv_buf message) {
  struct peer_fake *fake = rpc->fake;
  struct rkv_vote_call call = {0};
  struct rkv_error error;
  bool hang;
  assert_int_equal(codec_vote_request_decode(message, &call, &error), RKV_OK);
  call.granted = true;
  call.voter_vote = call.vote;
  call.voter_last = (struct rkv_log_id){1, 7};
  pthread_mutex_lock(&fake->mutex);
  fake->seen.votes++;
  hang = fake->manner.hang;
  pthread_cond_broadcast(&fake->changed);
  pthread_mutex_unlock(&fake->mutex);
  if (hang)
    keep_silent(rpc);
  else
    answer(rpc, codec_vote_answer_encode(&call));
}

static bool refuse(struct rpc *rpc, size_t bytes) {
  struct peer_fake *fake = rpc->fake;
  char text[128];
  grpc_status_code code;
  pthread_mutex_lock(&fake->mutex);
  if (bytes > fake->seen.largest) fake->seen.largest = bytes;
  if (!fake->manner.limit || bytes <= fake->manner.limit) {
    pthread_mutex_unlock(&fake->mutex);
    return false;
  }
  fake->seen.refused++;
  code = fake->manner.refusal;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  (void)snprintf(text, sizeof text, fake->manner.refusal_text, bytes, fake->manner.limit);
#pragma GCC diagnostic pop
  pthread_mutex_unlock(&fake->mutex);
  rpc->text = grpc_slice_from_copied_string(text);
  finish(rpc, code, true);
  return true;
}

/* A receiver that reads its meta and no more. */
static void end_snapshot(struct rpc *rpc) {
  grpc_status_code code;
  pthread_mutex_lock(&rpc->fake->mutex);
  code = rpc->fake->manner.end;
  pthread_mutex_unlock(&rpc->fake->mutex);
  if (code == GRPC_STATUS_OK)
    keep_silent(rpc);
  else
    finish(rpc, code, true);
}

static bool method_is(const struct rpc *rpc, const char *path) {
  return grpc_slice_str_cmp(rpc->details.method, path) == 0;
}

static void received(void *owner, bool ok) {
  struct rpc *rpc = owner;
  struct rkv_buf message;
  if (!ok || !rpc->request) {
    finish(rpc, GRPC_STATUS_INTERNAL, true);
    return;
  }
  if (rpc->fake->dialect != PEER_D6 && method_is(rpc, "/openraftpb.RaftService/StreamAppend")) {
    peer_fake_stream(rpc->fake, rpc->call, rpc->request);
    rpc->call = NULL;
    rpc->request = NULL;
    rpc_free(rpc);
    return;
  }
  if (method_is(rpc, "/openraftpb.RaftService/Snapshot")) {
    end_snapshot(rpc);
    return;
  }
  assert_int_equal(bytes_from_message(rpc->request, &message), RKV_OK);
  if (method_is(rpc, "/openraftpb.RaftService/AppendEntries")) {
    if (!refuse(rpc, message.len)) on_append(rpc, message);
  } else if (method_is(rpc, "/openraftpb.RaftService/Vote")) {
    on_vote(rpc, message);
  } else {
    pthread_mutex_lock(&rpc->fake->mutex);
    rpc->fake->seen.unknown++;
    pthread_mutex_unlock(&rpc->fake->mutex);
    finish(rpc, GRPC_STATUS_UNIMPLEMENTED, true);
  }
  rkv_buf_drop(&message);
}

static void arrived(void *owner, bool ok) {
  struct rpc *rpc = owner;
  grpc_op ops[2] = {0};
  if (!ok) {
    rpc_free(rpc);
    return;
  }
  request_next(rpc->fake);
  ops[0].op = GRPC_OP_SEND_INITIAL_METADATA;
  ops[1].op = GRPC_OP_RECV_MESSAGE;
  ops[1].data.recv_message.recv_message = &rpc->request;
  rpc->step.fn = received;
  (void)grpc_call_start_batch(rpc->call, ops, 2, &rpc->step, NULL);
}

/* ---- life ---- */

/* The server is down before its last call has got its status: the queue serves until both. */
static void *serve(void *arg) {
  struct peer_fake *fake = arg;
  bool down = false;
  while (!down || fake->open > 0) {
    grpc_event event =
        grpc_completion_queue_next(fake->cq, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    struct peer_step *step = event.tag;
    if (step)
      step->fn(step->owner, event.success != 0);
    else
      down = true;
  }
  return NULL;
}

void peer_fake_start(struct peer_fake *fake, const char *addr) {
  grpc_arg reuse = {.type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)GRPC_ARG_ALLOW_REUSEPORT};
  grpc_channel_args args = {1, &reuse};
  grpc_server_credentials *plain = grpc_insecure_server_credentials_create();
  int port;
  grpc_init();
  pthread_mutex_init(&fake->mutex, NULL);
  pthread_cond_init(&fake->changed, NULL);
  fake->cq = grpc_completion_queue_create_for_next(NULL);
  fake->server = grpc_server_create(&args, NULL);
  grpc_server_register_completion_queue(fake->server, fake->cq, NULL);
  port = grpc_server_add_http2_port(fake->server, addr ? addr : "127.0.0.1:0", plain);
  grpc_server_credentials_release(plain);
  assert_int_not_equal(port, 0);
  (void)snprintf(fake->addr, sizeof fake->addr, "127.0.0.1:%d", port);
  grpc_server_start(fake->server);
  for (int i = 0; i < 8; i++) request_next(fake);
  assert_int_equal(pthread_create(&fake->thread, NULL, serve, fake), 0);
}

void peer_fake_stop(struct peer_fake *fake) {
  grpc_server_shutdown_and_notify(fake->server, fake->cq, NULL);
  grpc_server_cancel_all_calls(fake->server);
  pthread_join(fake->thread, NULL);
  grpc_server_destroy(fake->server);
  grpc_completion_queue_shutdown(fake->cq);
  while (grpc_completion_queue_next(fake->cq, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL).type !=
         GRPC_QUEUE_SHUTDOWN)
    ;
  grpc_completion_queue_destroy(fake->cq);
  pthread_cond_destroy(&fake->changed);
  pthread_mutex_destroy(&fake->mutex);
  grpc_shutdown_blocking();
}

void peer_fake_set(struct peer_fake *fake, struct peer_manner manner) {
  pthread_mutex_lock(&fake->mutex);
  fake->manner = manner;
  pthread_mutex_unlock(&fake->mutex);
}

void peer_fake_hold(struct peer_fake *fake) {
  pthread_mutex_lock(&fake->mutex);
}

void peer_fake_go(struct peer_fake *fake) {
  pthread_mutex_unlock(&fake->mutex);
}

struct peer_seen peer_fake_look(struct peer_fake *fake) {
  struct peer_seen seen;
  pthread_mutex_lock(&fake->mutex);
  seen = fake->seen;
  pthread_mutex_unlock(&fake->mutex);
  return seen;
}

void peer_fake_await(struct peer_fake *fake, const unsigned *counter, unsigned n) {
  struct timespec until;
  int code = 0;
  bool reached;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += PATIENCE_MS / 1000;
  pthread_mutex_lock(&fake->mutex);
  while (*counter < n && code == 0)
    code = pthread_cond_timedwait(&fake->changed, &fake->mutex, &until);
  reached = *counter >= n;
  pthread_mutex_unlock(&fake->mutex);
  assert_true(reached);
}
