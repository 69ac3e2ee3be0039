/* init.c: the first membership of a cluster (dissertation 4.4). */
#include <raft/campaign.h>
#include <raft/change.h>
#include <raft/membership.h>

#include <inttypes.h>

enum rkv_status raft_check_init(const struct raft *r, const struct rkv_membership *m,
                                struct rkv_error *error) {
  enum rkv_status status = rkv_membership_check(m, error);
  if (status != RKV_OK) return status;
  if (m->config_count != 1 || m->nodes[0].id == 0)
    return rkv_fail(error, RKV_INVALID, "init: one config of nodes with ids of 1 or more");
  if (r->log.last.index != 0 || r->vote.term != 0)
    return rkv_fail(error, RKV_PRECONDITION,
                    "init: this node has a history already (last log index %" PRIu64
                    ", term %" PRIu64 ")",
                    r->log.last.index, r->vote.term);
  if (!rkv_membership_is_voter(m, r->config.id))
    return rkv_fail(error, RKV_PRECONDITION,
                    "init: this node, %" PRIu64 ", is not among the nodes given", r->config.id);
  return RKV_OK;
}

enum rkv_status raft_init(struct raft *r, struct raft_now now,
                          const struct rkv_membership *membership, void *cookie,
                          struct rkv_error *error) {
  struct raft_membership *slot;
  enum rkv_status status = raft_check_init(r, membership, error);
  if (status != RKV_OK) return status;
  assert(r->change_count == 0 && r->committed.index == 0);
  slot = raft_membership_slot(r);
  slot->value = *membership;
  raft_append_membership(r, now, slot);
  raft_remember_change(r, RAFT_CHANGE_INIT, cookie, 0, false);
  if (!r->failed) raft_campaign(r, now, false);
  return r->failed ? rkv_fail(error, RKV_NO_MEMORY, "no memory for log ids") : RKV_OK;
}
