/* transfer.c: leadership handed over (dissertation 3.10): asked by a client, or because this node
 * stops. */
#include <node/transfer.h>

#include <node/kernel/answer.h>
#include <node/kernel/fatal.h>
#include <node/kernel/gate.h>
#include <node/kernel/post.h>
#include <node/kernel/state.h>
#include <node/leap.h>
#include <node/peers.h>
#include <node/redirect.h>
#include <node/requests.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

/* A TimeoutNow on its way. */
struct node_timeout_now {
  struct rkv_timeout_now_call call; /* first: what the transport knows */
  struct node *n;
  rkv_node_id peer;
  enum rkv_status status;
};

void transfer_on_call(struct node *n, struct rkv_call *call) {
  struct rkv_error error;
  struct rkv_transfer_call *c = (struct rkv_transfer_call *)call;
  if (node_ending(n)) {
    gate_leave(n, call);
    node_end_error(n, &error);
    answer_fail(call, &error);
    return;
  }
  enum rkv_status status = raft_transfer(n->raft, node_now(n), c->target, call, &error);
  if (status == RKV_OK) {
    n->transfer.call = call;
    rkv_log(n->plugins.host, RKV_LOG_INFO, "raft", "transfer target=%" PRIu64, c->target);
  } else {
    gate_leave(n, call);
    if (status == RKV_NOT_LEADER)
      redirect_to_leader(n, call);
    else
      answer_fail(call, &error);
  }
}

void transfer_away(struct node *n, struct rkv_call *call) {
  struct rkv_error error;
  enum rkv_status status = raft_transfer(n->raft, node_now(n), 0, call, &error);
  if (status == RKV_OK) {
    n->transfer.call = call;
  } else {
    gate_leave(n, call);
    answer_fail(call, &error);
  }
}

void transfer_done(struct node *n, const struct raft_output *out) {
  rkv_log(n->plugins.host, out->status == RKV_OK ? RKV_LOG_INFO : RKV_LOG_WARN, "raft",
          "transfer %s%s%s", out->status == RKV_OK ? "done" : "failed", out->text ? ": " : "",
          out->text ? out->text : "");
  if (out->cookie == &n->end.drain_call) {
    atomic_store_explicit(&n->end.handing_over, false, memory_order_release);
    return;
  }
  if (out->cookie == &n->stall.now) return;
  assert(out->cookie == n->transfer.call);
  n->transfer.call = NULL;
  gate_leave(n, out->cookie);
  if (out->status == RKV_OK && ((struct rkv_call *)out->cookie)->kind == NODE_REMOVE)
    redirect_to_leader(n, out->cookie); /* its successor removes it */
  else if (out->status == RKV_OK)
    (void)answer_ok(n, out->cookie);
  else
    answer_failf(out->cookie, out->status, "%s", out->text ? out->text : "the transfer failed");
}

void transfer_expire(struct node *n) {
  struct rkv_call *call = n->transfer.call;
  if (!call || !answer_is_due(n, call)) return;
  n->transfer.call = NULL;
  raft_forget_transfer(n->raft, call);
  gate_leave(n, call);
  answer_failf(call, RKV_TIMEOUT,
               "leadership is not handed over yet: another node may take over later (see metrics)");
}

void transfer_fail(struct node *n, const struct rkv_error *error) {
  struct rkv_call *call = n->transfer.call;
  n->transfer.call = NULL;
  atomic_store_explicit(&n->end.handing_over, false, memory_order_release);
  if (!call) return;
  raft_forget_transfer(n->raft, call);
  gate_leave(n, call);
  answer_fail(call, error);
}

/* ---- a node that stops ---- */

void transfer_on_drain(struct node *n, struct rkv_call *call) {
  (void)call;
  n->transfer.drain_wanted = true;
}

void transfer_drain_run(struct node *n) {
  struct rkv_error error;
  if (!n->transfer.drain_wanted || n->propose.pending.count > 0) return;
  n->transfer.drain_wanted = false;
  if (raft_transfer(n->raft, node_now(n), 0, &n->end.drain_call, &error) != RKV_OK)
    atomic_store_explicit(&n->end.handing_over, false,
                          /* no peer can take over, or this node does not lead */
                          memory_order_release);
}

/* ---- TimeoutNow ---- */

static void on_timeout_now_done(struct rkv_call *call, enum rkv_status status,
                                const struct rkv_error *error) {
  struct node_timeout_now *t = (struct node_timeout_now *)call;
  (void)error; /* raft says that the transfer failed; the transport logs why a peer is away */
  t->status = status;
  node_post(t->n, call, NODE_TIMEOUT_NOW_ANSWER);
}

void transfer_send(struct node *n, const struct raft_output *out) {
  struct node_peer *peer = peer_find(n, out->peer);
  struct node_timeout_now *t = calloc(1, sizeof *t);
  if (!t) {
    node_fatal(n, RKV_NO_MEMORY, "out of memory to hand leadership over");
    return;
  }
  t->n = n;
  t->peer = out->peer;
  t->call.call.done = on_timeout_now_done;
  t->call.call.deadline_ns = n->now_ns + n->options.election_min_ns;
  t->call.vote = out->vote;
  t->call.last = out->id;
  if (peer && peer->handle) {
    n->plugins.transport->send_timeout_now(peer->handle, &t->call);
    return;
  }
  t->status = RKV_UNAVAILABLE;
  node_post(n, &t->call.call, NODE_TIMEOUT_NOW_ANSWER);
}

void transfer_on_answer(struct node *n, struct rkv_call *call) {
  struct node_timeout_now *t = (struct node_timeout_now *)call;
  if (t->status != RKV_OK && !node_ending(n))
    raft_on_timeout_now_failed(n->raft, node_now(n), t->peer);
  free(t);
}

void transfer_on_timeout_now(struct node *n, struct rkv_call *call) {
  struct rkv_error error;
  struct rkv_timeout_now_call *c = (struct rkv_timeout_now_call *)call;
  if (request_refuse(n, call) || leap_refuses(n, call, c->vote, c->last)) return;
  enum rkv_status status = raft_on_timeout_now(n->raft, node_now(n), c->vote, c->last, &error);
  if (status == RKV_OK) {
    gate_leave(n, call);
    (void)answer_ok(n, call);
  } else {
    gate_refuse(n, call, &error);
  }
}
