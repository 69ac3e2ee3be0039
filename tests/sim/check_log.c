/* check_log.c: the invariants of testing.md about entries: as they are appended, cut off, purged,
 * sent and applied. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <node/kernel/state.h>
#include <raft/state.h>

#include "sim.h"

#define FNV_FIRST UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)
#define STALL_SLACK_NS UINT64_C(500000000)

uint64_t check_hash(const struct rkv_entry *e) {
  uint64_t h = FNV_FIRST ^ e->kind;
  for (size_t i = 0; i < e->payload.len; i++) h = (h ^ e->payload.data[i]) * FNV_PRIME;
  return h | 1; /* never 0 */
}

/* ---- log matching: an entry of some index and term is one and the same, and so is the one before
 * it ---- */

struct sim_appended {
  struct appended_slot {
    struct rkv_log_id id; /* index 0: free */
    rkv_term prev_term;
    uint64_t hash;
  } * slots; /* open addressing */
  size_t count, capacity;
};

static struct appended_slot *slot_of(const struct sim_appended *a, struct rkv_log_id id) {
  size_t at = (size_t)((id.index * FNV_PRIME ^ id.term) * FNV_PRIME) & (a->capacity - 1);
  while (a->slots[at].id.index != 0 && !rkv_log_id_equal(a->slots[at].id, id))
    at = (at + 1) & (a->capacity - 1);
  return &a->slots[at];
}

static void grow(struct sim_appended *a) {
  struct sim_appended bigger = {.count = a->count,
                                .capacity = a->capacity ? a->capacity * 2 : 4096};
  bigger.slots = calloc(bigger.capacity, sizeof *bigger.slots);
  assert(bigger.slots);
  for (size_t i = 0; i < a->capacity; i++)
    if (a->slots[i].id.index != 0) *slot_of(&bigger, a->slots[i].id) = a->slots[i];
  free(a->slots);
  *a = bigger;
}

static void match(struct sim *s, rkv_node_id id, rkv_term prev_term, const struct rkv_entry *e) {
  if (e->id.term == 0) return; /* each init has made one: check_cluster.c */
  if (!s->appended) s->appended = calloc(1, sizeof *s->appended);
  assert(s->appended);
  if (s->appended->count * 2 >= s->appended->capacity) grow(s->appended);
  struct appended_slot *slot = slot_of(s->appended, e->id),
                       mine = {e->id, prev_term, check_hash(e)};
  if (slot->id.index == 0) {
    *slot = mine;
    s->appended->count++;
  } else if (slot->hash != mine.hash || slot->prev_term != mine.prev_term) {
    sim_fail(s, "node %" PRIu64 " has another entry at index %" PRIu64 " of term %" PRIu64, id,
             e->id.index, e->id.term);
  }
}

uint64_t check_appended_hash(const struct sim *s, struct rkv_log_id id) {
  if (!s->appended || s->appended->capacity == 0) return 0;
  return slot_of(s->appended, id)->hash;
}

void check_log_free(struct sim *s) {
  if (s->appended) free(s->appended->slots);
  free(s->appended);
  free(s->committed);
}

/* A leader whose disk has no room takes no writes once it knows (core/node/stall.c); one that
 * hands leadership over takes none at all. */
static void check_proposal(struct sim *s, rkv_node_id id) {
  struct world_node *wn = &s->w->nodes[id];
  uint64_t patience = NODE_STALL_NS / wn->rate * 1000 + STALL_SLACK_NS;
  uint64_t asleep = wn->paused_until_ns > wn->stall_end_ns ? wn->paused_until_ns : wn->stall_end_ns;
  bool awake = asleep + patience < s->w->now_ns;
  if (wn->node->raft->transfer.target != 0)
    sim_fail(s, "leader %" PRIu64 " takes a write while it hands leadership over", id);
  if (awake && disk_waiting_ns(swap_log(s, id)) > patience)
    sim_fail(s, "leader %" PRIu64 " takes a write, and its disk has had no room for %" PRIu64 " ms",
             id, disk_waiting_ns(swap_log(s, id)) / 1000000);
}

void check_appended(struct sim *s, rkv_node_id id, struct rkv_log_id last,
                    const struct rkv_entry *entries, size_t count) {
  struct node *n = sim_node_of(s, id);
  for (size_t i = 0; i < count; i++) {
    match(s, id, last.term, &entries[i]);
    last = entries[i].id;
  }
  if (n && n->raft->role == RAFT_LEADER && entries[0].kind == RKV_ENTRY_COMMAND)
    check_proposal(s, id);
}

void check_truncated(struct sim *s, rkv_node_id id, struct rkv_log_id entry,
                     struct rkv_log_id snapshot) {
  struct node *n = sim_node_of(s, id);
  if (n && n->raft->role == RAFT_LEADER)
    sim_fail(s, "leader %" PRIu64 " cuts off index %" PRIu64 " of its own log", id, entry.index);
  if (entry.index <= snapshot.index || entry.index >= s->committed_count) return;
  if (entry.term == 0 &&
      !rkv_cluster_id_equal(disk_identity(s->nodes[id].disk).cluster, s->founded))
    return; /* it was initialised in vain */
  if (s->committed[entry.index].hash != 0 && s->committed[entry.index].term == entry.term)
    sim_fail(s, "node %" PRIu64 " cuts off index %" PRIu64 ", which is committed", id, entry.index);
}

void check_purged(struct sim *s, rkv_node_id id, struct rkv_log_id up_to,
                  struct rkv_log_id snapshot) {
  sim_cover(s, SIM_OP_PURGE);
  if (up_to.index > snapshot.index)
    sim_fail(s, "node %" PRIu64 " purges %" PRIu64 ", its snapshot ends at %" PRIu64, id,
             up_to.index, snapshot.index);
}

/* ---- what is sent ---- */

static void check_limits(struct sim *s, rkv_node_id from, const struct rkv_append_call *append) {
  const struct node_options *o = &s->w->options;
  uint64_t bytes = 0;
  for (size_t i = 0; i < append->entry_count; i++) bytes += append->entries[i].payload.len;
  if (append->entry_count > o->append_entries_max ||
      (bytes > o->append_bytes_max && append->entry_count > 1))
    sim_fail(s, "node %" PRIu64 " sends an append of %zu entries, %" PRIu64 " bytes", from,
             append->entry_count, bytes);
}

/* 3.10: the target is asked only when its log is as long as the leader's; one that a later leader
 * has had since may have lost it again, and will refuse. */
static void check_take_over(struct sim *s, rkv_node_id from, rkv_node_id to,
                            const struct rkv_timeout_now_call *call) {
  struct node *n = sim_node_of(s, from);
  if (to > SIM_NODES || !n) return;
  if (!rkv_log_id_equal(call->last, n->raft->log.last))
    sim_fail(s, "leader %" PRIu64 " hands over before its own log's end", from);
  bool deposed = disk_synced_vote(swap_disk(s, to)).term > n->raft->vote.term;
  if (!deposed && !s->nodes[to].weak && !disk_synced_has(swap_disk(s, to), call->last))
    sim_fail(s, "leader %" PRIu64 " hands over to node %" PRIu64 ", which has not caught up", from,
             to);
}

void check_request(struct world *w, rkv_node_id from, rkv_node_id to,
                   const struct rkv_append_call *append,
                   const struct rkv_timeout_now_call *timeout_now) {
  struct sim *s = sim_of(w);
  if (append) check_limits(s, from, append);
  if (append) astray_request(s, from, append);
  if (timeout_now) check_take_over(s, from, to, timeout_now);
}

/* ---- applied entries: state machine safety, in order, without gap ---- */

static void remember(struct sim *s, rkv_index index, struct sim_committed entry,
                     const struct rkv_entry *e) {
  uint32_t key;
  uint64_t value;
  while (s->committed_capacity <= index) {
    size_t capacity = s->committed_capacity ? s->committed_capacity * 2 : 1024;
    s->committed = realloc(s->committed, capacity * sizeof *s->committed);
    assert(s->committed);
    memset(s->committed + s->committed_capacity, 0,
           (capacity - s->committed_capacity) * sizeof *s->committed);
    s->committed_capacity = capacity;
  }
  memcpy(entry.values, s->committed[index - 1].values, sizeof entry.values);
  entry.config = e->kind == RKV_ENTRY_MEMBERSHIP ? index : s->committed[index - 1].config;
  if (e->kind == RKV_ENTRY_COMMAND && client_read_command(e->payload, &key, &value))
    entry.values[key] = value;
  s->committed[index] = entry;
  if (index >= s->committed_count) s->committed_count = (size_t)index + 1;
}

void check_applied(struct sim *s, rkv_node_id id, const struct rkv_entry *entries, size_t count) {
  struct raft_view view;
  raft_view(s->w->nodes[id].node->raft, &view);
  for (size_t i = 0; i < count; i++) {
    rkv_index index = entries[i].id.index;
    struct sim_committed mine = {.term = entries[i].id.term,
                                 .hash = check_hash(&entries[i]),
                                 .committed_in = view.vote.term};
    if (index == 1 && s->committed_count == 0) s->founded = s->w->nodes[id].node->identity.cluster;
    if (index >= s->committed_count || s->committed[index].hash == 0)
      remember(s, index, mine, &entries[i]);
    else if (s->committed[index].term != mine.term || s->committed[index].hash != mine.hash)
      sim_fail(s,
               "node %" PRIu64 " applies another entry at index %" PRIu64 " (term %" PRIu64
               ", committed was term %" PRIu64 ")",
               id, index, mine.term, s->committed[index].term);
  }
}
