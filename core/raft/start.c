/* start.c: making a raft of what survived the last run, and its end. */
#include <raft/election_timer.h>
#include <raft/limits.h>
#include <raft/membership.h>
#include <raft/role.h>
#include <raft/snapshot.h>

#include <inttypes.h>
#include <stdlib.h>

#define QUEUE_FIRST 32 /* outputs of the first allocation */

static enum rkv_status check_config(const struct raft_config *c, struct rkv_error *error) {
  if (c->id == 0) return rkv_fail(error, RKV_INVALID, "id: 0 is no node id (1 or more)");
  if (c->heartbeat_ns == 0 || c->heartbeat_ns >= c->election_min_ns)
    return rkv_fail(error, RKV_INVALID, "heartbeat_interval: above 0, below election_timeout_min");
  if (c->election_min_ns >= c->election_max_ns || c->election_max_ns > RAFT_DURATION_MAX_NS)
    return rkv_fail(error, RKV_INVALID,
                    "election_timeout_min: below election_timeout_max, which is a day at most");
  if (c->commit_notice_ns > c->heartbeat_ns)
    return rkv_fail(error, RKV_INVALID, "commit_notice: at most heartbeat_interval");
  if (c->retry_ns == 0 || c->retry_ns > RAFT_DURATION_MAX_NS || c->stuck_retry_ns == 0 ||
      c->stuck_retry_ns > RAFT_DURATION_MAX_NS || c->removed_linger_ns > RAFT_DURATION_MAX_NS)
    return rkv_fail(error, RKV_INVALID, "retry, stuck_retry: above 0 and a day at most");
  if (c->lease_promise_max_ns > RAFT_DURATION_MAX_NS)
    return rkv_fail(error, RKV_INVALID, "lease_promise_max: a day at most");
  if (c->lease_drift_ppm > 1000000 && c->lease_drift_ppm != RAFT_LEASE_OFF)
    return rkv_fail(error, RKV_INVALID, "lease_drift_ppm: at most 1000000 parts per million");
  if (c->append_entries_max == 0 || c->append_window == 0)
    return rkv_fail(error, RKV_INVALID, "append_entries_max, append_window: above 0");
  return RKV_OK;
}

/* True if both can be ids, and the later one of one log. */
static bool follows(struct rkv_log_id before, struct rkv_log_id id) {
  if (!raft_id_is_storable(id)) return false;
  if (before.index == 0 && before.term != 0) return false;
  return id.index == before.index ? id.term == before.term
                                  : id.index > before.index && id.term >= before.term;
}

static enum rkv_status check_terms(const struct raft_start *s, struct rkv_error *error) {
  struct rkv_log_id before = s->purged;
  if ((s->term_count == 0) != (s->last.index == s->purged.index))
    return rkv_fail(error, RKV_CORRUPT, "log: its terms and its length contradict each other");
  for (size_t i = 0; i < s->term_count; i++) {
    struct rkv_log_id at = s->terms[i];
    bool next = i == 0 ? at.index == before.index + 1 && at.term >= before.term
                       : at.index > before.index && at.term > before.term;
    if (!next || at.index > s->last.index)
      return rkv_fail(error, RKV_CORRUPT, "log: term %" PRIu64 " does not follow at index %" PRIu64,
                      at.term, at.index);
    before = at;
  }
  if (s->last.term != before.term || s->last.index < s->purged.index)
    return rkv_fail(error, RKV_CORRUPT, "log: its last id contradicts its terms");
  if (!raft_id_is_storable(s->last))
    return rkv_fail(error, RKV_CORRUPT,
                    "log: it ends with index %" PRIu64 " of term %" PRIu64 ": no log is so long",
                    s->last.index, s->last.term);
  return RKV_OK;
}

static enum rkv_status check_start(const struct raft_start *s, struct rkv_error *error) {
  enum rkv_status status = check_terms(s, error);
  if (status != RKV_OK) return status;
  if (!raft_id_is_storable((struct rkv_log_id){s->vote.term, 0}))
    return rkv_fail(
        error, RKV_CORRUPT,
        "vote: term %" PRIu64 " leaves no room for the next elections (a broken node or a "
        "stranger made it so: empty the storage, and the leader takes the node in anew)",
        s->vote.term);
  if (s->vote.term < s->last.term && s->last.index > s->snapshot.index)
    return rkv_fail(error, RKV_CORRUPT,
                    "vote: term %" PRIu64 ", but the log ends with term %" PRIu64, s->vote.term,
                    s->last.term);
  if (!follows(s->purged, s->snapshot) || !follows(s->snapshot, s->applied))
    return rkv_fail(error, RKV_CORRUPT,
                    "log purged to %" PRIu64 ", snapshot to %" PRIu64 ", state machine at %" PRIu64
                    ": out of order",
                    s->purged.index, s->snapshot.index, s->applied.index);
  if (s->membership_count > 2) return rkv_fail(error, RKV_CORRUPT, "more than two memberships");
  for (size_t i = 0; i < s->membership_count; i++) {
    const struct raft_membership *m = &s->memberships[i];
    if (m->id.index == 0 || (i > 0 && m->id.index <= m[-1].id.index) ||
        (m->id.index > s->last.index && m->id.index > s->snapshot.index))
      return rkv_fail(error, RKV_CORRUPT, "membership at index %" PRIu64 ": not in the log",
                      m->id.index);
    status = rkv_membership_check(&m->value, error);
    if (status != RKV_OK) return status;
  }
  return RKV_OK;
}

/* The log contradicts the snapshot, so it goes, and its memberships with it: of those up to the
 * snapshot's last entry only the first one given, the snapshot's own, was ever committed. */
static void drop_overruled(struct raft *r, const struct raft_start *s) {
  if (s->membership_count < 2) return;
  r->effective = r->previous;
  r->previous = NULL;
}

/* Fills the log; what a crash between a snapshot's install and the purge left is put right. */
static enum rkv_status load_log(struct raft *r, const struct raft_start *s,
                                struct rkv_error *error) {
  raft_log_open(&r->log, s->purged);
  for (size_t i = 0; i < s->term_count; i++) {
    rkv_index end = i + 1 < s->term_count ? s->terms[i + 1].index : s->last.index + 1;
    if (!raft_log_append(&r->log, s->terms[i], (size_t)(end - s->terms[i].index)))
      return rkv_fail(error, RKV_NO_MEMORY, "no memory for the log's terms");
  }
  r->saved = r->log.last;
  r->snapshot = s->snapshot;
  r->committed = s->applied;
  r->applied = s->applied;
  r->build_after = s->snapshot.index;
  if (s->snapshot.index > s->purged.index && !raft_log_has(&r->log, s->snapshot)) {
    raft_log_restart(r, s->snapshot);
    drop_overruled(r, s);
  }
  if (!raft_log_has(&r->log, s->applied))
    return rkv_fail(error, RKV_CORRUPT,
                    "the state machine holds entry %" PRIu64 " of term %" PRIu64
                    ", which the log contradicts",
                    s->applied.index, s->applied.term);
  (void)raft_membership_revert(r, r->log.last.index);
  return RKV_OK;
}

static void load_memberships(struct raft *r, const struct raft_start *s) {
  r->effective = &r->slots[0];
  for (size_t i = 0; i < s->membership_count; i++) {
    struct raft_membership *slot = raft_membership_slot(r);
    *slot = s->memberships[i];
    raft_membership_push(r, slot);
  }
}

/* A node that kept a committed vote stays with that leader for as long as any earlier life of it,
 * with whatever election_max_ns, may have promised; a lone voter waits for nobody. */
static void load_vote(struct raft *r, struct rkv_vote vote, struct raft_now now) {
  const uint64_t mine = r->config.election_max_ns, most = r->config.lease_promise_max_ns;
  r->vote = vote;
  r->role = raft_is_voter(r) ? RAFT_FOLLOWER : RAFT_LEARNER;
  if (vote.committed) r->lease_until_ns = now.ns + (mine > most ? mine : most);
  raft_arm_election(r, now);
  if (raft_is_voter(r) && raft_quorum_lone(&r->effective->value, r->config.id))
    r->election_at_ns = now.ns;
  r->announced.role = r->role;
  r->announced.leader = raft_leader(r);
  r->announced.term = vote.term;
}

/* A snapshot that was installed may be durable before the vote of the leader that sent it. Nothing
 * was granted in that term, so it is enough to stay out of its elections: a vote for nobody. */
static struct rkv_vote start_vote(const struct raft_start *start) {
  struct rkv_vote nobody = {start->snapshot.term, 0, false};
  return start->vote.term < start->snapshot.term ? nobody : start->vote;
}

enum rkv_status raft_new(const struct raft_config *config, const struct raft_start *start,
                         struct raft_now now, struct raft **out, struct rkv_error *error) {
  struct raft *r = NULL;
  enum rkv_status status = check_config(config, error);
  *out = NULL;
  if (status == RKV_OK) status = check_start(start, error);
  if (status != RKV_OK) return status;
  r = calloc(1, sizeof *r);
  if (r) r->queue.list = malloc(QUEUE_FIRST * sizeof *r->queue.list);
  if (!r || !r->queue.list) {
    status = rkv_fail(error, RKV_NO_MEMORY, "no memory for a raft of %zu bytes", sizeof *r);
    goto end;
  }
  r->queue.capacity = QUEUE_FIRST;
  r->config = *config;
  r->resign_at_ns = RAFT_NEVER;
  r->transfer.until_ns = RAFT_NEVER;
  load_memberships(r, start);
  status = load_log(r, start, error);
  if (status != RKV_OK) goto end;
  load_vote(r, start_vote(start), now);
  *out = r;
  r = NULL;
end:
  raft_free(r);
  return status;
}

void raft_free(struct raft *r) {
  if (!r) return;
  raft_log_close(&r->log);
  free(r->queue.list);
  free(r);
}
