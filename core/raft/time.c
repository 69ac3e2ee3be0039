/* time.c: what becomes due as time goes by. */
#include <raft/campaign.h>
#include <raft/check_quorum.h>
#include <raft/election_timer.h>
#include <raft/pre_vote.h>
#include <raft/replicate.h>
#include <raft/role.h>
#include <raft/snapshot.h>
#include <raft/step_down.h>
#include <raft/transfer.h>

uint64_t raft_deadline(const struct raft *r) {
  if (r->purge_due) return 0;
  if (r->role != RAFT_LEADER) return r->election_at_ns;
  const uint64_t peers = raft_peers_deadline(r);
  if (peers == 0) return 0; /* as while clients write: no look at the quorum */
  return raft_earlier_ns(raft_earlier_ns(peers, raft_quorum_deadline(r)),
                         raft_earlier_ns(r->resign_at_ns, r->transfer.until_ns));
}

/* A leader that removed itself has served long enough: the others elect one of theirs. */
static void resign(struct raft *r, struct raft_now now) {
  assert(r->role == RAFT_LEADER);
  r->resign_at_ns = RAFT_NEVER;
  if (raft_is_voter(r)) return; /* this node was taken back meanwhile */
  raft_step_down(r, now);
}

/* The election timeout passed: begins with a pre-vote. A node whose leader left, and a lone voter,
 * campaign at once (raft_campaign). */
static void stand(struct raft *r, struct raft_now now) {
  bool ask = r->config.pre_vote && !raft_leader_left(r) &&
             !raft_quorum_lone(&r->effective->value, r->config.id);
  if (ask)
    raft_ask_pre_votes(r, now);
  else
    raft_campaign(r, now, false);
}

void raft_on_time(struct raft *r, struct raft_now now) {
  assert(r->role != RAFT_LEADER || r->election_at_ns == RAFT_NEVER);
  raft_purge_time(r);
  if (r->role == RAFT_LEADER) {
    raft_transfer_time(r, now);
    if (now.ns >= r->resign_at_ns) resign(r, now);
  }
  if (r->role == RAFT_LEADER && now.ns >= raft_quorum_deadline(r)) raft_step_down(r, now);
  if (r->role != RAFT_LEADER && now.ns >= r->election_at_ns) stand(r, now);
}
