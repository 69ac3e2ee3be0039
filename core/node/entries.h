/* entries.h: the way of entries through a node: proposed, fetched, applied, answered. Part of
 * internal.h, which includes it; the rules there hold. */
#ifndef NODE_ENTRIES_H
#define NODE_ENTRIES_H

#include <node/internal.h>

/* ---- propose.c ---- */
void propose_on_call(struct node *n, struct rkv_call *call);
void propose_flush(struct node *n); /* the collected batch becomes entries */
/* Ends the batch, of which nothing is in the log. */
void propose_fail_batch(struct node *n, const struct rkv_error *error);
void propose_answer(struct node *n, const struct rkv_entry *entries, size_t count);
/* A snapshot moved `applied`: ends the proposals that it covers. They are done, without an answer.
 */
void propose_covered(struct node *n);
/* Gives up the proposals above the index. They are in the log: whatever the cause, they may or may
 * not be done, as `why` says, and end as RKV_ABORTED. */
void propose_drop(struct node *n, rkv_index above, const char *why);
void propose_expire(struct node *n);
void propose_free(struct node *n);

/* ---- fetch.c: entries that left the hot tail ---- */
enum fetch_for { FETCH_FOR_PEER, FETCH_FOR_APPLY };
/* Reads from..to on the worker; then they are the peer's (`ahead`), or apply_fetched is called.
 * False: there is no memory for it now. */
bool fetch_start(struct node *n, enum fetch_for what, rkv_index from, rkv_index to,
                 const struct node_peer *peer);
void fetch_on_done(struct node *n, struct rkv_call *call);
/* Takes what was read ahead for the peer; false if that is not what begins at `from`. */
bool fetch_take(struct node *n, struct node_peer *peer, rkv_index from, struct ahead_run *run);
/* Sees to it that what the peer is sent next is at hand, or tells raft that it is not yet. */
void fetch_ahead(struct node *n, struct node_peer *peer);
void apply_fetched(struct node *n, struct rkv_entry *entries, size_t count,
                   const struct rkv_error *error);

/* ---- apply.c ---- */
/* Applies what is committed, at most a slice; true if there is more to do at once. */
bool apply_run(struct node *n);

#endif
