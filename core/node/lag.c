/* lag.c: entries for a peer whose next ones left the hot tail: reads them ahead (ahead.h), and
 * sends them at a limited pace while clients write. */
#include <node/lag.h>

#include <node/fetch.h>
#include <node/kernel/ahead.h>
#include <node/kernel/state.h>
#include <node/kernel/tail.h>
#include <node/peers.h>

#include <assert.h>
#include <inttypes.h>

#define NS_PER_S UINT64_C(1000000000)

/* A read failed: the next one waits. */
static void pause_reads(struct node *n, struct node_peer *peer) {
  peer->read_again_ns = n->now_ns + n->options.heartbeat_ns / NODE_RETRY_SHARE;
}

static void take_ahead(struct node *n, struct fetched *got) {
  struct node_peer *peer = peer_find(n, got->peer);
  struct ahead_run run = {got->entries, got->count, 0};
  got->entries = NULL;
  got->count = 0;
  if (!peer || peer->serial != got->serial) {
    ahead_run_drop(&run);
    return;
  }
  if (run.count == 0) {
    rkv_log(n->plugins.host, RKV_LOG_DEBUG, NODE_LOG, "entries for peer=%" PRIu64 " are gone: %s",
            got->peer, got->status == RKV_OK ? "none held" : got->error.text);
    pause_reads(n, peer);
  }
  ahead_put(&peer->ahead, &run);
}

static void read_next(struct node *n, struct node_peer *peer, rkv_index last) {
  struct ahead *a = &peer->ahead;
  uint64_t count = n->options.append_entries_max;
  assert(!a->reading && a->next > 0 && a->next <= last); /* (A2) */
  rkv_index to = last - a->next >= count ? a->next + count - 1 : last;
  a->reading = fetch_start(n, a->next, to, peer, take_ahead);
  if (!a->reading) pause_reads(n, peer);
}

/* True while clients write: they share the machine with a peer that catches up, and go first. */
static bool clients_write(struct node *n) {
  if (n->count.proposals != n->lag.proposals_seen) {
    n->lag.proposals_seen = n->count.proposals;
    n->lag.clients_busy_until_ns = n->now_ns + NODE_LAG_BUSY_NS;
  }
  return n->now_ns < n->lag.clients_busy_until_ns;
}

/* When the peer's next entries may be sent: they have to be read, and its pace has to allow it. */
static uint64_t at_hand_ns(struct node *n, const struct node_peer *peer) {
  if (peer->ahead.count > 0) return clients_write(n) ? peer->next_run_ns : 0;
  return peer->ahead.reading ? UINT64_MAX : peer->read_again_ns;
}

void lag_feed(struct node *n, struct node_peer *peer) {
  struct ahead *a = &peer->ahead;
  struct raft_peer_view view;
  struct raft_view mine;
  if (!raft_peer(n->raft, peer->id, &view)) { /* this node does not lead */
    ahead_clear(a);
    return;
  }
  bool wanted = view.replicating && view.next <= view.last;
  if (!wanted || (a->count == 0 && tail_has(&n->tail, view.next))) {
    ahead_clear(a);
    raft_hold_entries(n->raft, peer->id, 0);
    return;
  }
  raft_view(n->raft, &mine);
  ahead_begin(a, view.next, mine.vote);
  bool more = a->next <= view.last && !tail_has(&n->tail, a->next);
  if (more && ahead_has_room(a) && n->now_ns >= peer->read_again_ns) read_next(n, peer, view.last);
  raft_hold_entries(n->raft, peer->id, at_hand_ns(n, peer));
}

/* A token bucket: twice what clients wrote since the last run is free, so that the peer comes
 * nearer however much they write. The rest is paid for at NODE_LAG_RATE, by a later next run. */
bool lag_take(struct node *n, struct node_peer *peer, rkv_index from, struct ahead_run *run) {
  if (!ahead_take(&peer->ahead, from, run)) return false;
  uint64_t free_bytes = 2 * (n->count.proposed_bytes - peer->proposed_at_last_run);
  uint64_t owed = run->bytes > free_bytes ? run->bytes - free_bytes : 0;
  peer->proposed_at_last_run = n->count.proposed_bytes;
  /* While no client writes there is nothing to pay: it would delay the peer once one does. */
  if (peer->next_run_ns < n->now_ns || n->now_ns >= n->lag.clients_busy_until_ns)
    peer->next_run_ns = n->now_ns;
  if (n->now_ns < n->lag.clients_busy_until_ns)
    peer->next_run_ns += owed * NS_PER_S / NODE_LAG_RATE;
  return true;
}
