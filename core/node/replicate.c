/* replicate.c: votes and appends to the peers, and their answers. */
#include <node/replicate.h>

#include <node/digest.h>
#include <node/kernel/fatal.h>
#include <node/kernel/post.h>
#include <node/kernel/state.h>
#include <node/kernel/tail.h>
#include <node/lag.h>
#include <node/leap.h>
#include <node/lost.h>
#include <node/peers.h>
#include <node/tell.h>
#include <node/tend.h>

#include <assert.h>
#include <stdlib.h>

/* A vote request on its way to a peer. */
struct node_vote {
  struct rkv_vote_call call; /* first: what the transport knows */
  struct node *n;
  rkv_node_id peer;
  bool pre;
  enum rkv_status status;
};

/* An append on its way; it holds references to its payloads, because the hot tail moves on. */
struct node_append {
  struct rkv_append_call call; /* first: what the transport knows */
  struct node *n;
  rkv_node_id peer;
  struct raft_append_plan plan;
  rkv_index sent;
  enum rkv_status status;
  struct rkv_entry *entries;
  size_t count;
};

static void vote_done(struct rkv_call *call, enum rkv_status status,
                      const struct rkv_error *error) {
  struct node_vote *v = (struct node_vote *)call;
  (void)error; /* the transport logs why a peer is away; a lost vote is asked again by timeout */
  v->status = status;
  node_post(v->n, call, v->pre ? NODE_PRE_VOTE_ANSWER : NODE_VOTE_ANSWER);
}

static void ask_vote(struct node *n, const struct raft_output *out, bool pre) {
  struct node_peer *peer = peer_find(n, out->peer);
  if (!peer || !peer->handle) return;
  struct node_vote *v = calloc(1, sizeof *v);
  if (!v) {
    node_fatal(n, RKV_NO_MEMORY, "out of memory for a vote request");
    return;
  }
  v->n = n;
  v->peer = out->peer;
  v->pre = pre;
  v->call.call.done = vote_done;
  v->call.call.deadline_ns = n->now_ns + n->options.election_min_ns;
  v->call.vote = out->vote;
  v->call.last = out->id;
  v->call.transfer = out->transfer;
  tell_vote_wanted(n, out);
  if (pre)
    n->plugins.transport->send_pre_vote(peer->handle, &v->call);
  else
    n->plugins.transport->send_vote(peer->handle, &v->call);
}

void replicate_vote(struct node *n, const struct raft_output *out) {
  ask_vote(n, out, false);
}

void replicate_pre_vote(struct node *n, const struct raft_output *out) {
  ask_vote(n, out, true);
}

void replicate_on_pre_vote_answer(struct node *n, struct rkv_call *call) {
  struct node_vote *v = (struct node_vote *)call;
  bool unknown = v->status == RKV_UNIMPLEMENTED;
  tell_peer(n, v->peer, v->status);
  if ((v->status == RKV_OK || unknown) && !node_ending(n)) {
    if (v->status == RKV_OK) {
      tell_vote_got(n, v->peer, true, &v->call);
      leap_note_answer(n, v->peer, v->call.voter_vote);
    }
    raft_on_pre_vote_answer(n->raft, node_now(n), v->peer, v->call.vote, unknown, v->call.granted,
                            v->call.voter_vote, v->call.voter_last);
  }
  free(v);
}

void replicate_on_vote_answer(struct node *n, struct rkv_call *call) {
  struct node_vote *v = (struct node_vote *)call;
  tell_peer(n, v->peer, v->status);
  if (v->status == RKV_OK && !node_ending(n)) {
    tell_vote_got(n, v->peer, false, &v->call);
    leap_note_answer(n, v->peer, v->call.voter_vote);
    raft_on_vote_answer(n->raft, node_now(n), v->peer, v->call.vote, v->call.granted,
                        v->call.voter_vote, v->call.voter_last);
  }
  free(v);
}

/* ---- appends ---- */

static void append_free(struct node_append *a) {
  for (size_t i = 0; i < a->count; i++) rkv_buf_drop(&a->entries[i].payload);
  free(a->entries);
  free(a);
}

static void append_done(struct rkv_call *call, enum rkv_status status,
                        const struct rkv_error *error) {
  struct node_append *a = (struct node_append *)call;
  (void)error; /* logged once by the transport, which alone knows when trouble repeats */
  a->status = status;
  node_post(a->n, call, NODE_APPEND_ANSWER);
}

/* How many entries of the span fit into one append: at least one. */
static size_t fit(struct node *n, const struct rkv_entry *span, size_t count) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < count; i++) {
    bytes += span[i].payload.len;
    if (bytes > n->options.append_bytes_max && i > 0) return i;
  }
  return count;
}

/* Takes `count` entries into the append, sharing their payloads. */
static bool share_entries(struct node_append *a, const struct rkv_entry *entries, size_t count) {
  a->entries = malloc(count * sizeof *a->entries);
  if (!a->entries) return false;
  for (size_t i = 0; i < count; i++) {
    a->entries[i] = entries[i];
    a->entries[i].payload = rkv_buf_share(entries[i].payload);
  }
  a->count = count;
  return true;
}

/* What the plan wants: read ahead for the peer, or out of the hot tail (lag_feed). */
static bool take_entries(struct node *n, struct node_peer *peer, struct node_append *a) {
  const struct raft_append_plan *plan = &a->plan;
  struct ahead_run run;
  size_t count;
  if (plan->from > plan->to) return true;
  if (lag_take(n, peer, plan->from, &run)) {
    a->entries = run.entries;
    a->count = run.count;
    return true;
  }
  const struct rkv_entry *span = tail_span(&n->tail, plan->from, plan->to, &count);
  assert(count > 0);
  return share_entries(a, span, fit(n, span, count));
}

static void send_append(struct node *n, struct node_append *a) {
  struct node_peer *peer = peer_find(n, a->peer);
  a->call.entries = a->entries;
  a->call.entry_count = a->count;
  if (peer && peer->handle) {
    digest_name(n, peer, &a->call);
    n->plugins.transport->send_append(peer->handle, &a->call);
    return;
  }
  a->status = RKV_UNAVAILABLE;
  node_post(n, &a->call.call, NODE_APPEND_ANSWER);
}

static struct node_append *append_new(struct node *n, rkv_node_id peer,
                                      const struct raft_append_plan *plan) {
  struct node_append *a = calloc(1, sizeof *a);
  if (!a) return NULL;
  bool empty = plan->from > plan->to;
  a->n = n;
  a->peer = peer;
  a->plan = *plan;
  a->call.call.done = append_done;
  a->call.call.deadline_ns =
      n->now_ns + (empty ? 2 * n->options.heartbeat_ns : n->options.election_max_ns);
  a->call.vote = plan->vote;
  a->call.prev = plan->prev;
  a->call.commit = plan->commit;
  return a;
}

static void replicate_plan(struct node *n, struct node_peer *peer,
                           const struct raft_append_plan *plan) {
  struct node_append *a = append_new(n, peer->id, plan);
  if (!a || !take_entries(n, peer, a)) {
    free(a);
    raft_append_sent(n->raft, peer->id, plan, plan->prev.index);
    node_fatal(n, RKV_NO_MEMORY, "out of memory for an append to a peer");
    return;
  }
  a->sent = plan->prev.index + a->count;
  raft_append_sent(n->raft, peer->id, plan, a->sent);
  send_append(n, a);
}

void replicate_all(struct node *n) {
  struct raft_append_plan plan;
  struct raft_now now = {.ns = n->now_ns, .random = 0};
  for (size_t i = 0; i < n->peers.count; i++)
    for (;;) {
      lag_feed(n, &n->peers.list[i]);
      if (!raft_next_append(n->raft, now, n->peers.list[i].id, &plan)) break;
      replicate_plan(n, &n->peers.list[i], &plan);
    }
}

/* The transport inferred this answer from an earlier one; the peer did not give it. So it confirms
 * no read that came since, and promises nothing. */
static void discount(struct node_append *a) {
  if (!a->call.inferred) return;
  a->plan.round = 0;
  a->call.lease_ns = 0;
}

void replicate_on_append_answer(struct node *n, struct rkv_call *call) {
  struct node_append *a = (struct node_append *)call;
  if (!node_ending(n)) {
    discount(a);
    tell_peer(n, a->peer, a->status);
    if (a->status == RKV_OK) tell_append_got(n, a->peer, &a->call);
    if (a->status == RKV_OK && a->call.result == RKV_APPEND_REJECTED)
      leap_note_answer(n, a->peer, a->call.voter_vote);
    if (a->status == RKV_OK) lost_look(n, a->peer, &a->plan, &a->call);
    if (a->status == RKV_OK && !a->call.inferred) digest_on_answer(n, a->peer, &a->plan, &a->call);
    if (a->status == RKV_OK)
      raft_on_append_answer(n->raft, node_now(n), a->peer, &a->plan, a->sent,
                            (enum rkv_append_result)a->call.result, a->call.matched,
                            a->call.voter_vote, a->call.lease_ns);
    else
      raft_on_append_failed(n->raft, node_now(n), a->peer, &a->plan, a->sent,
                            a->status == RKV_TOO_LARGE, a->call.matched);
    if (a->status == RKV_PRECONDITION || a->status == RKV_FOREIGN) tend_ask_again(n, a->peer);
  }
  append_free(a);
}
