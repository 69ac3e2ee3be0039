/* depart.c: a node that stops waits for a voter on its way back (depart.h).
 *
 * It asks the other voters who they are, for a follower knows no more than its membership, and that
 * does not name a node that came back a moment ago. While it waits it asks again: a node that fell
 * silent is not on its way back, so that the nodes of a whole cluster which stops do not wait for
 * each other. end.needed is true from node_drain until the state is GOES. */
#include <node/depart.h>

#include <node/holders.h>
#include <node/kernel/state.h>
#include <node/tend.h>

#include <assert.h>
#include <inttypes.h>

#define ASK_NS UINT64_C(100000000) /* between two rounds of questions */

static const char consequence[] =
    "nothing is written before it is back, and if its storage is lost or emptied meanwhile, the "
    "cluster is lost with what it holds";

static void go(struct node *n) {
  n->depart.state = DEPART_GOES;
  n->depart.waits_for = 0;
  n->depart.ask_ns = 0;
  atomic_store_explicit(&n->end.needed, false, memory_order_release);
}

static bool is_asking(const struct node *n) {
  const struct rkv_membership *m = &raft_effective(n->raft)->value;
  for (size_t i = 0; i < n->peers.count; i++) {
    const struct node_peer *peer = &n->peers.list[i];
    const struct rkv_member *member = rkv_membership_find(m, peer->id);
    if (peer->asking && member && (member->returning || rkv_membership_is_voter(m, peer->id)))
      return true;
  }
  return false;
}

static void ask(struct node *n) {
  tend_ask_members(n);
  n->depart.ask_ns = n->now_ns + ASK_NS;
}

/* Fills *h with the voters as they are without this node; false: nobody needs this node. */
static bool is_needed(struct node *n, struct holders *h) {
  holders_look(n, n->plugins.host->node_id, h);
  return !h->majority && h->returning.count > 0;
}

/* True if this node is a voter beside others, and holds its log: only then it can be missed. */
static bool counts(struct node *n) {
  const struct rkv_membership *m = &raft_effective(n->raft)->value;
  const rkv_node_id id = n->plugins.host->node_id;
  const struct rkv_member *me = rkv_membership_find(m, id);
  if (!me || !rkv_membership_is_voter(m, id) || n->peers.count == 0) return false;
  return !me->returning && (me->incarnation == 0 || me->incarnation == n->identity.incarnation);
}

static void tell_wait(struct node *n, const struct holders *h) {
  char who[HOLDERS_TEXT_MAX];
  holders_list(&h->returning, who);
  rkv_log(n->plugins.host, RKV_LOG_WARN, NODE_LOG,
          "stops, and waits a few seconds for %s, on its way back without a vote yet: without this "
          "node no majority of the voters holds the log; if it goes now, %s (a second signal does "
          "not wait)",
          who, consequence);
}

static void tell_going(struct node *n, const struct holders *h) {
  char who[HOLDERS_TEXT_MAX];
  holders_list(&h->silent, who);
  if (n->depart.state == DEPART_WAITS && h->majority)
    rkv_log(n->plugins.host, RKV_LOG_INFO, NODE_LOG,
            "waits no longer: the others have a majority without this node");
  else if (!h->majority && h->silent.count > 0)
    rkv_log(n->plugins.host, RKV_LOG_INFO, NODE_LOG,
            "the others have no majority without this node: no answer from %s", who);
}

void depart_run(struct node *n) {
  struct departing *d = &n->depart;
  struct holders h;
  if (d->state == DEPART_GOES) return;
  if (!atomic_load_explicit(&n->end.draining, memory_order_relaxed)) return;
  if (!counts(n)) {
    go(n);
    return;
  }
  if (d->state == DEPART_STAYS) {
    d->state = DEPART_ASKS;
    ask(n);
  }
  if (d->state == DEPART_ASKS && is_asking(n)) return;
  if (!is_needed(n, &h)) {
    tell_going(n, &h);
    go(n);
    return;
  }
  if (d->state == DEPART_ASKS) tell_wait(n, &h);
  d->state = DEPART_WAITS;
  d->waits_for = h.returning.ids[0];
  if (n->now_ns >= d->ask_ns) ask(n);
}

void depart_end(struct node *n) {
  const rkv_node_id missed = n->depart.waits_for;
  assert(missed == 0 || n->depart.state == DEPART_WAITS);
  if (missed != 0)
    rkv_log(n->plugins.host, RKV_LOG_WARN, NODE_LOG,
            "waits no longer, and node %" PRIu64 " has no vote yet: %s", missed, consequence);
  go(n);
}
