/* pre_vote.c: asking before campaigning, so that a node that was cut off, or that nobody can vote
 * for, disturbs nobody when it comes back (dissertation 9.6).
 *
 * Nothing is saved and no term moves, neither by asking nor by answering. A round that finds no
 * quorum is repeated by the election timer; it ends as soon as this node accepts another node's
 * vote. */
#include <raft/pre_vote.h>

#include <raft/campaign.h>
#include <raft/election_timer.h>
#include <raft/vote.h>

/* 9.6: "a candidate only increments its term if it first learns from a majority of the cluster that
 * they would be willing to grant the candidate their votes". */
void raft_ask_pre_votes(struct raft *r, struct raft_now now) {
  bool quorum;
  assert(r->config.pre_vote && (r->role == RAFT_FOLLOWER || r->role == RAFT_CANDIDATE));
  r->longer_log_seen = false;
  r->pre_vote = (struct rkv_vote){r->vote.term + 1, r->config.id, false};
  raft_arm_election(r, now);
  r->pre_granted.count = 0;
  quorum = raft_grants_add(r, &r->pre_granted, r->config.id);
  assert(!quorum); /* a lone voter campaigns at once */
  (void)quorum;
  raft_ask_voters(r, RAFT_OUT_SEND_PRE_VOTE, r->pre_vote, false);
}

/* 9.6: the same questions as for a vote, the lease of 4.2.3 first: a node that leads or hears a
 * leader does not help to depose it. */
void raft_on_pre_vote_request(struct raft *r, struct raft_now now, struct rkv_vote vote,
                              struct rkv_log_id last, void *cookie) {
  struct raft_output *out = raft_push(r, RAFT_OUT_ANSWER_PRE_VOTE);
  out->cookie = cookie;
  out->granted = raft_may_grant(r, now, vote, last, false);
  out->vote = r->vote;
  out->id = r->log.last;
}

/* The refusing peer's vote teaches this node the term, so that its next question is not refused for
 * the same reason; its log, that another should go first. The round goes on: others may grant. */
static void refused(struct raft *r, struct raft_now now, struct rkv_vote vote,
                    struct rkv_log_id last) {
  if (rkv_vote_compare(vote, r->vote) == RKV_GREATER) raft_adopt_seen(r, now, vote);
  if (rkv_log_id_compare(last, r->log.last) <= 0) return;
  r->longer_log_seen = true;
  raft_arm_election(r, now);
}

void raft_on_pre_vote_answer(struct raft *r, struct raft_now now, rkv_node_id from,
                             struct rkv_vote asked, bool unknown, bool granted,
                             struct rkv_vote vote, struct rkv_log_id last) {
  if (r->role != RAFT_FOLLOWER && r->role != RAFT_CANDIDATE) return;
  if (r->pre_vote.term == 0 || rkv_vote_compare(asked, r->pre_vote) != RKV_EQUAL) return;
  if (!rkv_membership_is_voter(&r->effective->value, from)) return;
  assert(r->pre_vote.term == r->vote.term + 1);
  if (!granted && !unknown)
    refused(r, now, vote, last);
  else if (raft_grants_add(r, &r->pre_granted, from))
    raft_campaign(r, now, false);
}
