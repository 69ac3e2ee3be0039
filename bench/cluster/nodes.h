/* nodes.h: the processes of a cluster: started, found, stopped. */
#ifndef BENCH_NODES_H
#define BENCH_NODES_H

#include "target.h"

#define NODES_START_MS 20000 /* from the first process to a leader */
#define NODES_STOP_MS 6000   /* from SIGTERM to SIGKILL */

/* Starts the processes on free loopback ports; before grpc_init, because it forks. A node dies with
 * this process. False: said why on stderr; call nodes_stop all the same. */
bool nodes_start(struct cluster *cluster, const struct options *options);

/* Uses a cluster that runs already. */
void nodes_attach(struct cluster *cluster, const struct options *options);

/* Makes started nodes one cluster and waits for a leader. False: said why. */
bool nodes_form(struct cluster *cluster, struct client *client);

/* The node that leads, waited for until the deadline, and what it says. NULL: nobody does. */
const struct node *nodes_leader(const struct cluster *cluster, struct client *client,
                                uint64_t deadline_ms, struct node_view *view);

/* Stops what was started, removes its files. */
void nodes_stop(struct cluster *cluster);

/* CPU time that the nodes started by us have used, together. */
uint64_t nodes_cpu_ns(const struct cluster *cluster);

#endif
