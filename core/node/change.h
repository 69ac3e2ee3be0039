/* change.h: init, add-learner, change-membership. */
#ifndef NODE_CHANGE_H
#define NODE_CHANGE_H

#include <node/kernel/state.h>

/* A membership came into force. Logs a warning if its addresses are wrong (addresses.h). */
void change_look(struct node *n, const struct rkv_membership *m);
void change_on_init(struct node *n, struct rkv_call *call);
void change_on_add_learner(struct node *n, struct rkv_call *call);
void change_on_change(struct node *n, struct rkv_call *call);
void change_done(struct node *n, const struct raft_output *out);
/* Puts the call on the list of waiting changes before raft sees it, because raft may end it at
 * once. False: the call was refused, and has ended. */
bool change_admit(struct node *n, struct rkv_call *call);
/* Takes a call off that list, because it ends. */
void change_forget(struct node *n, const struct rkv_call *call);
/* raft was asked. RKV_OK: it took the call, and CHANGE_DONE ends it; else the call ends here. */
void change_settle(struct node *n, struct rkv_call *call, enum rkv_status status,
                   const struct rkv_error *error);
/* Adds the records of `voters` to *out, which is empty. An id that is no member is left out. */
void change_find_voters(struct node *n, const struct rkv_config_set *voters,
                        struct rkv_membership *out);
void change_expire(struct node *n);
void change_fail_all(struct node *n, const struct rkv_error *error);

#endif
