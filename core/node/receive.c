/* receive.c: takes a snapshot that a leader sends (Raft paper, section 7).
 *
 * Chunks go to the storage and into a new state beside the present one, on the worker. At the end
 * the state machine checks the new state, the storage makes the snapshot durable, the state machine
 * swaps, and raft hears of it; nothing is applied in between. So what the machine refuses never
 * reaches the storage, and a machine is never ahead of its storage, whenever a crash comes. A
 * machine without restore_check checks and swaps before the storage commits: a crash in between
 * leaves no trace in it, for it forgets everything (recover.c refuses others).
 *
 * (R1) One snapshot is written at a time, built or received: `writing_snapshot` says so.
 * (R2) A stream whose last step was not RKV_OK has left nothing behind. */
#include <node/internal.h>
#include <node/leap.h>

#include <assert.h>
#include <stdlib.h>

enum receive_step { RECEIVE_BEGIN, RECEIVE_WRITE, RECEIVE_INSTALL, RECEIVE_ABORT };

struct snapshot_receive {
  struct node_job job; /* first: what the executor knows */
  struct rkv_call event;
  struct node *n;
  struct rkv_snapshot_call *call; /* the step being worked on */
  enum receive_step step;
  void *writer, *restore;
  struct rkv_snapshot_meta meta;
  struct raft_membership membership;
  enum rkv_status status;
  struct rkv_error error;
};

static void release(struct node *n) {
  atomic_fetch_sub_explicit(&n->peer_calls, 1, memory_order_relaxed);
}

/* Ends the stream and leaves nothing behind (R2). Any thread that may block. */
static void discard(struct snapshot_receive *r) {
  struct node *n = r->n;
  if (r->writer) n->plugins.storage->snapshot_abort(r->writer);
  if (r->restore) n->plugins.sm->restore_abort(r->restore);
  rkv_buf_drop(&r->meta.membership);
  free(r);
  atomic_store(&n->writing_snapshot, false);
}

static enum rkv_status begin(struct snapshot_receive *r) {
  struct node *n = r->n;
  enum rkv_status status =
      node_said(n->plugins.storage->snapshot_begin(n->plugins.storage_instance, &r->meta,
                                                   &r->writer, node_ask(&r->error)),
                "the storage's snapshot_begin", &r->error);
  if (status != RKV_OK) return status;
  return node_said(n->plugins.sm->restore_begin(n->plugins.sm_instance, &r->meta, &r->restore,
                                                node_ask(&r->error)),
                   "the state machine's restore_begin", &r->error);
}

static enum rkv_status write_chunk(struct snapshot_receive *r) {
  struct node *n = r->n;
  enum rkv_status status =
      node_said(n->plugins.storage->snapshot_write(r->writer, r->call->chunk, node_ask(&r->error)),
                "the storage's snapshot_write", &r->error);
  if (status != RKV_OK) return status;
  r->meta.size += r->call->chunk.len;
  return node_said(n->plugins.sm->restore_write(r->restore, r->call->chunk, node_ask(&r->error)),
                   "the state machine's restore_write", &r->error);
}

/* The machine's check, unless it has swapped already; then the snapshot becomes the newest one. */
static enum rkv_status install(struct snapshot_receive *r) {
  struct node *n = r->n;
  enum rkv_status status = RKV_OK;
  if (r->restore)
    status = node_said(n->plugins.sm->restore_check(r->restore, node_ask(&r->error)),
                       "the state machine's restore_check", &r->error);
  if (status != RKV_OK) return status;
  status = node_said(n->plugins.storage->snapshot_commit(r->writer, node_ask(&r->error)),
                     "the storage's snapshot_commit", &r->error);
  r->writer = NULL;
  return status;
}

static enum rkv_status work(struct snapshot_receive *r) {
  if (r->step == RECEIVE_ABORT) return r->status;
  if (loop_ending(r->n)) {
    answer_end_error(r->n, &r->error);
    return (enum rkv_status)r->error.status;
  }
  switch (r->step) {
  case RECEIVE_BEGIN: return begin(r);
  case RECEIVE_WRITE: return write_chunk(r);
  case RECEIVE_INSTALL: return install(r);
  case RECEIVE_ABORT: break;
  }
  return RKV_OK;
}

/* On the worker. */
static void run(struct node_job *job) {
  struct snapshot_receive *r = (struct snapshot_receive *)job;
  struct node *n = r->n;
  struct rkv_snapshot_call *call = r->call;
  r->status = work(r);
  if (r->step == RECEIVE_INSTALL) {
    loop_post(n, &r->event, NODE_SNAPSHOT_INSTALLED);
    node_kick(n);
    return;
  }
  if (r->status == RKV_OK && r->step != RECEIVE_ABORT) {
    call->chunk_max = NODE_SNAPSHOT_CHUNK_MAX;
    if (!answer_ok(n, &call->call)) discard(r);
    return;
  }
  struct rkv_error error = r->error;
  bool refused = r->status != RKV_OK;
  discard(r);
  if (refused)
    answer_fail(&call->call, &error);
  else
    (void)answer_ok(n, &call->call);
}

static void on_worker(struct snapshot_receive *r, struct rkv_snapshot_call *call,
                      enum receive_step step) {
  r->call = call;
  r->step = step;
  r->n->executor->post(r->n->executor->ctx, &r->job);
}

void receive_write(void *ctx, struct rkv_snapshot_call *call) {
  (void)ctx;
  assert(call->stream);
  on_worker(call->stream, call, RECEIVE_WRITE);
}

void receive_abort(void *ctx, struct rkv_snapshot_call *call) {
  (void)ctx;
  assert(call->stream);
  on_worker(call->stream, call, RECEIVE_ABORT);
}

/* Asks raft whether the snapshot is wanted; if not, fills the answer. */
static bool wanted(struct node *n, struct rkv_snapshot_call *call) {
  struct raft_view view;
  enum raft_offer offer = raft_on_snapshot_offer(n->raft, node_now(n), call->vote, call->meta.last);
  loop_carry(n);
  raft_view(n->raft, &view);
  call->voter_vote = view.vote;
  call->finished = offer != RAFT_OFFER_TAKE;
  return !call->finished;
}

/* The stream's own record, or the refusal in *error. */
static struct snapshot_receive *receive_new(struct node *n, const struct rkv_snapshot_call *call,
                                            struct rkv_error *error) {
  struct snapshot_receive *r = calloc(1, sizeof *r);
  if (!r) {
    (void)rkv_fail(error, RKV_NO_MEMORY, "out of memory to receive a snapshot");
    return NULL;
  }
  r->membership.id = call->meta.membership_id;
  if (rkv_membership_decode(call->meta.membership.data, call->meta.membership.len,
                            &r->membership.value, error) != RKV_OK) {
    free(r);
    return NULL;
  }
  r->n = n;
  r->job.run = run;
  r->meta = call->meta;
  r->meta.size = 0;
  r->meta.membership = rkv_buf_share(call->meta.membership);
  return r;
}

/* What no leader sends; NULL if the meta makes sense. */
static const char *wrong_meta(const struct rkv_snapshot_call *call) {
  if (!call->vote.committed) return "vote is not committed";
  if (call->meta.last.index == 0) return "last_log_id is missing";
  if (call->meta.membership_id.index == 0) return "last_membership_log_id is missing";
  if (call->meta.membership_id.index > call->meta.last.index)
    return "last_membership_log_id is behind last_log_id";
  return NULL;
}

void receive_on_begin(struct node *n, struct rkv_call *base) {
  struct rkv_error error;
  struct rkv_snapshot_call *call = (struct rkv_snapshot_call *)base;
  release(n);
  if (loop_ending(n)) {
    answer_end_error(n, &error);
    answer_fail(base, &error);
    return;
  }
  if (identity_check(n, base, &error) != RKV_OK) {
    answer_fail(base, &error);
    return;
  }
  if (leap_is_told(n, base, call->vote, call->meta.last, &error)) {
    answer_fail(base, &error);
    return;
  }
  const char *wrong = wrong_meta(call);
  if (wrong) {
    n->bad_peer_calls++;
    answer_failf(base, RKV_INVALID, "snapshot meta: %s", wrong);
    return;
  }
  if (!wanted(n, call)) {
    (void)answer_ok(n, base);
    return;
  }
  identity_adopt(n, base);
  if (atomic_exchange(&n->writing_snapshot, true)) {
    answer_failf(base, RKV_FULL, "another snapshot is being written here (try again later)");
    return;
  }
  struct snapshot_receive *r = receive_new(n, call, &error);
  if (!r) {
    atomic_store(&n->writing_snapshot, false);
    n->bad_peer_calls++;
    answer_fail(base, &error);
    return;
  }
  call->stream = r;
  on_worker(r, call, RECEIVE_BEGIN);
}

void receive_on_finish(struct node *n, struct rkv_call *base) {
  struct rkv_snapshot_call *call = (struct rkv_snapshot_call *)base;
  struct snapshot_receive *r = call->stream;
  if (loop_ending(n)) {
    answer_end_error(n, &r->error);
    r->status = (enum rkv_status)r->error.status;
    return on_worker(r, call, RECEIVE_ABORT);
  }
  if (!wanted(n, call)) return on_worker(r, call, RECEIVE_ABORT);
  if (!n->plugins.sm->restore_check) {
    r->status = node_said(n->plugins.sm->restore_finish(r->restore, node_ask(&r->error)),
                          "the state machine's restore_finish", &r->error);
    r->restore = NULL;
    if (r->status != RKV_OK) {
      n->bad_peer_calls++;
      return on_worker(r, call, RECEIVE_ABORT);
    }
  }
  n->installing = true;
  on_worker(r, call, RECEIVE_INSTALL);
}

/* Neither the machine nor the storage has changed, and both go on, unless the machine has swapped
 * already (nothing consistent is left) or the storage is broken. */
static void not_installed(struct snapshot_receive *r) {
  struct node *n = r->n;
  bool swapped = !r->restore, refused = r->writer;
  n->installing = false;
  if (loop_ending(n)) return;
  if (refused && r->status == RKV_CORRUPT) n->bad_peer_calls++;
  if (swapped || (!refused && (r->status == RKV_IO || r->status == RKV_CORRUPT)))
    node_fatal(n, r->status, r->error.text);
}

/* The storage has the snapshot: the machine swaps, and raft hears of it. */
static void installed(struct snapshot_receive *r) {
  struct node *n = r->n;
  if (r->restore)
    r->status = node_said(n->plugins.sm->restore_finish(r->restore, node_ask(&r->error)),
                          "the state machine's restore_finish", &r->error);
  r->restore = NULL;
  if (r->status != RKV_OK) return node_fatal(n, r->status, r->error.text);
  n->applied = r->meta.last;
  if (n->committed.index < n->applied.index) n->committed = n->applied;
  n->snapshots_installed++;
  n->snapshot_bytes = r->meta.size;
  n->log_bytes = 0;
  raft_on_snapshot_installed(n->raft, node_now(n), r->meta.last, &r->membership);
  n->installing = false;
  loop_carry(n);
  propose_covered(n);
  rkv_log(n->plugins.host, RKV_LOG_INFO, NODE_LOG, "snapshot installed last=%llu bytes=%llu",
          (unsigned long long)r->meta.last.index, (unsigned long long)r->meta.size);
}

void receive_on_installed(struct node *n, struct rkv_call *event) {
  struct snapshot_receive *r =
      (struct snapshot_receive *)((char *)event - offsetof(struct snapshot_receive, event));
  struct rkv_snapshot_call *call = r->call;
  if (r->status != RKV_OK)
    not_installed(r);
  else if (!loop_ending(n))
    installed(r);
  if (loop_ending(n)) { /* (N4) */
    answer_end_error(n, &r->error);
    r->status = (enum rkv_status)r->error.status;
  }
  struct rkv_error error = r->error;
  enum rkv_status status = r->status;
  discard(r);
  if (status == RKV_OK)
    (void)answer_ok(n, &call->call);
  else
    answer_fail(&call->call, &error);
}
