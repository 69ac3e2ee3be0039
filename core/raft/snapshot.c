/* snapshot.c: when to build one, what to keep behind it, and taking a leader's (paper section
 * 7). */
#include <raft/snapshot.h>

#include <raft/change.h>
#include <raft/edge.h>
#include <raft/election_timer.h>
#include <raft/membership.h>
#include <raft/peers.h>
#include <raft/step_down.h>
#include <raft/vote.h>

static void build(struct raft *r) {
  assert(!r->building);
  r->building = true;
  r->build_after = r->applied.index;
  (void)raft_push(r, RAFT_OUT_BUILD_SNAPSHOT);
}

void raft_maybe_build(struct raft *r) {
  assert(r->build_after <= r->applied.index);
  if (r->building || r->config.snapshot_after == 0) return;
  if (r->applied.index - r->build_after >= r->config.snapshot_after) build(r);
}

enum rkv_status raft_trigger_snapshot(struct raft *r, struct raft_now now,
                                      struct rkv_error *error) {
  (void)now;
  if (r->building) return rkv_fail(error, RKV_PRECONDITION, "a snapshot is being built");
  if (r->applied.index == 0) return rkv_fail(error, RKV_PRECONDITION, "nothing was applied yet");
  build(r);
  return RKV_OK;
}

void raft_on_applied(struct raft *r, struct raft_now now, struct rkv_log_id id) {
  (void)now;
  assert(id.index <= r->committed.index); /* (I1) */
  if (id.index <= r->applied.index) return;
  assert(raft_log_has(&r->log, id));
  r->applied = id;
  raft_maybe_build(r);
}

/* ---- what to keep ---- */

static rkv_index behind_snapshot(const struct raft *r, uint64_t entries) {
  return r->snapshot.index > entries ? r->snapshot.index - entries : 0;
}

/* What a peer that answers still needs is kept for it, for sending it a snapshot would cost more;
 * but of a peer that gets no nearer not more than purge_hold_max. */
static rkv_index needed_above(const struct raft *r, rkv_index end) {
  rkv_index floor = behind_snapshot(r, r->config.purge_hold_max), need = end;
  for (size_t i = 0; i < r->peer_count; i++) {
    const struct raft_progress *p = &r->peers[i];
    if (!p->reached || p->stuck || p->mode == RAFT_SNAPSHOT) continue;
    if (p->matched.index < need) need = p->matched.index;
  }
  if (need < floor) need = floor;
  return need < end ? need : end;
}

/* Drops what the newest snapshot covers, but keeps the newest entries for peers a little behind.
 * One step of it: the driver frees what is dropped, and writes wait for that. */
static void purge_behind_snapshot(struct raft *r) {
  rkv_index end = behind_snapshot(r, r->config.keep_entries), to = needed_above(r, end);
  const uint64_t step = r->config.purge_step;
  struct rkv_log_id id;
  r->purge_held = to < end;
  r->purge_due = step > 0 && to > r->log.purged.index && to - r->log.purged.index > step;
  if (r->purge_due) to = r->log.purged.index + step;
  if (to <= r->log.purged.index || !raft_log_at(&r->log, to, &id)) return;
  assert(id.index <= r->applied.index); /* (I1) */
  raft_log_purge(&r->log, id);
  raft_push(r, RAFT_OUT_PURGE)->id = id;
  raft_settle_peers(r);
}

void raft_purge_time(struct raft *r) {
  if (r->purge_due) purge_behind_snapshot(r);
}

void raft_purge_held(struct raft *r) {
  rkv_index end = behind_snapshot(r, r->config.keep_entries);
  if (r->purge_held && needed_above(r, end) == end) purge_behind_snapshot(r);
}

void raft_on_snapshot_built(struct raft *r, struct raft_now now, struct rkv_log_id last) {
  (void)now;
  assert(last.index <= r->applied.index); /* (I1) */
  r->building = false;
  if (last.index <= r->snapshot.index) return; /* it failed, or a leader's is newer */
  r->snapshot = last;
  purge_behind_snapshot(r);
}

/* ---- a leader's snapshot ---- */

enum raft_offer raft_on_snapshot_offer(struct raft *r, struct raft_now now, struct rkv_vote vote,
                                       struct rkv_log_id last) {
  if (!vote.committed || vote.node_id == r->config.id || !rkv_vote_accepts(r->vote, vote))
    return RAFT_OFFER_REJECT;
  /* No leader offers these: ids out of order with its vote, or with what is committed here. */
  if (last.term > vote.term || raft_check_edge(r, vote, last, NULL) != RKV_OK || vote.term == 0 ||
      (last.index > r->committed.index && last.term < r->committed.term))
    return RAFT_OFFER_REJECT;
  raft_adopt_vote(r, vote);
  raft_heard_leader(r, now);
  assert(r->role != RAFT_LEADER && r->role != RAFT_CANDIDATE);
  return last.index <= r->committed.index ? RAFT_OFFER_HAVE : RAFT_OFFER_TAKE;
}

void raft_log_restart(struct raft *r, struct rkv_log_id last) {
  rkv_index keep = r->committed.index < last.index ? r->committed.index : r->log.purged.index;
  assert(last.index > r->log.purged.index);
  if (r->log.last.index >= last.index && !raft_log_has(&r->log, last)) {
    raft_log_truncate(&r->log, keep);
    raft_push(r, RAFT_OUT_TRUNCATE)->id = r->log.last;
  }
  raft_log_purge(&r->log, last);
  raft_push(r, RAFT_OUT_PURGE)->id = last;
  if (r->saved.index < last.index) r->saved = last;
  if (r->saved.index > r->log.last.index) r->saved = r->log.last;
}

/* Section 7: "if instead the follower receives a snapshot that describes a prefix of its log, then
 * log entries covered by the snapshot are deleted but entries following the snapshot are still
 * valid and must be retained"; else the whole log goes. */
void raft_on_snapshot_installed(struct raft *r, struct raft_now now, struct rkv_log_id last,
                                const struct raft_membership *membership) {
  bool held = raft_log_has(&r->log, last), changed = false;
  assert(last.index > 0 && membership);
  if (last.index <= r->log.purged.index) return;         /* late: a newer one is here already */
  if (!held && last.index <= r->committed.index) return; /* nor may it undo what is committed */
  if (!held && r->role == RAFT_LEADER) { /* leader completeness (5.4.3): only by a false snapshot */
    raft_step_down(r, now);
  }
  if (!held && last.index <= r->log.last.index)
    changed = raft_membership_revert(r, r->committed.index);
  raft_log_restart(r, last);
  /* Behind the commit index the log itself says which memberships are in force. */
  if (last.index >= r->committed.index && raft_membership_restore(r, membership, last.index))
    changed = true;
  if (last.index > r->snapshot.index) r->snapshot = last;
  if (last.index > r->committed.index) r->committed = last;
  if (last.index > r->applied.index) r->applied = last;
  if (last.index > r->matches_leader_to.index) r->matches_leader_to = last;
  if (last.index > r->build_after) r->build_after = last.index;
  raft_settle_peers(r); /* it may lead meanwhile */
  if (changed) raft_membership_announce(r, now);
  raft_settle_role(r, now);
  raft_changes_advance(r, now);
}
