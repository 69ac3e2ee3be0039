/* direct.h: a transport without a wire: to send a request is to call the peer's node table, on the
 * same thread. OpenRaft's bench-minimal calls this an in-process network.
 *
 * The struct that one node hands out is handed in to the other node unchanged (rkv/call.h: the same
 * struct in both directions), so nothing is encoded, copied or allocated. */
#ifndef BENCH_DIRECT_H
#define BENCH_DIRECT_H

#include <rkv/rkv.h>

#define DIRECT_NODES_MAX 9

/* The nodes that can be reached, by id: 1 .. DIRECT_NODES_MAX. */
struct direct_net {
  const struct rkv_node_api *nodes[DIRECT_NODES_MAX + 1];
};

struct direct_peer;

/* One node's transport: all zero but `net`. */
struct direct {
  struct direct_net *net;
  struct direct_peer *peers; /* all peers ever opened: calls borrow their envelopes */
};

/* Every operation; the instance is a struct direct: open, start, stop and close are not called. */
extern const struct rkv_transport_ops direct_ops;

void direct_free(struct direct *direct);

#endif
