/* progress.c: what a leader knows of one peer's log, and when the peer is due (progress.h). */
#include <raft/progress.h>

#include <assert.h>
#include <string.h>

void raft_progress_start(struct raft_progress *p, rkv_node_id id, rkv_index last) {
  assert(last < RAFT_NEVER - 1);
  memset(p, 0, sizeof *p);
  p->id = id;
  p->mode = RAFT_PROBE;
  p->next = last + 1;
  p->conflict = RAFT_NEVER;
}

void raft_progress_sent(struct raft_progress *p, rkv_index prev, rkv_index sent) {
  assert(sent >= prev);
  if (sent == prev) {
    p->heartbeats_in_flight++;
    return;
  }
  assert(p->mode == RAFT_REPLICATE && prev + 1 == p->next); /* (P3) */
  p->appends_in_flight++;
  p->next = sent + 1;
}

void raft_progress_ended(struct raft_progress *p, bool empty) {
  uint32_t *count = empty ? &p->heartbeats_in_flight : &p->appends_in_flight;
  if (*count > 0) (*count)--; /* 0: sent to this peer before it left and came back */
}

void raft_progress_answered(struct raft_progress *p, uint64_t now_ns, uint64_t at_ns,
                            uint64_t round) {
  assert(at_ns <= now_ns);
  p->answered_ns = now_ns;
  if (round > p->acked_round) p->acked_round = round;
  if (round > p->sent_round) p->sent_round = round;
  p->answer_ns += (now_ns - at_ns) / 8 - p->answer_ns / 8;
}

static void probe_at(struct raft_progress *p, rkv_index prev, rkv_index conflict) {
  assert(prev < conflict); /* (P2) */
  p->mode = RAFT_PROBE;
  p->next = prev + 1;
  p->conflict = conflict;
}

static void replicate_after_matched(struct raft_progress *p) {
  p->mode = RAFT_REPLICATE;
  p->next = p->matched.index + 1;
  p->conflict = RAFT_NEVER;
}

void raft_progress_success(struct raft_progress *p, struct rkv_log_id matched, rkv_index sent) {
  assert(matched.index <= sent); /* (P1) */
  p->reached = true;
  p->retry_ns = 0;
  if (matched.index > p->matched.index) {
    p->matched = matched;
    p->stuck = false;
  }
  if (p->mode == RAFT_PROBE) replicate_after_matched(p);
  if (p->mode != RAFT_REPLICATE) return;
  /* A partial success sends the rest again, unless a later answer covers it already. */
  if (p->next <= p->matched.index || (matched.index < sent && p->matched.index < sent))
    p->next = p->matched.index + 1;
}

/* Binary search between what is known to match and what is known to differ: a conflict answer
 * carries no hint. */
static void search(struct raft_progress *p, rkv_index conflict, rkv_index purged) {
  rkv_index floor = p->matched.index > purged ? p->matched.index : purged;
  rkv_index middle;
  if (conflict <= purged) { /* the oldest id known differs: raft_progress_settle sees to it */
    p->conflict = conflict;
    p->next = conflict;
    return;
  }
  middle = floor + (conflict - floor) / 2;
  probe_at(p, middle, conflict);
  if (middle == p->matched.index) replicate_after_matched(p);
}

void raft_progress_conflict(struct raft_progress *p, rkv_index prev, bool empty, rkv_index purged) {
  assert(prev > 0);
  p->reached = true;
  p->retry_ns = 0;
  if (empty && prev == p->matched.index) {
    /* It had this entry: it lost its log (a memory-only node restarted). Begin at 0. */
    memset(&p->matched, 0, sizeof p->matched);
    if (p->mode != RAFT_SNAPSHOT) probe_at(p, 0, prev);
  } else if (p->mode == RAFT_SNAPSHOT) {
    return; /* late: the snapshot decides */
  } else if (p->mode == RAFT_REPLICATE || prev <= p->matched.index) {
    probe_at(p, p->matched.index, RAFT_NEVER);
  } else if (empty && prev == p->next - 1) {
    search(p, prev, purged);
  }
}

void raft_progress_failure(struct raft_progress *p, uint64_t retry_ns) {
  p->reached = false;
  p->sent_round = p->acked_round;
  if (p->mode == RAFT_SNAPSHOT) return;
  if (p->mode == RAFT_REPLICATE) probe_at(p, p->matched.index, RAFT_NEVER);
  p->retry_ns = retry_ns;
}

void raft_progress_snapshot_done(struct raft_progress *p, struct rkv_log_id last) {
  assert(last.index > 0);
  p->reached = true;
  p->retry_ns = 0;
  p->throttled_until_ns = 0; /* what held it back is behind it */
  p->stuck = false;
  if (last.index > p->matched.index) p->matched = last;
  if (p->mode == RAFT_SNAPSHOT || p->next <= p->matched.index) replicate_after_matched(p);
}

void raft_progress_snapshot_failed(struct raft_progress *p, rkv_index purged, uint64_t retry_ns) {
  if (p->mode != RAFT_SNAPSHOT) return;
  /* Ask first whether the peer lives, and still needs one, before the next is sent. */
  p->reached = false;
  probe_at(p, purged > p->matched.index ? purged : p->matched.index, RAFT_NEVER);
  p->retry_ns = retry_ns;
}

bool raft_progress_settle(struct raft_progress *p, rkv_index purged) {
  if (p->mode == RAFT_SNAPSHOT || p->next > purged) return false;
  if (p->mode == RAFT_PROBE && p->conflict > purged) {
    p->next = purged + 1; /* the oldest entry whose id is known */
    return false;
  }
  p->mode = RAFT_SNAPSHOT;
  return true;
}

uint64_t raft_progress_data_due(const struct raft_progress *p, rkv_index last, uint32_t window) {
  if (p->mode != RAFT_REPLICATE || p->next > last || p->appends_in_flight >= window)
    return RAFT_NEVER;
  return p->throttled_until_ns > p->reading_disk_until_ns ? p->throttled_until_ns
                                                          : p->reading_disk_until_ns;
}

uint64_t raft_progress_beat_due(const struct raft_progress *p, rkv_index committed,
                                uint64_t heartbeat_ns, uint64_t notice_ns) {
  uint64_t due = p->sent_ns + heartbeat_ns;
  rkv_index useful = committed < p->matched.index ? committed : p->matched.index;
  if (p->heartbeats_in_flight > 0) return RAFT_NEVER;
  if (p->mode == RAFT_PROBE) return raft_earlier_ns(due, p->retry_ns);
  /* A peer can commit only what it holds: tell it of that, not of what it lacks. */
  return useful > p->commit_sent ? raft_earlier_ns(due, p->sent_ns + notice_ns) : due;
}
