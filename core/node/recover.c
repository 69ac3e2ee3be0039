/* recover.c: what a node reads before it begins: storage, newest snapshot, log. May block. */
#include <node/recover.h>

#include <node/identity.h>
#include <node/kernel/outcome.h>
#include <node/kernel/state.h>
#include <node/kernel/tail.h>
#include <node/know.h>
#include <node/moved.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define RECOVER_ENTRIES 1024 /* entries read at once */
#define RECOVER_BYTES (UINT64_C(4) * 1024 * 1024)

struct recover {
  struct node *n;
  struct rkv_storage_state state;
  struct rkv_log_id *terms; /* first log id of each term */
  size_t term_count, term_capacity;
  struct raft_membership *memberships; /* the last two at most */
  size_t membership_count;
  struct rkv_entry *entries;
};

/* Puts the newest snapshot into the state machine. */
static enum rkv_status restore(struct recover *r, struct rkv_error *error) {
  struct node *n = r->n;
  const struct rkv_storage_ops *storage = n->plugins.storage;
  const struct rkv_state_machine_ops *sm = n->plugins.sm;
  struct rkv_snapshot_meta meta = {0};
  struct rkv_buf chunk = rkv_buf_none();
  void *reader = NULL, *restoring = NULL;
  uint64_t offset = 0;
  enum rkv_status status = outcome_of_gift(
      storage->snapshot_open(n->plugins.storage_instance, &reader, &meta, outcome_clear(error)),
      &reader, "the storage's snapshot_open", error);
  if (status != RKV_OK) return status;
  status = outcome_of_gift(
      sm->restore_begin(n->plugins.sm_instance, &meta, &restoring, outcome_clear(error)),
      &restoring, "the state machine's restore_begin", error);
  while (status == RKV_OK) {
    status = outcome_of(storage->snapshot_read(reader, offset, NODE_SNAPSHOT_CHUNK_MAX, &chunk,
                                               outcome_clear(error)),
                        "the storage's snapshot_read", error);
    if (status != RKV_OK || chunk.len == 0) break;
    offset += chunk.len;
    status = outcome_of(sm->restore_write(restoring, chunk, outcome_clear(error)),
                        "the state machine's restore_write", error);
    rkv_buf_drop(&chunk);
  }
  rkv_buf_drop(&chunk);
  if (status == RKV_OK && sm->restore_check)
    status = outcome_of(sm->restore_check(restoring, outcome_clear(error)),
                        "the state machine's restore_check", error);
  if (status == RKV_OK) {
    status = outcome_of(sm->restore_finish(restoring, outcome_clear(error)),
                        "the state machine's restore_finish", error);
    n->build.snapshot_bytes = offset;
  } else if (restoring) {
    sm->restore_abort(restoring);
  }
  storage->snapshot_close(reader);
  rkv_buf_drop(&meta.membership);
  return status;
}

static enum rkv_status note_membership(struct recover *r, struct rkv_log_id id,
                                       struct rkv_buf bytes, struct rkv_error *error) {
  if (r->membership_count == 2) {
    r->memberships[0] = r->memberships[1];
    r->membership_count = 1;
  }
  struct raft_membership *m = &r->memberships[r->membership_count];
  m->id = id;
  enum rkv_status status = rkv_membership_decode(bytes.data, bytes.len, &m->value, error);
  if (status == RKV_OK) r->membership_count++;
  return status;
}

static enum rkv_status note_term(struct recover *r, struct rkv_log_id id, struct rkv_error *error) {
  if (r->term_count > 0 && r->terms[r->term_count - 1].term == id.term) return RKV_OK;
  if (r->term_count == r->term_capacity) {
    size_t capacity = r->term_capacity ? r->term_capacity * 2 : 64;
    struct rkv_log_id *terms = realloc(r->terms, capacity * sizeof *terms);
    if (!terms) return rkv_fail(error, RKV_NO_MEMORY, "log: out of memory for its terms");
    r->terms = terms;
    r->term_capacity = capacity;
  }
  r->terms[r->term_count++] = id;
  return RKV_OK;
}

/* Reads the whole log once: terms, memberships beyond the snapshot, and the hot tail. A membership
 * entry that the snapshot covers is passed over: the cluster may have overruled it, and a crash
 * between the snapshot's commit and the log's truncation may have left it there. */
static enum rkv_status read_log(struct recover *r, struct rkv_error *error) {
  struct node *n = r->n;
  rkv_index next = r->state.purged.index + 1;
  while (next <= r->state.last.index) {
    size_t count = 0;
    enum rkv_status status =
        outcome_of(n->plugins.storage->read(n->plugins.storage_instance, next, r->state.last.index,
                                            RECOVER_BYTES, r->entries, RECOVER_ENTRIES, &count,
                                            outcome_clear(error)),
                   "the storage's read", error);
    if (status == RKV_OK && count == 0)
      status = rkv_fail(error, RKV_CORRUPT, "log: entry %" PRIu64 " of %" PRIu64 " is missing",
                        next, r->state.last.index);
    for (size_t i = 0; i < count && status == RKV_OK; i++) {
      const struct rkv_entry *e = &r->entries[i];
      if (e->id.index != next + i)
        status =
            rkv_fail(error, RKV_CORRUPT, "log: entry %" PRIu64 " stands where %" PRIu64 " should",
                     e->id.index, (next + i));
      if (status == RKV_OK) status = note_term(r, e->id, error);
      if (status == RKV_OK && e->kind == RKV_ENTRY_MEMBERSHIP &&
          e->id.index > r->state.snapshot.last.index)
        status = note_membership(r, e->id, e->payload, error);
    }
    if (status == RKV_OK && tail_append(&n->tail, r->entries, count) != RKV_OK)
      status = rkv_fail(error, RKV_NO_MEMORY, "log: out of memory for its newest entries");
    for (size_t i = 0; i < count; i++) rkv_buf_drop(&r->entries[i].payload);
    if (status != RKV_OK) return status;
    next += count;
    tail_trim(&n->tail, next - 1, n->options.hot_tail_bytes_max);
  }
  return RKV_OK;
}

static enum rkv_status ask_applied(struct node *n, struct rkv_snapshot_meta *applied,
                                   struct rkv_error *error) {
  return outcome_of(n->plugins.sm->applied(n->plugins.sm_instance, applied, outcome_clear(error)),
                    "the state machine's applied", error);
}

/* A machine that keeps its state by itself must never get ahead of its storage: nothing could bring
 * the two together again (rkv/state_machine.h). `held`: what the machine had applied when it was
 * opened. */
static enum rkv_status check_durable(const struct node *n, struct rkv_log_id held,
                                     struct rkv_error *error) {
  bool declared = n->plugins.sm_capabilities & RKV_CAP_DURABLE;
  if (!declared && held.index == 0) return RKV_OK;
  if (!n->plugins.sm->restore_check)
    return rkv_fail(error, RKV_INVALID,
                    "the state machine keeps its state by itself and has no restore_check: a crash "
                    "while a snapshot is installed would leave it ahead of its storage for ever "
                    "(take a version of it made for ABI 1.3, or a machine that starts empty)");
  if (!declared)
    return rkv_fail(error, RKV_INVALID,
                    "the state machine was opened at index %" PRIu64
                    " and does not declare that it is "
                    "durable (its author has to add RKV_CAP_DURABLE)",
                    held.index);
  if (!(n->plugins.storage_capabilities & RKV_CAP_DURABLE))
    return rkv_fail(error, RKV_INVALID,
                    "the state machine is durable and the storage is not: after a restart they "
                    "would contradict each other (name a durable storage, as storage-wal)");
  return RKV_OK;
}

/* The state machine must stand at the snapshot or later, and not beyond the log. */
static enum rkv_status bring_sm_up(struct recover *r, struct rkv_error *error) {
  struct node *n = r->n;
  struct rkv_snapshot_meta applied = {0};
  enum rkv_status status = ask_applied(n, &applied, error);
  rkv_buf_drop(&applied.membership);
  if (status == RKV_OK) status = check_durable(n, applied.last, error);
  if (status != RKV_OK) return status;
  if (applied.last.index < r->state.snapshot.last.index) {
    status = restore(r, error);
    if (status != RKV_OK) return status;
    status = ask_applied(n, &applied, error);
    rkv_buf_drop(&applied.membership);
    if (status != RKV_OK) return status;
    if (!rkv_log_id_equal(applied.last, r->state.snapshot.last))
      return rkv_fail(error, RKV_BROKEN,
                      "state machine stands at index %" PRIu64
                      " after restoring the snapshot of %" PRIu64,
                      applied.last.index, r->state.snapshot.last.index);
  }
  n->applied = n->committed = applied.last;
  return RKV_OK;
}

static enum rkv_status make_raft(struct recover *r, struct rkv_error *error) {
  struct node *n = r->n;
  const struct node_options *o = &n->options;
  struct raft_config config = {.id = n->plugins.host->node_id,
                               .incarnation = n->identity.incarnation,
                               .heartbeat_ns = o->heartbeat_ns,
                               .election_min_ns = o->election_min_ns,
                               .election_max_ns = o->election_max_ns,
                               .commit_notice_ns = o->heartbeat_ns / NODE_NOTICE_SHARE,
                               .removed_linger_ns = NODE_REMOVED_LINGER_NS,
                               .retry_ns = o->heartbeat_ns / NODE_RETRY_SHARE,
                               .stuck_retry_ns = NODE_QUIET_NS,
                               .learner_lag_max = NODE_LEARNER_LAG_MAX,
                               .snapshot_after = o->snapshot_after,
                               .keep_entries = o->keep_entries,
                               .append_entries_max = (uint32_t)o->append_entries_max,
                               .purge_step = NODE_PURGE_STEP,
                               .purge_hold_max = o->purge_hold_entries,
                               .lease_promise_max_ns = NODE_LEASE_PROMISE_NS,
                               .lease_drift_ppm =
                                   o->lease_reads ? o->clock_drift_ppm : RAFT_LEASE_OFF,
                               .pre_vote = o->pre_vote,
                               .check_quorum = o->check_quorum,
                               .append_window = (uint32_t)o->append_window};
  struct raft_start start = {.vote = r->state.vote,
                             .purged = r->state.purged,
                             .applied = n->applied,
                             .snapshot = r->state.snapshot.last,
                             .last = r->state.last,
                             .terms = r->terms,
                             .term_count = r->term_count,
                             .memberships = r->memberships,
                             .membership_count = r->membership_count};
  struct raft_now now = {.ns = n->executor->now_ns(n->executor->ctx),
                         .random = n->executor->random(n->executor->ctx)};
  return raft_new(&config, &start, now, &n->raft, error);
}

/* True if this storage never held a vote, an entry or a cluster. */
static bool is_fresh(const struct recover *r) {
  return r->state.vote.term == 0 && r->state.last.index == 0 &&
         !rkv_cluster_id_known(r->state.identity.cluster);
}

enum rkv_status recover_all(struct node *n, struct rkv_error *error) {
  struct recover r = {.n = n};
  enum rkv_status status = RKV_OK;
  r.memberships = calloc(2, sizeof *r.memberships);
  r.entries = calloc(RECOVER_ENTRIES, sizeof *r.entries);
  if (!r.memberships || !r.entries)
    status = rkv_fail(error, RKV_NO_MEMORY, "out of memory to read the log");
  if (status == RKV_OK)
    status = outcome_of(
        n->plugins.storage->load(n->plugins.storage_instance, &r.state, outcome_clear(error)),
        "the storage's load", error);
  if (status == RKV_OK)
    status = moved_check(n->plugins.storage, n->plugins.storage_instance, &r.state, error);
  if (status == RKV_OK)
    status = moved_forget_note(n->plugins.storage, n->plugins.storage_instance, &r.state, error);
  if (status == RKV_OK) identity_recover(n, &r.state.identity);
  if (status == RKV_OK && r.state.snapshot.membership_id.index > 0)
    status =
        note_membership(&r, r.state.snapshot.membership_id, r.state.snapshot.membership, error);
  if (status == RKV_OK) status = read_log(&r, error);
  if (status == RKV_OK) status = bring_sm_up(&r, error);
  if (status == RKV_OK) know_recover(n, is_fresh(&r), r.memberships, r.membership_count);
  if (status == RKV_OK) status = make_raft(&r, error);
  rkv_buf_drop(&r.state.snapshot.membership);
  free(r.terms);
  free(r.memberships);
  free(r.entries);
  return status;
}
