/* loop.c: the node's loop, a role that one thread at a time takes (architecture: "the loop is a
 * role, not a thread").
 *
 * node_kick takes the role if it is free; if another thread has it, that thread is told to look
 * again. The runner works the inbox until it is empty; nothing in it blocks. */
#include <node/internal.h>

#include <assert.h>

struct raft_now node_now(struct node *n) {
  return (struct raft_now){.ns = n->now_ns, .random = n->executor->random(n->executor->ctx)};
}

void loop_post(struct node *n, struct rkv_call *call, enum node_kind kind) {
  call->kind = (uint32_t)kind;
  inbox_push(&n->inbox, call);
}

static void fail_with_raft(struct node *n) {
  if (raft_failed(n->raft)) node_fatal(n, RKV_NO_MEMORY, "raft: out of memory");
}

/* Takes every output of raft and carries it out or defers it: after each handler and each phase. */
static void carry(struct node *n) {
  struct raft_output out;
  do {
    fail_with_raft(n); /* before anything is carried out that rests on what is not there */
    while (raft_take(n->raft, &out))
      if (!raft_output_waits(out.type) || !save_defer(n, &out)) output_carry(n, &out);
  } while (save_settle(n));
  fail_with_raft(n);
  n->received = NULL;
  peer_let_go(n);
}

void node_again(struct node *n, struct rkv_call *call) {
  n->again = call;
}

bool loop_ending(struct node *n) {
  return atomic_load_explicit(&n->fatal, memory_order_acquire) ||
         atomic_load_explicit(&n->abandoned, memory_order_acquire);
}

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
    n->again = api_is_late(n, call) ? NULL : call;
    while (n->again) {
      n->again = NULL;
      handlers[call->kind](n, call);
      carry(n);
    }
    call = next;
  }
}

/* Answers everything that waits; calls in the inbox are answered by their handlers. */
static void end_waiting(struct node *n) {
  struct rkv_error error, open;
  answer_end_error(n, &error);
  answer_open_error(&error, &open);
  propose_fail_batch(n, &error);
  propose_drop(n, 0, open.text);
  change_fail_all(n, &error);
  read_fail_all(n, &error);
  transfer_fail(n, &open);
  build_fail(n, &error);
  save_fail_deferred(n, &error);
  peer_close_all(n);
}

static bool calls_wait(const struct node *n) {
  return n->pending.count > 0 || n->change_count > 0 || n->tickets || n->transfer_call ||
         n->snapshot_call || n->deferred.count > 0 || receive_waits(n);
}

/* Deadlines of calls that wait here: looked at every NODE_EXPIRE_NS, not at each call's own. */
static void expire(struct node *n) {
  if (n->now_ns < n->expire_ns) return;
  propose_expire(n);
  change_expire(n);
  read_expire(n);
  transfer_expire(n);
  build_expire(n);
  receive_expire(n);
  save_expire(n);
  n->expire_ns = calls_wait(n) ? n->now_ns + NODE_EXPIRE_NS : 0;
}

/* The end of a pause, if it is still to come. */
static uint64_t pause_end(const struct node *n, uint64_t pause_ns, uint64_t deadline) {
  return pause_ns > n->now_ns && pause_ns < deadline ? pause_ns : deadline;
}

static void arm_timer(struct node *n) {
  uint64_t deadline = raft_deadline(n->raft);
  if (calls_wait(n)) {
    if (n->expire_ns == 0) n->expire_ns = n->now_ns + NODE_EXPIRE_NS;
    if (n->expire_ns < deadline) deadline = n->expire_ns;
  }
  if (n->build_wanted) {
    deadline = pause_end(n, n->build_pause_ns, deadline);
    deadline = pause_end(n, receive_pace_end(n), deadline);
  }
  if (n->stall.ns > 0 && n->stall.ns < deadline) deadline = n->stall.ns;
  deadline = pause_end(n, n->tend_ns, deadline);
  deadline = pause_end(n, n->apply_pause_ns, deadline);
  /* A timer that fires too early only kicks: moving it later is not worth a lock per batch. */
  if (deadline >= n->timer_ns && n->timer_ns > n->now_ns) return;
  n->timer_ns = deadline;
  n->executor->set_timer(n->executor->ctx, deadline);
}

/* One batch: everything that waits now. True if there is more to do at once. The clock is read
 * when the inbox was taken: a lease read must not be judged by a time before it began, nor a
 * promise begin before the append came that it answers. */
static void on_time(struct node *n) {
  if (n->now_ns >= raft_deadline(n->raft)) raft_on_time(n->raft, node_now(n));
}

static void apply(struct node *n) {
  n->more = apply_run(n);
}

typedef void phase(struct node *n);

/* What follows the calls of a batch, in this order; raft's outputs are carried out after each. */
static phase *const phases[] = {propose_flush,
                                on_time,
                                expire,
                                read_flush,
                                transfer_drain_run,
                                stall_run,
                                tend_run,
                                replicate_all,
                                read_run, /* those that wait for nothing to be applied: not behind the answers of
                                writes */
                                apply,
                                read_run,
                                receive_run,
                                build_run,
                                identity_settle,
                                know_run};

static bool run_batch(struct node *n) {
  struct rkv_call *calls = inbox_take(&n->inbox);
  n->now_ns = n->executor->now_ns(n->executor->ctx);
  dispatch(n, calls);
  if (loop_ending(n)) {
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

void node_kick(struct node *n) {
  if (!atomic_load_explicit(&n->started, memory_order_acquire)) return;
  int role = NODE_IDLE;
  while (!atomic_compare_exchange_weak(&n->role, &role, NODE_RUNNING)) {
    if (role == NODE_RUN_AGAIN) return;
    if (role == NODE_RUNNING && atomic_compare_exchange_weak(&n->role, &role, NODE_RUN_AGAIN))
      return;
    role = NODE_IDLE;
  }
  for (;;) {
    while (run_batch(n)) {
    }
    role = NODE_RUNNING;
    if (atomic_compare_exchange_strong(&n->role, &role, NODE_IDLE)) return;
    atomic_store(&n->role, NODE_RUNNING);
  }
}
