/* lag.h: entries for a peer whose next ones left the hot tail. */
#ifndef NODE_LAG_H
#define NODE_LAG_H

#include <node/kernel/state.h>

/* Reads ahead what the peer is to be sent next, and tells raft when the peer may be sent it. */
void lag_feed(struct node *n, struct node_peer *peer);
/* Takes the run that was read ahead for the peer and begins at `from`; false if there is none. */
bool lag_take(struct node *n, struct node_peer *peer, rkv_index from, struct ahead_run *run);

#endif
