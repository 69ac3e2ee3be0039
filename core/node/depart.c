/* depart.c: a node that stops waits for a voter on its way back (depart.h).
 *
 * It asks the other voters who they are, for a follower knows no more than its membership, and that
 * does not name a node that came back a moment ago. While it waits it asks again: a node that fell
 * silent is not on its way back, so that the nodes of a whole cluster which stops do not wait for
 * each other. end.needed is true from node_drain until the state is GOES. */
#include <node/depart.h>

#include <node/holders.h>
#include <node/kernel/state.h>
#include <node/peers.h>
#include <node/tend.h>

#include <inttypes.h>

#define ASK_NS UINT64_C(100000000)     /* between two rounds of questions */
#define SILENT_NS UINT64_C(500000000)  /* who answers nothing for so long is not on its way */
#define REFUSED_NS UINT64_C(200000000) /* no answer sooner than this: the question did not leave */

static const char consequence[] =
    "nothing is written before it is back, and if its storage is lost or emptied meanwhile, the "
    "cluster is lost with what it holds";

static void go(struct node *n) {
  n->depart.state = DEPART_GOES;
  n->depart.waits_for = 0;
  n->depart.ask_ns = 0;
  atomic_store_explicit(&n->end.needed, false, memory_order_release);
}

/* True if it matters here whether this peer answers: it votes, or is on its way back. */
static bool matters(const struct node *n, const struct node_peer *peer) {
  const struct rkv_membership *m = &raft_effective(n->raft)->value;
  const struct rkv_member *member = rkv_membership_find(m, peer->id);
  return member && (member->returning || rkv_membership_is_voter(m, peer->id));
}

static bool is_asking(const struct node *n) {
  for (size_t i = 0; i < n->peers.count; i++)
    if (n->peers.list[i].asking && matters(n, &n->peers.list[i])) return true;
  return false;
}

static void ask(struct node *n) {
  tend_ask_members(n);
  n->depart.ask_ns = n->now_ns + ASK_NS;
}

/* A connection that was lost is dialled again only now and then: a node that came back meanwhile
 * looks silent. True: some are asked once more. */
static bool asks_again(struct node *n) {
  struct rkv_config_set silent = {0};
  struct holders h;
  holders_look(n, n->plugins.host->node_id, &h);
  if (h.majority || n->now_ns >= n->depart.asked_ns + REFUSED_NS) return false;
  for (size_t i = 0; i < n->peers.count; i++)
    if (n->peers.list[i].silent && matters(n, &n->peers.list[i]))
      (void)rkv_config_add(&silent, n->peers.list[i].id);
  if (silent.count == 0) return false;
  for (uint32_t i = 0; i < silent.count; i++) peer_redial(n, silent.ids[i]);
  ask(n);
  return true;
}

/* Fills *h with the voters as they are without this node; false: nobody needs this node. Who is on
 * its way back may miss a question. */
static bool is_needed(struct node *n, struct holders *h) {
  struct departing *d = &n->depart;
  holders_look(n, n->plugins.host->node_id, h);
  if (h->returning.count > 0) {
    d->heard_ns = n->now_ns;
    d->waits_for = h->returning.ids[0];
  }
  return !h->majority && d->waits_for != 0 && n->now_ns < d->heard_ns + SILENT_NS;
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

static void tell_vain(struct node *n, const char *why) {
  rkv_log(n->plugins.host, RKV_LOG_WARN, NODE_LOG,
          "waits no longer, and node %" PRIu64 " %s has no vote yet: %s", n->depart.waits_for, why,
          consequence);
}

static void tell_going(struct node *n, const struct holders *h) {
  char who[HOLDERS_TEXT_MAX];
  holders_list(&h->silent, who);
  if (n->depart.state == DEPART_WAITS && h->majority)
    rkv_log(n->plugins.host, RKV_LOG_INFO, NODE_LOG,
            "waits no longer: the others have a majority without this node");
  else if (n->depart.state == DEPART_WAITS)
    tell_vain(n, "fell silent and");
  else if (!h->majority && h->silent.count > 0)
    rkv_log(n->plugins.host, RKV_LOG_WARN, NODE_LOG,
            "without this node the others have no majority (no answer from %s): nothing is written "
            "before one of these is back; empty no storage meanwhile",
            who);
}

/* Asks the others who they are; true once all have answered, or will not. */
static bool has_asked(struct node *n) {
  struct departing *d = &n->depart;
  if (d->state == DEPART_STAYS) {
    d->state = DEPART_ASKS;
    d->asked_ns = n->now_ns;
    ask(n);
  }
  if (d->state == DEPART_WAITS) return true;
  if (is_asking(n)) return false;
  if (d->state == DEPART_ASKS && asks_again(n)) d->state = DEPART_ASKS_AGAIN;
  return !is_asking(n);
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
  if (!has_asked(n)) return;
  if (!is_needed(n, &h)) {
    tell_going(n, &h);
    go(n);
    return;
  }
  if (d->state != DEPART_WAITS) tell_wait(n, &h);
  d->state = DEPART_WAITS;
  if (n->now_ns >= d->ask_ns) ask(n);
}

void depart_end(struct node *n) {
  if (n->depart.state == DEPART_WAITS) tell_vain(n, "came not far enough and");
  go(n);
}
