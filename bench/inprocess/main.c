/* main.c: bench-inprocess: what the consensus itself costs, without a wire and without a state.
 *
 * The shape is that of OpenRaft's bench-minimal: three nodes in one process, a network of function
 * calls, an in-memory log, a state machine without data, empty requests and answers; clients of
 * the leader send the next command when the last one was applied. */
#include "clients.h"
#include "cluster.h"
#include "options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define FOLLOW_MAX_S 10 /* limit of waiting until every node has applied all answered commands */

/* Checks that every node applied every answered command exactly once. */
static bool verified(const struct cluster *c, const struct options *options, uint64_t expected) {
  const struct timespec pause = {0, 1000000};
  time_t until = time(NULL) + FOLLOW_MAX_S;
  for (unsigned id = 1; id <= options->nodes; id++) {
    while (cluster_applied(c, id) < expected && time(NULL) < until) (void)nanosleep(&pause, NULL);
    if (cluster_applied(c, id) == expected) continue;
    (void)fprintf(stderr, "bench-inprocess: node %u applied %" PRIu64 " of %" PRIu64 " commands\n",
                  id, cluster_applied(c, id), expected);
    return false;
  }
  return true;
}

static void print_row(const struct options *options, const struct row *row,
                      const struct clients_result *r) {
  double rate = (double)r->commands / r->seconds;
  double cpu_ns = r->cpu_seconds * 1e9 / (double)r->commands;
  if (options->json)
    printf("{\"nodes\":%u,\"threads\":%u,\"clients\":%u,\"batch\":%u,\"commands\":%" PRIu64
           ",\"puts_per_s\":%.0f,\"cpu_ns_per_put\":%.0f}\n",
           options->nodes, options->threads, row->clients, row->batch, r->commands, rate, cpu_ns);
  else
    printf("%8u %6u %12" PRIu64 " %12.0f %12.0f\n", row->clients, row->batch, r->commands, rate,
           cpu_ns);
  (void)fflush(stdout);
}

static bool run_rows(struct cluster *c, const struct options *options) {
  struct rkv_error error;
  uint64_t expected = 0;
  for (unsigned i = 0; i < options->row_count; i++) {
    const struct row *row = &options->rows[i];
    struct clients_result result;
    struct clients_plan plan = {.node = cluster_leader(c),
                                .threads = row->clients > 1 ? options->threads : 1,
                                .clients = row->clients,
                                .batch = row->batch,
                                .commands = options->commands};
    if (row->clients == 1) plan.commands = (plan.commands + 4) / 5;
    if (clients_run(&plan, &result, &error) != RKV_OK) {
      (void)fprintf(stderr, "bench-inprocess: %s\n", error.text);
      return false;
    }
    expected += result.commands;
    if (!verified(c, options, expected)) return false;
    print_row(options, row, &result);
  }
  return true;
}

int main(int argc, char **argv) {
  struct options options;
  struct rkv_error error;
  if (options_read(argc, argv, &options, &error) != RKV_OK) {
    (void)fprintf(stderr, "bench-inprocess: %s\n", error.text);
    return 2;
  }
  if (options.help) {
    printf("%s", options_help);
    return 0;
  }
  struct cluster *c = cluster_start(options.nodes, options.sets, options.set_count);
  if (!c) return 1;
  if (!options.json)
    printf("%8s %6s %12s %12s %12s\n", "clients", "batch", "commands", "put/s", "cpu ns/put");
  bool ok = run_rows(c, &options);
  cluster_stop(c);
  return ok ? 0 : 1;
}
