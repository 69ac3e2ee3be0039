/* wipe.c: a disk that is replaced by an empty one: its node comes back as another incarnation.
 *
 * What may be lost is what Raft can lose: the disk of one voter in a config of three or more, and
 * the next one only when that node votes again or is out of the config. And a node is known only by
 * what the memberships of all others say of it: without its incarnation there nothing could tell.
 * A damaged disk is one that will be lost: it is chosen by the same rules, and whoever replaces it
 * looks again. */
#include <inttypes.h>
#include <string.h>

#include <node/kernel/state.h>
#include <raft/state.h>

#include "sim.h"

#define SECOND UINT64_C(1000000000)

/* The membership in force at a node, if it is committed there and uniform; else NULL. */
static const struct rkv_membership *settled(struct sim *s, rkv_node_id id) {
  struct node *n = sim_node_of(s, id);
  const struct raft_membership *m = n ? raft_effective(n->raft) : NULL;
  return m && m->id.index <= n->committed.index && m->value.config_count == 1 ? &m->value : NULL;
}

/* The membership, if there is one, tells this node from another under its id, and can spare it. */
static bool spares(const struct sim *s, const struct rkv_membership *m, rkv_node_id id) {
  const struct rkv_member *member = m ? rkv_membership_find(m, id) : NULL;
  if (!m || !member) return m != NULL;
  if (member->incarnation != disk_identity(s->nodes[id].disk).incarnation || member->returning)
    return false;
  return !rkv_membership_is_voter(m, id) || m->configs[0].count >= 3;
}

/* All others would, and no other disk was lost before. */
static bool others_spare(struct sim *s, rkv_node_id id) {
  if (admin_changes(s)) return false;
  for (rkv_node_id other = 1; other <= SIM_NODES; other++)
    if (other != id && (s->nodes[other].weak || !spares(s, settled(s, other), id))) return false;
  return true;
}

/* A node that was wiped counts again once the leader's membership says so. */
static void note_returns(struct sim *s) {
  rkv_node_id leader = world_leader(s->w);
  const struct rkv_membership *m = leader ? settled(s, leader) : NULL;
  for (rkv_node_id id = 1; id <= SIM_NODES && m; id++) {
    struct node *n = sim_node_of(s, id);
    const struct rkv_member *member = rkv_membership_find(m, id);
    if (n && s->nodes[id].damaged) wipe_whole(s, id);
    if (!s->nodes[id].weak || s->nodes[id].damaged) continue;
    if ((!rkv_membership_is_voter(m, id) && !(member && member->returning)) ||
        (n && member && member->incarnation == n->identity.incarnation && !member->returning)) {
      s->nodes[id].weak = false;
      sim_count(s, SIM_EFFECT_RETURNS);
      sim_tell(s, "node %" PRIu64 " %s after its disk was replaced", id,
               rkv_membership_is_voter(m, id) ? "votes again" : "is no voter");
    }
  }
}

/* A node that can lose its disk, 0 if there is none. */
static rkv_node_id choose(struct sim *s, rkv_node_id first) {
  note_returns(s);
  for (rkv_node_id i = 0; i < SIM_NODES; i++) {
    rkv_node_id id = 1 + (first + i) % SIM_NODES;
    if (sim_node_of(s, id) && s->w->stalled != id && !s->nodes[id].weak &&
        spares(s, settled(s, id), id) && others_spare(s, id))
      return id;
  }
  return 0;
}

static void replace(struct sim *s, rkv_node_id id) {
  struct sim_node *n = &s->nodes[id];
  sim_tell(s, "the disk of node %" PRIu64 " is replaced", id);
  disk_wipe(n->disk);
  disk_wipe(disk_twin(n->disk));
  n->tempts = false;
  n->promised = (struct rkv_vote){0, 0, false};
  machine_wipe(s, id);
  memset(&s->granted[id], 0, sizeof s->granted[id]); /* it is another voter now */
  n->vote = (struct rkv_vote){0, 0, false};
  n->cluster = (struct rkv_cluster_id){0, 0};
  n->weak = true;
  n->damaged = n->refused = false;
  sim_count(s, SIM_EFFECT_WIPES);
}

bool wipe_some(struct sim *s, rkv_node_id first, uint64_t outage_ns) {
  rkv_node_id id = choose(s, first);
  if (id == 0) return false;
  process_crash(s, id, outage_ns);
  replace(s, id);
  return true;
}

rkv_node_id wipe_expose(struct sim *s, rkv_node_id first) {
  rkv_node_id id = choose(s, first);
  if (id != 0) s->nodes[id].weak = s->nodes[id].damaged = true;
  return id;
}

void wipe_whole(struct sim *s, rkv_node_id id) {
  struct sim_node *n = &s->nodes[id];
  if (n->damaged && !disk_is_damaged(n->disk) && !disk_misdirects(n->disk))
    n->damaged = n->weak = false;
}

/* Where it votes it is named, by this incarnation or an earlier one: what comes back is not taken
 * for it. */
static bool names(const struct raft_membership *m, rkv_node_id id) {
  const struct rkv_member *member = m ? rkv_membership_find(&m->value, id) : NULL;
  return !member || !rkv_membership_is_voter(&m->value, id) || member->incarnation != 0;
}

/* The membership before counts until it cannot return. */
static bool knows(const struct raft *r, rkv_node_id id) {
  bool may_return = r->effective->id.index > r->committed.index;
  return names(r->effective, id) && (!may_return || names(r->previous, id));
}

/* Its disk was to be spared when it was damaged, and administrators have seen to it since
 * (admin.c): whoever belongs to the cluster or did before must still tell the nodes apart. */
static bool others_know(struct sim *s, rkv_node_id id) {
  if (admin_changes(s)) return false;
  for (rkv_node_id other = 1; other <= SIM_NODES; other++) {
    struct node *n = sim_node_of(s, other);
    if (other == id || s->nodes[other].refused) continue; /* what that one knows is thrown away */
    if (!n || !knows(n->raft, id)) return false;
  }
  return true;
}

static void on_operator(struct world *w, void *arg) {
  struct sim *s = sim_of(w);
  struct world_node *wn = arg;
  if (s->failed || !s->nodes[wn->id].refused) return;
  if (!others_know(s, wn->id)) {
    world_at(w, w->now_ns + SECOND, on_operator, wn);
    return;
  }
  replace(s, wn->id);
  process_start(s, wn->id);
}

void wipe_refused(struct sim *s, rkv_node_id id) {
  s->nodes[id].refused = true;
  sim_count(s, SIM_EFFECT_REFUSED);
  world_at(s->w, s->w->now_ns + SECOND, on_operator, &s->w->nodes[id]);
}

/* It acknowledged entries of a cluster of other founders than the one that serves, and so may not
 * leave it by itself (identity.c, D4): a person has to look, and empties its storage. */
static bool is_stray(struct sim *s, rkv_node_id id) {
  const struct node *n = sim_node_of(s, id);
  if (!n || n->identity.settled || n->committed.index > 0 || n->raft->log.last.index < 2)
    return false;
  for (rkv_node_id other = 1; other <= SIM_NODES; other++) {
    const struct node *o = sim_node_of(s, other);
    if (o && o->identity.settled &&
        (uint32_t)o->identity.cluster.low != (uint32_t)n->identity.cluster.low)
      return true;
  }
  return false;
}

void wipe_strays(struct sim *s) {
  for (rkv_node_id id = 1; id <= SIM_NODES; id++) {
    if (!is_stray(s, id)) continue;
    sim_tell(s, "node %" PRIu64 " is left in a cluster that nobody serves", id);
    process_crash(s, id, SECOND);
    s->nodes[id].refused = true;
    world_at(s->w, s->w->now_ns + SECOND, on_operator, &s->w->nodes[id]);
  }
}

bool wipe_is_over(struct world *w, void *arg) {
  struct sim *s = arg;
  rkv_node_id leader = world_leader(w);
  const struct rkv_membership *m = leader ? settled(s, leader) : NULL;
  for (uint32_t i = 0; m && i < m->node_count; i++) {
    struct node *n = sim_node_of(s, m->nodes[i].id);
    if (n && (m->nodes[i].incarnation != n->identity.incarnation || m->nodes[i].returning))
      return false;
  }
  return m != NULL;
}

/* Nobody who can be known is unknown, and nobody is still on the way back. */
void wipe_check_end(struct sim *s, const struct rkv_membership *m) {
  for (uint32_t i = 0; i < m->node_count; i++) {
    struct node *n = sim_node_of(s, m->nodes[i].id);
    if (!n || m->nodes[i].incarnation != n->identity.incarnation || m->nodes[i].returning)
      sim_fail(s, "healed, and node %" PRIu64 " was not taken back after its disk was replaced",
               m->nodes[i].id);
  }
}
