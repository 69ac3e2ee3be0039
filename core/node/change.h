/* change.h: init, add-learner, change-membership. */
#ifndef NODE_CHANGE_H
#define NODE_CHANGE_H

#include <node/kernel/state.h>

/* A membership came into force, by whatever way: its addresses may be wrong all the same. */
void change_look(struct node *n, const struct rkv_membership *m);
void change_on_init(struct node *n, struct rkv_call *call);
void change_on_add_learner(struct node *n, struct rkv_call *call);
void change_on_change(struct node *n, struct rkv_call *call);
void change_done(struct node *n, const struct raft_output *out);
/* Notes a call before raft sees it, because raft may end it at once; false: it was answered. */
bool change_admit(struct node *n, struct rkv_call *call);
/* The call ends here after all, or by another way than CHANGE_DONE. */
void change_forget(struct node *n, const struct rkv_call *call);
/* raft refused the call, or took it: then CHANGE_DONE ends it. */
void change_settle(struct node *n, struct rkv_call *call, enum rkv_status status,
                   const struct rkv_error *error);
/* Adds the records of those that are to vote to *out, which is empty; who is unknown is left out.
 */
void change_find_voters(struct node *n, const struct rkv_config_set *voters,
                        struct rkv_membership *out);
void change_expire(struct node *n);
void change_fail_all(struct node *n, const struct rkv_error *error);

#endif
