/* direct.h: one raft alone: the test gives the inputs and checks the outputs one by one. */
#ifndef TESTS_DIRECT_H
#define TESTS_DIRECT_H

#include "cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

#define ID(term, index) ((struct rkv_log_id){(term), (index)})
#define VOTE(term, node) ((struct rkv_vote){(term), (node), false})
#define LEADER_VOTE(term, node) ((struct rkv_vote){(term), (node), true})
#define NONE ID(0, 0)
/* A plan that raft did not make: of a leader with this vote, behind `before`. */
#define PLAN(lead, before) (&(struct raft_append_plan){.vote = (lead), .prev = (before)})

/* Takes outputs until one of `type`; fails if there is none. */
static inline struct raft_output expect(struct raft *r, enum raft_output_type type) {
  struct raft_output out;
  while (raft_take(r, &out))
    if (out.type == type) return out;
  fail_msg("no output %s", raft_output_name(type));
  return out;
}

/* Takes the next output, which must be of `type`. */
static inline struct raft_output expect_next(struct raft *r, enum raft_output_type type) {
  struct raft_output out;
  if (!raft_take(r, &out)) fail_msg("no output, not even %s", raft_output_name(type));
  if (out.type != type)
    fail_msg("output %s instead of %s", raft_output_name(out.type), raft_output_name(type));
  return out;
}

static inline void expect_none(struct raft *r) {
  struct raft_output out;
  if (raft_take(r, &out)) fail_msg("unexpected output %s", raft_output_name(out.type));
}

static inline bool drained(struct raft *r, enum raft_output_type type) {
  struct raft_output out;
  bool found = false;
  while (raft_take(r, &out))
    if (out.type == type) found = true;
  return found;
}

static inline void assert_id(struct rkv_log_id id, rkv_term term, rkv_index index) {
  assert_int_equal(id.term, term);
  assert_int_equal(id.index, index);
}

static inline void assert_vote(struct rkv_vote vote, rkv_term term, rkv_node_id id,
                               bool committed) {
  assert_int_equal(vote.term, term);
  assert_int_equal(vote.node_id, id);
  assert_int_equal(vote.committed, committed);
}

/* Makes node 1 the leader of term 1 over `voters`, all started. */
static inline struct cluster *founded(struct cluster *c, const rkv_node_id *voters) {
  assert_int_equal(cluster_init(c, 1, voters), RKV_OK);
  cluster_run(c, 200 * MS);
  assert_int_equal(cluster_view(c, 1).role, RAFT_LEADER);
  return c;
}

/* Starts `voters` (1 among them), which node 1 leads then; their config is set before. */
static inline struct cluster *led_by_one_of(struct cluster *c, const rkv_node_id *voters) {
  const rkv_node_id *id;
  for (id = voters; *id; id++) cluster_start(c, *id);
  return founded(c, voters);
}

/* Likewise nodes 1 to 4, of which some are voters and the others have no cluster yet. */
static inline struct cluster *led_by_one_of_four(const rkv_node_id *voters) {
  struct cluster *c = cluster_new();
  for (rkv_node_id id = 1; id <= 4; id++) cluster_start(c, id);
  return founded(c, voters);
}

static inline const struct rkv_membership *members(const struct cluster *c, rkv_node_id id) {
  return &raft_effective(c->nodes[id].r)->value;
}

/* Node `id` knows of these voters, and of no change. */
static inline void assert_voters(const struct cluster *c, rkv_node_id id,
                                 const rkv_node_id *voters) {
  const struct rkv_membership *m = members(c, id);
  uint32_t count = 0;
  assert_int_equal(m->config_count, 1);
  for (; voters[count]; count++) assert_true(rkv_config_has(&m->configs[0], voters[count]));
  assert_int_equal(m->configs[0].count, count);
}

/* Moves the clock to the node's timer and runs it, and nothing else. */
static inline void run_out(struct cluster *c, rkv_node_id id) {
  uint64_t deadline = raft_deadline(c->nodes[id].r);
  assert_true(deadline != UINT64_MAX);
  if (deadline > c->now_ns) c->now_ns = deadline;
  cluster_time_one(c, id);
}

/* An entry for a follower. */
static inline struct raft_entry command(rkv_term term, rkv_index index) {
  return (struct raft_entry){ID(term, index), RKV_ENTRY_COMMAND, NULL};
}

#endif
