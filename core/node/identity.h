/* identity.h: who this node is, and who may speak to it. */
#ifndef NODE_IDENTITY_H
#define NODE_IDENTITY_H

#include <node/kernel/state.h>

/* Takes over what the storage holds; draws an incarnation for an empty one. */
void identity_recover(struct node *n, const struct rkv_identity *stored);
/* RKV_FOREIGN if the call is meant for another node, incarnation or cluster. */
enum rkv_status identity_check(struct node *n, const struct rkv_call *call,
                               struct rkv_error *error);
/* True if identity_adopt would change this node's cluster. The caller makes sure first that raft
 * will take the call. */
bool identity_differs(const struct node *n, const struct rkv_call *call);
/* raft accepts, or is about to accept, the leader that sent the call. If that leader is of another
 * cluster than this node, drops this node's log and returns true: the caller gives the call back
 * (node_again), for identity_adopt must come after raft's outputs were carried out. */
bool identity_leaves(struct node *n, const struct rkv_call *call);
/* The leader was accepted, and identity_leaves returned false: this node takes over its cluster. */
void identity_adopt(struct node *n, const struct rkv_call *call);
/* RKV_PRECONDITION if this node may not create a cluster: it belongs to one for ever. */
enum rkv_status identity_check_found(const struct node *n, struct rkv_error *error);
/* This node was made the first of a new cluster of these voters. */
void identity_found(struct node *n, const struct rkv_membership *founders);
/* Settles the cluster (D2) if an entry is committed. */
void identity_settle(struct node *n);
void identity_on_hello(struct node *n, struct rkv_call *call);

#endif
