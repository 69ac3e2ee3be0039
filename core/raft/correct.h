/* correct.h: corrections of the membership (raft.h) that leave alone who votes. */
#ifndef RAFT_CORRECT_H
#define RAFT_CORRECT_H

#include <raft/raft.h>

/* A learner leaves; a member is at another address (member->addr; the rest of its record stays).
 * One entry each: who votes stays the same. Refused and ended as the calls above. */
enum rkv_status raft_remove_learner(struct raft *r, struct raft_now now, rkv_node_id id,
                                    void *cookie, struct rkv_error *error);
enum rkv_status raft_set_address(struct raft *r, struct raft_now now,
                                 const struct rkv_member *member, void *cookie,
                                 struct rkv_error *error);

#endif
