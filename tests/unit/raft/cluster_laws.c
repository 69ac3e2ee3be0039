/* cluster_laws.c: what holds in every run (paper, Figure 3); a breach aborts the test. */
#include "cluster.h"

#include <assert.h>

static bool same(const struct test_entry *a, const struct test_entry *b) {
  return rkv_log_id_equal(a->id, b->id) && a->kind == b->kind && a->value == b->value;
}

/* A committed entry is on the disks of a majority of every config in force. */
static void law_durable(const struct cluster *c, const struct test_node *leader, rkv_index index) {
  const struct rkv_membership *m = &raft_effective(leader->r)->value;
  uint32_t g;
  for (g = 0; g < m->config_count; g++) {
    uint32_t held = 0;
    for (uint32_t i = 0; i < m->configs[g].count; i++) {
      const struct test_node *n = &c->nodes[m->configs[g].ids[i]];
      const struct test_entry *e = log_at(&n->disk.log, index);
      if (n->disk.snapshot.last.index >= index || (e && same(e, &c->committed[index - 1]))) held++;
    }
    assert(held > m->configs[g].count / 2);
  }
}

/* State machine safety: no two nodes apply different entries at one index; in order, once. */
void law_committed(struct cluster *c, const struct test_node *n, struct rkv_log_id upto) {
  struct raft_view view;
  rkv_index i;
  assert(upto.index > n->applied && upto.index <= COMMITTED_MAX);
  raft_view(n->r, &view);
  for (i = n->applied + 1; i <= upto.index; i++) {
    const struct test_entry *e = log_at(&n->log, i);
    assert(e);
    if (i <= c->committed_last) {
      assert(same(e, &c->committed[i - 1]));
      continue;
    }
    assert(i == c->committed_last + 1);
    c->committed_in[c->committed_last] = view.vote.term;
    c->committed[c->committed_last++] = *e;
  }
  if (view.role == RAFT_LEADER) law_durable(c, n, upto.index);
}

/* Election safety; leader completeness: it holds what leaders of earlier terms have committed. */
void law_leader(struct cluster *c, const struct test_node *n) {
  struct raft_view view;
  rkv_index i;
  raft_view(n->r, &view);
  if (view.role != RAFT_LEADER) return;
  assert(view.vote.term < TERMS_MAX && view.vote.committed && view.vote.node_id == n->id);
  if (c->leaders[view.vote.term] == n->id) return;
  assert(c->leaders[view.vote.term] == 0);
  c->leaders[view.vote.term] = n->id;
  for (i = n->log.purged.index + 1; i <= c->committed_last; i++) {
    const struct test_entry *e = log_at(&n->log, i);
    assert(c->committed_in[i - 1] >= view.vote.term || (e && same(e, &c->committed[i - 1])));
  }
}

/* One vote per node and term, across crashes. (A committed vote is a leader's message taken.) */
void law_vote(struct cluster *c, const struct test_node *n, struct rkv_vote vote) {
  rkv_node_id *voted = &c->voted[n->id][vote.term];
  assert(vote.term < TERMS_MAX);
  if (vote.committed) return;
  assert(*voted == 0 || *voted == vote.node_id);
  *voted = vote.node_id;
}

/* A ticket may be shared: then it must see what was committed when the newest read came. */
void law_read_opened(struct cluster *c, struct test_node *n, uint64_t ticket) {
  size_t i = 0;
  while (i < n->read_count && n->reads[i].ticket != ticket) i++;
  assert(i < READS_MAX);
  if (i == n->read_count) n->read_count++;
  n->reads[i] = (struct test_read){ticket, c->committed_last};
}

/* Every ticket ends once; dissertation 6.4: a linearizable read "must reflect a state of the system
 * sometime after the read was initiated", never less than any commit before it. */
void law_read_ended(struct test_node *n, const struct raft_output *out) {
  size_t i = 0;
  while (i < n->read_count && n->reads[i].ticket != out->ticket) i++;
  assert(i < n->read_count);
  assert(out->type == RAFT_OUT_READ_FAILED || out->id.index >= n->reads[i].least);
  n->reads[i] = n->reads[--n->read_count];
}

/* Log matching: where two logs hold the same id, they are equal up to it. */
static void law_pair(const struct test_log *a, const struct test_log *b) {
  rkv_index i = log_last(a).index < log_last(b).index ? log_last(a).index : log_last(b).index;
  bool match = false;
  for (;; i--) {
    const struct test_entry *x = log_at(a, i), *y = log_at(b, i);
    if (!x || !y) return;
    if (x->id.term == y->id.term) match = true;
    if (match) assert(same(x, y));
  }
}

void law_logs_match(const struct cluster *c) {
  rkv_node_id a, b;
  for (a = 1; a < NODES_MAX; a++)
    for (b = a + 1; b < NODES_MAX; b++) law_pair(&c->nodes[a].log, &c->nodes[b].log);
}
