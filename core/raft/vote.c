/* vote.c: granting votes and taking greater ones (paper 5.2, 5.4.1; OpenRaft's partial order). */
#include <raft/vote.h>

#include <raft/edge.h>
#include <raft/election_timer.h>
#include <raft/step_down.h>

/* The order of the questions is OpenRaft's. */
bool raft_may_grant(const struct raft *r, struct raft_now now, struct rkv_vote vote,
                    struct rkv_log_id last, bool transfer) {
  /* No candidate sends these: another node runs under this one's id, or the peer is broken. */
  if (vote.committed || vote.node_id == r->config.id || vote.term == 0) return false;
  if (raft_check_edge(r, vote, last, NULL) != RKV_OK) return false;
  /* Dissertation 4.2.3: a server that hears from a leader does not help to depose it. */
  if (r->vote.committed && !transfer && (r->role == RAFT_LEADER || now.ns < r->lease_until_ns))
    return false;
  /* 5.4.1: the voter denies its vote if its own log is more up-to-date than the candidate's. */
  if (rkv_log_id_compare(last, r->log.last) < 0) return false;
  return rkv_vote_accepts(r->vote, vote);
}

void raft_on_vote_request(struct raft *r, struct raft_now now, struct rkv_vote vote,
                          struct rkv_log_id last, bool transfer, void *cookie) {
  bool granted = raft_may_grant(r, now, vote, last, transfer);
  struct raft_output *out;
  if (granted) {
    raft_adopt_vote(r, vote);
    raft_arm_election(r, now);
  }
  assert(!granted || rkv_vote_compare(r->vote, vote) == RKV_EQUAL);
  out = raft_push(r, RAFT_OUT_ANSWER_VOTE);
  out->cookie = cookie;
  out->granted = granted;
  out->vote = r->vote;
  out->id = r->log.last;
}

void raft_adopt_vote(struct raft *r, struct rkv_vote vote) {
  assert(rkv_vote_accepts(r->vote, vote));                 /* (I4) */
  assert(vote.node_id != r->config.id || !vote.committed); /* nobody else leads under this id */
  r->pre_vote = (struct rkv_vote){0, 0, false};            /* another node is ahead of this one */
  if (rkv_vote_compare(r->vote, vote) == RKV_EQUAL) return;
  r->vote = vote;
  raft_push(r, RAFT_OUT_SAVE_VOTE)->vote = vote;
  r->matches_leader_to = (struct rkv_log_id){0, 0}; /* nothing is known of the new leader's log */
  raft_become_follower(r);
}

bool raft_is_overtaken(const struct raft *r, struct rkv_vote seen) {
  return rkv_vote_compare(seen, r->vote) == RKV_GREATER && raft_believes_term(r, seen.term);
}

void raft_adopt_seen(struct raft *r, struct raft_now now, struct rkv_vote seen) {
  struct rkv_vote demoted = {seen.term, seen.node_id, false};
  assert(rkv_vote_compare(seen, r->vote) == RKV_GREATER);
  /* A greater vote of this node's own term is the winner's. This node voted for itself in that
   * term, so it follows the winner only once the winner's append arrives. A vote with this node's
   * own id is from a candidacy before a crash; no other node leads in that term, and the next
   * campaign of this node goes beyond it. */
  if (!rkv_vote_accepts(r->vote, demoted) || !raft_believes_term(r, seen.term)) return;
  raft_adopt_vote(r, demoted);
  raft_arm_election(r, now);
}
