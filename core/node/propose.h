/* propose.h: clients' commands: a batch becomes entries; a call ends when its entry was applied. */
#ifndef NODE_PROPOSE_H
#define NODE_PROPOSE_H

#include <node/kernel/state.h>

void propose_on_call(struct node *n, struct rkv_call *call);
void propose_flush(struct node *n); /* the collected batch becomes entries */
/* Ends all calls of the batch, of which nothing is in the log. */
void propose_fail_batch(struct node *n, const struct rkv_error *error);
void propose_answer(struct node *n, const struct rkv_entry *entries, size_t count);
/* A snapshot moved `applied`: ends the proposals that it covers. They are done, without an
 * answer. */
void propose_covered(struct node *n);
/* Ends the calls whose entries are above the index, with RKV_ABORTED and `why` as text: their
 * entries are in the log, and whatever the cause, they may or may not be committed. */
void propose_drop(struct node *n, rkv_index above, const char *why);
void propose_expire(struct node *n);
void propose_free(struct node *n);

#endif
