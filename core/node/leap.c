/* leap.c: refuses, counts and logs terms and log ids that cannot be true, and logs second leaders
 * of one term (leap.h). */
#include <node/leap.h>

#include <node/kernel/gate.h>
#include <node/kernel/state.h>
#include <raft/edge.h>

#include <inttypes.h>

/* Logs at most one line in NODE_QUIET_NS, with the count since the line before. */
static void tell_leap(struct node *n, rkv_node_id sender, const char *text) {
  n->count.bad_peer_calls++;
  n->leap.quiet++;
  if (n->now_ns < n->leap.quiet_ns) return;
  rkv_log(n->plugins.host, RKV_LOG_WARN, NODE_LOG,
          "refused what cannot be true from=%" PRIu64 " times=%" PRIu64 ": %s", sender,
          n->leap.quiet, text);
  n->leap.quiet_ns = n->now_ns + NODE_QUIET_NS;
  n->leap.quiet = 0;
}

bool leap_is_found(struct node *n, const struct rkv_call *call, struct rkv_vote vote,
                   struct rkv_log_id id, struct rkv_error *error) {
  const rkv_node_id sender = rkv_call_sender(call).id;
  const bool refused = raft_check_edge(n->raft, vote, id, error) != RKV_OK;
  if (refused || raft_check_rival(n->raft, vote, error) != RKV_OK)
    tell_leap(n, sender ? sender : vote.node_id, error->text);
  return refused;
}

bool leap_refuses(struct node *n, struct rkv_call *call, struct rkv_vote vote,
                  struct rkv_log_id id) {
  struct rkv_error error;
  if (!leap_is_found(n, call, vote, id, &error)) return false;
  gate_refuse(n, call, &error);
  return true;
}

void leap_note_answer(struct node *n, rkv_node_id peer, struct rkv_vote vote) {
  struct rkv_error error;
  if (raft_check_edge(n->raft, vote, (struct rkv_log_id){0, 0}, &error) != RKV_OK ||
      raft_check_rival(n->raft, vote, &error) != RKV_OK)
    tell_leap(n, peer, error.text);
}
