/* redirect.c: a client that asked a node that does not lead. */
#include <node/redirect.h>

#include <node/kernel/answer.h>
#include <node/kernel/state.h>
#include <node/know.h>

#include <inttypes.h>

void redirect_to_leader(struct node *n, struct rkv_call *call) {
  struct rkv_error error;
  struct raft_view view;
  raft_view(n->raft, &view);
  const struct rkv_member *leader = NULL;
  if (view.leader != 0 && view.leader != n->plugins.host->node_id)
    leader = rkv_membership_find(&raft_effective(n->raft)->value, view.leader);
  if (leader) {
    (void)rkv_fail(&error, RKV_NOT_LEADER,
                   "node %" PRIu64 " does not lead; node %" PRIu64 " at %s does",
                   n->plugins.host->node_id, leader->id, leader->addr);
    error.leader_id = leader->id;
    memcpy(error.leader_addr, leader->addr, sizeof error.leader_addr);
  } else if (know_removed(n)) {
    (void)rkv_fail(&error, RKV_NOT_LEADER, KNOW_REMOVED_TEXT, n->plugins.host->node_id);
  } else if (raft_effective(n->raft)->value.config_count == 0) {
    (void)rkv_fail(&error, RKV_NOT_LEADER,
                   "node %" PRIu64 " belongs to no cluster yet (init it first)",
                   n->plugins.host->node_id);
  } else {
    (void)rkv_fail(&error, RKV_NOT_LEADER, "no leader is known to node %" PRIu64 " (try again)",
                   n->plugins.host->node_id);
  }
  answer_fail(call, &error);
}
