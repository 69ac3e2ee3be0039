/* lag.h: a peer whose next entries left the hot tail. */
#ifndef NODE_LAG_H
#define NODE_LAG_H

#include <node/kernel/state.h>

/* Sees to it that what the peer is sent next is at hand, or tells raft that it is not yet. */
void lag_feed(struct node *n, struct node_peer *peer);
/* Takes what was read ahead for the peer; false if that is not what begins at `from`. */
bool lag_take(struct node *n, struct node_peer *peer, rkv_index from, struct ahead_run *run);

#endif
