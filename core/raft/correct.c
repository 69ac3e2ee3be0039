/* correct.c: what an operator corrects in the membership without touching who votes: a learner
 * leaves, a member is at another address. One entry, for no decision needs another majority after
 * it (dissertation 4.1). */
#include <raft/correct.h>

#include <raft/change.h>
#include <raft/membership.h>

#include <inttypes.h>
#include <string.h>

static enum rkv_status refuse_unknown_node(rkv_node_id id, struct rkv_error *error) {
  return rkv_fail(error, RKV_INVALID, "node %" PRIu64 " is no member", id);
}

static enum rkv_status append_correction(struct raft *r, struct raft_now now,
                                         struct raft_membership *slot, void *cookie,
                                         struct rkv_error *error) {
  raft_append_membership(r, now, slot);
  raft_remember_change(r, RAFT_CHANGE_RECORD, cookie, 0, false);
  return r->failed ? rkv_fail(error, RKV_NO_MEMORY, "no memory for log ids") : RKV_OK;
}

enum rkv_status raft_remove_learner(struct raft *r, struct raft_now now, rkv_node_id id,
                                    void *cookie, struct rkv_error *error) {
  const struct rkv_membership *m = &r->effective->value;
  struct raft_membership *slot;
  uint32_t at = 0;
  enum rkv_status status = raft_check_idle(r, error);
  if (status != RKV_OK) return status;
  if (!rkv_membership_find(m, id)) return refuse_unknown_node(id, error);
  assert(!rkv_membership_is_voter(m, id)); /* a voter leaves by a joint change */
  slot = raft_membership_slot(r);
  slot->value = *m;
  while (slot->value.nodes[at].id != id) at++;
  raft_drop_node(&slot->value, at);
  return append_correction(r, now, slot, cookie, error);
}

enum rkv_status raft_set_address(struct raft *r, struct raft_now now,
                                 const struct rkv_member *member, void *cookie,
                                 struct rkv_error *error) {
  const struct rkv_member *known = rkv_membership_find(&r->effective->value, member->id);
  struct raft_membership *slot;
  struct rkv_member record;
  enum rkv_status status = raft_check_idle(r, error);
  if (status != RKV_OK) return status;
  if (!known) return refuse_unknown_node(member->id, error);
  record = *known;
  memcpy(record.addr, member->addr, sizeof record.addr);
  slot = raft_membership_slot(r);
  slot->value = r->effective->value;
  rkv_membership_set(&slot->value, &record);
  return append_correction(r, now, slot, cookie, error);
}
