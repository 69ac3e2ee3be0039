/* identity.h: who this node is, and who may speak to it. */
#ifndef NODE_IDENTITY_H
#define NODE_IDENTITY_H

#include <node/kernel/state.h>

/* Takes over what the storage holds; draws an incarnation for an empty one. */
void identity_recover(struct node *n, const struct rkv_identity *stored);
/* RKV_FOREIGN if the call is meant for another node, incarnation or cluster. */
enum rkv_status identity_check(struct node *n, const struct rkv_call *call,
                               struct rkv_error *error);
/* True if identity_adopt would change this node's cluster: see first that the call can be taken. */
bool identity_differs(const struct node *n, const struct rkv_call *call);
/* A leader was accepted, and is of another cluster: what this node holds of its own one is dropped.
 * True: it was dropped just now; the caller gives the call back (node_again), for identity_adopt
 * must come after raft's outputs were carried out. */
bool identity_leaves(struct node *n, const struct rkv_call *call);
/* A leader was accepted, and identity_leaves had nothing to do: its cluster is this node's. */
void identity_adopt(struct node *n, const struct rkv_call *call);
/* RKV_PRECONDITION if this node may not create a cluster: it belongs to one for ever. */
enum rkv_status identity_check_found(const struct node *n, struct rkv_error *error);
/* This node was made the first of a new cluster of these voters. */
void identity_found(struct node *n, const struct rkv_membership *founders);
/* An entry may have been committed. */
void identity_settle(struct node *n);
void identity_on_hello(struct node *n, struct rkv_call *call);

#endif
