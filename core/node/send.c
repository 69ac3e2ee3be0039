/* send.c: sends the newest snapshot to a peer that lags behind the log (Raft paper, section 7).
 *
 * One step at a time, alternating between the worker (the storage may block) and the runner (the
 * transport is called by the loop):  OPEN -> BEGIN -> { READ -> WRITE } -> FINISH. */
#include <node/send.h>

#include <node/kernel/fatal.h>
#include <node/kernel/post.h>
#include <node/kernel/outcome.h>
#include <node/kernel/state.h>
#include <node/leap.h>
#include <node/peers.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define SEND_RESTARTS_MAX 8 /* times that a peer may refuse a chunk as too large */

enum send_step { SEND_OPEN, SEND_BEGIN, SEND_READ, SEND_WRITE, SEND_FINISH, SEND_ABORT };

struct snapshot_send {
  struct rkv_snapshot_call call; /* first: what the transport and the inbox know */
  struct node_job job;
  struct node *n;
  rkv_node_id peer;
  uint64_t connection; /* the serial of the peer's connection: the stream ends with it */
  enum send_step step;
  void *reader;
  uint64_t offset;
  unsigned restarts;
  enum rkv_status status;
  struct rkv_error error;
};

static struct snapshot_send *of_job(struct node_job *job) {
  return (struct snapshot_send *)((char *)job - offsetof(struct snapshot_send, job));
}

/* On the worker: OPEN and READ. */
static void run_send(struct node_job *job) {
  struct snapshot_send *s = of_job(job);
  struct node *n = s->n;
  const struct rkv_storage_ops *storage = n->plugins.storage;
  if (node_ending(n))
    s->status = RKV_CANCELLED; /* send_on_step looks at the end itself */
  else if (s->step == SEND_OPEN)
    s->status = outcome_of_gift(storage->snapshot_open(n->plugins.storage_instance, &s->reader,
                                                       &s->call.meta, outcome_clear(&s->error)),
                                &s->reader, "the storage's snapshot_open", &s->error);
  else
    s->status = outcome_of(storage->snapshot_read(s->reader, s->offset, s->call.chunk_max,
                                                  &s->call.chunk, outcome_clear(&s->error)),
                           "the storage's snapshot_read", &s->error);
  node_post(n, &s->call.call, NODE_SNAPSHOT_SEND);
  node_kick(n); /* *s is the loop's by now, and may be gone */
}

static void on_send_done(struct rkv_call *call, enum rkv_status status,
                         const struct rkv_error *error) {
  struct snapshot_send *s = (struct snapshot_send *)call;
  s->status = outcome_of_done(status, error, "the transport's step of a snapshot", &s->error);
  node_post(s->n, call, NODE_SNAPSHOT_SEND);
}

static void send_on_worker(struct snapshot_send *s, enum send_step step) {
  s->step = step;
  s->n->executor->post(s->n->executor->ctx, &s->job);
}

static void send_to_peer(struct snapshot_send *s, enum send_step step) {
  struct node *n = s->n;
  const struct rkv_transport_ops *transport = n->plugins.transport;
  struct node_peer *peer = peer_find(n, s->peer);
  s->step = step;
  if (peer && step == SEND_BEGIN) s->connection = peer->serial;
  s->call.call.deadline_ns = n->now_ns + NODE_SNAPSHOT_STEP_NS;
  if (!peer || !peer->handle || peer->serial != s->connection) {
    s->status = rkv_fail(&s->error, RKV_UNAVAILABLE, "the peer left the cluster");
    node_post(n, &s->call.call, NODE_SNAPSHOT_SEND);
    return;
  }
  switch (step) {
  case SEND_BEGIN: transport->send_snapshot_begin(peer->handle, &s->call); break;
  case SEND_WRITE: transport->send_snapshot_write(peer->handle, &s->call); break;
  case SEND_FINISH: transport->send_snapshot_finish(peer->handle, &s->call); break;
  case SEND_ABORT: transport->send_snapshot_abort(peer->handle, &s->call); break;
  case SEND_OPEN:
  case SEND_READ: assert(0 && "a step of the worker"); break;
  }
}

void send_start(struct node *n, rkv_node_id peer) {
  struct raft_view view;
  struct snapshot_send *s = calloc(1, sizeof *s);
  if (!s) {
    node_fatal(n, RKV_NO_MEMORY, "out of memory to send a snapshot");
    return;
  }
  raft_view(n->raft, &view);
  s->n = n;
  s->peer = peer;
  s->job.run = run_send;
  s->call.call.done = on_send_done;
  s->call.vote = view.vote;
  s->call.chunk_max = NODE_SNAPSHOT_CHUNK_MAX;
  send_on_worker(s, SEND_OPEN);
}

static void log_sent(struct snapshot_send *s) {
  struct node *n = s->n;
  n->count.snapshots_sent++;
  rkv_log(n->plugins.host, RKV_LOG_INFO, NODE_LOG,
          "snapshot sent peer=%" PRIu64 " last=%" PRIu64 " bytes=%" PRIu64, s->peer,
          s->call.meta.last.index, s->offset);
}

/* raft sends again and again to a peer that takes no snapshot: logs it at most every
 * NODE_QUIET_NS. */
static void log_trouble(struct snapshot_send *s) {
  struct node *n = s->n;
  n->send.failures++;
  if (n->now_ns < n->send.quiet_ns) return;
  rkv_log(n->plugins.host, RKV_LOG_WARN, NODE_LOG,
          "snapshot not sent peer=%" PRIu64 " last=%" PRIu64 " bytes=%" PRIu64 " count=%" PRIu64
          ": %s",
          s->peer, s->call.meta.last.index, s->offset, n->send.failures, s->error.text);
  n->send.quiet_ns = n->now_ns + NODE_QUIET_NS;
  n->send.failures = 0;
}

/* Tells raft how the sending ended, and frees *s. */
static void end_send(struct snapshot_send *s, bool ok) {
  struct node *n = s->n;
  struct rkv_vote greater = {0, 0, false};
  enum rkv_order order = rkv_vote_compare(s->call.voter_vote, s->call.vote);
  if (ok && order != RKV_LESS && order != RKV_EQUAL) {
    greater = s->call.voter_vote;
    (void)rkv_fail(&s->error, RKV_ABORTED,
                   "the peer follows another leader: node %" PRIu64 ", term %" PRIu64,
                   greater.node_id, greater.term);
    leap_note_answer(n, s->peer, greater);
    ok = false;
  }
  if (ok)
    log_sent(s);
  else
    log_trouble(s);
  if (!node_ending(n))
    raft_on_snapshot_sent(n->raft, node_now(n), s->peer, ok, s->call.meta.last, greater);
  if (s->reader) n->plugins.storage->snapshot_close(s->reader);
  rkv_buf_drop(&s->call.chunk);
  rkv_buf_drop(&s->call.meta.membership);
  free(s);
}

static bool still_leads(struct snapshot_send *s) {
  struct raft_view view;
  raft_view(s->n->raft, &view);
  return view.role == RAFT_LEADER && rkv_vote_compare(view.vote, s->call.vote) == RKV_EQUAL;
}

/* A step failed. A storage that does not give back what it took is trusted no longer, as in fetch.c
 * and build.c: the node stops, and another node can lead and send. */
static void send_failed(struct snapshot_send *s) {
  bool worker_step = s->step == SEND_READ;
  if ((worker_step || s->step == SEND_OPEN) && (s->status == RKV_CORRUPT || s->status == RKV_IO))
    node_fatal(s->n, s->status, s->error.text);
  if (s->status == RKV_TOO_LARGE && !worker_step && ++s->restarts <= SEND_RESTARTS_MAX) {
    s->offset = 0;
    rkv_buf_drop(&s->call.chunk);
    send_to_peer(s, SEND_BEGIN);
  } else if (worker_step) {
    send_to_peer(s, SEND_ABORT);
  } else {
    end_send(s, false);
  }
}

void send_on_step(struct node *n, struct rkv_call *call) {
  struct snapshot_send *s = (struct snapshot_send *)call;
  if (node_ending(n)) node_end_error(n, &s->error);
  if (node_ending(n) || s->step == SEND_ABORT) {
    end_send(s, false);
    return;
  }
  if (s->status != RKV_OK) {
    send_failed(s);
    return;
  }
  bool open_stream = s->step == SEND_READ || s->step == SEND_WRITE;
  if (s->step != SEND_FINISH && !still_leads(s)) {
    (void)rkv_fail(&s->error, RKV_ABORTED, "leadership was lost");
    if (open_stream) {
      send_to_peer(s, SEND_ABORT);
      return;
    }
    if (s->step == SEND_OPEN) {
      end_send(s, false);
      return;
    }
  }
  switch (s->step) {
  case SEND_OPEN: send_to_peer(s, SEND_BEGIN); break;
  case SEND_BEGIN:
    if (s->call.finished)
      end_send(s, true);
    else
      send_on_worker(s, SEND_READ);
    break;
  case SEND_READ: send_to_peer(s, s->call.chunk.len > 0 ? SEND_WRITE : SEND_FINISH); break;
  case SEND_WRITE:
    s->offset += s->call.chunk.len;
    rkv_buf_drop(&s->call.chunk);
    send_on_worker(s, SEND_READ);
    break;
  case SEND_FINISH: end_send(s, true); break;
  case SEND_ABORT: break;
  }
}
