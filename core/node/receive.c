/* receive.c: takes a snapshot that a leader sends (Raft paper, section 7).
 *
 * Chunks go to the storage and into a new state beside the present one, on the worker. At the end
 * the state machine checks the new state, the storage makes the snapshot durable, the state machine
 * swaps, and raft hears of it; nothing is applied in between. So what the machine refuses never
 * reaches the storage, and a machine is never ahead of its storage, whenever a crash comes. A
 * machine without restore_check checks and swaps before the storage commits: a crash in between
 * leaves no trace in it, for it forgets everything (recover.c refuses others). How a stream ends:
 * stream.c. */
#include <node/receive.h>

#include <node/identity.h>
#include <node/kernel/answer.h>
#include <node/kernel/fatal.h>
#include <node/kernel/gate.h>
#include <node/kernel/post.h>
#include <node/kernel/said.h>
#include <node/kernel/state.h>
#include <node/leap.h>
#include <node/propose.h>
#include <node/stream.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

/* ---- on the worker ---- */

static enum rkv_status begin(struct snapshot_receive *r) {
  struct node *n = r->n;
  enum rkv_status status =
      node_gave(n->plugins.storage->snapshot_begin(n->plugins.storage_instance, &r->meta,
                                                   &r->writer, node_ask(&r->error)),
                &r->writer, "the storage's snapshot_begin", &r->error);
  if (status != RKV_OK) return status;
  return node_gave(n->plugins.sm->restore_begin(n->plugins.sm_instance, &r->meta, &r->restore,
                                                node_ask(&r->error)),
                   &r->restore, "the state machine's restore_begin", &r->error);
}

static enum rkv_status write_chunk(struct snapshot_receive *r) {
  struct node *n = r->n;
  enum rkv_status status =
      node_said(n->plugins.storage->snapshot_write(r->writer, r->chunk, node_ask(&r->error)),
                "the storage's snapshot_write", &r->error);
  if (status != RKV_OK) return status;
  r->meta.size += r->chunk.len;
  return node_said(n->plugins.sm->restore_write(r->restore, r->chunk, node_ask(&r->error)),
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
  if (node_ending(r->n)) {
    node_end_error(r->n, &r->error);
    return (enum rkv_status)r->error.status;
  }
  switch (r->step) {
  case RECEIVE_BEGIN: return begin(r);
  case RECEIVE_WRITE: return write_chunk(r);
  case RECEIVE_INSTALL: return install(r);
  }
  return RKV_OK;
}

static void run(struct node_job *job) {
  struct snapshot_receive *r = (struct snapshot_receive *)job;
  struct node *n = r->n;
  r->status = work(r);
  node_post(n, &r->event,
            r->step == RECEIVE_INSTALL ? NODE_SNAPSHOT_INSTALLED : NODE_SNAPSHOT_STEPPED);
  node_kick(n);
}

static void on_worker(struct snapshot_receive *r, enum receive_step step) {
  r->step = step;
  r->n->executor->post(r->n->executor->ctx, &r->job);
}

/* ---- the sender's steps ---- */

/* Asks raft whether the snapshot is wanted; if not, fills the answer. */
static bool wanted(struct node *n, struct rkv_snapshot_call *call) {
  struct raft_view view;
  enum raft_offer offer = raft_on_snapshot_offer(n->raft, node_now(n), call->vote, call->meta.last);
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
  r->job.run = run;
  r->vote = call->vote;
  r->meta = call->meta;
  r->meta.size = 0;
  r->meta.membership = rkv_buf_share(call->meta.membership);
  stream_note(n, r);
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
  if (node_ending(n)) {
    node_end_error(n, &error);
    gate_refuse(n, base, &error);
    return;
  }
  if (identity_check(n, base, &error) != RKV_OK ||
      leap_is_told(n, base, call->vote, call->meta.last, &error)) {
    gate_refuse(n, base, &error);
    return;
  }
  const char *wrong = wrong_meta(call);
  if (wrong) {
    n->count.bad_peer_calls++;
    (void)rkv_fail(&error, RKV_INVALID, "snapshot meta: %s", wrong);
    gate_refuse(n, base, &error);
    return;
  }
  bool taken = wanted(n, call);
  if (taken && identity_leaves(n, base)) {
    node_again(n, base);
    return;
  }
  gate_leave(n, base);
  if (!taken) {
    (void)answer_ok(n, base);
    return;
  }
  identity_adopt(n, base);
  if (n->receive.installing || n->build.running || n->receive.count == NODE_RECEIVES_MAX) {
    answer_failf(base, RKV_FULL, "another snapshot is being written here (try again later)");
    return;
  }
  struct snapshot_receive *r = receive_new(n, call, &error);
  if (!r) {
    n->count.bad_peer_calls++;
    answer_fail(base, &error);
    return;
  }
  if (n->receive.now)
    stream_endf(n->receive.now, RKV_ABORTED,
                "node %" PRIu64 " began to send a snapshot after this one",
                call->vote.node_id);                                /* (R2) */
  assert(!n->receive.now && !n->build.running);                     /* (R1) */
  assert(rkv_vote_compare(call->voter_vote, r->vote) == RKV_EQUAL); /* (R2) */
  n->receive.now = r;
  r->call = call;
  call->stream = r;
  on_worker(r, RECEIVE_BEGIN);
}

void receive_on_stepped(struct node *n, struct rkv_call *event) {
  struct snapshot_receive *r =
      (struct snapshot_receive *)((char *)event - offsetof(struct snapshot_receive, event));
  struct rkv_snapshot_call *call = r->call;
  if (r->over) return; /* whoever ended it, tells */
  if (r->status != RKV_OK) {
    stream_end(r, &r->error);
    return;
  }
  if (r->step == RECEIVE_WRITE) stream_note_pace(r, r->chunk.len);
  rkv_buf_drop(&r->chunk);
  r->call = NULL;
  call->chunk_max = NODE_SNAPSHOT_CHUNK_MAX;
  if (answer_ok(n, &call->call)) return;
  r->told = true; /* that the node ends (N4) */
  stream_end(r, NULL);
}

/* Notes a step; NULL: there is no stream for it any more. */
static struct snapshot_receive *take_step(struct node *n, struct rkv_snapshot_call *call) {
  struct snapshot_receive *r = call->stream;
  struct rkv_error error;
  assert(r && !r->call && !r->told);
  r->call = call;
  if (!r->over && node_ending(n)) {
    node_end_error(n, &error);
    stream_end(r, &error);
  }
  if (!r->over && answer_is_due(n, &call->call))
    stream_endf(r, RKV_TIMEOUT, "the snapshot did not come in time: nothing is installed");
  if (!r->over) return r;
  if (r->gone) stream_tell_end(r, &r->end);
  stream_free_ended(r);
  return NULL;
}

void receive_on_write(struct node *n, struct rkv_call *base) {
  struct rkv_snapshot_call *call = (struct rkv_snapshot_call *)base;
  struct snapshot_receive *r = take_step(n, call);
  if (!r) return;
  r->chunk = rkv_buf_share(call->chunk);
  on_worker(r, RECEIVE_WRITE);
}

void receive_on_abort(struct node *n, struct rkv_call *base) {
  struct rkv_snapshot_call *call = (struct rkv_snapshot_call *)base;
  struct snapshot_receive *r = call->stream;
  (void)n;
  assert(r && !r->call && !r->told);
  r->call = call;
  if (!r->over) stream_end(r, NULL);
  r->end.status = RKV_OK; /* that it ended is what its sender wants */
  if (r->gone) stream_tell_end(r, &r->end);
  stream_free_ended(r);
}

void receive_on_finish(struct node *n, struct rkv_call *base) {
  struct rkv_snapshot_call *call = (struct rkv_snapshot_call *)base;
  struct snapshot_receive *r = take_step(n, call);
  if (!r) return;
  if (!wanted(n, call)) {
    stream_end(r, NULL);
    return;
  }
  if (!n->plugins.sm->restore_check) {
    r->status = node_said(n->plugins.sm->restore_finish(r->restore, node_ask(&r->error)),
                          "the state machine's restore_finish", &r->error);
    r->restore = NULL;
    if (r->status != RKV_OK) {
      n->count.bad_peer_calls++;
      stream_end(r, &r->error);
      return;
    }
  }
  n->receive.installing = true;
  on_worker(r, RECEIVE_INSTALL);
}

/* Neither the machine nor the storage has changed, and both go on, unless the machine has swapped
 * already (nothing consistent is left) or the storage is broken. */
static void not_installed(struct snapshot_receive *r) {
  struct node *n = r->n;
  bool swapped = !r->restore, refused = r->writer;
  n->receive.installing = false;
  if (node_ending(n)) return;
  if (refused && r->status == RKV_CORRUPT) n->count.bad_peer_calls++;
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
  if (r->status != RKV_OK) {
    node_fatal(n, r->status, r->error.text);
    return;
  }
  assert(r->meta.last.index > n->applied.index); /* (N3) */
  n->applied = r->meta.last;
  if (n->committed.index < n->applied.index) n->committed = n->applied;
  n->count.snapshots_installed++;
  n->build.snapshot_bytes = r->meta.size;
  n->build.log_bytes = 0;
  raft_on_snapshot_installed(n->raft, node_now(n), r->meta.last, &r->membership);
  n->receive.installing = false;
  propose_covered(n); /* before its outputs: those drop only what is above */
  rkv_log(n->plugins.host, RKV_LOG_INFO, NODE_LOG,
          "snapshot installed last=%" PRIu64 " bytes=%" PRIu64, r->meta.last.index, r->meta.size);
}

void receive_on_installed(struct node *n, struct rkv_call *event) {
  static const struct rkv_error none;
  struct snapshot_receive *r =
      (struct snapshot_receive *)((char *)event - offsetof(struct snapshot_receive, event));
  if (r->status != RKV_OK)
    not_installed(r);
  else if (!node_ending(n))
    installed(r);
  if (node_ending(n)) { /* (N4) */
    node_end_error(n, &r->error);
    r->status = (enum rkv_status)r->error.status;
    assert(r->status != RKV_OK);
  }
  if (r->status != RKV_OK) {
    stream_end(r, &r->error);
    return;
  }
  n->receive.now = NULL;
  r->gone = true;
  if (r->call) stream_tell_end(r, &none);
  stream_free_ended(r);
}
