/* timeout_now.c: campaigning because the leader asks for it (dissertation 3.10). */
#include <raft/campaign.h>
#include <raft/role.h>

#include <inttypes.h>

enum rkv_status raft_on_timeout_now(struct raft *r, struct raft_now now, struct rkv_vote vote,
                                    struct rkv_log_id last, struct rkv_error *error) {
  if (!raft_is_voter(r)) return rkv_fail(error, RKV_PRECONDITION, "timeout-now: not a voter");
  if (!vote.committed || rkv_vote_compare(vote, r->vote) != RKV_EQUAL ||
      vote.node_id == r->config.id)
    return rkv_fail(error, RKV_PRECONDITION,
                    "timeout-now: from node %" PRIu64 " with term %" PRIu64
                    ", which this node does not follow",
                    vote.node_id, vote.term);
  if (!raft_log_has(&r->log, last))
    return rkv_fail(error, RKV_PRECONDITION,
                    "timeout-now: entry %" PRIu64 " of term %" PRIu64 " is not here", last.index,
                    last.term);
  raft_campaign(r, now, true);
  return RKV_OK;
}
