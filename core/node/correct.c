/* correct.c: operators' corrections: a member leaves, a member is at another address. */
#include <node/correct.h>

#include <node/addresses.h>
#include <node/change.h>
#include <node/greet.h>
#include <node/kernel/post.h>
#include <node/kernel/state.h>
#include <node/transfer.h>
#include <raft/correct.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- remove ---- */

/* Fills *rest with the voters but `id`; false if there is no other. */
static bool rest_without(struct node *n, rkv_node_id id, struct rkv_config_set *rest) {
  const struct rkv_config_set *now = &raft_effective(n->raft)->value.configs[0];
  memset(rest, 0, sizeof *rest);
  for (uint32_t i = 0; i < now->count; i++)
    if (now->ids[i] != id) (void)rkv_config_add(rest, now->ids[i]);
  return rest->count > 0;
}

/* A leader that is to be removed hands over first: its successor is then asked to remove it, and
 * clients find no pause in the service. (Dissertation 4.2.2 lets the leader lead a cluster to which
 * it does not belong.) */
static void rest_greeted(struct node *n, struct rkv_call *call, struct rkv_membership *members,
                         enum rkv_status status, struct rkv_error *error) {
  const rkv_node_id id = ((struct rkv_membership_call *)call)->learner.id;
  struct rkv_config_set rest;
  (void)members;
  (void)rest_without(n, id, &rest); /* raft refuses an empty one */
  if (status == RKV_OK) status = raft_check_change(n->raft, &rest, error);
  if (status == RKV_OK && id == n->plugins.host->node_id) {
    change_forget(n, call);
    transfer_away(n, call);
    return;
  }
  if (status == RKV_OK)
    status = raft_change_membership(n->raft, node_now(n), &rest, false, call, error);
  change_settle(n, call, status, error);
}

static void remove_voter(struct node *n, struct rkv_call *call, rkv_node_id id) {
  struct rkv_membership *asked = calloc(1, sizeof *asked);
  struct rkv_config_set rest;
  struct rkv_error error;
  enum rkv_status status = RKV_OK;
  if (!asked)
    status = rkv_fail(&error, RKV_NO_MEMORY, "out of memory for a change");
  else if (!rest_without(n, id, &rest))
    status = rkv_fail(&error, RKV_PRECONDITION,
                      "node %" PRIu64 " is the last voter: nobody would be left", id);
  else
    status = raft_check_change(n->raft, &rest, &error);
  if (status == RKV_OK) {
    change_find_voters(n, &rest, asked);
    greet(n, call, asked, rest.count / 2 + 1, rest_greeted);
  } else {
    change_settle(n, call, status, &error);
  }
  free(asked);
}

void correct_on_remove(struct node *n, struct rkv_call *call) {
  const rkv_node_id id = ((struct rkv_membership_call *)call)->learner.id;
  struct rkv_error error;
  if (!change_admit(n, call)) return;
  if (!raft_leads(n->raft)) {
    change_settle(n, call, RKV_NOT_LEADER, NULL);
    return;
  }
  rkv_log(n->plugins.host, RKV_LOG_INFO, "raft", "remove id=%" PRIu64, id);
  if (rkv_membership_is_voter(&raft_effective(n->raft)->value, id)) {
    remove_voter(n, call, id);
    return;
  }
  change_settle(n, call, raft_remove_learner(n->raft, node_now(n), id, call, &error), &error);
}

/* ---- set-address ---- */

static void address_greeted(struct node *n, struct rkv_call *call, struct rkv_membership *members,
                            enum rkv_status status, struct rkv_error *error) {
  if (status == RKV_OK) {
    rkv_log(n->plugins.host, RKV_LOG_INFO, "raft", "set-address id=%" PRIu64 " addr=%s",
            members->nodes[0].id, members->nodes[0].addr);
    status = raft_set_address(n->raft, node_now(n), &members->nodes[0], call, error);
  }
  change_settle(n, call, status, error);
}

/* Checks the new address within the membership as it would be, then fills *one with the member's
 * new record alone. */
static enum rkv_status check_address(struct node *n, const struct rkv_member *wanted,
                                     struct rkv_membership *one, struct rkv_error *error) {
  const struct rkv_membership *m = &raft_effective(n->raft)->value;
  const struct rkv_member *known = rkv_membership_find(m, wanted->id);
  struct rkv_member record;
  enum rkv_status status;
  if (!known)
    return rkv_fail(error, RKV_INVALID,
                    "node %" PRIu64 " is no member (add it: rkvctl add-learner)", wanted->id);
  record = *known;
  memcpy(record.addr, wanted->addr, sizeof record.addr);
  *one = *m;
  rkv_membership_set(one, &record);
  status = addresses_check_one(one, wanted->id, error);
  memset(one, 0, sizeof *one);
  one->node_count = 1;
  one->nodes[0] = record;
  return status;
}

void correct_on_set_address(struct node *n, struct rkv_call *call) {
  const struct rkv_member *wanted = &((struct rkv_membership_call *)call)->learner;
  struct rkv_error error;
  enum rkv_status status;
  if (!change_admit(n, call)) return;
  if (!raft_leads(n->raft)) {
    change_settle(n, call, RKV_NOT_LEADER, NULL);
    return;
  }
  struct rkv_membership *one = calloc(1, sizeof *one);
  status = one ? check_address(n, wanted, one, &error)
               : rkv_fail(&error, RKV_NO_MEMORY, "out of memory for a change");
  if (status == RKV_OK)
    greet_address(n, call, one, address_greeted);
  else
    change_settle(n, call, status, &error);
  free(one);
}
