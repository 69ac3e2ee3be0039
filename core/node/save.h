/* save.h: everything that goes to the storage. */
#ifndef NODE_SAVE_H
#define NODE_SAVE_H

#include <node/kernel/state.h>

void save_vote(struct node *n, struct rkv_vote vote);
/* Saves the identity if it changed. To be called before anything that rests on it is saved
 * (identity.c). */
void save_identity(struct node *n);
void save_entries(struct node *n, const struct rkv_entry *entries, size_t count);
void save_truncate(struct node *n, rkv_index after);
void save_on_saved(struct node *n, struct rkv_call *call);
/* Tells raft what became durable since the last call; false: nothing did. */
bool save_report(struct node *n);
void save_free(struct node *n);

#endif
