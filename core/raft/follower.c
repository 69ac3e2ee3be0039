/* follower.c: AppendEntries as the receiver, and what became durable (paper 5.3). */
#include <raft/change.h>
#include <raft/commit.h>
#include <raft/edge.h>
#include <raft/election_timer.h>
#include <raft/membership.h>
#include <raft/read.h>
#include <raft/step_down.h>
#include <raft/vote.h>

#include <inttypes.h>

/* ---- is the request one that a leader could send ---- */

static enum rkv_status check_entry(const struct raft_entry *e, struct rkv_log_id before,
                                   struct rkv_vote vote, struct rkv_error *error) {
  if (e->id.index != before.index + 1)
    return rkv_fail(error, RKV_INVALID, "entries: index %" PRIu64 " follows %" PRIu64 ": a gap",
                    e->id.index, before.index);
  if (e->id.term < before.term || e->id.term > vote.term)
    return rkv_fail(error, RKV_INVALID,
                    "entries: term %" PRIu64 " at index %" PRIu64 " after term %" PRIu64,
                    e->id.term, e->id.index, before.term);
  if ((e->kind == RKV_ENTRY_MEMBERSHIP) != (e->membership != NULL))
    return rkv_fail(error, RKV_INVALID,
                    "entries: index %" PRIu64 ": kind and membership contradict", e->id.index);
  return RKV_OK;
}

static enum rkv_status check_request(const struct raft *r, struct rkv_vote vote,
                                     struct rkv_log_id prev, const struct raft_entry *entries,
                                     size_t count, struct rkv_error *error) {
  struct rkv_log_id before = prev;
  enum rkv_status status;
  if (!vote.committed)
    return rkv_fail(error, RKV_INVALID, "vote: not committed, so nobody leads by it");
  /* No node leads in term 0. A node that knows a later term rejects the append below. */
  if (vote.term == 0 && r->vote.term == 0) return rkv_fail(error, RKV_INVALID, "vote: term 0");
  if (vote.node_id == r->config.id)
    return rkv_fail(error, RKV_INVALID, "vote: the leader has the id of this node, %" PRIu64,
                    r->config.id);
  if (prev.term > vote.term || (prev.index == 0 && prev.term != 0))
    return rkv_fail(error, RKV_INVALID, "prev_log_id: term %" PRIu64 " at index %" PRIu64,
                    prev.term, prev.index);
  status = raft_check_edge(r, vote, count > 0 ? entries[count - 1].id : prev, error);
  if (status != RKV_OK) return status;
  for (size_t i = 0; i < count; i++) {
    status = check_entry(&entries[i], before, vote, error);
    if (status != RKV_OK) return status;
    before = entries[i].id;
  }
  return RKV_OK;
}

/* Committed entries never change: a leader that wants to change one is broken, or of another
 * cluster. */
static enum rkv_status check_committed(const struct raft *r, struct rkv_log_id prev,
                                       const struct raft_entry *entries, size_t count,
                                       struct rkv_error *error) {
  struct rkv_log_id held;
  if (prev.index > 0 && prev.index <= r->committed.index &&
      raft_log_at(&r->log, prev.index, &held) && held.term != prev.term)
    return rkv_fail(error, RKV_INVALID,
                    "prev_log_id: index %" PRIu64 " is committed here with term %" PRIu64
                    ", not %" PRIu64,
                    held.index, held.term, prev.term);
  for (size_t i = 0; i < count && entries[i].id.index <= r->committed.index + 1; i++) {
    if (entries[i].id.index > r->committed.index) {
      if (entries[i].id.term >= r->committed.term) return RKV_OK;
      return rkv_fail(error, RKV_INVALID,
                      "entries: term %" PRIu64 " at index %" PRIu64
                      " behind a committed entry of term %" PRIu64,
                      entries[i].id.term, entries[i].id.index, r->committed.term);
    }
    if (raft_log_at(&r->log, entries[i].id.index, &held) && held.term != entries[i].id.term)
      return rkv_fail(error, RKV_INVALID,
                      "entries: index %" PRIu64 " is committed here with term %" PRIu64
                      ", not %" PRIu64,
                      held.index, held.term, entries[i].id.term);
  }
  return RKV_OK;
}

/* ---- the log ---- */

/* True if the effective membership changed. */
static bool truncate_after(struct raft *r, rkv_index after) {
  assert(after >= r->committed.index); /* (I5) */
  assert(r->role != RAFT_LEADER);
  if (after >= r->log.last.index) return false;
  raft_log_truncate(&r->log, after);
  if (r->saved.index > after) r->saved = r->log.last;
  raft_push(r, RAFT_OUT_TRUNCATE)->id = r->log.last;
  raft_changes_abort_init(r);
  return raft_membership_revert(r, after);
}

/* 5.3: "the leader finds the latest log entry where the two logs agree". An index that is
 * committed always matches. */
static bool holds_prev(const struct raft *r, struct rkv_log_id prev) {
  return prev.index <= r->committed.index || raft_log_has(&r->log, prev);
}

/* How many of the entries stand in the log already. */
static size_t count_held(const struct raft *r, const struct raft_entry *entries, size_t count) {
  size_t held = 0;
  while (held < count &&
         (entries[held].id.index <= r->committed.index || raft_log_has(&r->log, entries[held].id)))
    held++;
  return held;
}

/* Membership takes effect when appended (section 6). Of a batch, the last two can be reverted to.
 * True if there was one. */
static bool append_memberships(struct raft *r, const struct raft_entry *entries, size_t count) {
  size_t first = count, found = 0;
  while (first > 0 && found < 2)
    if (entries[--first].kind == RKV_ENTRY_MEMBERSHIP) found++;
  for (size_t i = first; i < count && found > 0; i++) {
    struct raft_membership *slot;
    if (entries[i].kind != RKV_ENTRY_MEMBERSHIP) continue;
    slot = raft_membership_slot(r);
    slot->id = entries[i].id;
    slot->value = *entries[i].membership;
    raft_membership_push(r, slot);
  }
  return found > 0;
}

static void append_ids(struct raft *r, const struct raft_entry *entries, size_t count) {
  size_t i = 0;
  while (i < count && !r->failed) {
    size_t end = i + 1;
    while (end < count && entries[end].id.term == entries[i].id.term) end++;
    if (!raft_log_append(&r->log, entries[i].id, end - i)) r->failed = true;
    i = end;
  }
}

/* Appends what is not held; 5.3: "conflicting entries in follower logs will be overwritten with
 * entries from the leader's log". True if the effective membership changed. */
static bool append_missing(struct raft *r, const struct raft_entry *entries, size_t count) {
  size_t skip = count_held(r, entries, count);
  struct raft_output *out;
  bool changed;
  if (skip == count) return false;
  changed = truncate_after(r, entries[skip].id.index - 1);
  append_ids(r, entries + skip, count - skip);
  out = raft_push(r, RAFT_OUT_APPEND_RECEIVED);
  out->skip = skip;
  out->count = count - skip;
  return append_memberships(r, entries + skip, count - skip) || changed;
}

/* ---- the request ---- */

static void answer(struct raft *r, void *cookie, enum rkv_append_result result,
                   struct rkv_log_id matched) {
  struct raft_output *out = raft_push(r, RAFT_OUT_ANSWER_APPEND);
  assert(result == RKV_APPEND_SUCCESS || matched.index == 0);
  out->cookie = cookie;
  out->result = result;
  out->id = matched;
  out->vote = r->vote;
  if (result != RKV_APPEND_REJECTED) out->lease_ns = raft_promise_ns(r);
}

static void accept(struct raft *r, struct raft_now now, struct rkv_log_id prev,
                   struct rkv_log_id commit, const struct raft_entry *entries, size_t count,
                   void *cookie) {
  struct rkv_log_id matched = count > 0 ? entries[count - 1].id : prev;
  rkv_index known;
  if (append_missing(r, entries, count)) raft_membership_announce(r, now);
  if (matched.index > r->matches_leader_to.index) r->matches_leader_to = matched;
  answer(r, cookie, RKV_APPEND_SUCCESS, matched);
  known = commit.index < r->matches_leader_to.index ? commit.index : r->matches_leader_to.index;
  if (known > r->committed.index && !r->failed) raft_commit_to(r, now, known);
}

enum rkv_status raft_check_append_request(const struct raft *r, struct rkv_vote vote,
                                          struct rkv_log_id prev, const struct raft_entry *entries,
                                          size_t count, struct rkv_error *error) {
  enum rkv_status status = check_request(r, vote, prev, entries, count, error);
  if (status != RKV_OK || !rkv_vote_accepts(r->vote, vote)) return status;
  return check_committed(r, prev, entries, count, error);
}

enum rkv_status raft_on_append_request(struct raft *r, struct raft_now now, struct rkv_vote vote,
                                       struct rkv_log_id prev, struct rkv_log_id commit,
                                       const struct raft_entry *entries, size_t count, void *cookie,
                                       struct rkv_error *error) {
  const struct rkv_log_id none = {0, 0};
  enum rkv_status status = raft_check_append_request(r, vote, prev, entries, count, error);
  if (status != RKV_OK) return status;
  if (!rkv_vote_accepts(r->vote, vote)) {
    answer(r, cookie, RKV_APPEND_REJECTED, none);
    return RKV_OK;
  }
  raft_adopt_vote(r, vote);
  if (holds_prev(r, prev)) {
    accept(r, now, prev, commit, entries, count, cookie);
  } else {
    if (prev.index <= r->log.last.index && truncate_after(r, prev.index - 1))
      raft_membership_announce(r, now);
    answer(r, cookie, RKV_APPEND_CONFLICT, none);
  }
  raft_heard_leader(r, now);
  return RKV_OK;
}

void raft_leave_cluster(struct raft *r, struct raft_now now) {
  assert(r->committed.index == 0 && r->log.purged.index == 0);
  if (r->log.last.index == 0) return;
  if (r->role == RAFT_LEADER) raft_step_down(r, now);
  if (truncate_after(r, 0)) raft_membership_announce(r, now);
  r->matches_leader_to = (struct rkv_log_id){0, 0};
  raft_settle_role(r, now);
}

void raft_on_log_saved(struct raft *r, struct raft_now now, struct rkv_log_id id) {
  assert(r->saved.index <= r->log.last.index); /* (I2) */
  /* What was truncated meanwhile, or covered by a snapshot, says nothing of the present log. */
  if (id.index <= r->saved.index || !raft_log_has(&r->log, id)) return;
  r->saved = id;
  if (r->role == RAFT_LEADER) raft_advance_commit(r, now);
  raft_changes_advance(r, now);
}
