/* cluster_calls.c: what clients and operators ask of a test cluster's nodes (cluster.h). */
#include "cluster.h"

#include <assert.h>
#include <string.h>

struct rkv_membership cluster_membership(const rkv_node_id *voters) {
  struct rkv_membership m;
  memset(&m, 0, sizeof m);
  m.config_count = 1;
  for (; *voters; voters++) {
    char addr[16];
    int len = snprintf(addr, sizeof addr, "n%u:1", (unsigned)*voters);
    assert(rkv_membership_add_node(&m, *voters, addr, (size_t)len) == RKV_OK);
    assert(rkv_config_add(&m.configs[0], *voters) == RKV_OK);
  }
  return m;
}

enum rkv_status cluster_init(struct cluster *c, rkv_node_id id, const rkv_node_id *voters) {
  struct test_node *n = &c->nodes[id];
  struct rkv_membership m = cluster_membership(voters);
  enum rkv_status status = raft_init(n->r, node_now(c, n), &m, &n->done, NULL);
  carry_out(c, n);
  return status;
}

enum rkv_status cluster_propose(struct cluster *c, rkv_node_id id, size_t count) {
  struct test_node *n = &c->nodes[id];
  struct rkv_log_id first;
  enum rkv_status status = raft_propose(n->r, node_now(c, n), count, &first, NULL);
  for (; status == RKV_OK && count > 0; count--, first.index++) {
    struct write *w = write_add(n, WRITE_ENTRY);
    w->entry = (struct test_entry){first, RKV_ENTRY_COMMAND, NULL, ++c->values};
    log_push(&n->log, w->entry);
  }
  carry_out(c, n);
  return status;
}

enum rkv_status cluster_learner(struct cluster *c, rkv_node_id id, rkv_node_id learner) {
  struct test_node *n = &c->nodes[id];
  struct rkv_member member;
  enum rkv_status status;
  memset(&member, 0, sizeof member);
  member.id = learner;
  (void)snprintf(member.addr, sizeof member.addr, "n%u:1", (unsigned)learner);
  status = raft_add_learner(n->r, node_now(c, n), &member, &n->done, NULL);
  carry_out(c, n);
  return status;
}

enum rkv_status cluster_change(struct cluster *c, rkv_node_id id, const rkv_node_id *voters,
                               bool retain) {
  struct test_node *n = &c->nodes[id];
  struct rkv_membership m = cluster_membership(voters);
  enum rkv_status status =
      raft_change_membership(n->r, node_now(c, n), &m.configs[0], retain, &n->done, NULL);
  carry_out(c, n);
  return status;
}

enum rkv_status cluster_transfer(struct cluster *c, rkv_node_id id, rkv_node_id target) {
  struct test_node *n = &c->nodes[id];
  enum rkv_status status = raft_transfer(n->r, node_now(c, n), target, &n->transferred, NULL);
  assert(status != RKV_OK || !n->transferring);
  if (status == RKV_OK) n->transferring = true;
  carry_out(c, n);
  return status;
}

enum rkv_status cluster_read(struct cluster *c, rkv_node_id id, bool lease, uint64_t *ticket) {
  struct test_node *n = &c->nodes[id];
  enum rkv_status status = raft_read(n->r, node_now(c, n), lease, ticket, NULL);
  if (status == RKV_OK) law_read_opened(c, n, *ticket);
  carry_out(c, n);
  return status;
}

struct raft_view cluster_view(const struct cluster *c, rkv_node_id id) {
  struct raft_view view;
  assert(c->nodes[id].r);
  raft_view(c->nodes[id].r, &view);
  return view;
}

rkv_node_id cluster_leader(const struct cluster *c) {
  rkv_node_id id, leader = 0;
  for (id = 1; id < NODES_MAX; id++)
    if (c->nodes[id].r && cluster_view(c, id).role == RAFT_LEADER &&
        (!leader || cluster_view(c, id).vote.term > cluster_view(c, leader).vote.term))
      leader = id;
  return leader;
}

void cluster_elect(struct cluster *c, rkv_node_id id) {
  uint64_t deadline = raft_deadline(c->nodes[id].r);
  assert(deadline != UINT64_MAX);
  if (deadline > c->now_ns) c->now_ns = deadline;
  cluster_time_one(c, id);
  cluster_deliver_all(c);
  assert(cluster_view(c, id).role == RAFT_LEADER);
}
