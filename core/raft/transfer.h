/* transfer.h: handing leadership to a chosen voter (dissertation 3.10). */
#ifndef RAFT_TRANSFER_H
#define RAFT_TRANSFER_H

#include <raft/state.h>

/* After a match moved: asks the target to campaign once it holds the whole log. */
void raft_transfer_advance(struct raft *r);
void raft_transfer_time(struct raft *r, struct raft_now now);
/* Leadership is over: the transfer succeeded if this node took another node's greater vote. */
void raft_transfer_end(struct raft *r);
/* RKV_UNAVAILABLE, with the target in the text. */
enum rkv_status raft_refuse_transferring(const struct raft *r, struct rkv_error *error);

#endif
