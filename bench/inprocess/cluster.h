/* cluster.h: whole nodes in one process: the real node, executor and storage, a direct transport
 * and an empty state machine.
 *
 * A node's loop runs on every thread that kicks it: a client's thread, which also runs the peers'
 * loops inside, and the executor's threads. An answer that an executor's thread gives to another
 * node waits for that node's next kick. The courier kicks every node each millisecond; under load a
 * client kicks sooner. */
#ifndef BENCH_INPROCESS_CLUSTER_H
#define BENCH_INPROCESS_CLUSTER_H

#include "direct.h"

struct cluster;

/* Starts `count` nodes (1 .. DIRECT_NODES_MAX) with these SECTION.KEY=VALUE settings, makes a
 * cluster of them and waits for its leader. NULL: something failed, and was printed on stderr. */
struct cluster *cluster_start(unsigned count, const char *const *sets, unsigned set_count);

const struct rkv_node_api *cluster_leader(const struct cluster *c);

/* Commands that node `id` has applied. */
uint64_t cluster_applied(const struct cluster *c, rkv_node_id id);

void cluster_stop(struct cluster *c);

#endif
