/* election_timer.c: when a node campaigns if it hears no leader (paper 5.2). */
#include <raft/election_timer.h>

#include <raft/role.h>

/* The leader's removal is committed here, and an entry of its own term. A leader that is missing
 * from an older membership is new, not gone: the entry that adds it is still on its way. */
bool raft_leader_left(const struct raft *r) {
  const struct raft_membership *m = r->effective;
  return r->vote.committed && m->value.config_count == 1 && m->id.index <= r->committed.index &&
         m->id.term == r->vote.term && !rkv_membership_is_voter(&m->value, r->vote.node_id);
}

static uint64_t random_part(const struct raft *r, struct raft_now now) {
  return now.random % (r->config.election_max_ns - r->config.election_min_ns);
}

/* An eighth of the longest timeout: how far apart the voters' timers lie when a lease has run out.
 * The lease itself was the wait for the leader, so that a new one follows within 1.5 timeouts, one
 * split vote or refused question included. */
static uint64_t spread_ns(const struct raft *r) {
  return r->config.election_max_ns / 8 + 1;
}

/* After the loss of a leader the first attempt uses a short timeout. Later attempts use the full
 * one, for a disk or a network that is too slow for the short one. */
static bool repeats_soon(const struct raft *r) {
  return r->pre_vote.term != 0 || (r->role == RAFT_CANDIDATE && r->campaigns == 1);
}

/* From now to the next campaign: 5.2, "election timeouts are chosen randomly from a fixed
 * interval"; behind the lease if there is a leader to stay with. */
static uint64_t election_patience_ns(const struct raft *r, struct raft_now now) {
  uint64_t timeout = r->config.election_min_ns + random_part(r, now), spread = spread_ns(r);
  bool leased = r->vote.committed && now.ns < r->lease_until_ns;
  bool lone = raft_quorum_lone(&r->effective->value, r->config.id);
  if (raft_leader_left(r)) return r->config.removed_linger_ns + (lone ? 0 : random_part(r, now));
  if (lone && r->role != RAFT_CANDIDATE && raft_leader(r) == 0) return 0;
  if (leased) return r->lease_until_ns - now.ns + 1 + now.random % spread;
  if (r->longer_log_seen) return 2 * r->config.election_max_ns + timeout;
  return repeats_soon(r) ? spread + now.random % (2 * spread) : timeout;
}

void raft_arm_election(struct raft *r, struct raft_now now) {
  r->election_at_ns = RAFT_NEVER;
  if (r->role == RAFT_FOLLOWER || r->role == RAFT_CANDIDATE)
    r->election_at_ns = now.ns + election_patience_ns(r, now);
}

/* What this node owes already, by the settings of an earlier life (load_vote), it goes on owing. */
void raft_heard_leader(struct raft *r, struct raft_now now) {
  const uint64_t until = now.ns + r->config.election_max_ns;
  assert(r->vote.committed && r->role != RAFT_LEADER && r->role != RAFT_CANDIDATE);
  if (until > r->lease_until_ns) r->lease_until_ns = until;
  r->longer_log_seen = false;
  r->campaigns = 0;
  raft_arm_election(r, now);
}

void raft_settle_role(struct raft *r, struct raft_now now) {
  enum raft_role idle = raft_is_voter(r) ? RAFT_FOLLOWER : RAFT_LEARNER;
  if (r->role == idle || r->role == RAFT_LEADER) return;
  if (r->role == RAFT_CANDIDATE && idle == RAFT_FOLLOWER) return;
  r->role = idle;
  raft_arm_election(r, now);
  raft_announce_role(r);
}
