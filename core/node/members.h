/* members.h: who this node is, and who the members of its cluster are; a part of internal.h. */
#ifndef NODE_MEMBERS_H
#define NODE_MEMBERS_H

#include <node/internal.h>

/* ---- identity.c: who this node is, and who may speak to it ---- */
/* Takes over what the storage holds; draws an incarnation for an empty one. */
void identity_recover(struct node *n, const struct rkv_identity *stored);
/* RKV_FOREIGN if the call is meant for another node, incarnation or cluster. */
enum rkv_status identity_check(struct node *n, const struct rkv_call *call,
                               struct rkv_error *error);
/* True if identity_adopt would change this node's cluster: see first that the call can be taken. */
bool identity_differs(const struct node *n, const struct rkv_call *call);
/* A leader was accepted: its cluster is this node's from now on, and what the node holds of another
 * one is dropped. */
void identity_adopt(struct node *n, const struct rkv_call *call);
/* This node was made the first of a new cluster of these voters. */
void identity_found(struct node *n, const struct rkv_membership *founders);
/* An entry may have been committed. */
void identity_settle(struct node *n);
void identity_on_hello(struct node *n, struct rkv_call *call);

/* ---- greet.c: asks nodes who they are before they become members ---- */
/* Asks those of *members that are not this node, then calls `then` with their incarnations filled
 * in (0: no answer), or with an error if one of them is not who it should be, or if fewer than
 * `least` of all, this node included, answer: RKV_UNAVAILABLE if it is GREET_ALL, else
 * RKV_PRECONDITION. `then` may run before the call returns, and does not run at all once the call
 * was forgotten. */
#define GREET_ALL UINT32_MAX
typedef void greet_then(struct node *n, struct rkv_call *call, struct rkv_membership *members,
                        const struct rkv_error *error);
void greet(struct node *n, struct rkv_call *call, const struct rkv_membership *members,
           uint32_t least, greet_then *then);
/* True if the call was still waiting for answers: `then` has not run. */
/* Likewise whoever is there, at the address that one member is to have: also of this node. */
void greet_address(struct node *n, struct rkv_call *call, const struct rkv_membership *one,
                   greet_then *then);
bool greet_forget(struct node *n, const struct rkv_call *call);
void greet_on_answer(struct node *n, struct rkv_call *call);

/* ---- tend.c: the leader looks after members that lost their storage ---- */
void tend_run(struct node *n);
void tend_on_answer(struct node *n, struct rkv_call *call);
/* The peer refused a request: perhaps it is another one now. */
void tend_ask_again(struct node *n, rkv_node_id peer);

#endif
