/* transfer.c: handing leadership to a chosen voter (dissertation 3.10). */
#include <raft/raft_internal.h>

enum rkv_status raft_transfer(struct raft *r, struct raft_now now, rkv_node_id target, void *cookie,
                              struct rkv_error *error) {
  (void)now;
  (void)target;
  (void)cookie;
  if (r->role != RAFT_LEADER) return raft_refuse_not_leader(r, error);
  return rkv_fail(error, RKV_PRECONDITION, "transfer: nobody to hand over to");
}
void raft_forget_transfer(struct raft *r, void *cookie) {
  (void)r;
  (void)cookie;
}
void raft_on_timeout_now_failed(struct raft *r, struct raft_now now, rkv_node_id peer) {
  (void)r;
  (void)now;
  (void)peer;
}
enum rkv_status raft_on_timeout_now(struct raft *r, struct raft_now now, struct rkv_vote vote,
                                    struct rkv_log_id last, struct rkv_error *error) {
  (void)r;
  (void)now;
  (void)vote;
  (void)last;
  return rkv_fail(error, RKV_PRECONDITION, "timeout-now: not yet");
}
