/* progress.h: what a leader knows of one peer's log, and when the peer is due; a leaf.
 *
 *   PROBE      looking for the last entry both logs share: one empty append at a time
 *   REPLICATE  it is known: entries go out, several appends in flight
 *   SNAPSHOT   the peer needs entries that are purged here: a snapshot is on its way
 *
 * (P1) matched never lies beyond what this leader sent or holds committed.
 * (P2) PROBE: matched.index < next <= conflict; every index from `conflict` on is known to differ.
 * (P3) REPLICATE: next > matched.index; entries below next were sent. */
#ifndef RAFT_PROGRESS_H
#define RAFT_PROGRESS_H

#include <rkv/types.h>

enum raft_progress_mode { RAFT_PROBE, RAFT_REPLICATE, RAFT_SNAPSHOT };

#define RAFT_NEVER UINT64_MAX /* a time that does not come by itself; an index that no log has */

struct raft_progress {
  rkv_node_id id;
  enum raft_progress_mode mode;
  bool reached; /* the peer answered its last call */
  struct rkv_log_id matched;
  rkv_index next;                /* PROBE: the probe's prev + 1; REPLICATE: first entry not sent */
  rkv_index conflict;            /* PROBE: the first index known to differ */
  rkv_index commit_sent;         /* the commit index that the peer was sent last */
  rkv_index commit_acked;        /* the greatest commit index of an append that the peer answered */
  uint32_t appends_in_flight;    /* with entries */
  uint32_t heartbeats_in_flight; /* appends without entries */
  uint64_t sent_ns;              /* when anything was sent to the peer last */
  uint64_t retry_ns;             /* PROBE: no probe before, but heartbeats */
  uint64_t throttled_until_ns;   /* REPLICATE: the peer has no room for entries before */
  uint64_t reading_disk_until_ns; /* REPLICATE: this leader has the next entries at hand then */
  bool stuck;                     /* the peer can never take its next entry, only a snapshot */
  uint64_t answered_ns;           /* when the peer answered an append last; 0: never */
  uint64_t kept_until_ns;         /* the peer promised to depose nobody before, by this leader's
                                     clock; 0: it promised nothing */
  uint64_t sent_round;            /* newest round of reads that was sent and not lost */
  uint64_t acked_round;           /* newest round of reads that the peer answered */
  uint64_t answer_ns;             /* how long the peer takes to answer, smoothed */
  bool refused_handover;          /* the peer was asked in vain to take over leadership */
};

/* A peer of which nothing is known; the first probe is at `last`. */
void raft_progress_start(struct raft_progress *p, rkv_node_id id, rkv_index last);

/* An append went out: prev.index == sent means without entries. */
void raft_progress_sent(struct raft_progress *p, rkv_index prev, rkv_index sent);
/* One append in flight less. */
void raft_progress_ended(struct raft_progress *p, bool empty);

/* The peer accepted this leader by answering an append made at `at_ns` in `round`. */
void raft_progress_answered(struct raft_progress *p, uint64_t now_ns, uint64_t at_ns,
                            uint64_t round);

/* The peer holds everything up to `matched`, the append had carried entries up to `sent`. */
void raft_progress_success(struct raft_progress *p, struct rkv_log_id matched, rkv_index sent);
/* The peer does not hold `prev`; `empty`: the append had no entries. */
void raft_progress_conflict(struct raft_progress *p, rkv_index prev, bool empty, rkv_index purged);
/* No answer, or none that makes sense: probe again, not before `retry_ns`. */
void raft_progress_failure(struct raft_progress *p, uint64_t retry_ns);
/* The snapshot's transfer ended. */
void raft_progress_snapshot_done(struct raft_progress *p, struct rkv_log_id last);
void raft_progress_snapshot_failed(struct raft_progress *p, rkv_index purged, uint64_t retry_ns);

/* Keeps `next` inside the log after a change; true: the peer just fell to SNAPSHOT. */
bool raft_progress_settle(struct raft_progress *p, rkv_index purged);

/* The earlier of two times. */
static inline uint64_t raft_earlier_ns(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

/* From when on the peer may be sent entries, or an append without: RAFT_NEVER until something
 * happens. */
uint64_t raft_progress_data_due(const struct raft_progress *p, rkv_index last, uint32_t window);
uint64_t raft_progress_beat_due(const struct raft_progress *p, rkv_index committed,
                                uint64_t heartbeat_ns, uint64_t notice_ns);

#endif
