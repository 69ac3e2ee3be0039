/* nodes.h: the processes of a cluster: started, found, stopped. */
#ifndef BENCH_NODES_H
#define BENCH_NODES_H

#include "target.h"

#define NODES_START_MS 20000 /* from the first process to a leader */
#define NODES_STOP_MS 6000   /* from SIGTERM to SIGKILL */

/* Starts the processes on free loopback ports; to be called before grpc_init, because it forks. A
 * node dies with this process. False: the reason was printed on stderr; call nodes_stop
 * nevertheless. */
bool nodes_start(struct cluster *cluster, const struct options *options);

/* Uses a cluster that runs already. */
void nodes_attach(struct cluster *cluster, const struct options *options);

/* Makes one cluster of the started nodes and waits for a leader. False: the reason was printed. */
bool nodes_form(struct cluster *cluster, struct client *client);

/* Waits until the deadline for a node that leads; returns it, and fills in what it tells. NULL: no
 * node leads. */
const struct node *nodes_leader(const struct cluster *cluster, struct client *client,
                                uint64_t deadline_ms, struct node_view *view);

/* Stops the nodes that were started, and removes their files. */
void nodes_stop(struct cluster *cluster);

/* CPU time of all nodes that this process started. */
uint64_t nodes_cpu_ns(const struct cluster *cluster);

#endif
