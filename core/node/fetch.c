/* fetch.c: reads entries that left the hot tail, on the worker, because a storage may block. */
#include <node/internal.h>

#include <stdlib.h>

#define NS_PER_S UINT64_C(1000000000)

struct fetch {
  struct node_job job; /* first: what the executor knows */
  struct rkv_call event;
  struct node *n;
  enum fetch_for what;
  rkv_node_id peer;
  uint64_t serial; /* struct node_peer's */
  rkv_index from, to;
  struct rkv_entry *entries;
  size_t count;
  enum rkv_status status;
  struct rkv_error error;
};

/* On the worker. */
static void run(struct node_job *job) {
  struct fetch *f = (struct fetch *)job;
  struct node *n = f->n;
  uint64_t wanted = f->to - f->from + 1;
  size_t capacity =
      wanted < NODE_FETCH_ENTRIES_MAX ? (size_t)wanted : (size_t)NODE_FETCH_ENTRIES_MAX;
  f->entries = calloc(capacity, sizeof *f->entries);
  if (f->entries)
    f->status = node_said(n->plugins.storage->read(n->plugins.storage_instance, f->from, f->to,
                                                   n->options.append_bytes_max, f->entries,
                                                   capacity, &f->count, node_ask(&f->error)),
                          "the storage's read", &f->error);
  else
    f->status = rkv_fail(&f->error, RKV_NO_MEMORY, "out of memory to read the log");
  if (f->status != RKV_OK) f->count = 0;
  loop_post(n, &f->event, NODE_FETCHED);
  node_kick(n);
}

bool fetch_start(struct node *n, enum fetch_for what, rkv_index from, rkv_index to,
                 const struct node_peer *peer) {
  struct fetch *f = calloc(1, sizeof *f);
  if (!f) return false;
  f->job.run = run;
  f->n = n;
  f->what = what;
  f->peer = peer ? peer->id : 0;
  f->serial = peer ? peer->serial : 0;
  f->from = from;
  f->to = to;
  n->executor->post(n->executor->ctx, &f->job);
  return true;
}

/* ---- for a peer ---- */

/* After a read that failed. */
static void pause_reads(struct node *n, struct node_peer *peer) {
  peer->ahead_ns = n->now_ns + n->options.heartbeat_ns / NODE_RETRY_SHARE;
}

static void read_next(struct node *n, struct node_peer *peer, rkv_index last) {
  struct ahead *a = &peer->ahead;
  uint64_t count = n->options.append_entries_max;
  rkv_index to = last - a->next >= count ? a->next + count - 1 : last;
  a->reading = fetch_start(n, FETCH_FOR_PEER, a->next, to, peer);
  if (!a->reading) pause_reads(n, peer);
}

/* Do clients write? They share the machine with whoever catches up, and go before. */
static bool clients_write(struct node *n) {
  if (n->proposals != n->lag_proposals) {
    n->lag_proposals = n->proposals;
    n->lag_busy_ns = n->now_ns + NODE_LAG_BUSY_NS;
  }
  return n->now_ns < n->lag_busy_ns;
}

/* When what is read for the peer may go to it. */
static uint64_t at_hand_ns(struct node *n, const struct node_peer *peer) {
  if (peer->ahead.count > 0) return clients_write(n) ? peer->pace_ns : 0;
  return peer->ahead.reading ? UINT64_MAX : peer->ahead_ns;
}

void fetch_ahead(struct node *n, struct node_peer *peer) {
  struct ahead *a = &peer->ahead;
  struct raft_peer_view view;
  struct raft_view mine;
  if (!raft_peer(n->raft, peer->id, &view)) return ahead_clear(a); /* this node does not lead */
  bool wanted = view.replicating && view.next <= view.last;
  if (!wanted || (a->count == 0 && tail_has(&n->tail, view.next))) {
    ahead_clear(a);
    return raft_hold_entries(n->raft, peer->id, 0);
  }
  raft_view(n->raft, &mine);
  ahead_begin(a, view.next, mine.vote);
  bool more = a->next <= view.last && !tail_has(&n->tail, a->next);
  if (more && ahead_has_room(a) && n->now_ns >= peer->ahead_ns) read_next(n, peer, view.last);
  raft_hold_entries(n->raft, peer->id, at_hand_ns(n, peer));
}

/* Twice what was written since the last run is free, so that whoever lags comes nearer whatever
 * clients write. */
bool fetch_take(struct node *n, struct node_peer *peer, rkv_index from, struct ahead_run *run) {
  if (!ahead_take(&peer->ahead, from, run)) return false;
  uint64_t free_bytes = 2 * (n->proposed_bytes - peer->pace_bytes);
  uint64_t owed = run->bytes > free_bytes ? run->bytes - free_bytes : 0;
  peer->pace_bytes = n->proposed_bytes;
  /* While nobody writes nothing is owed: it would have to be paid once somebody does. */
  if (peer->pace_ns < n->now_ns || n->now_ns >= n->lag_busy_ns) peer->pace_ns = n->now_ns;
  if (n->now_ns < n->lag_busy_ns) peer->pace_ns += owed * NS_PER_S / NODE_LAG_RATE;
  return true;
}

static void drop_entries(struct fetch *f) {
  for (size_t i = 0; i < f->count; i++) rkv_buf_drop(&f->entries[i].payload);
  free(f->entries);
  f->entries = NULL;
  f->count = 0;
}

/* What a storage gave is what was asked for, or the storage breaks its contract. */
static bool is_as_asked(const struct fetch *f) {
  bool asked = f->count <= f->to - f->from + 1;
  for (size_t i = 0; asked && i < f->count; i++) asked = f->entries[i].id.index == f->from + i;
  return asked;
}

static void fetched_for_peer(struct node *n, struct fetch *f) {
  struct node_peer *peer = peer_find(n, f->peer);
  struct ahead_run run = {f->entries, f->count, 0};
  f->entries = NULL;
  f->count = 0;
  if (!peer || peer->serial != f->serial) return ahead_run_drop(&run);
  if (run.count == 0) {
    rkv_log(n->plugins.host, RKV_LOG_DEBUG, NODE_LOG, "entries for peer=%llu are gone: %s",
            (unsigned long long)f->peer, f->status == RKV_OK ? "none held" : f->error.text);
    pause_reads(n, peer);
  }
  ahead_put(&peer->ahead, &run);
}

void fetch_on_done(struct node *n, struct rkv_call *call) {
  struct fetch *f = (struct fetch *)((char *)call - offsetof(struct fetch, event));
  if (f->status == RKV_CORRUPT || f->status == RKV_IO) node_fatal(n, f->status, f->error.text);
  if (!is_as_asked(f)) {
    node_fatal(n, RKV_BROKEN, "the storage read other entries than it was asked for");
    drop_entries(f);
  }
  if (f->what == FETCH_FOR_PEER)
    fetched_for_peer(n, f);
  else
    apply_fetched(n, f->entries, f->count, f->status == RKV_OK ? NULL : &f->error);
  drop_entries(f);
  free(f);
}
