/* lost.c: finds peers that lack what they had acknowledged (lost.h). */
#include <node/lost.h>

#include <node/kernel/state.h>
#include <node/peers.h>

#include <inttypes.h>

/* False: the peer says that it holds more than it was sent, which cannot be. */
static bool is_true(const struct rkv_append_call *answer) {
  return answer->matched.index <= answer->prev.index + answer->entry_count;
}

static void acknowledged(struct node *n, struct holding *h, struct rkv_vote vote, rkv_index index) {
  if (rkv_vote_compare(h->vote, vote) != RKV_EQUAL) *h = (struct holding){.vote = vote};
  if (index <= h->index) return;
  h->index = index;
  h->at_ns = n->now_ns;
}

/* True if the peer denies an entry that it had acknowledged. An append that was planned before the
 * acknowledgement came says nothing: it may have overtaken the append that was acknowledged. */
static bool lacks(const struct holding *h, const struct raft_append_plan *plan) {
  return rkv_vote_compare(h->vote, plan->vote) == RKV_EQUAL && plan->prev.index > 0 &&
         plan->prev.index <= h->index && plan->at_ns > h->at_ns;
}

void lost_look(struct node *n, rkv_node_id id, const struct raft_append_plan *plan,
               const struct rkv_append_call *answer) {
  struct node_peer *peer = peer_find(n, id);
  if (!peer) return;
  struct holding *h = &peer->holding;
  if (answer->result == RKV_APPEND_SUCCESS && is_true(answer))
    acknowledged(n, h, plan->vote, answer->matched.index);
  if (answer->result != RKV_APPEND_CONFLICT || h->lost || !lacks(h, plan)) return;
  rkv_log(n->plugins.host, RKV_LOG_WARN, NODE_LOG,
          "member lacks what it had acknowledged id=%" PRIu64 " acknowledged=%" PRIu64
          " lacks=%" PRIu64 ": its storage "
          "was put back to an older state (it learns anew, and before that it does not vote)",
          id, h->index, plan->prev.index);
  h->index = 0;
  h->lost = rkv_membership_is_voter(&raft_effective(n->raft)->value, id);
  n->count.losses++;
  n->tend_ns = 0;
}
