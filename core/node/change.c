/* change.c: clients' calls that change who belongs to the cluster. */
#include <node/internal.h>

#include <assert.h>

static void forget(struct node *n, const struct rkv_call *call) {
  for (size_t i = 0; i < n->change_count; i++) {
    if (n->changes[i] != call) continue;
    n->changes[i] = n->changes[--n->change_count];
    return;
  }
  assert(0 && "a change that was accepted is in the list");
}

/* Notes a call before raft sees it, because raft may end it at once. */
static bool admit(struct node *n, struct rkv_call *call) {
  struct rkv_error error;
  if (loop_ending(n)) {
    api_release(n, 0);
    answer_end_error(n, &error);
    answer_fail(call, &error);
    return false;
  }
  if (n->change_count == NODE_CHANGES_MAX) {
    api_release(n, 0);
    answer_failf(call, RKV_FULL, "%d membership calls are waiting already (try again later)",
                 NODE_CHANGES_MAX);
    return false;
  }
  n->changes[n->change_count++] = call;
  return true;
}

/* raft refused the call, or took it: then CHANGE_DONE ends it. */
static void settle(struct node *n, struct rkv_call *call, enum rkv_status status,
                   const struct rkv_error *error) {
  if (status != RKV_OK) {
    forget(n, call);
    api_release(n, 0);
    if (status == RKV_NOT_LEADER)
      answer_not_leader(n, call);
    else
      answer_fail(call, error);
  }
  loop_carry(n);
}

void change_on_init(struct node *n, struct rkv_call *call) {
  struct rkv_error error;
  struct rkv_init_call *c = (struct rkv_init_call *)call;
  if (!admit(n, call)) return;
  enum rkv_status status = rkv_membership_check(c->membership, &error);
  if (status == RKV_OK) status = raft_init(n->raft, node_now(n), c->membership, call, &error);
  settle(n, call, status, &error);
}

void change_on_add_learner(struct node *n, struct rkv_call *call) {
  struct rkv_error error;
  struct rkv_membership_call *c = (struct rkv_membership_call *)call;
  if (!admit(n, call)) return;
  enum rkv_status status = raft_add_learner(n->raft, node_now(n), &c->learner, call, &error);
  if (status == RKV_OK)
    rkv_log(n->plugins.host, RKV_LOG_INFO, "raft", "add-learner id=%llu addr=%s",
            (unsigned long long)c->learner.id, c->learner.addr);
  settle(n, call, status, &error);
}

void change_on_change(struct node *n, struct rkv_call *call) {
  struct rkv_error error;
  struct rkv_membership_call *c = (struct rkv_membership_call *)call;
  if (!admit(n, call)) return;
  enum rkv_status status =
      raft_change_membership(n->raft, node_now(n), &c->voters, c->retain, call, &error);
  settle(n, call, status, &error);
}

void change_done(struct node *n, const struct raft_output *out) {
  struct rkv_call *call = out->cookie;
  forget(n, call);
  api_release(n, 0);
  if (out->status != RKV_OK) {
    answer_failf(call, out->status, "%s", out->text ? out->text : "the change was given up");
    return;
  }
  if (call->kind != NODE_INIT) {
    struct rkv_membership_call *c = (struct rkv_membership_call *)call;
    c->id = out->id;
    if (node_encode_membership(n, &out->membership->value, &c->membership) != RKV_OK) {
      answer_failf(call, RKV_NO_MEMORY, "the change is done, but memory for its answer is short");
      return;
    }
  }
  answer_ok(call);
}

void change_expire(struct node *n) {
  for (size_t i = n->change_count; i-- > 0;) {
    struct rkv_call *call = n->changes[i];
    if (call->deadline_ns == 0 || call->deadline_ns > n->now_ns) continue;
    raft_forget_change(n->raft, call);
    forget(n, call);
    api_release(n, 0);
    answer_failf(call, RKV_TIMEOUT,
                 "not finished in time; the change goes on (see members and metrics)");
  }
}

void change_fail_all(struct node *n, const struct rkv_error *error) {
  while (n->change_count > 0) {
    struct rkv_call *call = n->changes[--n->change_count];
    raft_forget_change(n->raft, call);
    api_release(n, 0);
    answer_fail(call, error);
  }
}
