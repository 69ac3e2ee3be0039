/* election.c: timers, candidacy, becoming leader and ceasing to be one (paper 5.2). */
#include <raft/raft_internal.h>

/* ---- timers ---- */

/* The leader is known to have left the cluster: its removal is committed, and of its own term. One
 * that an older membership does not name has joined since: its entry is still on the way. */
static bool leader_left(const struct raft *r) {
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

/* The first question or campaign after a leader is repeated soon; a disk or a network too slow for
 * that gets the whole interval from then on. */
static bool repeats_soon(const struct raft *r) {
  return r->pre_vote.term != 0 || (r->role == RAFT_CANDIDATE && r->campaigns == 1);
}

/* From now to the next campaign: 5.2, "election timeouts are chosen randomly from a fixed
 * interval"; behind the lease if there is a leader to stay with. */
static uint64_t patience_ns(const struct raft *r, struct raft_now now) {
  uint64_t timeout = r->config.election_min_ns + random_part(r, now), spread = spread_ns(r);
  bool leased = r->vote.committed && now.ns < r->lease_until_ns;
  bool lone = raft_quorum_lone(&r->effective->value, r->config.id);
  if (leader_left(r)) return r->config.removed_linger_ns + (lone ? 0 : random_part(r, now));
  if (lone && r->role != RAFT_CANDIDATE && raft_leader(r) == 0) return 0;
  if (leased) return r->lease_until_ns - now.ns + 1 + now.random % spread;
  if (r->longer_log_seen) return 2 * r->config.election_max_ns + timeout;
  return repeats_soon(r) ? spread + now.random % (2 * spread) : timeout;
}

void raft_arm_election(struct raft *r, struct raft_now now) {
  r->election_at_ns = RAFT_NEVER;
  if (r->role == RAFT_FOLLOWER || r->role == RAFT_CANDIDATE)
    r->election_at_ns = now.ns + patience_ns(r, now);
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

static uint64_t min_ns(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

uint64_t raft_deadline(const struct raft *r) {
  if (r->purge_due) return 0;
  if (r->role != RAFT_LEADER) return r->election_at_ns;
  return min_ns(min_ns(raft_peers_deadline(r), raft_quorum_deadline(r)),
                min_ns(r->resign_at_ns, r->transfer.until_ns));
}

/* A leader that removed itself has served long enough: the others elect one of theirs. */
static void resign(struct raft *r, struct raft_now now) {
  assert(r->role == RAFT_LEADER);
  r->resign_at_ns = RAFT_NEVER;
  if (raft_is_voter(r)) return; /* it was taken back meanwhile */
  raft_step_down(r, now);
}

/* Whose leader left, and who is alone, has nobody to ask first: see raft_campaign. */
static void stand(struct raft *r, struct raft_now now) {
  bool ask = r->config.pre_vote && !leader_left(r) &&
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

/* ---- candidacy ---- */

void raft_ask_voters(struct raft *r, enum raft_output_type type, struct rkv_vote vote,
                     bool transfer) {
  const struct rkv_membership *m = &r->effective->value;
  uint32_t i;
  for (i = 0; i < m->node_count; i++) {
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
  if (leader_left(r)) transfer = true; /* nobody owes that leader a lease */
  assert(r->role != RAFT_LEADER && raft_is_voter(r));
  assert(r->vote.term < RAFT_TERM_MAX); /* edge.h */
  r->vote = (struct rkv_vote){r->vote.term + 1, r->config.id, false};
  r->verified = (struct rkv_log_id){0, 0};
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

/* ---- the end of it ---- */

void raft_become_follower(struct raft *r) {
  bool led = r->role == RAFT_LEADER;
  assert(r->role == RAFT_LEARNER || r->vote.term > 0);
  r->role = raft_is_voter(r) ? RAFT_FOLLOWER : RAFT_LEARNER;
  r->peer_count = 0;
  r->leaving = false;
  r->resign_at_ns = RAFT_NEVER;
  raft_announce_role(r);
  if (!led) return;
  raft_push(r, RAFT_OUT_DROP_PROPOSALS)->id = r->committed;
  raft_changes_abort(r);
  raft_reads_abort(r);
  raft_transfer_end(r);
}

void raft_step_down(struct raft *r, struct raft_now now) {
  assert(r->role == RAFT_LEADER && r->vote.node_id == r->config.id);
  r->lease_until_ns = now.ns; /* it owes itself nothing */
  raft_become_follower(r);
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
