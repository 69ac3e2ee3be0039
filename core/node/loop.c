/* loop.c: the node's loop, a role that one thread at a time takes (kernel/role.h).
 *
 * node_kick takes the role if it is free; if another thread has it, that thread is told to look
 * again. The runner works the inbox until it is empty; nothing in it blocks. */
#include <node/loop.h>

#include <node/apply.h>
#include <node/build.h>
#include <node/carry.h>
#include <node/change.h>
#include <node/correct.h>
#include <node/depart.h>
#include <node/digest.h>
#include <node/fetch.h>
#include <node/greet.h>
#include <node/identity.h>
#include <node/kernel/answer.h>
#include <node/kernel/defer.h>
#include <node/kernel/fatal.h>
#include <node/kernel/gate.h>
#include <node/kernel/inbox.h>
#include <node/kernel/post.h>
#include <node/kernel/state.h>
#include <node/know.h>
#include <node/metrics.h>
#include <node/peers.h>
#include <node/propose.h>
#include <node/read.h>
#include <node/receive.h>
#include <node/replicate.h>
#include <node/requests.h>
#include <node/save.h>
#include <node/send.h>
#include <node/stall.h>
#include <node/stream.h>
#include <node/swap.h>
#include <node/tend.h>
#include <node/transfer.h>

#include <assert.h>

typedef void handler(struct node *n, struct rkv_call *call);

static void dispatch(struct node *n, struct rkv_call *call) {
  static handler *const handlers[] = {
#define NODE_KIND_HANDLER(name, function, budget) [NODE_##name] = function,
      NODE_KIND_LIST(NODE_KIND_HANDLER)
#undef NODE_KIND_HANDLER
  };
  while (call) {
    struct rkv_call *next = call->next;
    assert(call->kind < sizeof handlers / sizeof handlers[0]);
    const bool joins = call->kind == NODE_PROPOSE; /* the batch only: propose_flush goes on */
    n->again = gate_is_late(n, call) ? NULL : call;
    while (n->again) {
      n->again = NULL;
      handlers[call->kind](n, call);
      if (!joins) carry(n);
      assert(!n->received && !n->peers.outdated);
    }
    call = next;
  }
}

/* Answers everything that waits; calls in the inbox are answered by their handlers. */
static void end_waiting(struct node *n) {
  struct rkv_error error, open;
  node_end_error(n, &error);
  answer_open_error(&error, &open);
  propose_fail_batch(n, &error);
  propose_drop(n, 0, open.text);
  change_fail_all(n, &error);
  read_fail_all(n, &error);
  transfer_fail(n, &open);
  depart_end(n);
  build_fail(n, &error);
  swap_abandon(n, &error);
  defer_fail(n, &error);
  peer_close_all(n);
}

static bool calls_wait(const struct node *n) {
  return n->propose.pending.count > 0 || n->change.count > 0 || n->read.tickets ||
         n->transfer.call || n->build.call || n->deferred.count > 0 || stream_waits(n) ||
         swap_waits(n);
}

/* Ends the waiting calls whose deadline passed. Looks every NODE_EXPIRE_NS, not at each call's
 * deadline, and not at all (expire_ns = 0) if no call waited when the last batch ended: those that
 * came with this one were not late (gate_is_late). */
static void expire_calls(struct node *n) {
  if (n->expire_ns == 0 || n->now_ns < n->expire_ns) return;
  propose_expire(n);
  change_expire(n);
  read_expire(n);
  transfer_expire(n);
  build_expire(n);
  stream_expire(n);
  swap_expire(n);
  defer_expire(n);
  n->expire_ns = calls_wait(n) ? n->now_ns + NODE_EXPIRE_NS : 0;
}

/* The earlier of `deadline` and the end of a pause, if that is still to come. */
static uint64_t pause_end(const struct node *n, uint64_t pause_ns, uint64_t deadline) {
  return pause_ns > n->now_ns && pause_ns < deadline ? pause_ns : deadline;
}

static void arm_timer(struct node *n) {
  uint64_t deadline = raft_deadline(n->raft);
  if (calls_wait(n)) {
    if (n->expire_ns == 0) n->expire_ns = n->now_ns + NODE_EXPIRE_NS;
    if (n->expire_ns < deadline) deadline = n->expire_ns;
  }
  if (n->build.wanted) {
    deadline = pause_end(n, n->build.pause_ns, deadline);
    deadline = pause_end(n, stream_pace_end(n), deadline);
  }
  if (n->stall.ns > 0 && n->stall.ns < deadline) deadline = n->stall.ns;
  deadline = pause_end(n, n->tend_ns, deadline);
  deadline = pause_end(n, n->depart.ask_ns, deadline);
  deadline = pause_end(n, n->apply.pause_ns, deadline);
  deadline = pause_end(n, n->swap.due_ns, deadline);
  deadline = pause_end(n, n->digest.stop_ns, deadline);
  /* A timer that fires too early only kicks: moving it later is not worth a lock per batch. */
  if (deadline >= n->timer_ns && n->timer_ns > n->now_ns) return;
  n->timer_ns = deadline;
  n->executor->set_timer(n->executor->ctx, deadline);
}

static void on_time(struct node *n) {
  if (n->now_ns >= raft_deadline(n->raft)) raft_on_time(n->raft, node_now(n));
}

/* Reads whose index is applied already are answered before this batch's entries are applied. */
static void apply_slice(struct node *n) {
  read_run(n);
  n->more = apply_run(n);
  read_run(n);
}

/* Whoever uses the storage beside the log. */
static void use_storage(struct node *n) {
  stream_run(n);
  swap_run(n);
}

static void settle(struct node *n) {
  identity_settle(n);
  know_run(n);
  peer_let_go(n);
}

typedef void phase(struct node *n);

/* What follows the calls of a batch, in this order; raft's outputs are carried out after each. */
static phase *const phases[] = {
    propose_flush, on_time,     expire_calls, read_flush,    transfer_drain_run,
    depart_run,    stall_run,   tend_run,     replicate_all, apply_slice,
    digest_run,    use_storage, build_run,    settle,
};

/* Works one batch: everything that waits now. True if there is more to do at once. The clock is
 * read after the inbox was taken: a lease read must not be judged by a time before it arrived, and
 * the promise in an answer must not begin before the append arrived. */
static bool run_batch(struct node *n) {
  struct rkv_call *calls = inbox_take(&n->inbox);
  n->now_ns = n->executor->now_ns(n->executor->ctx);
  dispatch(n, calls);
  if (node_ending(n)) {
    end_waiting(n);
    return !inbox_empty(&n->inbox);
  }
  for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++) {
    phases[i](n);
    carry(n);
  }
  arm_timer(n);
  return n->more || !inbox_empty(&n->inbox);
}

void loop_run(void *ctx) {
  struct node *n = ctx;
  while (run_batch(n)) {
  }
}
