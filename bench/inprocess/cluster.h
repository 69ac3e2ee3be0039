/* cluster.h: whole nodes in one process: the real node, executor and storage, a direct transport
 * and an empty state machine.
 *
 * A node's loop is run by whoever kicks it: a client's thread, through it the peers' loops, and the
 * executor's own threads. What the latter answered to another node is worked on at that node's next
 * kick, which the courier brings every millisecond at the latest; under load a client is sooner. */
#ifndef BENCH_INPROCESS_CLUSTER_H
#define BENCH_INPROCESS_CLUSTER_H

#include "direct.h"

struct cluster;

/* Starts `count` nodes (1 .. DIRECT_NODES_MAX) with these SECTION.KEY=VALUE settings, makes a
 * cluster of them and waits for its leader. What is wrong is told on stderr. NULL: it was. */
struct cluster *cluster_start(unsigned count, const char *const *sets, unsigned set_count);

const struct rkv_node_api *cluster_leader(const struct cluster *c);

/* Commands that node `id` has applied. */
uint64_t cluster_applied(const struct cluster *c, rkv_node_id id);

void cluster_stop(struct cluster *c);

#endif
