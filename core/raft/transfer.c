/* transfer.c: handing leadership to a chosen voter (dissertation 3.10).
 *
 * The leader takes no more proposals, brings the target's log up to its own, and asks it to
 * campaign at once; the voters owe nobody a lease then. It goes on leading if that has not happened
 * within an election timeout. */
#include <raft/transfer.h>

#include <raft/peers.h>
#include <raft/role.h>

#include <inttypes.h>

/* ---- the target ---- */

/* The voter that has got furthest, of those that are reached and were not asked in vain; NULL. */
static struct raft_progress *furthest(struct raft *r) {
  struct raft_progress *best = NULL;
  assert(r->role == RAFT_LEADER);
  for (size_t i = 0; i < r->peer_count; i++) {
    struct raft_progress *p = &r->peers[i];
    if (!p->reached || p->refused_handover || !rkv_membership_is_voter(&r->effective->value, p->id))
      continue;
    if (!best || p->matched.index > best->matched.index) best = p;
  }
  return best;
}

static enum rkv_status check_target(struct raft *r, rkv_node_id target, struct rkv_error *error) {
  const struct raft_progress *p = raft_find_peer(r, target);
  if (target == r->config.id)
    return rkv_fail(error, RKV_INVALID, "transfer: node %" PRIu64 " leads already", target);
  if (!p) return rkv_fail(error, RKV_INVALID, "transfer: node %" PRIu64 " is unknown", target);
  if (!rkv_membership_is_voter(&r->effective->value, target))
    return rkv_fail(error, RKV_INVALID, "transfer: node %" PRIu64 " is a learner", target);
  if (!p->reached)
    return rkv_fail(error, RKV_UNAVAILABLE, "transfer: node %" PRIu64 " does not answer", target);
  return RKV_OK;
}

static enum rkv_status choose_target(struct raft *r, rkv_node_id *target, struct rkv_error *error) {
  const struct raft_progress *best = furthest(r);
  if (best) {
    *target = best->id;
    return RKV_OK;
  }
  for (size_t i = 0; i < r->peer_count; i++)
    if (rkv_membership_is_voter(&r->effective->value, r->peers[i].id))
      return rkv_fail(error, RKV_UNAVAILABLE, "transfer: no other voter answers");
  return rkv_fail(error, RKV_PRECONDITION, "transfer: there is no other voter");
}

/* ---- its course ---- */

static void finish_transfer(struct raft *r, enum rkv_status status, const char *text) {
  struct raft_output *out;
  assert(r->transfer.target != 0 && (status == RKV_OK) == (text == NULL));
  r->transfer.target = 0;
  r->transfer.until_ns = RAFT_NEVER;
  if (r->transfer.forgotten) return;
  out = raft_push(r, RAFT_OUT_TRANSFER_DONE);
  out->cookie = r->transfer.cookie;
  out->status = status;
  out->text = text;
}

void raft_transfer_advance(struct raft *r) {
  const struct raft_progress *p;
  struct raft_output *out;
  if (r->transfer.target == 0 || r->transfer.asked) return;
  assert(r->role == RAFT_LEADER);
  p = raft_find_peer(r, r->transfer.target);
  /* 3.10: "the prior leader fully updates the target server's log to match its own". */
  if (!p || !rkv_log_id_equal(p->matched, r->log.last)) return;
  r->transfer.asked = true;
  r->lease_void = true; /* however late the request arrives, no lease delays that election */
  out = raft_push(r, RAFT_OUT_SEND_TIMEOUT_NOW);
  out->peer = p->id;
  out->vote = r->vote;
  out->id = r->log.last;
}

/* 3.10: "if leadership transfer does not complete after about an election timeout, the prior leader
 * aborts the transfer and resumes accepting client requests". */
void raft_transfer_time(struct raft *r, struct raft_now now) {
  if (r->transfer.target == 0 || now.ns < r->transfer.until_ns) return;
  if (r->transfer.asked) /* the target may still take over */
    finish_transfer(r, RKV_ABORTED, "transfer: the target did not take over in time");
  else
    finish_transfer(r, RKV_UNAVAILABLE, "transfer: the target did not catch up in time");
}

void raft_transfer_end(struct raft *r) {
  assert(r->role != RAFT_LEADER);
  if (r->transfer.target == 0) return;
  if (r->vote.node_id != r->config.id)
    finish_transfer(r, RKV_OK, NULL);
  else
    finish_transfer(r, RKV_ABORTED, "transfer: leadership was lost before the target took over");
}

enum rkv_status raft_refuse_transferring(const struct raft *r, struct rkv_error *error) {
  assert(r->transfer.target != 0);
  return rkv_fail(error, RKV_UNAVAILABLE, "leadership is being handed over to node %" PRIu64,
                  r->transfer.target);
}

/* ---- the calls ---- */

enum rkv_status raft_transfer(struct raft *r, struct raft_now now, rkv_node_id target, void *cookie,
                              struct rkv_error *error) {
  bool any = target == 0;
  enum rkv_status status;
  if (r->role != RAFT_LEADER) return raft_refuse_not_leader(r, error);
  if (r->transfer.target != 0)
    return rkv_fail(error, RKV_PRECONDITION, "transfer: to node %" PRIu64 " is in progress",
                    r->transfer.target);
  for (size_t i = 0; i < r->peer_count; i++) r->peers[i].refused_handover = false;
  status = any ? choose_target(r, &target, error) : check_target(r, target, error);
  if (status != RKV_OK) return status;
  r->transfer = (struct raft_handover){.target = target,
                                       .cookie = cookie,
                                       .any = any,
                                       .until_ns = now.ns + r->config.election_max_ns};
  raft_transfer_advance(r);
  return RKV_OK;
}

void raft_forget_transfer(struct raft *r, void *cookie) {
  if (r->transfer.target != 0 && r->transfer.cookie == cookie) r->transfer.forgotten = true;
}

void raft_on_timeout_now_failed(struct raft *r, struct raft_now now, rkv_node_id peer) {
  struct raft_progress *p = r->role == RAFT_LEADER ? raft_find_peer(r, peer) : NULL;
  const struct raft_progress *next;
  (void)now;
  if (p) p->refused_handover = true;
  if (r->transfer.target != peer || !r->transfer.asked) return;
  next = r->transfer.any ? furthest(r) : NULL;
  if (!next) {
    finish_transfer(r, RKV_UNAVAILABLE, "transfer: the target cannot be asked to take over");
    return;
  }
  r->transfer.target = next->id;
  r->transfer.asked = false;
  raft_transfer_advance(r);
}
