/* unary.c: one unary call: awaited, received, answered, recycled; invariants in server.h. */
#include "server.h"

#include <raft-wire/wire/bytes.h>
#include <raft-wire/wire/envelope.h>

#include <grpc/byte_buffer.h>
#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

void unary_free(struct unary *u) {
  grpc_metadata_array_destroy(&u->metadata);
  free(u);
}

/* ---- the end ---- */

static void recycle(struct unary *u) {
  struct transport *t = u->t;
  const bool counted = u->counted;
  assert(!u->reading && !u->answering); /* (S2) */
  grpc_call_unref(u->call);
  answer_end(&u->answer);
  if (u->message) grpc_byte_buffer_destroy(u->message);
  if (!u->kind->registered) grpc_call_details_destroy(&u->details);
  rkv_buf_drop(&u->request);
  free(u->extra);
  u->extra = NULL;
  u->message = NULL;
  server_spare_give(t, u);
  if (counted) transport_inbound_end(t);
}

static void on_sent(struct tag *self, bool ok) {
  struct unary *u = (struct unary *)self;
  (void)ok; /* the client may have gone: the call has ended all the same */
  untaken_remove(server_untaken(u->t), &u->untaken);
  u->answering = false;
  if (!u->reading) recycle(u);
}

static void send_answer(struct unary *u) {
  struct transport *t = u->t;
  grpc_op ops[ANSWER_OPS_MAX];
  size_t n = answer_ops(&u->answer, true, ops);
  grpc_call_error e;
  assert(!u->answering); /* (S1) */
  ops[n].op = GRPC_OP_RECV_CLOSE_ON_SERVER;
  ops[n++].data.recv_close_on_server.cancelled = &u->answer.cancelled;
  u->tag.fn = on_sent;
  u->answering = true;
  untaken_add(server_untaken(t), &u->untaken, u->call, u->answer.message);
  e = transport_batch(u->call, ops, n, &u->tag);
  if (e == GRPC_CALL_OK) return;
  rkv_log(t->host, RKV_LOG_ERROR, TRANSPORT_LOG, "answer refused method=%s error=%d",
          u->kind->method ? u->kind->method->path : "unknown", (int)e);
  transport_post(t, &u->tag); /* recycled on the poller as ever */
}

void unary_answer(struct unary *u, grpc_slice message) {
  answer_ok(&u->answer, message);
  send_answer(u);
}

void unary_refuse(struct unary *u, enum rkv_status status, const struct rkv_error *error) {
  const struct method *method = u->kind->method;
  server_count_refusal(u->t, status, method && method->of_peers ? method->path : NULL, error);
  rkv_log(u->t->host, RKV_LOG_DEBUG, TRANSPORT_LOG, "refused method=%s status=%s text=\"%s\"",
          u->kind->method ? u->kind->method->path : "unknown", rkv_status_name(status),
          error ? error->text : "");
  answer_refusal(&u->answer, status, error);
  send_answer(u);
}

/* ---- the beginning ---- */

bool unary_take_request(struct unary *u) {
  struct rkv_error error;
  enum rkv_status status = bytes_from_message(u->message, &u->request);
  if (status == RKV_OK) return true;
  (void)rkv_fail(&error, status, "request: cannot be read");
  unary_refuse(u, status, &error);
  return false;
}

static void refuse_unknown(struct unary *u) {
  struct rkv_error error;
  char *path = grpc_slice_to_c_string(u->details.method);
  server_count(u->t, SERVER_COUNT_unknown_methods);
  (void)rkv_fail(&error, RKV_UNIMPLEMENTED, "unknown method %.200s", path);
  gpr_free(path);
  unary_refuse(u, RKV_UNIMPLEMENTED, &error);
}

static enum rkv_status refuse_stopping(const struct transport *t, struct rkv_error *error) {
  return rkv_fail(error, RKV_UNAVAILABLE, "node %" PRIu64 " is stopping: ask another one",
                  t->host->node_id);
}

/* May this call be handed in at all? */
static enum rkv_status admit(struct unary *u, struct rkv_error *error) {
  struct transport *t = u->t;
  if (atomic_load(&t->inbound) >= SERVER_OPEN_MAX)
    return rkv_fail(error, RKV_FULL, "node %" PRIu64 " has %d calls open already: try again later",
                    t->host->node_id, SERVER_OPEN_MAX);
  u->counted = transport_inbound_begin(t);
  return u->counted ? RKV_OK : refuse_stopping(t, error);
}

/* Whoever half-closed without a message is told; that looks like a call that was cut off, for which
 * nobody is to blame. */
static void refuse_empty(struct unary *u) {
  struct rkv_error error;
  server_count(u->t, SERVER_COUNT_refused);
  answer_refusal(&u->answer,
                 rkv_fail(&error, RKV_INVALID, "request: the call ended without a message"),
                 &error);
  send_answer(u);
}

/* The message has come. */
static void handle(struct unary *u) {
  struct rkv_error error;
  enum rkv_status status = server_check_message(u->t, u->message, u->kind->limit, &error);
  u->node.call.abi_minor = RKV_ABI_MINOR;
  u->node.call.deadline_ns = transport_from_gpr(u->t, u->deadline);
  if (status == RKV_OK && u->kind->method->of_peers) {
    bool found;
    status = envelope_find(&u->metadata, &u->envelope, &found, &error);
    if (status == RKV_OK && found) u->node.call.envelope = &u->envelope;
  }
  if (status == RKV_OK)
    u->kind->method->handle(u);
  else
    unary_refuse(u, status, &error);
}

/* ---- the wait for the message ---- */

static void list_add(struct unary *u) {
  struct unaries *all = server_unaries(u->t);
  u->next = NULL;
  u->prev = all->last;
  *(all->last ? &all->last->next : &all->first) = u;
  all->last = u;
}

static void list_remove(struct unary *u) {
  struct unaries *all = server_unaries(u->t);
  *(u->prev ? &u->prev->next : &all->first) = u->next;
  *(u->next ? &u->next->prev : &all->last) = u->prev;
}

static void on_received(struct tag *self, bool ok) {
  struct unary *u = (struct unary *)(void *)((char *)self - offsetof(struct unary, received));
  const bool was_waited_for = u->reading && !u->refused;
  (void)ok; /* no message: the call was cut off, or ended without one */
  u->reading = false;
  if (was_waited_for) {
    list_remove(u);
    if (u->message)
      handle(u);
    else
      refuse_empty(u);
  } else if (!u->answering) {
    recycle(u);
  }
}

static void read_message(struct unary *u) {
  grpc_op op;
  memset(&op, 0, sizeof op);
  op.op = GRPC_OP_RECV_MESSAGE;
  op.data.recv_message.recv_message = &u->message;
  u->received.fn = on_received;
  u->reading = true;
  u->since_ns = transport_now(u->t);
  list_add(u);
  if (transport_batch(u->call, &op, 1, &u->received) == GRPC_CALL_OK) return;
  u->t->host->fatal(u->t->host->ctx, RKV_BROKEN, "gRPC refused to receive a call's message");
  transport_post(u->t, &u->received);
}

/* No message comes any more. */
static void refuse_waiting(struct unary *u, bool draining) {
  struct rkv_error error;
  list_remove(u);
  u->refused = true;
  if (draining) {
    unary_refuse(u, refuse_stopping(u->t, &error), &error);
    return;
  }
  server_ended(u->t, ENDED_SILENT);
  unary_refuse(u,
               rkv_fail(&error, RKV_TIMEOUT,
                        "request: no message came for %" PRIu64 " ms (the limit here: "
                        "first_message_timeout)",
                        (u->t->options.first_message_timeout / MS)),
               &error);
}

static void on_tick(struct tick *self, uint64_t now_ns) {
  struct unaries *all = (struct unaries *)self;
  const uint64_t patience = all->t->options.first_message_timeout;
  const bool draining = atomic_load(&all->t->draining);
  while (all->first && (draining || transport_has_passed(now_ns, all->first->since_ns, patience)))
    refuse_waiting(all->first, draining);
}

void unaries_open(struct unaries *all, struct transport *t) {
  all->t = t;
  all->tick.fn = on_tick;
  transport_tick_add(t, &all->tick);
}

/* ---- arrivals ---- */

static void on_request(struct tag *self, bool ok) {
  struct unary *u = (struct unary *)self;
  struct rkv_error error;
  enum rkv_status status;
  if (!ok) { /* the server is shutting down */
    unary_free(u);
    return;
  }
  server_arrived(u->t, unary_await(u->t, u->kind));
  if (!u->kind->registered) {
    refuse_unknown(u);
    return;
  }
  memset(&u->node, 0, sizeof u->node);
  status = admit(u, &error);
  if (status == RKV_OK)
    read_message(u);
  else
    unary_refuse(u, status, &error);
}

enum rkv_status unary_await(struct transport *t, const struct slot_kind *kind) {
  struct unary *u = server_spare_take(t);
  grpc_call_error e;
  if (!u) return RKV_NO_MEMORY;
  u->tag.fn = on_request;
  u->kind = kind;
  u->counted = u->reading = u->refused = u->answering = false;
  u->metadata.count = 0;
  if (kind->registered) {
    e = grpc_server_request_registered_call(server_core(t), kind->registered, &u->call,
                                            &u->deadline, &u->metadata, NULL, t->cq, t->cq,
                                            &u->tag);
  } else {
    grpc_call_details_init(&u->details);
    e = grpc_server_request_call(server_core(t), &u->call, &u->details, &u->metadata, t->cq, t->cq,
                                 &u->tag);
  }
  if (e == GRPC_CALL_OK) return RKV_OK;
  rkv_log(t->host, RKV_LOG_ERROR, TRANSPORT_LOG, "slot refused error=%d", (int)e);
  server_spare_give(t, u);
  return RKV_BROKEN;
}
