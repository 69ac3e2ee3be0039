/* build.c: builds a snapshot of the state machine beside the writes (Raft paper, section 7).
 *
 * The view is frozen on the runner in microseconds; reading and storing it is the worker's, one
 * chunk per job, so that other jobs get their turn. */
#include <node/build.h>

#include <node/kernel/answer.h>
#include <node/kernel/encode.h>
#include <node/kernel/fatal.h>
#include <node/kernel/gate.h>
#include <node/kernel/post.h>
#include <node/kernel/outcome.h>
#include <node/kernel/state.h>
#include <node/stream.h>
#include <node/swap.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct snapshot_build {
  struct node_job job; /* first: what the executor knows */
  struct rkv_call event;
  struct node *n;
  void *view, *writer;
  struct rkv_snapshot_meta meta;
  enum rkv_status status;
  struct rkv_error error;
};

/* The node ends: the snapshot is not finished. */
static bool abandon_build(struct snapshot_build *b) {
  node_end_error(b->n, &b->error);
  b->status = (enum rkv_status)b->error.status;
  if (b->writer) b->n->plugins.storage->snapshot_abort(b->writer);
  return false;
}

/* Writes one chunk. True if there is more. */
static bool build_step(struct snapshot_build *b) {
  struct node *n = b->n;
  const struct rkv_storage_ops *storage = n->plugins.storage;
  struct rkv_buf chunk = rkv_buf_none();
  if (node_ending(n)) return abandon_build(b);
  if (!b->writer) {
    b->status = outcome_of_gift(storage->snapshot_begin(n->plugins.storage_instance, &b->meta,
                                                        &b->writer, outcome_clear(&b->error)),
                                &b->writer, "the storage's snapshot_begin", &b->error);
    return b->status == RKV_OK;
  }
  b->status = outcome_of(n->plugins.sm->snapshot_read(b->view, NODE_SNAPSHOT_CHUNK_MAX, &chunk,
                                                      outcome_clear(&b->error)),
                         "the state machine's snapshot_read", &b->error);
  bool more = b->status == RKV_OK && chunk.len > 0;
  if (more)
    b->status = outcome_of(storage->snapshot_write(b->writer, chunk, outcome_clear(&b->error)),
                           "the storage's snapshot_write", &b->error);
  b->meta.size += chunk.len;
  rkv_buf_drop(&chunk);
  if (b->status == RKV_OK && more) return true;
  if (b->status == RKV_OK)
    b->status = outcome_of(storage->snapshot_commit(b->writer, outcome_clear(&b->error)),
                           "the storage's snapshot_commit", &b->error);
  else
    storage->snapshot_abort(b->writer);
  return false;
}

/* On the worker. */
static void run_build(struct node_job *job) {
  struct snapshot_build *b = (struct snapshot_build *)job;
  struct node *n = b->n;
  if (build_step(b)) {
    n->executor->post(n->executor->ctx, job);
    return;
  }
  n->plugins.sm->snapshot_end(b->view);
  node_post(n, &b->event, NODE_SNAPSHOT_BUILT);
  node_kick(n);
}

static void give_up_build(struct node *n, const char *why) {
  struct rkv_error error;
  rkv_log(n->plugins.host, RKV_LOG_WARN, NODE_LOG, "snapshot not built: %s", why);
  (void)rkv_fail(&error, RKV_ABORTED, "snapshot not built: %s", why);
  build_fail(n, &error);
  n->build.wanted = false;
  n->build.pause_ns = n->now_ns + NODE_QUIET_NS;
  raft_on_snapshot_built(n->raft, node_now(n), (struct rkv_log_id){0, 0});
}

/* True if the meta has the membership that was in force at its last entry, as far as this node
 * still knows that. */
static bool is_membership(struct node *n, const struct rkv_snapshot_meta *meta) {
  const struct raft_membership *m = raft_committed(n->raft);
  struct rkv_buf known = rkv_buf_none();
  if (!m || m->id.index > n->applied.index) return meta->membership.len > 0;
  if (!rkv_log_id_equal(m->id, meta->membership_id)) return false;
  /* no memory to compare */
  if (node_encode_membership(n, &m->value, &known) != RKV_OK) return true;
  bool same = known.len == meta->membership.len &&
              memcmp(known.data, meta->membership.data, known.len) == 0;
  rkv_buf_drop(&known);
  return same;
}

/* Checks that the state machine's view is of what was applied here. No node could begin with a
 * snapshot that is of something else, and by then the entries behind it would be purged. */
static enum rkv_status check_view(struct node *n, const struct rkv_snapshot_meta *meta,
                                  struct rkv_error *error) {
  if (!rkv_log_id_equal(meta->last, n->applied))
    return rkv_fail(error, RKV_BROKEN,
                    "the state machine's view is of entry %" PRIu64 " of term %" PRIu64
                    ", and the last one "
                    "applied is %" PRIu64 " of term %" PRIu64 " (tell its author)",
                    meta->last.index, meta->last.term, n->applied.index, n->applied.term);
  if (is_membership(n, meta)) return RKV_OK;
  return rkv_fail(error, RKV_BROKEN,
                  "the state machine's view has another membership than was applied, of %zu bytes "
                  "and entry %" PRIu64 " (tell its author)",
                  meta->membership.len, meta->membership_id.index);
}

/* Freezes the view. Nothing is kept on failure. */
static enum rkv_status begin_view(struct snapshot_build *b, struct rkv_error *error) {
  struct node *n = b->n;
  enum rkv_status status =
      outcome_of_gift(n->plugins.sm->snapshot_begin(n->plugins.sm_instance, &b->view, &b->meta,
                                                    outcome_clear(error)),
                      &b->view, "the state machine's snapshot_begin", error);
  if (status != RKV_OK) return status;
  status = check_view(n, &b->meta, error);
  if (status == RKV_OK) return RKV_OK;
  n->plugins.sm->snapshot_end(b->view);
  rkv_buf_drop(&b->meta.membership);
  return status;
}

/* A snapshot is worth its cost once the log has grown by a fair part of the last snapshot's size.
 * So the cost of snapshots per write stays constant, however large the state is. */
static bool build_is_worth_it(struct node *n) {
  if (n->build.call) return true; /* an administrator asked for it */
  return n->build.log_bytes >= n->build.snapshot_bytes / NODE_SNAPSHOT_SHARE;
}

void build_run(struct node *n) {
  struct rkv_error error;
  if (!n->build.wanted || n->build.running || n->receive.installing ||
      n->now_ns < n->build.pause_ns)
    return;
  if (swap_holds_builds(n) || !build_is_worth_it(n) || !stream_gives_way(n)) return;
  struct snapshot_build *b = calloc(1, sizeof *b);
  if (!b) {
    give_up_build(n, "out of memory");
    return;
  }
  b->job.run = run_build;
  b->n = n;
  if (begin_view(b, &error) != RKV_OK) {
    free(b);
    give_up_build(n, error.text);
    return;
  }
  (void)snprintf(b->meta.id, sizeof b->meta.id, "%" PRIu64 "-%" PRIu64 "-%" PRIu64 "-%" PRIu64,
                 b->meta.last.term, n->plugins.host->node_id, b->meta.last.index,
                 ++n->build.serial);
  assert(!n->build.running && !n->receive.now); /* (R1) */
  n->build.running = b;
  n->build.wanted = false;
  n->build.log_bytes = 0;
  n->executor->post(n->executor->ctx, &b->job);
}

/* An administrator's call: the snapshot is built however short the log is. */
void build_on_now(struct node *n, struct rkv_call *call) {
  struct rkv_error error;
  enum rkv_status status = RKV_OK;
  if (node_ending(n)) {
    node_end_error(n, &error);
    status = (enum rkv_status)error.status;
  } else if (n->build.call || n->build.running) {
    status = rkv_fail(&error, RKV_PRECONDITION, "a snapshot is being built already");
  } else if (!n->build.wanted) {
    status = raft_trigger_snapshot(n->raft, node_now(n), &error);
  }
  if (status != RKV_OK) {
    gate_leave(n, call);
    answer_fail(call, &error);
    return;
  }
  n->build.call = call;
  n->build.pause_ns = 0;
}

static void answer_now(struct node *n, const struct snapshot_build *b) {
  struct rkv_snapshot_now_call *call = (struct rkv_snapshot_now_call *)n->build.call;
  n->build.call = NULL;
  if (!call) return;
  gate_leave(n, &call->call);
  call->last = b->meta.last;
  if (b->status == RKV_OK)
    (void)answer_ok(n, &call->call);
  else
    answer_fail(&call->call, &b->error);
}

void build_expire(struct node *n) {
  struct rkv_call *call = n->build.call;
  if (!call || !answer_is_due(n, call)) return;
  n->build.call = NULL;
  gate_leave(n, call);
  answer_failf(call, RKV_TIMEOUT,
               "the snapshot is not durable yet: it may become so later (see metrics)");
}

void build_fail(struct node *n, const struct rkv_error *error) {
  struct rkv_call *call = n->build.call;
  n->build.call = NULL;
  if (!call) return;
  gate_leave(n, call);
  answer_fail(call, error);
}

void build_on_done(struct node *n, struct rkv_call *call) {
  struct snapshot_build *b =
      (struct snapshot_build *)((char *)call - offsetof(struct snapshot_build, event));
  assert(n->build.running == b);
  n->build.running = NULL;
  if (b->status == RKV_IO || b->status == RKV_CORRUPT) {
    node_fatal(n, b->status, b->error.text);
  } else if (b->status != RKV_OK) {
    if (!node_ending(n)) give_up_build(n, b->error.text);
  } else {
    n->count.snapshots_built++;
    n->build.snapshot_bytes = b->meta.size;
    rkv_log(n->plugins.host, RKV_LOG_INFO, NODE_LOG,
            "snapshot built last=%" PRIu64 " bytes=%" PRIu64 " id=%s", b->meta.last.index,
            b->meta.size, b->meta.id);
    raft_on_snapshot_built(n->raft, node_now(n), b->meta.last);
  }
  answer_now(n, b);
  rkv_buf_drop(&b->meta.membership);
  free(b);
}
