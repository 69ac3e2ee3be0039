/* receive.c: takes a snapshot that a leader sends (Raft paper, section 7).
 *
 * Chunks go to the storage and into a new state beside the present one, on the worker. At the end
 * the state machine checks the new state, the storage makes the snapshot durable, the state machine
 * swaps to the new state, and raft is told; nothing is applied in between. So the storage never has
 * a snapshot that the machine refuses, and the machine is never ahead of the storage, whenever a
 * crash comes. A machine without restore_check checks and swaps before the storage commits. Such a
 * machine forgets everything in a crash, so that a crash in between leaves no trace (recover.c
 * refuses a durable one). stream.c: how a stream ends. */
#include <node/receive.h>

#include <node/digest.h>
#include <node/identity.h>
#include <node/kernel/answer.h>
#include <node/kernel/fatal.h>
#include <node/kernel/gate.h>
#include <node/kernel/post.h>
#include <node/kernel/outcome.h>
#include <node/kernel/state.h>
#include <node/leap.h>
#include <node/propose.h>
#include <node/stream.h>
#include <node/swap.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

/* ---- on the worker ---- */

static enum rkv_status receive_begin(struct snapshot_receive *r) {
  struct node *n = r->n;
  enum rkv_status status =
      outcome_of_gift(n->plugins.storage->snapshot_begin(n->plugins.storage_instance, &r->meta,
                                                         &r->writer, outcome_clear(&r->error)),
                      &r->writer, "the storage's snapshot_begin", &r->error);
  if (status != RKV_OK) return status;
  return outcome_of_gift(n->plugins.sm->restore_begin(n->plugins.sm_instance, &r->meta, &r->restore,
                                                      outcome_clear(&r->error)),
                         &r->restore, "the state machine's restore_begin", &r->error);
}

static enum rkv_status receive_chunk(struct snapshot_receive *r) {
  struct node *n = r->n;
  enum rkv_status status =
      outcome_of(n->plugins.storage->snapshot_write(r->writer, r->chunk, outcome_clear(&r->error)),
                 "the storage's snapshot_write", &r->error);
  if (status != RKV_OK) return status;
  r->meta.size += r->chunk.len;
  return outcome_of(n->plugins.sm->restore_write(r->restore, r->chunk, outcome_clear(&r->error)),
                    "the state machine's restore_write", &r->error);
}

/* The state machine checks the new state, unless it has swapped already. Then the storage makes the
 * snapshot its newest one. */
static enum rkv_status install_snapshot(struct snapshot_receive *r) {
  struct node *n = r->n;
  enum rkv_status status = RKV_OK;
  if (r->restore)
    status = outcome_of(n->plugins.sm->restore_check(r->restore, outcome_clear(&r->error)),
                        "the state machine's restore_check", &r->error);
  if (status != RKV_OK) return status;
  status = outcome_of(n->plugins.storage->snapshot_commit(r->writer, outcome_clear(&r->error)),
                      "the storage's snapshot_commit", &r->error);
  r->writer = NULL;
  return status;
}

static enum rkv_status receive_work(struct snapshot_receive *r) {
  if (node_ending(r->n)) {
    node_end_error(r->n, &r->error);
    return (enum rkv_status)r->error.status;
  }
  switch (r->step) {
  case RECEIVE_BEGIN: return receive_begin(r);
  case RECEIVE_WRITE: return receive_chunk(r);
  case RECEIVE_INSTALL: return install_snapshot(r);
  }
  return RKV_OK;
}

static void run_receive(struct node_job *job) {
  struct snapshot_receive *r = (struct snapshot_receive *)job;
  struct node *n = r->n;
  r->status = receive_work(r);
  node_post(n, &r->event,
            r->step == RECEIVE_INSTALL ? NODE_SNAPSHOT_INSTALLED : NODE_SNAPSHOT_STEPPED);
  node_kick(n);
}

static void receive_on_worker(struct snapshot_receive *r, enum receive_step step) {
  r->step = step;
  r->n->executor->post(r->n->executor->ctx, &r->job);
}

/* ---- the sender's steps ---- */

/* Asks raft whether the snapshot is wanted; if not, fills the answer. */
static bool snapshot_wanted(struct node *n, struct rkv_snapshot_call *call) {
  struct raft_view view;
  enum raft_offer offer = raft_on_snapshot_offer(n->raft, node_now(n), call->vote, call->meta.last);
  raft_view(n->raft, &view);
  call->voter_vote = view.vote;
  call->finished = offer != RAFT_OFFER_TAKE;
  return !call->finished;
}

/* Makes the record of a new stream; NULL, with the refusal in *error. */
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
  r->job.run = run_receive;
  r->vote = call->vote;
  r->meta = call->meta;
  r->meta.size = 0;
  r->meta.membership = rkv_buf_share(call->meta.membership);
  stream_note(n, r);
  return r;
}

/* What is wrong with the meta, as no leader sends it; NULL if it makes sense. */
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
      leap_is_found(n, base, call->vote, call->meta.last, &error)) {
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
  bool taken = snapshot_wanted(n, call);
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
  receive_on_worker(r, RECEIVE_BEGIN);
}

void receive_on_stepped(struct node *n, struct rkv_call *event) {
  struct snapshot_receive *r =
      (struct snapshot_receive *)((char *)event - offsetof(struct snapshot_receive, event));
  struct rkv_snapshot_call *call = r->call;
  if (r->over) return; /* stream_on_dropped answers the sender */
  if (r->status != RKV_OK) {
    stream_end(r, &r->error);
    return;
  }
  if (r->step == RECEIVE_WRITE) stream_note_pace(r, r->chunk.len);
  rkv_buf_drop(&r->chunk);
  r->call = NULL;
  call->chunk_max = NODE_SNAPSHOT_CHUNK_MAX;
  if (answer_ok(n, &call->call)) return;
  r->sender_knows = true; /* answer_ok told the sender that this node ends (N4) */
  stream_end(r, NULL);
}

/* Notes the step that the sender waits for. NULL: the stream has ended; the step is answered with
 * the reason once the worker dropped the stream. */
static struct snapshot_receive *take_step(struct node *n, struct rkv_snapshot_call *call) {
  struct snapshot_receive *r = call->stream;
  struct rkv_error error;
  assert(r && !r->call && !r->sender_knows);
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
  receive_on_worker(r, RECEIVE_WRITE);
}

void receive_on_abort(struct node *n, struct rkv_call *base) {
  struct rkv_snapshot_call *call = (struct rkv_snapshot_call *)base;
  struct snapshot_receive *r = call->stream;
  (void)n;
  assert(r && !r->call && !r->sender_knows);
  r->call = call;
  if (!r->over) stream_end(r, NULL);
  r->end.status = RKV_OK; /* the stream has ended, as its sender wants */
  if (r->gone) stream_tell_end(r, &r->end);
  stream_free_ended(r);
}

void receive_on_finish(struct node *n, struct rkv_call *base) {
  struct rkv_snapshot_call *call = (struct rkv_snapshot_call *)base;
  struct snapshot_receive *r = take_step(n, call);
  if (!r) return;
  if (!snapshot_wanted(n, call)) {
    stream_end(r, NULL);
    return;
  }
  if (swap_holds_installs(n)) {
    stream_endf(r, RKV_FULL, "the node changes to another storage right now (try again later)");
    return;
  }
  if (!n->plugins.sm->restore_check) {
    r->status = outcome_of(n->plugins.sm->restore_finish(r->restore, outcome_clear(&r->error)),
                           "the state machine's restore_finish", &r->error);
    r->restore = NULL;
    if (r->status != RKV_OK) {
      n->count.bad_peer_calls++;
      stream_end(r, &r->error);
      return;
    }
  }
  n->receive.installing = true;
  receive_on_worker(r, RECEIVE_INSTALL);
}

/* The snapshot is not installed. State machine and storage are as before and go on, unless the
 * machine has swapped already (nothing consistent is left) or the storage is broken. */
static void snapshot_not_installed(struct snapshot_receive *r) {
  struct node *n = r->n;
  bool swapped = !r->restore, refused = r->writer;
  n->receive.installing = false;
  if (node_ending(n)) return;
  if (refused && r->status == RKV_CORRUPT) n->count.bad_peer_calls++;
  if (swapped || (!refused && (r->status == RKV_IO || r->status == RKV_CORRUPT)))
    node_fatal(n, r->status, r->error.text);
}

/* The storage has the snapshot: the state machine swaps, and raft is told. */
static void snapshot_installed(struct snapshot_receive *r) {
  struct node *n = r->n;
  if (r->restore)
    r->status = outcome_of(n->plugins.sm->restore_finish(r->restore, outcome_clear(&r->error)),
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
  digest_installed(n);
  propose_covered(n); /* before raft's outputs are carried out: they drop only what is above */
  rkv_log(n->plugins.host, RKV_LOG_INFO, NODE_LOG,
          "snapshot installed last=%" PRIu64 " bytes=%" PRIu64, r->meta.last.index, r->meta.size);
}

void receive_on_installed(struct node *n, struct rkv_call *event) {
  static const struct rkv_error none;
  struct snapshot_receive *r =
      (struct snapshot_receive *)((char *)event - offsetof(struct snapshot_receive, event));
  if (r->status != RKV_OK)
    snapshot_not_installed(r);
  else if (!node_ending(n))
    snapshot_installed(r);
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
