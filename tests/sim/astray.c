/* astray.c: a state machine goes astray (core/node/digest.h): from some moment on its digest is
 * another one, until its node starts anew or restores a snapshot. What it holds and answers stays
 * right, so that every other check goes on.
 *
 * Whoever differs must be told of on both sides in the end, and nobody else; and a leader must name
 * digests of exactly the index that it says. */
#include <inttypes.h>

#include <node/digest.h>
#include <node/kernel/state.h>

#include "nemesis.h"

#define MARK (UINT64_C(1) << 63)
#define ASTRAY_NS (6 * SECOND) /* about what it takes to be told */
#define TELL_NS (5 * SECOND)   /* many heartbeats, by any clock */

void strike_astray(struct sim *s, enum sim_fault fault) {
  rkv_node_id id = world_random(s->w) % 3 == 0 ? nemesis_leader(s) : nemesis_id(s);
  sim_mark(s, fault, ASTRAY_NS);
  if (!sim_node_of(s, id)) return;
  sim_tell(s, "trouble: the state machine of node %" PRIu64 " goes astray", id);
  s->nodes[id].astray = true;
  s->astray = true;
}

/* What was the digest at this index, on whichever node took it first; NULL: nobody did, or nothing
 * is known of the index. */
static struct sim_committed *committed_at(struct sim *s, rkv_index index) {
  if (index >= s->committed_count || s->committed[index].hash == 0) return NULL;
  return &s->committed[index];
}

uint64_t astray_digest(struct sim *s, rkv_node_id id, rkv_index index, uint64_t digest) {
  struct sim_committed *c = committed_at(s, index);
  if (c && c->has_digest && c->digest != digest)
    sim_fail(s,
             "node %" PRIu64 " has the digest %" PRIu64 " at index %" PRIu64 ", and %" PRIu64
             " was another's",
             id, digest, index, c->digest);
  if (c) {
    c->has_digest = true;
    c->digest = digest;
  }
  return s->nodes[id].astray ? digest ^ MARK : digest;
}

void astray_request(struct sim *s, rkv_node_id from, const struct rkv_append_call *append) {
  const struct sim_committed *c = committed_at(s, append->digest_index);
  if (append->digest_index == 0 || !c) return;
  if (!c->has_digest || (append->digest != c->digest && append->digest != (c->digest ^ MARK)))
    sim_fail(s,
             "node %" PRIu64 " names a digest of index %" PRIu64 " that is not the state's there",
             from, append->digest_index);
}

void astray_step(struct sim *s, rkv_node_id id) {
  const struct digesting *d = &s->w->nodes[id].node->digest;
  struct sim_node *n = &s->nodes[id];
  if (d->differs_at > 0 && !s->astray)
    sim_fail(s, "node %" PRIu64 " differs at index %" PRIu64 ", and no state machine went astray",
             id, d->differs_at);
  if (d->differs_at > 0 && n->differed_at != d->differs_at) sim_count(s, SIM_EFFECT_ASTRAY);
  if (d->differs_at == 0 && n->differed_at > 0) sim_count(s, SIM_EFFECT_EQUAL_AGAIN);
  n->differed_at = d->differs_at;
}

/* What the leader has heard of this peer. */
static rkv_index heard(struct sim *s, rkv_node_id leader, rkv_node_id id) {
  const struct node *n = s->w->nodes[leader].node;
  for (size_t i = 0; i < n->peers.count; i++)
    if (n->peers.list[i].id == id) return n->peers.list[i].digest.differs_at;
  return 0;
}

void astray_check_end(struct sim *s) {
  world_run(s->w, TELL_NS);
  rkv_node_id leader = world_leader(s->w);
  if (leader == 0) return; /* which check_end says */
  struct world_metrics m = world_metrics(s->w, leader);
  for (uint32_t i = 0; i < m.membership.node_count; i++) {
    const rkv_node_id id = m.membership.nodes[i].id;
    const struct node *n = sim_node_of(s, id);
    if (id == leader || !n) continue;
    const bool differs = s->nodes[id].astray != s->nodes[leader].astray;
    if ((n->digest.differs_at > 0) != differs)
      sim_fail(s,
               "healed, and node %" PRIu64 " says that it differs at index %" PRIu64
               ", where its state machine and the leader's are %s",
               id, n->digest.differs_at, differs ? "not equal" : "equal");
    if ((heard(s, leader, id) > 0) != differs)
      sim_fail(s,
               "healed, and leader %" PRIu64 " has heard that node %" PRIu64
               " differs at index %" PRIu64 ", where the two are %s",
               leader, id, heard(s, leader, id), differs ? "not equal" : "equal");
  }
}
