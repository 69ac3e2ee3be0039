/* read.c: which index a linearizable read must have seen (dissertation 6.4). */
#include <raft/raft_internal.h>

enum rkv_status raft_read(struct raft *r, struct raft_now now, bool lease, uint64_t *ticket,
                          struct rkv_error *error) {
  (void)now;
  (void)lease;
  (void)ticket;
  if (r->role != RAFT_LEADER) return raft_refuse_not_leader(r, error);
  return rkv_fail(error, RKV_PRECONDITION, "read: not yet");
}
