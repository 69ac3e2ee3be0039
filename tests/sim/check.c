/* check.c: the invariants of testing.md, as far as they can be seen at one node at a time.
 *
 * Checked after every step for the node whose code ran, at every answer that leaves a node, and at
 * every entry that is applied. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <node/kernel/fatal.h>
#include <node/kernel/defer.h>
#include <node/kernel/state.h>
#include <raft/read.h>
#include <raft/state.h>

#include "sim.h"

static const struct raft_view *view_of(struct sim *s, rkv_node_id id, struct raft_view *view) {
  raft_view(s->w->nodes[id].node->raft, view);
  return view;
}

/* ---- what leaves a node ---- */

static void check_vote_answer(struct sim *s, rkv_node_id from, const struct rkv_vote_call *call) {
  struct rkv_vote synced = disk_synced_vote(swap_disk(s, from));
  rkv_term term = call->vote.term;
  if (!call->granted) return;
  if (!rkv_vote_accepts(call->vote, synced) || synced.term < term)
    sim_fail(s, "node %" PRIu64 " granted term %" PRIu64 " before its vote was durable", from,
             term);
  if (term >= SIM_TERMS_MAX) {
    sim_fail(s, "more than %d terms", SIM_TERMS_MAX);
    return;
  }
  rkv_node_id *candidate = &s->granted[from].candidate[term];
  if (*candidate != 0 && *candidate != call->vote.node_id)
    sim_fail(s, "node %" PRIu64 " granted term %" PRIu64 " to %" PRIu64 " and to %" PRIu64, from,
             term, *candidate, call->vote.node_id);
  *candidate = call->vote.node_id;
  if (rkv_vote_compare(s->nodes[from].promised, call->vote) == RKV_LESS)
    s->nodes[from].promised = call->vote;
}

static void check_append_answer(struct sim *s, rkv_node_id from,
                                const struct rkv_append_call *call) {
  if (call->result != RKV_APPEND_SUCCESS || call->matched.index == 0) return;
  if (!disk_synced_has(swap_disk(s, from), call->matched))
    sim_fail(s, "node %" PRIu64 " acknowledged index %" PRIu64 " before it was durable", from,
             call->matched.index);
}

void check_answer(struct world *w, rkv_node_id from, rkv_node_id to,
                  const struct rkv_vote_call *vote, const struct rkv_append_call *append) {
  struct sim *s = sim_of(w);
  (void)to;
  const struct disk *d = swap_disk(s, from);
  bool promise = (vote && vote->granted) || (append && append->result == RKV_APPEND_SUCCESS);
  if (promise && disk_has_failed(d) && !disk_is_dead(d))
    sim_fail(s, "node %" PRIu64 " promises something after its disk failed", from);
  if (vote) check_vote_answer(s, from, vote);
  if (append) check_append_answer(s, from, append);
}

/* ---- after every step ---- */

static void check_order(struct sim *s, rkv_node_id id, const struct raft_view *v) {
  if (v->purged.index > v->snapshot.index || v->snapshot.index > v->applied.index ||
      v->applied.index > v->committed.index || v->committed.index > v->last.index)
    sim_fail(s,
             "node %" PRIu64 ": not purged %" PRIu64 " <= snapshot %" PRIu64 " <= applied %" PRIu64
             " <= committed %" PRIu64 " <= last %" PRIu64,
             id, v->purged.index, v->snapshot.index, v->applied.index, v->committed.index,
             v->last.index);
}

/* A committed entry stands in the durable logs of a quorum of every config in force. */
static void check_durable(struct sim *s, rkv_node_id id, const struct raft_view *v) {
  const struct rkv_membership *m = &raft_effective(s->w->nodes[id].node->raft)->value;
  for (uint32_t c = 0; c < m->config_count; c++) {
    uint32_t held = 0;
    for (uint32_t i = 0; i < m->configs[c].count; i++) {
      rkv_node_id voter = m->configs[c].ids[i];
      if (voter > SIM_NODES) continue;
      /* What a replaced disk held it held when it was acknowledged. */
      if (s->nodes[voter].weak || disk_synced_has(swap_disk(s, voter), v->committed)) held++;
    }
    if (held * 2 <= m->configs[c].count)
      sim_fail(s,
               "leader %" PRIu64 " committed index %" PRIu64
               ", durable on %u of %u voters of config "
               "%u",
               id, v->committed.index, held, m->configs[c].count, c);
  }
}

/* A new leader holds everything that was committed in an earlier term (paper 5.4.3). */
static void check_complete(struct sim *s, rkv_node_id id, const struct raft_view *v) {
  struct rkv_log_id held;
  size_t top = s->committed_count;
  while (top > 0 && s->committed[top - 1].committed_in >= v->vote.term) top--;
  if (top == 0 || top - 1 <= v->purged.index) return;
  if (!raft_log_id_at(s->w->nodes[id].node->raft, top - 1, &held) ||
      held.term != s->committed[top - 1].term)
    sim_fail(s, "leader %" PRIu64 " of term %" PRIu64 " lacks the committed index %zu", id,
             v->vote.term, top - 1);
}

/* Learners count for nothing, and every config in force has elected it. */
static void check_elected(struct sim *s, rkv_node_id id, const struct raft_view *v) {
  const struct rkv_membership *m = &raft_effective(s->w->nodes[id].node->raft)->value;
  for (uint32_t c = 0; c < m->config_count; c++) {
    uint32_t votes = 0;
    for (uint32_t i = 0; i < m->configs[c].count; i++) {
      rkv_node_id voter = m->configs[c].ids[i];
      if (voter > SIM_NODES) continue;
      /* What a replaced disk granted is forgotten, not undone. */
      if (voter == id || s->nodes[voter].weak || s->granted[voter].candidate[v->vote.term] == id)
        votes++;
    }
    if (votes * 2 <= m->configs[c].count)
      sim_fail(s, "leader %" PRIu64 " of term %" PRIu64 " has %u of %u votes of config %u", id,
               v->vote.term, votes, m->configs[c].count, c);
  }
}

/* Nobody is elected while the lease of an earlier leader holds by its own clock (dissertation
 * 6.4.1). */
static void check_leases(struct sim *s, rkv_node_id id, const struct raft_view *v) {
  for (rkv_node_id other = 1; other <= SIM_NODES && s->leases; other++) {
    const struct node *n = sim_node_of(s, other);
    struct raft_now now = {.ns = world_local_ns(&s->w->nodes[other])};
    if (!n || n->raft->role != RAFT_LEADER || n->raft->vote.term >= v->vote.term) continue;
    sim_count(s, SIM_EFFECT_OLD_LEADER);
    if (raft_lease_holds(n->raft, now))
      sim_fail(
          s, "leader %" PRIu64 " of term %" PRIu64 " was elected inside the lease of node %" PRIu64,
          id, v->vote.term, other);
  }
}

/* A leader makes a membership only when it knows the one before it to be committed (section 6). */
static void check_changes(struct sim *s, rkv_node_id id, const struct raft_view *v) {
  const struct raft *r = s->w->nodes[id].node->raft;
  if (r->previous && r->effective->id.term == v->vote.term &&
      r->previous->id.index > v->committed.index)
    sim_fail(s,
             "leader %" PRIu64 " changed the membership at index %" PRIu64
             ", and the one at index %" PRIu64 " is not committed",
             id, r->effective->id.index, r->previous->id.index);
}

static void check_leader(struct sim *s, rkv_node_id id, const struct raft_view *v) {
  struct sim_node *n = &s->nodes[id];
  if (v->vote.term >= SIM_TERMS_MAX) {
    sim_fail(s, "more than %d terms", SIM_TERMS_MAX);
    return;
  }
  rkv_node_id *leader = &s->leaders[v->vote.term];
  if (*leader != 0 && *leader != id)
    sim_fail(s, "two leaders in term %" PRIu64 ": %" PRIu64 " and %" PRIu64, v->vote.term, *leader,
             id);
  *leader = id;
  if (!n->was_leader) {
    sim_count(s, SIM_EFFECT_ELECTIONS);
    check_complete(s, id, v);
    check_elected(s, id, v);
    check_leases(s, id, v);
  }
  check_changes(s, id, v);
  if (v->committed.index > n->checked_commit) {
    /* A config appended in this very step was not in force when the quorum was counted. */
    rkv_index config = raft_effective(s->w->nodes[id].node->raft)->id.index;
    if (config == n->config || config <= v->committed.index) check_durable(s, id, v);
    if (v->committed.term != v->vote.term && n->was_leader)
      sim_fail(s,
               "leader %" PRIu64 " of term %" PRIu64
               " counted a quorum for an entry of term %" PRIu64,
               id, v->vote.term, v->committed.term);
  }
}

/* A storage that takes no writes: no peer waits for what it would promise (stall.c). */
static bool keeps_peers(const struct node *n) {
  for (size_t i = 0; i < n->deferred.count && n->stall.now; i++) {
    const struct node_deferred *at = ring_at(&n->deferred, i);
    if (defer_is_answer(&at->output)) return true;
  }
  return false;
}

static bool over_budget(const struct sim *s, const struct node *n) {
  for (int i = 0; i < NODE_BUDGETS; i++) {
    uint64_t max = budget_max((enum node_budget)i);
    if (n->budgets.calls[i] > (max ? max : s->w->options.inbox_max)) return true;
  }
  return n->budgets.command_bytes > s->w->options.inbox_bytes_max;
}

/* Named limits, and a handover that ends in time. */
static void check_node(struct sim *s, rkv_node_id id, const struct raft_view *v) {
  struct node *n = s->w->nodes[id].node;
  const struct raft_handover *transfer = &n->raft->transfer;
  if (over_budget(s, n) || n->change.count > NODE_CHANGES_MAX || n->peers.count > RKV_NODES_MAX)
    sim_fail(s, "node %" PRIu64 " is over one of its limits", id);
  if (!node_ending(n) && transfer->target != 0 && n->now_ns >= transfer->until_ns)
    sim_fail(s, "node %" PRIu64 " does not end its handover in time", id);
  if (v->vote.term >= SIM_TERMS_MAX || v->last.index >= SIM_INDEX_MAX)
    sim_fail(s, "node %" PRIu64 " stands at term %" PRIu64 " and index %" PRIu64, id, v->vote.term,
             v->last.index);
  if (!node_ending(n) && keeps_peers(n))
    sim_fail(s, "node %" PRIu64 " takes no writes and keeps its peers waiting", id);
}

/* A leader without room that leads no longer. */
static void note_handover(struct sim *s, rkv_node_id id, const struct raft_view *v) {
  if (s->nodes[id].was_leader && v->role != RAFT_LEADER &&
      disk_waiting_ns(swap_log(s, id)) > NODE_STALL_NS / 2)
    sim_count(s, SIM_EFFECT_HANDED_OVER);
}

void check_step(struct sim *s, rkv_node_id id) {
  struct raft_view view;
  struct sim_node *n = &s->nodes[id];
  if (!s->w->nodes[id].running || s->w->nodes[id].stopping) return;
  const struct raft_view *v = view_of(s, id, &view);
  bool new_life = n->life != s->w->nodes[id].life;
  if (new_life) {
    n->life = s->w->nodes[id].life;
    n->committed = n->applied = n->checked_commit = 0;
    n->was_leader = false;
  }
  check_order(s, id, v);
  check_node(s, id, v);
  check_cluster(s, id);
  foreign_look(s, id);
  swap_check(s, id);
  astray_step(s, id);
  note_handover(s, id, v);
  if (!new_life && rkv_vote_compare(v->vote, n->vote) == RKV_LESS)
    sim_fail(s, "node %" PRIu64 ": its vote went back to term %" PRIu64, id, v->vote.term);
  if (v->committed.index < n->committed || v->applied.index < n->applied)
    sim_fail(s, "node %" PRIu64 ": committed or applied went back", id);
  if (v->role == RAFT_LEADER) check_leader(s, id, v);
  n->was_leader = v->role == RAFT_LEADER;
  n->vote = v->vote;
  n->committed = n->checked_commit = v->committed.index;
  n->applied = v->applied.index;
  n->config = raft_effective(s->w->nodes[id].node->raft)->id.index;
  s->hash = (s->hash ^ s->w->now_ns ^ (id << 56) ^ (v->last.index << 32) ^ v->committed.index ^
             (v->vote.term << 16)) *
            UINT64_C(0x100000001b3);
}

/* ---- the end ---- */

static uint64_t state_hash(struct sim *s, rkv_node_id id) {
  struct world_node *wn = &s->w->nodes[id];
  struct rkv_snapshot_meta meta = {0};
  struct rkv_error error;
  struct rkv_buf chunk;
  void *view;
  uint64_t h = UINT64_C(0xcbf29ce484222325);
  if (s->w->sm->snapshot_begin(wn->sm, &view, &meta, &error) != RKV_OK) return 0;
  rkv_buf_drop(&meta.membership);
  for (;;) {
    chunk = rkv_buf_none();
    if (s->w->sm->snapshot_read(view, 65536, &chunk, &error) != RKV_OK || chunk.len == 0) break;
    for (size_t i = 0; i < chunk.len; i++) h = (h ^ chunk.data[i]) * UINT64_C(0x100000001b3);
    rkv_buf_drop(&chunk);
  }
  s->w->sm->snapshot_end(view);
  return h;
}

void check_end(struct sim *s) {
  rkv_node_id leader = world_leader(s->w);
  if (leader == 0) {
    sim_fail(s, "healed, and no leader");
    return;
  }
  struct world_metrics want = world_metrics(s->w, leader);
  uint64_t state = state_hash(s, leader);
  wipe_check_end(s, &want.membership);
  if (want.membership.config_count != 1) {
    sim_fail(s, "healed, and the config is not uniform");
    return;
  }
  for (uint32_t i = 0; i < want.membership.node_count; i++) {
    rkv_node_id id = want.membership.nodes[i].id;
    struct world_metrics have = world_metrics(s->w, id);
    if (!rkv_log_id_equal(have.last, want.last) || !rkv_log_id_equal(have.applied, want.applied))
      sim_fail(s, "healed, and node %" PRIu64 " stands at %" PRIu64 ", the leader at %" PRIu64, id,
               have.applied.index, want.applied.index);
    else if (state_hash(s, id) != state)
      sim_fail(s, "healed, and node %" PRIu64 " has another state than the leader", id);
    if (memcmp(&have.membership, &want.membership, sizeof have.membership) != 0)
      sim_fail(s, "healed, and node %" PRIu64 " has another membership than the leader", id);
  }
}
