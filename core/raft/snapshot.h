/* snapshot.h: when to build a snapshot, and what to keep behind it (paper section 7). */
#ifndef RAFT_SNAPSHOT_H
#define RAFT_SNAPSHOT_H

#include <raft/state.h>

void raft_maybe_build(struct raft *r);
/* After a match moved: purges what was held back for peers, once none needs it. */
void raft_purge_held(struct raft *r);
/* The next step of a purge that is under way. */
void raft_purge_time(struct raft *r);
/* The log begins after `last` from now on: TRUNCATE if it contradicts, PURGE. */
void raft_log_restart(struct raft *r, struct rkv_log_id last);

#endif
