/* replicate.c: a leader's appends to its peers, and their answers (paper 5.3). */
#include <raft/replicate.h>

#include <raft/campaign.h>
#include <raft/change.h>
#include <raft/commit.h>
#include <raft/edge.h>
#include <raft/peers.h>
#include <raft/read.h>
#include <raft/role.h>
#include <raft/snapshot.h>
#include <raft/transfer.h>
#include <raft/vote.h>

/* ---- what to send ---- */

static uint64_t data_due(const struct raft *r, const struct raft_progress *p) {
  return raft_progress_data_due(p, r->log.last.index, r->config.append_window);
}

static uint64_t beat_due(const struct raft *r, const struct raft_progress *p) {
  /* Reads wait for a beat at once; a probe is due by itself, or pauses. */
  if (p->heartbeats_in_flight == 0 && p->mode != RAFT_PROBE && raft_reads_want(r, p)) return 0;
  return raft_progress_beat_due(p, r->committed.index, r->config.heartbeat_ns,
                                r->config.commit_notice_ns);
}

/* By the same rule as raft_next_append, so that no timer runs for what would not be sent. */
uint64_t raft_peers_deadline(const struct raft *r) {
  uint64_t least = RAFT_NEVER;
  assert(r->role == RAFT_LEADER);
  for (size_t i = 0; i < r->peer_count; i++) {
    uint64_t data = data_due(r, &r->peers[i]), beat = beat_due(r, &r->peers[i]);
    if (data < least) least = data;
    if (beat < least) least = beat;
  }
  return least;
}

static struct rkv_log_id id_before(const struct raft *r, rkv_index next) {
  struct rkv_log_id id = {0, 0};
  bool held = raft_log_at(&r->log, next - 1, &id);
  assert(held || next == 1); /* raft_progress_settle keeps next above what is purged */
  return id;
}

bool raft_next_append(struct raft *r, struct raft_now now, rkv_node_id peer,
                      struct raft_append_plan *plan) {
  struct raft_progress *p = r->role == RAFT_LEADER ? raft_find_peer(r, peer) : NULL;
  bool data;
  if (!p || r->failed) return false;
  data = now.ns >= data_due(r, p);
  if (!data && now.ns < beat_due(r, p)) return false;
  plan->vote = r->vote;
  plan->commit = r->committed;
  plan->round = r->round;
  plan->at_ns = now.ns;
  plan->prev = data || p->mode == RAFT_PROBE ? id_before(r, p->next) : p->matched;
  plan->from = plan->prev.index + 1;
  plan->to = plan->prev.index;
  if (data) {
    plan->to = r->log.last.index;
    if (plan->to - plan->prev.index > r->config.append_entries_max)
      plan->to = plan->prev.index + r->config.append_entries_max;
  }
  p->sent_ns = now.ns;
  p->sent_round = r->round;
  p->commit_sent = r->committed.index;
  r->round_unsent = false;
  return true;
}

void raft_append_sent(struct raft *r, rkv_node_id peer, const struct raft_append_plan *plan,
                      rkv_index sent) {
  struct raft_progress *p = raft_find_peer(r, peer);
  assert(r->role == RAFT_LEADER && p);
  assert(sent >= plan->prev.index && sent <= plan->to);
  raft_progress_sent(p, plan->prev.index, sent);
}

void raft_hold_entries(struct raft *r, rkv_node_id peer, uint64_t until_ns) {
  struct raft_progress *p = raft_find_peer(r, peer);
  if (p) p->reading_disk_until_ns = until_ns;
}

/* ---- what came back ---- */

/* The peer of an answer to this leadership's append; NULL: the answer is out of date. */
static struct raft_progress *answered_peer(struct raft *r, rkv_node_id peer, struct rkv_vote asked,
                                           bool empty) {
  struct raft_progress *p;
  if (r->role != RAFT_LEADER || rkv_vote_compare(asked, r->vote) != RKV_EQUAL) return NULL;
  p = raft_find_peer(r, peer);
  if (p) raft_progress_ended(p, empty);
  return p;
}

/* The vote of a peer that refuses: this leadership may be over. */
static bool overruled(struct raft *r, struct raft_now now, struct rkv_vote vote) {
  if (raft_is_overtaken(r, vote))
    raft_adopt_seen(r, now, vote);
  else if (raft_check_rival(r, vote, NULL) != RKV_OK)
    raft_outbid(r, now);
  return r->role != RAFT_LEADER;
}

/* A peer can hold only what it was sent, and that equals this log. */
static bool believable(const struct raft *r, struct rkv_log_id prev, rkv_index sent,
                       struct rkv_log_id matched) {
  if (matched.index < prev.index || matched.index > sent) return false;
  return matched.index <= r->log.purged.index || raft_log_has(&r->log, matched);
}

/* The peer accepted this leader. */
static void peer_accepted(struct raft *r, struct raft_now now, struct raft_progress *p,
                          const struct raft_append_plan *plan, uint64_t lease_ns) {
  raft_progress_answered(p, now.ns, plan->at_ns, plan->round);
  raft_take_promise(r, p, plan->at_ns, lease_ns);
}

static void matched_to(struct raft *r, struct raft_now now, struct raft_progress *p,
                       struct rkv_log_id matched, rkv_index sent) {
  raft_progress_success(p, matched, sent);
  raft_settle_peer(r, p);
  raft_advance_commit(r, now);
  raft_changes_advance(r, now);
  raft_transfer_advance(r);
  raft_purge_held(r);
}

static void peer_failed(struct raft *r, struct raft_now now, struct raft_progress *p) {
  raft_progress_failure(p, now.ns + r->config.retry_ns);
  raft_settle_peer(r, p);
}

void raft_on_append_answer(struct raft *r, struct raft_now now, rkv_node_id peer,
                           const struct raft_append_plan *plan, rkv_index sent,
                           enum rkv_append_result result, struct rkv_log_id matched,
                           struct rkv_vote vote, uint64_t lease_ns) {
  const struct rkv_log_id prev = plan->prev;
  bool empty = sent == prev.index;
  struct raft_progress *p = answered_peer(r, peer, plan->vote, empty);
  assert(sent >= prev.index);
  if (!p) return;
  if (result == RKV_APPEND_REJECTED && overruled(r, now, vote)) return;
  if (result == RKV_APPEND_CONFLICT && prev.index > 0) {
    peer_accepted(r, now, p, plan, lease_ns);
    raft_progress_conflict(p, prev.index, empty, r->log.purged.index);
    raft_settle_peer(r, p);
    raft_reads_advance(r);
  } else if (result == RKV_APPEND_SUCCESS && believable(r, prev, sent, matched)) {
    /* It took nothing of what it was sent: it has no room now. */
    if (!empty && matched.index == prev.index) p->throttled_until_ns = now.ns + r->config.retry_ns;
    peer_accepted(r, now, p, plan, lease_ns);
    if (plan->commit.index > p->commit_acked) p->commit_acked = plan->commit.index;
    matched_to(r, now, p, matched, sent);
  } else {
    peer_failed(r, now, p);
  }
  if (r->leaving) raft_sync_peers(r); /* a peer that left may know so now */
}

void raft_on_append_failed(struct raft *r, struct raft_now now, rkv_node_id peer,
                           const struct raft_append_plan *plan, rkv_index sent, bool stuck,
                           struct rkv_log_id matched) {
  struct raft_progress *p = answered_peer(r, peer, plan->vote, sent == plan->prev.index);
  assert(sent >= plan->prev.index);
  if (!p) return;
  if (stuck && believable(r, plan->prev, sent, matched)) {
    p->throttled_until_ns = now.ns + r->config.stuck_retry_ns;
    matched_to(r, now, p, matched, sent);
    p = raft_find_peer(r, peer);
    if (p) p->stuck = true;
    raft_purge_held(r);
  } else {
    peer_failed(r, now, p);
  }
  if (r->leaving) raft_sync_peers(r);
}

void raft_on_snapshot_sent(struct raft *r, struct raft_now now, rkv_node_id peer, bool ok,
                           struct rkv_log_id last, struct rkv_vote vote) {
  struct raft_progress *p = NULL;
  if (r->role != RAFT_LEADER) return; /* that leadership is over */
  if (overruled(r, now, vote)) return;
  p = raft_find_peer(r, peer);
  if (!p) return;
  assert(!ok || (last.index > 0 && last.index <= r->committed.index));
  if (ok)
    raft_progress_snapshot_done(p, last);
  else
    raft_progress_snapshot_failed(p, r->log.purged.index, now.ns + r->config.retry_ns);
  raft_settle_peers(r);
  raft_advance_commit(r, now);
  raft_changes_advance(r, now);
  raft_transfer_advance(r);
}

/* ---- what clients want ---- */

enum rkv_status raft_propose(struct raft *r, struct raft_now now, size_t count,
                             struct rkv_log_id *first, struct rkv_error *error) {
  (void)now;
  assert(count > 0);
  if (r->role != RAFT_LEADER) return raft_refuse_not_leader(r, error);
  if (r->transfer.target != 0) return raft_refuse_transferring(r, error);
  first->term = r->vote.term;
  first->index = r->log.last.index + 1;
  if (!raft_log_append(&r->log, *first, count)) {
    r->failed = true;
    return rkv_fail(error, RKV_NO_MEMORY, "no memory for log ids");
  }
  return RKV_OK;
}
