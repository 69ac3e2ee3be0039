/* change.h: calls that change the membership, from their acceptance to their end. */
#ifndef RAFT_CHANGE_H
#define RAFT_CHANGE_H

#include <raft/state.h>

/* May a change begin? RKV_NOT_LEADER, RKV_UNAVAILABLE, RKV_PRECONDITION, RKV_FULL with text. */
enum rkv_status raft_check_idle(const struct raft *r, struct rkv_error *error);
/* The call of the entry that was appended last waits for its end. */
void raft_remember_change(struct raft *r, enum raft_change_kind kind, void *cookie,
                          rkv_node_id learner, bool retain);
/* After commit, match or save moved: ends the calls that are through, makes the next step of a
 * joint change. */
void raft_changes_advance(struct raft *r, struct raft_now now);
/* Leadership lost: every waiting call is given up. */
void raft_changes_abort(struct raft *r);
/* The init entry was cut off by another cluster's leader. */
void raft_changes_abort_init(struct raft *r);

#endif
