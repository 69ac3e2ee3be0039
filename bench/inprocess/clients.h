/* clients.h: closed-loop clients of one node: a client hands in its next commands once all its last
 * ones were applied. */
#ifndef BENCH_INPROCESS_CLIENTS_H
#define BENCH_INPROCESS_CLIENTS_H

#include <rkv/rkv.h>

struct clients_plan {
  const struct rkv_node_api *node;
  unsigned threads;  /* over which the clients are spread */
  unsigned clients;  /* at least as many as threads */
  unsigned batch;    /* commands that a client hands in at once */
  uint64_t commands; /* of all clients together, rounded up to whole batches */
};

struct clients_result {
  uint64_t commands; /* answered with RKV_OK: all, or the run failed */
  double seconds;
  double cpu_seconds; /* of the whole process */
};

/* Runs the clients; blocks. Errors: the first refusal that a client got; RKV_NO_MEMORY. */
enum rkv_status clients_run(const struct clients_plan *plan, struct clients_result *result,
                            struct rkv_error *error);

#endif
