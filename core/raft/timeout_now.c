/* timeout_now.c: campaigning because the leader asks for it (dissertation 3.10). */
#include <raft/campaign.h>
#include <raft/role.h>

enum rkv_status raft_on_timeout_now(struct raft *r, struct raft_now now, struct rkv_vote vote,
                                    struct rkv_log_id last, struct rkv_error *error) {
  if (!raft_is_voter(r)) return rkv_fail(error, RKV_PRECONDITION, "timeout-now: not a voter");
  if (!vote.committed || rkv_vote_compare(vote, r->vote) != RKV_EQUAL ||
      vote.node_id == r->config.id)
    return rkv_fail(error, RKV_PRECONDITION,
                    "timeout-now: from node %llu with term %llu, which this node does not follow",
                    (unsigned long long)vote.node_id, (unsigned long long)vote.term);
  if (!raft_log_has(&r->log, last))
    return rkv_fail(error, RKV_PRECONDITION, "timeout-now: entry %llu of term %llu is not here",
                    (unsigned long long)last.index, (unsigned long long)last.term);
  raft_campaign(r, now, true);
  return RKV_OK;
}
