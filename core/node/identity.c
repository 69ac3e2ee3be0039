/* identity.c: who this node is, and who may speak to it.
 *
 * A cluster has an id, drawn when it is initialised; a node has an incarnation, drawn when it
 * starts with an empty storage. Both are saved before anything that rests on them, and travel
 * beside every request between nodes (struct rkv_envelope). So a node takes nothing from another
 * cluster, and one that lost its storage is not taken for the voter it was: what that voter
 * promised, it forgot.
 *
 * (D1) The incarnation never changes while the storage lives.
 * (D2) The cluster id never changes once it is settled: once an entry behind the initial one was
 *      committed. Until then the node may have been initialised in vain, beside the others, and
 *      belongs to the cluster of whichever leader it accepts. A leader's id is held by all that
 *      follow it before they answer, so that what is committed first settles one id. */
#include <node/internal.h>

#define INITIAL_INDEX 1 /* of the entry that initialises a cluster */

static uint64_t draw(struct node *n) {
  uint64_t number;
  do number = n->executor->random(n->executor->ctx);
  while (number == 0);
  return number;
}

void identity_recover(struct node *n, const struct rkv_identity *stored) {
  n->identity = *stored;
  if (n->identity.incarnation != 0) return;
  n->identity.incarnation = draw(n);
  n->identity_is_new = true;
}

/* ---- who may speak to it ---- */

static enum rkv_status check(const struct node *n, const struct rkv_envelope *e,
                             struct rkv_error *error) {
  const unsigned long long id = (unsigned long long)n->plugins.host->node_id;
  const struct rkv_identity *me = &n->identity;
  if (e->to != n->plugins.host->node_id)
    return rkv_fail(error, RKV_FOREIGN, "this is node %llu, not %llu (check who has which address)",
                    id, (unsigned long long)e->to);
  if (me->settled && rkv_cluster_id_known(e->cluster) &&
      !rkv_cluster_id_equal(e->cluster, me->cluster))
    return rkv_fail(error, RKV_FOREIGN,
                    "node %llu belongs to cluster %016llx, not to %016llx (give each cluster its "
                    "own addresses)",
                    id, (unsigned long long)me->cluster.high, (unsigned long long)e->cluster.high);
  if (e->incarnation != 0 && e->incarnation != me->incarnation)
    return rkv_fail(error, RKV_FOREIGN,
                    "node %llu came back without its storage: a leader takes it in anew; without "
                    "one, restore its storage or begin a new cluster",
                    id);
  return RKV_OK;
}

enum rkv_status identity_check(struct node *n, const struct rkv_call *call,
                               struct rkv_error *error) {
  struct rkv_error own;
  if (!call->envelope) return RKV_OK;
  enum rkv_status status = check(n, call->envelope, &own);
  if (status == RKV_OK) return RKV_OK;
  *error = own;
  n->foreign_calls++;
  n->foreign_quiet++;
  if (n->now_ns >= n->foreign_quiet_ns) {
    rkv_log(n->plugins.host, RKV_LOG_WARN, NODE_LOG, "refused a peer's call times=%llu: %s",
            (unsigned long long)n->foreign_quiet, own.text);
    n->foreign_quiet_ns = n->now_ns + NODE_QUIET_NS;
    n->foreign_quiet = 0;
  }
  return status;
}

void identity_on_hello(struct node *n, struct rkv_call *call) {
  struct rkv_hello_call *hello = (struct rkv_hello_call *)call;
  atomic_fetch_sub_explicit(&n->peer_calls, 1, memory_order_relaxed);
  hello->id = n->plugins.host->node_id;
  hello->incarnation = n->identity.incarnation;
  hello->cluster = (struct rkv_cluster_id){0, 0};
  if (n->identity.settled) hello->cluster = n->identity.cluster;
  answer_ok(call);
}

/* ---- which cluster is its own ---- */

static void join(struct node *n, struct rkv_cluster_id cluster) {
  n->identity.cluster = cluster;
  save_identity(n);
  peer_reopen(n);
}

void identity_adopt(struct node *n, const struct rkv_call *call) {
  const struct rkv_envelope *e = call->envelope;
  if (!e || n->identity.settled || !rkv_cluster_id_known(e->cluster)) return;
  if (!rkv_cluster_id_equal(e->cluster, n->identity.cluster)) join(n, e->cluster);
}

void identity_found(struct node *n) {
  join(n, (struct rkv_cluster_id){draw(n), draw(n)});
}

void identity_settle(struct node *n) {
  if (n->identity.settled || n->committed.index <= INITIAL_INDEX) return;
  if (!rkv_cluster_id_known(n->identity.cluster)) return; /* its leaders know none */
  n->identity.settled = true;
  save_identity(n);
}
