/* summary.c: struct raft and its summary (model.h, E2, E3, E6). The only file that looks inside. */
#include "model.h"

#include <raft/state.h>

#include <string.h>

static uint8_t byte(uint64_t number) {
  assert(number <= MODEL_NUMBER_MAX);
  return (uint8_t)number;
}

static struct model_id id_of(struct rkv_log_id id) {
  return (struct model_id){byte(id.term), byte(id.index)};
}

static struct rkv_log_id id_from(struct model_id id) {
  return (struct rkv_log_id){id.term, id.index};
}

uint8_t model_membership_number(struct model_world *w, const struct rkv_membership *m) {
  uint32_t i = 0;
  while (i < w->membership_count && memcmp(&w->memberships[i], m, sizeof *m) != 0) i++;
  assert(i < MODEL_MEMBERSHIPS_MAX);
  if (i == w->membership_count) w->memberships[w->membership_count++] = *m;
  return byte(i);
}

/* ---- into the real one ---- */

static struct raft_membership *load_membership(const struct model_world *w, struct raft *r,
                                               size_t slot, uint32_t number, struct model_id id) {
  struct raft_membership *m = &r->slots[slot];
  memset(m, 0, sizeof *m);
  if (number > 0) m->value = w->memberships[number - 1];
  m->id = id_from(id);
  return m;
}

static void load_log(struct raft_log *log, const struct model_log *from) {
  uint8_t i;
  log->purged = log->last = (struct rkv_log_id){0, 0};
  log->count = 0;
  for (i = 0; i < from->count; i++) {
    struct rkv_log_id id = {from->entries[i].term, i + 1u};
    bool room = raft_log_append(log, id, 1);
    assert(room);
    (void)room;
  }
}

static void load_leader(struct raft *r, const struct model_node *node) {
  uint8_t i;
  r->peer_count = node->peer_count;
  for (i = 0; i < node->peer_count; i++) {
    r->peers[i].id = node->peers[i].id;
    r->peers[i].matched = id_from(node->peers[i].matched);
  }
  r->change_count = node->waits;
  r->changes[0] = (struct raft_change){.kind = RAFT_CHANGE_VOTERS, .id = id_from(node->change)};
}

/* All peers look as if they were up to date as far as they acknowledged. */
static void forget_progress(struct raft_progress *p) {
  struct raft_progress known;
  memset(&known, 0, sizeof known);
  known.id = p->id;
  known.matched = p->matched;
  known.mode = RAFT_REPLICATE;
  known.reached = true;
  known.next = p->matched.index + 1;
  known.conflict = RAFT_NEVER;
  *p = known;
}

void model_forget(struct raft *r) {
  bool waits = r->role == RAFT_FOLLOWER || r->role == RAFT_CANDIDATE;
  r->lease_until_ns = 0;
  r->longer_log_seen = false;
  r->election_at_ns = waits ? 0 : RAFT_NEVER;
  r->resign_at_ns = r->resign_at_ns == RAFT_NEVER ? RAFT_NEVER : 0;
  r->quorum_since_ns = 0;
  r->lease_void = false;
  for (size_t i = 0; i < r->peer_count; i++) forget_progress(&r->peers[i]);
}

void model_load(const struct model_world *w, const struct model_node *node, struct raft *r) {
  uint8_t i;
  r->config.id = node->id;
  r->queue.head = r->queue.count = 0;
  r->role = (enum raft_role)node->role;
  r->vote = (struct rkv_vote){node->vote.term, node->vote.node, node->vote.committed};
  r->granted.count = 0;
  for (i = 1; i <= MODEL_NODES; i++)
    if (node->granted & 1u << i) r->granted.ids[r->granted.count++] = i;
  load_log(&r->log, &node->log);
  r->saved = id_from(node->saved);
  r->committed = r->applied = id_from(node->committed);
  r->matches_leader_to = id_from(node->verified);
  r->effective = load_membership(w, r, 0, node->effective, node->effective_id);
  r->previous = NULL;
  if (node->previous > 0)
    r->previous = load_membership(w, r, 1, node->previous - 1u, node->previous_id);
  r->slot_last = 1;
  r->resign_at_ns = node->resigns ? 0 : RAFT_NEVER;
  load_leader(r, node);
  model_forget(r);
  r->announced.role = r->role;
  r->announced.term = r->vote.term;
  r->announced.leader = r->vote.committed && (node->vote.node != node->id || r->role == RAFT_LEADER)
                            ? r->vote.node_id
                            : 0;
}

/* ---- out of it ---- */

static void store_leader(const struct raft *r, struct model_node *node) {
  size_t at;
  assert(r->peer_count < MODEL_NODES && r->change_count <= 1);
  memset(node->peers, 0, sizeof node->peers);
  node->peer_count = byte(r->peer_count);
  for (size_t i = 0; i < r->peer_count; i++) { /* sorted by id: their order means nothing */
    for (at = i; at > 0 && node->peers[at - 1].id > r->peers[i].id; at--)
      node->peers[at] = node->peers[at - 1];
    node->peers[at] = (struct model_peer){byte(r->peers[i].id), id_of(r->peers[i].matched)};
  }
  node->waits = byte(r->change_count);
  node->change = (struct model_id){0, 0};
  if (r->change_count > 0) node->change = id_of(r->changes[0].id);
}

static void store_memberships(struct model_world *w, const struct raft *r,
                              struct model_node *node) {
  node->effective = node->previous = 0;
  node->effective_id = id_of(r->effective->id);
  node->previous_id = (struct model_id){0, 0};
  if (r->effective->value.config_count > 0)
    node->effective = byte(model_membership_number(w, &r->effective->value) + 1u);
  if (!r->previous) return;
  node->previous = 1;
  if (r->previous->value.config_count > 0)
    node->previous = byte(model_membership_number(w, &r->previous->value) + 2u);
  node->previous_id = id_of(r->previous->id);
}

void model_store(struct model_world *w, const struct raft *r, struct model_node *node) {
  assert(!r->failed && r->queue.head == r->queue.count);
  assert(r->log.purged.index == 0 && r->log.last.index == node->log.count);
  assert(r->applied.index == r->committed.index && !r->building && r->read_count == 0);
  node->role = (uint8_t)r->role;
  node->vote = (struct model_vote){byte(r->vote.term), byte(r->vote.node_id), r->vote.committed};
  node->granted = 0;
  for (size_t i = 0; r->role == RAFT_CANDIDATE && i < r->granted.count; i++)
    node->granted |= (uint8_t)(1u << r->granted.ids[i]);
  node->saved = id_of(r->saved);
  node->committed = id_of(r->committed);
  node->verified = id_of(r->matches_leader_to);
  node->resigns = r->resign_at_ns != RAFT_NEVER;
  store_memberships(w, r, node);
  store_leader(r, node);
}
