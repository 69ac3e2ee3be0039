/* campaign.c: candidacy, and becoming leader (paper 5.2). */
#include <raft/campaign.h>

#include <raft/election_timer.h>
#include <raft/limits.h>
#include <raft/peers.h>
#include <raft/role.h>
#include <raft/step_down.h>
#include <raft/vote.h>

void raft_ask_voters(struct raft *r, enum raft_output_type type, struct rkv_vote vote,
                     bool transfer) {
  const struct rkv_membership *m = &r->effective->value;
  for (uint32_t i = 0; i < m->node_count; i++) {
    struct raft_output *out;
    rkv_node_id voter = m->nodes[i].id;
    if (voter == r->config.id || !rkv_membership_is_voter(m, voter)) continue;
    out = raft_push(r, type);
    out->peer = voter;
    out->vote = vote;
    out->id = r->log.last;
    out->transfer = transfer;
  }
}

bool raft_grants_add(const struct raft *r, struct raft_grants *grants, rkv_node_id voter) {
  size_t i = 0;
  while (i < grants->count && grants->ids[i] != voter) i++;
  assert(i < RKV_NODES_MAX);
  if (i == grants->count) grants->ids[grants->count++] = voter;
  return raft_quorum_has(&r->effective->value, grants->ids, grants->count);
}

/* 5.2: "a follower increments its current term and transitions to candidate state. It then votes
 * for itself and issues RequestVote RPCs in parallel to each of the other servers." The own vote
 * counts once it is saved. */
void raft_campaign(struct raft *r, struct raft_now now, bool transfer) {
  if (raft_leader_left(r)) transfer = true; /* nobody owes that leader a lease */
  assert(r->role != RAFT_LEADER && raft_is_voter(r));
  assert(r->vote.term < RAFT_TERM_MAX); /* limits.h */
  r->vote = (struct rkv_vote){r->vote.term + 1, r->config.id, false};
  r->matches_leader_to = (struct rkv_log_id){0, 0};
  r->granted.count = 0;
  r->pre_vote = (struct rkv_vote){0, 0, false};
  r->longer_log_seen = false;
  r->role = RAFT_CANDIDATE;
  if (r->campaigns < 2) r->campaigns++;
  raft_arm_election(r, now);
  raft_announce_role(r);
  raft_push(r, RAFT_OUT_SAVE_VOTE)->vote = r->vote;
  raft_ask_voters(r, RAFT_OUT_SEND_VOTE, r->vote, transfer);
}

/* A leader that is to leave campaigns no more; the one behind it has a later term anyway. */
void raft_outbid(struct raft *r, struct raft_now now) {
  assert(r->role == RAFT_LEADER);
  if (!raft_is_voter(r)) return;
  raft_step_down(r, now);
  raft_campaign(r, now, true);
}

/* 5.2: "a leader sends heartbeats to all to establish its authority": the first probe of each peer.
 * The blank entry lets it commit what earlier leaders left (5.4.2, section 8). */
static void become_leader(struct raft *r, struct raft_now now) {
  struct raft_output *out;
  assert(r->role == RAFT_CANDIDATE && r->vote.node_id == r->config.id); /* (I3) */
  r->vote.committed = true;
  r->role = RAFT_LEADER;
  r->pre_vote = (struct rkv_vote){0, 0, false};
  r->quorum_since_ns = now.ns;
  r->lease_void = false;
  raft_arm_election(r, now);
  raft_push(r, RAFT_OUT_SAVE_VOTE)->vote = r->vote;
  raft_announce_role(r);
  r->peer_count = 0;
  r->leaving = false;
  raft_sync_peers(r);
  if (!raft_log_append(&r->log, (struct rkv_log_id){r->vote.term, r->log.last.index + 1}, 1)) {
    r->failed = true;
    return;
  }
  out = raft_push(r, RAFT_OUT_APPEND_OWN);
  out->id = r->log.last;
  out->kind = RKV_ENTRY_BLANK;
}

static void count_grant(struct raft *r, struct raft_now now, rkv_node_id voter) {
  assert(r->role == RAFT_CANDIDATE);
  if (raft_grants_add(r, &r->granted, voter)) become_leader(r, now);
}

void raft_on_vote_saved(struct raft *r, struct raft_now now, struct rkv_vote vote) {
  assert(vote.term <= r->vote.term);
  if (r->role == RAFT_CANDIDATE && rkv_vote_compare(vote, r->vote) == RKV_EQUAL)
    count_grant(r, now, r->config.id);
}

void raft_on_vote_answer(struct raft *r, struct raft_now now, rkv_node_id from,
                         struct rkv_vote asked, bool granted, struct rkv_vote vote,
                         struct rkv_log_id last) {
  if (r->role != RAFT_CANDIDATE || rkv_vote_compare(asked, r->vote) != RKV_EQUAL) return;
  if (!rkv_membership_is_voter(&r->effective->value, from)) return;
  assert(r->election_at_ns != RAFT_NEVER);
  if (granted && rkv_vote_compare(vote, r->vote) == RKV_EQUAL) {
    count_grant(r, now, from);
    return;
  }
  if (rkv_vote_compare(vote, r->vote) == RKV_GREATER) raft_adopt_seen(r, now, vote);
  if (rkv_log_id_compare(last, r->log.last) <= 0) return;
  /* That peer can win, and this node cannot without it: leave it the time. */
  r->longer_log_seen = true;
  raft_arm_election(r, now);
}
