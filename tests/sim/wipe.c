/* wipe.c: a disk that is replaced by an empty one: its node comes back as another incarnation.
 *
 * What may be lost is what Raft can lose: the disk of one voter in a config of three or more, and
 * the next one only when that node votes again or is out of the config. And a node is known only by
 * what the memberships of all others say of it: without its incarnation there nothing could tell.
 */
#include <inttypes.h>
#include <string.h>

#include <node/internal.h>

#include "sim.h"

static struct node *node_of(struct sim *s, rkv_node_id id) {
  const struct world_node *wn = &s->w->nodes[id];
  return wn->running && !wn->stopping ? wn->node : NULL;
}

/* The membership in force at a node, if it is committed there and uniform; else NULL. */
static const struct rkv_membership *settled(struct sim *s, rkv_node_id id) {
  struct node *n = node_of(s, id);
  const struct raft_membership *m = n ? raft_effective(n->raft) : NULL;
  return m && m->id.index <= n->committed.index && m->value.config_count == 1 ? &m->value : NULL;
}

/* Everybody would tell the node from another one under its id, and can do without it. */
static bool may_wipe(struct sim *s, rkv_node_id id) {
  struct node *n = node_of(s, id);
  for (rkv_node_id other = 1; other <= SIM_NODES; other++) {
    const struct rkv_membership *m = settled(s, other);
    const struct rkv_member *member = m ? rkv_membership_find(m, id) : NULL;
    if (s->nodes[other].weak || !m) return false;
    if (!member) continue;
    if (!n || member->incarnation != n->identity.incarnation || member->returning) return false;
    if (rkv_membership_is_voter(m, id) && m->configs[0].count < 3) return false;
  }
  return n != NULL;
}

/* A node that was wiped counts again once the leader's membership says so. */
static void note_returns(struct sim *s) {
  rkv_node_id leader = world_leader(s->w);
  const struct rkv_membership *m = leader ? settled(s, leader) : NULL;
  for (rkv_node_id id = 1; id <= SIM_NODES && m; id++) {
    struct node *n = node_of(s, id);
    const struct rkv_member *member = rkv_membership_find(m, id);
    if (!s->nodes[id].weak) continue;
    if ((!rkv_membership_is_voter(m, id) && !(member && member->returning)) ||
        (n && member && member->incarnation == n->identity.incarnation && !member->returning)) {
      s->nodes[id].weak = false;
      s->coverage->returns++;
      sim_tell(s, "node %" PRIu64 " %s after its disk was replaced", id,
               rkv_membership_is_voter(m, id) ? "votes again" : "is no voter");
    }
  }
}

bool wipe_some(struct sim *s, rkv_node_id first, uint64_t outage_ns) {
  note_returns(s);
  if (admin_changes(s)) return false;
  for (rkv_node_id i = 0; i < SIM_NODES; i++) {
    rkv_node_id id = 1 + (first + i) % SIM_NODES;
    if (!may_wipe(s, id)) continue;
    sim_tell(s, "trouble: the disk of node %" PRIu64 " is replaced", id);
    sim_crash(s, id, outage_ns);
    disk_wipe(s->nodes[id].disk);
    memset(&s->granted[id], 0, sizeof s->granted[id]); /* it is another voter now */
    s->nodes[id].vote = (struct rkv_vote){0, 0, false};
    s->nodes[id].weak = true;
    s->coverage->wipes++;
    return true;
  }
  return false;
}

/* Nobody who can be known is unknown, and nobody is still on the way back. */
void wipe_check_end(struct sim *s, const struct rkv_membership *m) {
  for (uint32_t i = 0; i < m->node_count; i++) {
    struct node *n = node_of(s, m->nodes[i].id);
    if (!n || m->nodes[i].incarnation != n->identity.incarnation || m->nodes[i].returning)
      sim_fail(s, "healed, and node %" PRIu64 " was not taken back after its disk was replaced",
               m->nodes[i].id);
  }
}
