/* change.c: clients' calls that change who belongs to the cluster. */
#include <node/change.h>

#include <node/addresses.h>
#include <node/greet.h>
#include <node/identity.h>
#include <node/kernel/answer.h>
#include <node/kernel/encode.h>
#include <node/kernel/fatal.h>
#include <node/kernel/gate.h>
#include <node/kernel/post.h>
#include <node/kernel/state.h>
#include <node/redirect.h>
#include <raft/correct.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define CHANGE_PROGRESS_NS UINT64_C(2000000000) /* between two lines about learners */

void change_forget(struct node *n, const struct rkv_call *call) {
  for (size_t i = 0; i < n->change.count; i++) {
    if (n->change.calls[i] != call) continue;
    n->change.calls[i] = n->change.calls[--n->change.count];
    (void)greet_forget(n, call);
    return;
  }
  assert(0 && "a change that was accepted is in the list");
}

bool change_admit(struct node *n, struct rkv_call *call) {
  struct rkv_error error;
  if (node_ending(n)) {
    gate_leave(n, call);
    node_end_error(n, &error);
    answer_fail(call, &error);
    return false;
  }
  if (n->change.count == NODE_CHANGES_MAX) {
    gate_leave(n, call);
    answer_failf(call, RKV_FULL, "%d membership calls are waiting already (try again later)",
                 NODE_CHANGES_MAX);
    return false;
  }
  n->change.calls[n->change.count++] = call;
  return true;
}

void change_settle(struct node *n, struct rkv_call *call, enum rkv_status status,
                   const struct rkv_error *error) {
  if (status != RKV_OK) {
    change_forget(n, call);
    gate_leave(n, call);
    if (status == RKV_NOT_LEADER)
      redirect_to_leader(n, call);
    else
      answer_fail(call, error);
  }
}

void change_look(struct node *n, const struct rkv_membership *m) {
  struct rkv_error error;
  if (addresses_check(m, &error) == RKV_OK) return;
  n->count.odd_memberships++;
  rkv_log(n->plugins.host, RKV_LOG_WARN, "raft", "membership with wrong addresses: %s", error.text);
}

static void init_greeted(struct node *n, struct rkv_call *call, struct rkv_membership *members,
                         enum rkv_status status, struct rkv_error *error) {
  if (status == RKV_OK) status = identity_check_found(n, error);
  if (status == RKV_OK) status = raft_init(n->raft, node_now(n), members, call, error);
  if (status == RKV_OK) identity_found(n, members);
  change_settle(n, call, status, error);
}

void change_on_init(struct node *n, struct rkv_call *call) {
  struct rkv_error error;
  struct rkv_init_call *c = (struct rkv_init_call *)call;
  if (!change_admit(n, call)) return;
  enum rkv_status status = rkv_membership_check(c->membership, &error);
  if (status == RKV_OK) status = addresses_check(c->membership, &error);
  if (status == RKV_OK) status = raft_check_init(n->raft, c->membership, &error);
  if (status == RKV_OK) status = identity_check_found(n, &error);
  if (status != RKV_OK) {
    change_settle(n, call, status, &error);
    return;
  }
  greet(n, call, c->membership, rkv_init_answering(c) ? GREET_ALL : 0, init_greeted);
}

static void learner_greeted(struct node *n, struct rkv_call *call, struct rkv_membership *members,
                            enum rkv_status status, struct rkv_error *error) {
  if (status == RKV_OK)
    status = raft_add_learner(n->raft, node_now(n), &members->nodes[0], call, error);
  if (status == RKV_OK)
    rkv_log(n->plugins.host, RKV_LOG_INFO, "raft", "add-learner id=%" PRIu64 " addr=%s",
            members->nodes[0].id, members->nodes[0].addr);
  change_settle(n, call, status, error);
}

/* Fills *one with the learner's record alone. A member's address must be the one that the
 * membership has; a new node's address must not be another member's. */
static enum rkv_status check_learner(struct node *n, const struct rkv_member *learner,
                                     struct rkv_membership *one, struct rkv_error *error) {
  const struct rkv_membership *m = &raft_effective(n->raft)->value;
  const struct rkv_member *known = rkv_membership_find(m, learner->id);
  enum rkv_status status = RKV_OK;
  if (known && !addresses_equal(known->addr, learner->addr))
    return rkv_fail(error, RKV_PRECONDITION,
                    "node %" PRIu64 " is a member at %s already (another address for it: rkvctl "
                    "set-address %" PRIu64 "=%s)",
                    known->id, known->addr, known->id, learner->addr);
  if (!known) {
    *one = *m;
    status = rkv_membership_add_node(one, learner->id, learner->addr, strlen(learner->addr));
    if (status != RKV_OK)
      return rkv_fail(error, RKV_INVALID, "add-learner: a cluster has at most %d nodes",
                      RKV_NODES_MAX);
    status = addresses_check_one(one, learner->id, error);
  }
  memset(one, 0, sizeof *one);
  one->node_count = 1;
  one->nodes[0] = known ? *known : *learner;
  return status;
}

void change_on_add_learner(struct node *n, struct rkv_call *call) {
  struct rkv_error error;
  struct rkv_membership_call *c = (struct rkv_membership_call *)call;
  if (!change_admit(n, call)) return;
  if (!raft_leads(n->raft)) {
    change_settle(n, call, RKV_NOT_LEADER, NULL);
    return;
  }
  struct rkv_membership *one = calloc(1, sizeof *one);
  if (!one) {
    change_settle(n, call, rkv_fail(&error, RKV_NO_MEMORY, "out of memory for a change"), &error);
    return;
  }
  enum rkv_status status = check_learner(n, &c->learner, one, &error);
  if (status == RKV_OK)
    greet(n, call, one, rkv_membership_answering(c) ? GREET_ALL : 0, learner_greeted);
  else
    change_settle(n, call, status, &error);
  free(one);
}

static void voters_greeted(struct node *n, struct rkv_call *call, struct rkv_membership *members,
                           enum rkv_status status, struct rkv_error *error) {
  struct rkv_membership_call *c = (struct rkv_membership_call *)call;
  (void)members;
  if (status == RKV_OK)
    status = raft_change_membership(n->raft, node_now(n), &c->voters, c->retain, call, error);
  change_settle(n, call, status, error);
}

void change_find_voters(struct node *n, const struct rkv_config_set *voters,
                        struct rkv_membership *out) {
  const struct rkv_membership *m = &raft_effective(n->raft)->value;
  for (uint32_t i = 0; i < m->node_count; i++)
    if (rkv_config_has(voters, m->nodes[i].id)) out->nodes[out->node_count++] = m->nodes[i];
}

void change_on_change(struct node *n, struct rkv_call *call) {
  struct rkv_error error;
  struct rkv_membership_call *c = (struct rkv_membership_call *)call;
  struct rkv_membership *asked;
  enum rkv_status status;
  if (!change_admit(n, call)) return;
  status = raft_check_change(n->raft, &c->voters, &error);
  if (status != RKV_OK) {
    change_settle(n, call, status, &error);
    return;
  }
  if (!rkv_membership_answering(c)) {
    voters_greeted(n, call, NULL, RKV_OK, &error);
    return;
  }
  asked = calloc(1, sizeof *asked);
  if (!asked) {
    change_settle(n, call, rkv_fail(&error, RKV_NO_MEMORY, "out of memory for a change"), &error);
    return;
  }
  change_find_voters(n, &c->voters, asked);
  greet(n, call, asked, GREET_ALL, voters_greeted);
  free(asked);
}

void change_done(struct node *n, const struct raft_output *out) {
  struct rkv_call *call = out->cookie;
  if (!call) return; /* a change that tend.c made */
  change_forget(n, call);
  gate_leave(n, call);
  if (out->status != RKV_OK) {
    answer_failf(call, out->status, "%s", out->text ? out->text : "the change was given up");
    return;
  }
  if (call->kind != NODE_INIT) {
    struct rkv_membership_call *c = (struct rkv_membership_call *)call;
    c->id = out->id;
    if (node_encode_membership(n, &out->membership->value, &c->membership) != RKV_OK) {
      answer_failf(call, RKV_ABORTED,
                   "the change was carried out, but its answer is lost: no memory");
      return;
    }
    struct rkv_buf *given[] = {&c->membership, NULL};
    (void)answer_give(n, call, given);
    return;
  }
  (void)answer_ok(n, call);
}

/* Logs every CHANGE_PROGRESS_NS how far the learners are for which calls wait. */
static void log_progress(struct node *n) {
  struct raft_view view;
  if (n->change.count == 0 || n->now_ns < n->change.progress_ns) return;
  raft_view(n->raft, &view);
  for (size_t i = 0; i < n->change.count; i++) {
    const struct rkv_membership_call *c = (const struct rkv_membership_call *)n->change.calls[i];
    struct raft_peer_view peer;
    if (c->call.kind != NODE_ADD_LEARNER || !raft_peer(n->raft, c->learner.id, &peer)) continue;
    n->change.progress_ns = n->now_ns + CHANGE_PROGRESS_NS;
    rkv_log(n->plugins.host, RKV_LOG_INFO, "raft",
            "learner catches up id=%" PRIu64 " at=%" PRIu64 " of=%" PRIu64 "%s", c->learner.id,
            peer.matched.index, view.last.index,
            !peer.reached   ? " (it does not answer)"
            : peer.snapshot ? " (a snapshot is being sent)"
                            : "");
  }
}

void change_expire(struct node *n) {
  log_progress(n);
  for (size_t i = n->change.count; i-- > 0;) {
    struct rkv_call *call = n->change.calls[i];
    if (!answer_is_due(n, call)) continue;
    raft_forget_change(n->raft, call);
    change_forget(n, call);
    gate_leave(n, call);
    answer_failf(call, RKV_TIMEOUT,
                 "not finished in time; the change goes on (see members and metrics)");
  }
}

void change_fail_all(struct node *n, const struct rkv_error *error) {
  struct rkv_error open;
  answer_open_error(error, &open);
  while (n->change.count > 0) {
    struct rkv_call *call = n->change.calls[--n->change.count];
    raft_forget_change(n->raft, call);
    bool asks_still = greet_forget(n, call);
    gate_leave(n, call);
    answer_fail(call, asks_still ? error : &open);
  }
}
