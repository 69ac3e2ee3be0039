/* identity.c: who this node is, and who may speak to it.
 *
 * A cluster has an id, drawn when it is initialised; a node has an incarnation, drawn when it
 * starts with an empty storage. Both are saved before anything that rests on them, and travel
 * beside every request between nodes (struct rkv_envelope). So a node takes nothing from another
 * cluster. And a node that lost its storage is not taken for the voter that it was, whose promises
 * it forgot.
 *
 * (D1) The incarnation never changes while the storage lives.
 * (D2) The cluster id never changes once it is settled: once this node knows a committed entry.
 *      Until then the node may have created a cluster of its own by mistake, beside the others, and
 *      may leave it for the cluster of a leader whose append or snapshot it accepts. A follower
 *      takes over its leader's cluster id before it answers the leader.
 * (D3) A node that leaves a cluster drops its whole log first: the ids of two clusters' entries may
 *      be equal and their contents not, as those of every initial entry are.
 * (D4) A node that acknowledged more than the initial entry may belong to the quorum that committed
 *      it, without knowing so yet. Such a node leaves only for a cluster of the same founders: then
 *      every leader of either cluster was elected by a majority of the same voters. The voters that
 *      acknowledged an entry elect no leader with a shorter log (5.4.1), so no committed entry is
 *      left behind. */
#include <node/identity.h>

#include <node/kernel/answer.h>
#include <node/kernel/gate.h>
#include <node/kernel/post.h>
#include <node/kernel/state.h>
#include <node/know.h>
#include <node/odd.h>

#include <assert.h>
#include <inttypes.h>

#define INITIAL_INDEX 1                    /* of the entry that initialises a cluster */
#define FOUNDERS_MASK UINT64_C(0xffffffff) /* the part of cluster.low that holds founders_sum */

static uint64_t draw_number(struct node *n) {
  uint64_t number;
  do number = n->executor->random(n->executor->ctx);
  while (number == 0 || number >= RKV_INCARNATION_UNFINISHED);
  return number;
}

void identity_recover(struct node *n, const struct rkv_identity *stored) {
  assert(n->identity.incarnation == 0); /* (D1) */
  n->identity = *stored;
  if (n->identity.incarnation != 0) return;
  n->identity.incarnation = draw_number(n);
  n->identity_unsaved = true;
}

/* ---- clusters ---- */

/* A sum of 32 bits over the voters that create a cluster, in whatever order they are named:
 * different voters have different sums but for odd chance. */
static uint64_t founders_sum(const struct rkv_membership *m) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < m->configs[0].count; i++) {
    uint64_t x = m->configs[0].ids[i] * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 32) * UINT64_C(0xbf58476d1ce4e5b9);
    sum += x >> 32;
  }
  return sum & FOUNDERS_MASK;
}

static bool same_founders(struct rkv_cluster_id a, struct rkv_cluster_id b) {
  return ((a.low ^ b.low) & FOUNDERS_MASK) == 0;
}

static bool may_leave_for(const struct node *n, struct rkv_cluster_id other) {
  struct raft_view view;
  if (n->identity.settled || n->committed.index > 0) return false;
  raft_view(n->raft, &view);
  return view.last.index <= INITIAL_INDEX || same_founders(n->identity.cluster, other);
}

/* True if the node knows its cluster and the other one, and they differ. */
static bool is_other(const struct node *n, struct rkv_cluster_id other) {
  return rkv_cluster_id_known(n->identity.cluster) && rkv_cluster_id_known(other) &&
         !rkv_cluster_id_equal(n->identity.cluster, other);
}

/* ---- who may speak to it ---- */

static enum rkv_status check_envelope(const struct node *n, const struct rkv_envelope *e,
                                      struct rkv_error *error) {
  const rkv_node_id id = n->plugins.host->node_id;
  const struct rkv_identity *me = &n->identity;
  if (e->to != n->plugins.host->node_id)
    return rkv_fail(error, RKV_FOREIGN,
                    "this is node %" PRIu64 ", not %" PRIu64 " (check who has which address)", id,
                    e->to);
  if (is_other(n, e->cluster) && !may_leave_for(n, e->cluster))
    return rkv_fail(error, RKV_FOREIGN,
                    "node %" PRIu64 " belongs to cluster %016" PRIx64 ", not to %016" PRIx64
                    " (give each cluster its "
                    "own addresses)",
                    id, me->cluster.high, e->cluster.high);
  if (e->incarnation != 0 && e->incarnation != me->incarnation)
    return rkv_fail(error, RKV_FOREIGN,
                    "node %" PRIu64
                    " came back without its storage and has no vote: a leader takes it in anew; "
                    "while there is none it waits for the other voters (or restore its storage, or "
                    "begin a new cluster)",
                    id);
  return RKV_OK;
}

/* A node of this node's own cluster, or of one that it has forgotten, asked it as a member: then
 * this node may lack what it once held. A call that means another incarnation is late if the
 * membership names this one. */
static void note_member(struct node *n, const struct rkv_envelope *e) {
  const rkv_node_id id = n->plugins.host->node_id;
  const struct rkv_member *me = rkv_membership_find(&raft_effective(n->raft)->value, id);
  if (e->to != id || !rkv_cluster_id_known(e->cluster) || is_other(n, e->cluster)) return;
  know_named(n);
  if (e->incarnation != 0 && e->incarnation != n->identity.incarnation &&
      !(me && me->incarnation == n->identity.incarnation))
    n->odd.lost_storage = true;
}

enum rkv_status identity_check(struct node *n, const struct rkv_call *call,
                               struct rkv_error *error) {
  struct rkv_error own;
  if (!call->envelope) return RKV_OK;
  enum rkv_status status = check_envelope(n, call->envelope, &own);
  note_member(n, call->envelope);
  if (status == RKV_OK) return RKV_OK;
  *error = own;
  n->foreign.calls++;
  n->foreign.quiet++;
  if (n->now_ns >= n->foreign.quiet_ns) {
    rkv_log(n->plugins.host, RKV_LOG_WARN, NODE_LOG, "refused a peer's call times=%" PRIu64 ": %s",
            n->foreign.quiet, own.text);
    n->foreign.quiet_ns = n->now_ns + NODE_QUIET_NS;
    n->foreign.quiet = 0;
  }
  return status;
}

/* A sender that names itself learns whether it is a member. */
static void tell_membership(struct node *n, struct rkv_hello_call *hello) {
  const rkv_node_id asker = rkv_call_sender(&hello->call).id;
  const struct raft_membership *m = raft_committed(n->raft);
  if (asker != 0 && m) rkv_hello_tell(hello, m->id, rkv_membership_find(&m->value, asker) != NULL);
}

void identity_on_hello(struct node *n, struct rkv_call *call) {
  struct rkv_hello_call *hello = (struct rkv_hello_call *)call;
  struct rkv_error error;
  if (node_fatal_status(n, &error) != RKV_OK) {
    gate_refuse(n, call, &error);
    return;
  }
  gate_leave(n, call);
  hello->id = n->plugins.host->node_id;
  hello->incarnation = n->identity.incarnation;
  hello->cluster = (struct rkv_cluster_id){0, 0};
  if (n->identity.settled) hello->cluster = n->identity.cluster;
  (void)odd_check_sender(n, call, NULL, NULL); /* the sender is answered all the same */
  tell_membership(n, hello);
  (void)answer_ok(n, call);
}

/* ---- which cluster is its own ---- */

static void join_cluster(struct node *n, struct rkv_cluster_id cluster) {
  n->identity.cluster = cluster;
  n->identity_unsaved = true;
  n->peers.outdated = true; /* requests carry the old cluster */
}

/* True if this node holds the initial entry of a cluster that it created itself. A leader whose
 * cluster has no id (OpenRaft's) may have another entry in its place, and nothing tells the two
 * apart. */
static bool is_doubtful(const struct node *n) {
  struct raft_view view;
  if (n->identity.settled || n->committed.index > 0) return false;
  raft_view(n->raft, &view);
  return rkv_cluster_id_known(n->identity.cluster) && view.last.index == INITIAL_INDEX;
}

static struct rkv_cluster_id leaders_cluster(const struct rkv_call *call) {
  const struct rkv_cluster_id none = {0, 0};
  return call->envelope ? call->envelope->cluster : none;
}

bool identity_differs(const struct node *n, const struct rkv_call *call) {
  struct rkv_cluster_id theirs = leaders_cluster(call);
  if (n->left_cluster) return true;
  if (!rkv_cluster_id_known(theirs)) return is_doubtful(n);
  return !n->identity.settled && !rkv_cluster_id_equal(theirs, n->identity.cluster);
}

/* (D3). A crash before identity_adopt leaves an empty log and the old cluster's id: no harm is
 * done. */
bool identity_leaves(struct node *n, const struct rkv_call *call) {
  if (n->left_cluster || !identity_differs(n, call)) return false;
  if (!rkv_cluster_id_known(n->identity.cluster)) return false;
  assert(!n->identity.settled && n->committed.index == 0); /* (D2) */
  assert(may_leave_for(n, leaders_cluster(call)));         /* (D4) */
  rkv_log(n->plugins.host, RKV_LOG_WARN, NODE_LOG,
          "left cluster=%016" PRIx64
          ", in which nothing was committed, for that of the leader: %016" PRIx64,
          n->identity.cluster.high, leaders_cluster(call).high);
  raft_leave_cluster(n->raft, node_now(n));
  n->left_cluster = true;
  return true;
}

void identity_adopt(struct node *n, const struct rkv_call *call) {
  if (!identity_differs(n, call)) return;
  assert(n->left_cluster || !rkv_cluster_id_known(n->identity.cluster)); /* (D3) */
  n->left_cluster = false;
  join_cluster(n, leaders_cluster(call));
}

enum rkv_status identity_check_found(const struct node *n, struct rkv_error *error) {
  if (!n->identity.settled) return RKV_OK;
  return rkv_fail(error, RKV_PRECONDITION,
                  "init: this node belongs to cluster %016" PRIx64
                  ", of whose log nothing is here: its leader brings it (for a new cluster empty "
                  "its storage first)",
                  n->identity.cluster.high);
}

void identity_found(struct node *n, const struct rkv_membership *founders) {
  uint64_t low = (draw_number(n) & ~FOUNDERS_MASK) | founders_sum(founders);
  assert(!n->identity.settled); /* (D2) */
  join_cluster(n, (struct rkv_cluster_id){draw_number(n), low});
}

void identity_settle(struct node *n) {
  if (n->identity.settled || n->committed.index == 0) return;
  if (!rkv_cluster_id_known(n->identity.cluster)) return; /* the cluster has no id */
  n->identity.settled = true;
  n->identity_unsaved = true;
}
