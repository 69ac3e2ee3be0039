/* clients.h: closed-loop clients of one node: each hands in its next commands when all of its last
 * ones were applied. */
#ifndef BENCH_INPROCESS_CLIENTS_H
#define BENCH_INPROCESS_CLIENTS_H

#include <rkv/rkv.h>

struct clients_plan {
  const struct rkv_node_api *node;
  unsigned threads;  /* that the clients are spread over */
  unsigned clients;  /* at least as many as threads */
  unsigned batch;    /* commands that a client hands in at once */
  uint64_t commands; /* of all clients together; rounded up to whole batches of each */
};

struct clients_result {
  uint64_t commands; /* answered RKV_OK: all of them, or the run failed */
  double seconds;
  double cpu_seconds; /* of the whole process */
};

/* Blocks. Errors: the first refusal that a client was given; RKV_NO_MEMORY. */
enum rkv_status clients_run(const struct clients_plan *plan, struct clients_result *result,
                            struct rkv_error *error);

#endif
