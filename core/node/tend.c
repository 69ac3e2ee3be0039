/* tend.c: the leader looks after members that lost their storage.
 *
 * The leader asks each peer once which incarnation it is, and again when the peer refuses a
 * request. It writes an incarnation that the membership lacks into it. A voter that came back as
 * another incarnation neither votes nor acknowledges anything (identity.c). The leader, which leads
 * without it, marks it as returning, makes it a learner, names its new incarnation, and makes it a
 * voter again once it has caught up. Each step is an entry of the log, so that the next leader goes
 * on where this one stopped. A voter whose storage was put back to an older state (lost.h) is taken
 * back likewise, and keeps its incarnation. Where no leader can be elected without the node,
 * nothing is done: the log of every node says what an operator can do. */
#include <node/tend.h>

#include <node/holders.h>
#include <node/kernel/post.h>
#include <node/kernel/state.h>
#include <node/know.h>
#include <node/odd.h>
#include <node/peers.h>

#include <inttypes.h>
#include <stdlib.h>

#define TEND_NS UINT64_C(100000000) /* between two looks while there is something to do */

struct tend_question {
  struct rkv_hello_call hello; /* first: what the transport knows */
  struct node *n;
  rkv_node_id peer;
  uint64_t serial; /* of the connection that was asked */
  enum rkv_status status;
};

/* ---- asking ---- */

static void on_incarnation(struct rkv_call *call, enum rkv_status status,
                           const struct rkv_error *error) {
  struct tend_question *q = (struct tend_question *)call;
  (void)error; /* the peer is asked again */
  q->status = status;
  node_post(q->n, call, NODE_TENDED);
}

static void ask_incarnation(struct node *n, struct node_peer *peer) {
  struct tend_question *q = calloc(1, sizeof *q);
  if (!q) {
    node_fatal(n, RKV_NO_MEMORY, "out of memory for a question to a peer");
    return;
  }
  q->n = n;
  q->peer = peer->id;
  q->serial = peer->serial;
  q->hello.call.done = on_incarnation;
  q->hello.call.deadline_ns = n->now_ns + n->options.election_min_ns;
  peer->asking = true;
  n->plugins.transport->send_hello(peer->handle, &q->hello);
}

void tend_on_answer(struct node *n, struct rkv_call *call) {
  struct tend_question *q = (struct tend_question *)call;
  struct node_peer *peer = peer_find(n, q->peer);
  if (peer && peer->serial == q->serial) {
    peer->asking = false;
    peer->silent = q->status == RKV_UNAVAILABLE || q->status == RKV_TIMEOUT;
    peer->ask_ns = n->now_ns + n->options.election_max_ns;
    /* the peer does not know hello */
    if (q->status == RKV_UNIMPLEMENTED) peer->ask_ns = UINT64_MAX;
    if (q->status == RKV_OK) odd_note_answer(n, peer->id, peer->addr, q->hello.id);
    if (q->status == RKV_OK && q->hello.id == peer->id) {
      peer->said_incarnation = q->hello.incarnation;
      peer->ask_ns = UINT64_MAX;
      know_on_hello(n, &q->hello);
    }
    n->tend_ns = 0;
  }
  free(q);
}

void tend_ask_again(struct node *n, rkv_node_id id) {
  struct node_peer *peer = peer_find(n, id);
  if (!peer || peer->ask_ns != UINT64_MAX) return; /* the peer will be asked anyway */
  peer->ask_ns = n->now_ns + TEND_NS;
  if (n->tend_ns > peer->ask_ns || n->tend_ns <= n->now_ns) n->tend_ns = peer->ask_ns;
}

/* ---- acting ---- */

static void report(struct node *n, const struct rkv_member *member, const char *what) {
  rkv_log(n->plugins.host, RKV_LOG_WARN, NODE_LOG,
          "member came back without its storage id=%" PRIu64 ": %s", member->id, what);
}

static enum rkv_status change_voters(struct node *n, rkv_node_id id, bool votes) {
  const struct rkv_config_set *now = &raft_effective(n->raft)->value.configs[0];
  struct rkv_config_set next = {0};
  for (uint32_t i = 0; i < now->count; i++)
    if (now->ids[i] != id) (void)rkv_config_add(&next, now->ids[i]);
  if (votes) (void)rkv_config_add(&next, id);
  return raft_change_membership(n->raft, node_now(n), &next, true, NULL, NULL);
}

/* True if the member is a voter that lacks what it had acknowledged (lost.h). */
static bool has_lost(struct node *n, const struct rkv_member *member) {
  struct node_peer *peer = peer_find(n, member->id);
  return peer && peer->holding.lost &&
         rkv_membership_is_voter(&raft_effective(n->raft)->value, member->id);
}

static bool mark_returning(struct node *n, const struct rkv_member *member) {
  struct rkv_member record = *member;
  record.returning = 1;
  if (raft_set_member(n->raft, node_now(n), &record, NULL) != RKV_OK) return false;
  peer_find(n, member->id)->holding.lost = false;
  return true;
}

/* The next step towards a membership that names the incarnation `said`. True: one was made. */
static bool make_step(struct node *n, const struct rkv_member *member, uint64_t said) {
  const bool votes = rkv_membership_is_voter(&raft_effective(n->raft)->value, member->id);
  struct rkv_member record = *member;
  if (member->incarnation != 0 && votes && member->returning) {
    if (change_voters(n, member->id, false) != RKV_OK) return false;
    report(n, &record, "it learns anew before it votes again");
    return true;
  }
  if (member->incarnation == said && has_lost(n, member)) return mark_returning(n, member);
  if (member->incarnation == said) {
    if (!member->returning || !raft_caught_up(n->raft, member->id)) return false;
    if (change_voters(n, member->id, true) != RKV_OK) return false;
    report(n, &record, "it has caught up and votes again");
    return true;
  }
  if (member->incarnation != 0 && votes)
    record.returning = 1;
  else
    record.incarnation = said;
  return raft_set_member(n->raft, node_now(n), &record, NULL) == RKV_OK;
}

/* The incarnation that answers under the member's id, 0 if that is not known. */
static uint64_t said_by(struct node *n, const struct rkv_member *member) {
  struct node_peer *peer;
  if (member->id == n->plugins.host->node_id) return n->identity.incarnation;
  peer = peer_find(n, member->id);
  return peer ? peer->said_incarnation : 0;
}

/* True if the membership has to say something else of the member, as far as this node knows. */
static bool needs_step(struct node *n, const struct rkv_member *member) {
  const uint64_t said = said_by(n, member);
  return said != 0 && (said != member->incarnation || member->returning || has_lost(n, member));
}

/* One step for one member at a time: its entry must be committed before the next. */
static void tend_one(struct node *n) {
  const struct raft_membership *m = raft_effective(n->raft);
  if (m->id.index > n->committed.index || m->value.config_count != 1) {
    if (m->id.index > n->committed.index) n->tend_after = m->id.index;
    return;
  }
  for (uint32_t i = 0; i < m->value.node_count; i++) {
    const struct rkv_member *member = &m->value.nodes[i];
    if (!needs_step(n, member) || !make_step(n, member, said_by(n, member))) continue;
    return;
  }
}

/* When tend_run may have something to do: a question to ask, or a step that had to wait. */
static uint64_t next_look(struct node *n) {
  const struct rkv_membership *m = &raft_effective(n->raft)->value;
  uint64_t at = UINT64_MAX;
  for (size_t i = 0; i < n->peers.count; i++)
    if (!n->peers.list[i].asking && n->peers.list[i].ask_ns < at) at = n->peers.list[i].ask_ns;
  for (uint32_t i = 0; i < m->node_count; i++)
    if (needs_step(n, &m->nodes[i]) && n->now_ns + TEND_NS < at) at = n->now_ns + TEND_NS;
  return at;
}

void tend_ask_members(struct node *n) {
  for (size_t i = 0; i < n->peers.count; i++) {
    struct node_peer *peer = &n->peers.list[i];
    const bool cannot_tell = peer->ask_ns == UINT64_MAX && peer->said_incarnation == 0;
    if (peer->handle && !peer->asking && !cannot_tell) ask_incarnation(n, peer);
  }
}

void tend_run(struct node *n) {
  const bool stepped = n->tend_after != 0 && n->committed.index >= n->tend_after;
  if (n->now_ns < n->tend_ns && !stepped) return;
  n->tend_after = 0;
  n->tend_ns = n->now_ns + n->options.election_max_ns;
  if (!raft_leads(n->raft)) {
    if (!know_asks(n)) return;
    holders_tell(n);
    tend_ask_members(n);
    return;
  }
  for (size_t i = 0; i < n->peers.count; i++) {
    struct node_peer *peer = &n->peers.list[i];
    if (peer->handle && !peer->asking && n->now_ns >= peer->ask_ns) ask_incarnation(n, peer);
  }
  tend_one(n);
  n->tend_ns = next_look(n);
}
