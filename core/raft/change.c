/* change.c: calls that change the membership, from their acceptance to their end (dissertation 4.3,
 * 4.2.1, 4.2.2; the paper's section 6). */
#include <raft/change.h>

#include <raft/membership.h>
#include <raft/peers.h>
#include <raft/role.h>
#include <raft/transfer.h>

#include <inttypes.h>
#include <string.h>

/* ---- the calls that wait ---- */

void raft_remember_change(struct raft *r, enum raft_change_kind kind, void *cookie,
                          rkv_node_id learner, bool retain) {
  struct raft_change *c = &r->changes[r->change_count++];
  assert(r->change_count <= RAFT_CHANGES_MAX);
  *c = (struct raft_change){kind, cookie, false, retain, r->log.last, learner};
}

static void drop(struct raft *r, size_t at) {
  assert(at < r->change_count);
  r->change_count--;
  memmove(&r->changes[at], &r->changes[at + 1],
          (r->change_count - at) * sizeof(struct raft_change));
}

static void finish_change(struct raft *r, size_t at, enum rkv_status status, const char *text) {
  struct raft_change c = r->changes[at];
  struct raft_output *out;
  drop(r, at);
  if (c.forgotten) return;
  out = raft_push(r, RAFT_OUT_CHANGE_DONE);
  out->cookie = c.cookie;
  out->status = status;
  out->text = text;
  out->id = c.id;
  out->membership = r->effective;
}

void raft_forget_change(struct raft *r, void *cookie) {
  size_t i = r->change_count;
  assert(r->change_count <= RAFT_CHANGES_MAX);
  while (i-- > 0) {
    if (r->changes[i].cookie != cookie) continue;
    r->changes[i].forgotten = true;
    if (r->changes[i].kind != RAFT_CHANGE_VOTERS) drop(r, i); /* nothing is left to do for it */
  }
}

void raft_changes_abort(struct raft *r) {
  size_t i = r->change_count;
  assert(r->role != RAFT_LEADER);
  while (i-- > 0)
    if (r->changes[i].kind != RAFT_CHANGE_INIT) /* its entry decides, whichever node leads */
      finish_change(r, i, RKV_ABORTED, "leadership was lost before the change was committed");
}

void raft_changes_abort_init(struct raft *r) {
  size_t i = r->change_count;
  while (i-- > 0)
    if (r->changes[i].kind == RAFT_CHANGE_INIT && r->changes[i].id.index > r->log.last.index)
      finish_change(r, i, RKV_ABORTED, "a leader of another membership replaced it");
}

/* ---- their end ---- */

static bool caught_up(const struct raft *r, rkv_node_id learner) {
  const struct raft_progress *p = raft_peek_peer(r, learner);
  if (learner == r->config.id) return true;
  return p && p->reached && p->mode == RAFT_REPLICATE && p->matched.index > 0 &&
         r->log.last.index - p->matched.index <= r->config.learner_lag_max;
}

static bool is_through(struct raft *r, const struct raft_change *c) {
  bool committed = c->id.index <= r->committed.index;
  if (c->kind == RAFT_CHANGE_LEARNER) return committed && caught_up(r, c->learner);
  if (c->kind != RAFT_CHANGE_INIT) return committed;
  /* INIT is answered once the entry is saved here: the other nodes may not be up yet, and need not
   * vote for it. A lone voter answers when it leads. */
  if (raft_quorum_lone(&r->effective->value, r->config.id)) return committed;
  return committed || c->id.index <= r->saved.index;
}

/* The voter leaves with the joint configuration. What an earlier leader was told of retaining is
 * not known here; but a voter that lost its storage leaves only in order to come back. */
static bool is_dropped(const struct raft_membership *joint, const struct raft_change *call,
                       const struct rkv_member *member) {
  if (call ? call->retain : member->returning != 0) return false;
  return rkv_membership_is_voter(&joint->value, member->id) &&
         !rkv_config_has(&joint->value.configs[1], member->id);
}

/* The second step of a joint change. Without `retain` the voters that left are dropped; learners
 * stay. */
static void append_uniform(struct raft *r, struct raft_now now) {
  const struct raft_membership *joint = r->effective;
  struct raft_membership *slot = raft_membership_slot(r);
  struct raft_change *call = NULL; /* none: an earlier leader's */
  assert(r->role == RAFT_LEADER && joint->value.config_count == 2);
  for (size_t i = 0; i < r->change_count; i++)
    if (r->changes[i].kind == RAFT_CHANGE_VOTERS) call = &r->changes[i];
  slot->value = joint->value;
  slot->value.config_count = 1;
  slot->value.configs[0] = joint->value.configs[1];
  memset(&slot->value.configs[1], 0, sizeof slot->value.configs[1]);
  for (uint32_t n = slot->value.node_count; n-- > 0;)
    if (is_dropped(joint, call, &slot->value.nodes[n])) raft_drop_node(&slot->value, n);
  raft_append_membership(r, now, slot);
  if (call) call->id = slot->id;
}

static void next_step(struct raft *r, struct raft_now now) {
  const struct raft_membership *m = r->effective;
  if (m->id.index > r->committed.index || r->failed) return;
  if (m->value.config_count == 2) {
    append_uniform(r, now);
  } else if (!raft_is_voter(r) && r->resign_at_ns == RAFT_NEVER) {
    /* Section 6: "the leader steps down once it has committed the C_new log entry". */
    r->resign_at_ns = now.ns + r->config.removed_linger_ns;
    r->lease_void = true; /* others campaign then, owing it nothing */
  }
}

void raft_changes_advance(struct raft *r, struct raft_now now) {
  size_t i = 0;
  if (r->role == RAFT_LEADER) next_step(r, now);
  while (i < r->change_count) {
    if (is_through(r, &r->changes[i]))
      finish_change(r, i, RKV_OK, NULL);
    else
      i++;
  }
}

bool raft_caught_up(const struct raft *r, rkv_node_id node) {
  return r->role == RAFT_LEADER && caught_up(r, node);
}

/* ---- the calls ---- */

/* One change at a time: the next may begin when the last entry of the one before is committed. */
enum rkv_status raft_check_idle(const struct raft *r, struct rkv_error *error) {
  const struct raft_membership *m = r->effective;
  if (r->role != RAFT_LEADER) return raft_refuse_not_leader(r, error);
  if (r->transfer.target != 0) return raft_refuse_transferring(r, error);
  if (m->id.index > r->committed.index || m->value.config_count != 1)
    return rkv_fail(error, RKV_PRECONDITION,
                    "a membership change is in progress (entry %" PRIu64 ", committed %" PRIu64 ")",
                    m->id.index, r->committed.index);
  if (r->change_count == RAFT_CHANGES_MAX)
    return rkv_fail(error, RKV_FULL, "%d membership calls wait already", RAFT_CHANGES_MAX);
  return RKV_OK;
}

/* An address that is known stays, and so does all that is known of a voter. */
static bool put_learner(struct rkv_membership *m, const struct rkv_member *learner,
                        size_t addr_len) {
  const struct rkv_member *known = rkv_membership_find(m, learner->id);
  struct rkv_member record;
  if (!known) {
    if (rkv_membership_add_node(m, learner->id, learner->addr, addr_len) != RKV_OK) return false;
    known = rkv_membership_find(m, learner->id);
  }
  record = *known;
  if (!rkv_membership_is_voter(m, learner->id) && learner->incarnation != 0)
    record.incarnation = learner->incarnation;
  rkv_membership_set(m, &record);
  return true;
}

enum rkv_status raft_add_learner(struct raft *r, struct raft_now now,
                                 const struct rkv_member *learner, void *cookie,
                                 struct rkv_error *error) {
  const char *end = memchr(learner->addr, 0, sizeof learner->addr);
  struct raft_membership *slot;
  enum rkv_status status = raft_check_idle(r, error);
  if (status != RKV_OK) return status;
  if (learner->id == 0 || !end || end == learner->addr)
    return rkv_fail(error, RKV_INVALID, "add-learner: needs an id of 1 or more and an address");
  slot = raft_membership_slot(r);
  slot->value = r->effective->value;
  if (!put_learner(&slot->value, learner, (size_t)(end - learner->addr)))
    return rkv_fail(error, RKV_INVALID, "add-learner: a cluster has at most %d nodes",
                    RKV_NODES_MAX);
  raft_append_membership(r, now, slot);
  raft_remember_change(r, RAFT_CHANGE_LEARNER, cookie, learner->id, false);
  return r->failed ? rkv_fail(error, RKV_NO_MEMORY, "no memory for log ids") : RKV_OK;
}

/* Fills `target` with the ids, sorted, each once. */
static enum rkv_status check_voters(const struct raft *r, const struct rkv_config_set *voters,
                                    struct rkv_config_set *target, struct rkv_error *error) {
  memset(target, 0, sizeof *target);
  if (voters->count == 0 || voters->count > RKV_NODES_MAX)
    return rkv_fail(error, RKV_INVALID, "change-membership: %u voters (1 to %d are possible)",
                    voters->count, RKV_NODES_MAX);
  for (uint32_t i = 0; i < voters->count; i++) {
    if (!rkv_membership_find(&r->effective->value, voters->ids[i]))
      return rkv_fail(error, RKV_INVALID,
                      "change-membership: node %" PRIu64 " is unknown (add it as a learner first)",
                      voters->ids[i]);
    (void)rkv_config_add(target, voters->ids[i]);
  }
  return RKV_OK;
}

/* A config whose majority does not answer could neither commit its first entry nor be left
 * again. */
static enum rkv_status check_answering(const struct raft *r, const struct rkv_config_set *target,
                                       struct rkv_error *error) {
  uint32_t answering = 0;
  rkv_node_id silent = 0;
  for (uint32_t i = 0; i < target->count; i++) {
    const struct raft_progress *p = raft_peek_peer(r, target->ids[i]);
    if (target->ids[i] == r->config.id || (p && p->reached))
      answering++;
    else
      silent = target->ids[i];
  }
  if (answering > target->count / 2) return RKV_OK;
  return rkv_fail(error, RKV_PRECONDITION,
                  "change-membership: only %u of these %u voters answer (node %" PRIu64
                  " does not): "
                  "without a majority the change could not be finished",
                  answering, target->count, silent);
}

enum rkv_status raft_check_change(const struct raft *r, const struct rkv_config_set *voters,
                                  struct rkv_error *error) {
  struct rkv_config_set target;
  enum rkv_status status = raft_check_idle(r, error);
  if (status == RKV_OK) status = check_voters(r, voters, &target, error);
  return status != RKV_OK ? status : check_answering(r, &target, error);
}

enum rkv_status raft_change_membership(struct raft *r, struct raft_now now,
                                       const struct rkv_config_set *voters, bool retain,
                                       void *cookie, struct rkv_error *error) {
  struct rkv_config_set target;
  struct raft_membership *slot;
  enum rkv_status status = raft_check_idle(r, error);
  if (status == RKV_OK) status = check_voters(r, voters, &target, error);
  if (status == RKV_OK) status = check_answering(r, &target, error);
  if (status != RKV_OK) return status;
  slot = raft_membership_slot(r);
  slot->value = r->effective->value;
  if (memcmp(&target, &slot->value.configs[0], sizeof target) != 0) {
    slot->value.config_count = 2;
    slot->value.configs[1] = target;
  }
  for (uint32_t n = 0; n < slot->value.node_count; n++)
    if (rkv_config_has(&target, slot->value.nodes[n].id)) slot->value.nodes[n].returning = 0;
  raft_append_membership(r, now, slot);
  raft_remember_change(r, RAFT_CHANGE_VOTERS, cookie, 0, retain);
  return r->failed ? rkv_fail(error, RKV_NO_MEMORY, "no memory for log ids") : RKV_OK;
}

/* Another incarnation of a voter never voted, whatever the one before promised: it would be two
 * voters under one id. */
static enum rkv_status check_record(const struct raft *r, const struct rkv_member *member,
                                    struct rkv_error *error) {
  const struct rkv_membership *m = &r->effective->value;
  const struct rkv_member *known = rkv_membership_find(m, member->id);
  if (!known || strcmp(known->addr, member->addr) != 0)
    return rkv_fail(error, RKV_INVALID, "node %" PRIu64 " is unknown, or has another address",
                    member->id);
  if (known->incarnation == 0 || known->incarnation == member->incarnation) return RKV_OK;
  if (!rkv_membership_is_voter(m, member->id)) return RKV_OK;
  return rkv_fail(error, RKV_INVALID, "node %" PRIu64 " votes: its incarnation stays", member->id);
}

enum rkv_status raft_set_member(struct raft *r, struct raft_now now,
                                const struct rkv_member *member, struct rkv_error *error) {
  struct raft_membership *slot;
  enum rkv_status status = raft_check_idle(r, error);
  if (status == RKV_OK) status = check_record(r, member, error);
  if (status != RKV_OK) return status;
  slot = raft_membership_slot(r);
  slot->value = r->effective->value;
  rkv_membership_set(&slot->value, member);
  raft_append_membership(r, now, slot);
  return r->failed ? rkv_fail(error, RKV_NO_MEMORY, "no memory for log ids") : RKV_OK;
}
