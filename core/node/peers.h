/* peers.h: the connections to the other members. */
#ifndef NODE_PEERS_H
#define NODE_PEERS_H

#include <node/kernel/state.h>

struct node_peer *peer_find(struct node *n, rkv_node_id id);
void peer_update(struct node *n, const struct rkv_membership *membership);
/* Closes the connections to members that left, as soon as raft has nothing to tell them. */
void peer_let_go(struct node *n);
/* Opens all connections anew if the cluster that requests name has changed. */
void peer_reopen(struct node *n);
/* Opens the connection to a silent member anew: the transport may pause between two dials. What is
 * known of the member stays. */
void peer_redial(struct node *n, rkv_node_id id);
void peer_close_all(struct node *n);

#endif
