/* main.c: starts or finds a cluster, does the job, checks that the log holds what was
 * acknowledged. */
#include "nodes.h"
#include "probe.h"
#include "proc.h"
#include "report.h"
#include "stream.h"

#include <grpc/support/log.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LEADER_WAIT_MS 5000
#define SETTLE_SECONDS 2 /* before idle nodes are measured */

enum exit_code { EXIT_VERIFIED = 0, EXIT_LOST = 1, EXIT_USAGE = 2, EXIT_NO_CLUSTER = 3 };

static void drop_log(gpr_log_func_args *line) {
  (void)line;
}

/* The signals that end the bench are blocked and polled for, so that its nodes are always
 * stopped. */
static void ending_signals(sigset_t *set) {
  (void)sigemptyset(set);
  (void)sigaddset(set, SIGINT);
  (void)sigaddset(set, SIGTERM);
}

/* True if a signal is pending. It stays pending, so later calls return true, too. */
static bool asked_to_stop(void) {
  sigset_t pending;
  return sigpending(&pending) == 0 &&
         (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1);
}

/* Sleeps, but ends early at a stop signal. */
static void wait_seconds(unsigned seconds) {
  uint64_t end = client_now_ms() + seconds * 1000ULL;
  const struct timespec slice = {.tv_nsec = 50000000};
  while (client_now_ms() < end && !asked_to_stop()) (void)nanosleep(&slice, NULL);
}

static enum exit_code run_row(const struct cluster *cluster, struct client *client,
                              unsigned inflight) {
  struct node_view before, after;
  struct load_result result;
  uint64_t grown;
  const struct node *leader =
      nodes_leader(cluster, client, client_now_ms() + LEADER_WAIT_MS, &before);
  if (!leader) return EXIT_NO_CLUSTER;
  if (!(cluster->options->batch
            ? stream_run(cluster, leader->endpoint, inflight, asked_to_stop, &result)
            : load_run(cluster, client, leader->endpoint, inflight, asked_to_stop, &result)))
    return EXIT_NO_CLUSTER;
  if (!nodes_leader(cluster, client, client_now_ms() + LEADER_WAIT_MS, &after))
    return EXIT_NO_CLUSTER;
  grown = after.last_log > before.last_log ? after.last_log - before.last_log : 0;
  report_row(cluster, inflight, &result, grown);
  if (result.failure_code)
    (void)fprintf(stderr, "bench: a request failed: %s (%s)\n", result.failure,
                  client_code_name(result.failure_code));
  return report_holds(cluster, &result, grown) ? EXIT_VERIFIED : EXIT_LOST;
}

static enum exit_code run_load(const struct cluster *cluster, struct client *client) {
  enum exit_code worst = EXIT_VERIFIED;
  report_head(cluster);
  for (unsigned i = 0; i < cluster->options->inflight_count && !asked_to_stop(); i++) {
    enum exit_code code = run_row(cluster, client, cluster->options->inflight[i]);
    if (code > worst) worst = code;
  }
  return worst;
}

static enum exit_code run_idle(const struct cluster *cluster) {
  uint64_t cpu_ns[OPTIONS_NODES_MAX];
  wait_seconds(SETTLE_SECONDS);
  for (unsigned i = 0; i < cluster->count; i++) cpu_ns[i] = proc_cpu_ns(cluster->nodes[i].pid);
  wait_seconds(cluster->options->idle_seconds);
  for (unsigned i = 0; i < cluster->count; i++)
    cpu_ns[i] = proc_cpu_ns(cluster->nodes[i].pid) - cpu_ns[i];
  report_idle(cluster, cpu_ns);
  return EXIT_VERIFIED;
}

static enum exit_code run_count(const struct cluster *cluster, struct client *client, bool lead) {
  struct node_view view;
  const struct node *leader =
      nodes_leader(cluster, client, client_now_ms() + LEADER_WAIT_MS, &view);
  if (!leader) {
    (void)fprintf(stderr, "bench: nobody leads\n");
    return EXIT_NO_CLUSTER;
  }
  (void)printf("%s %" PRIu64 "%s", leader->endpoint, view.last_log, lead ? "" : "\n");
  return EXIT_VERIFIED;
}

/* Prints `LEADER LAST_LOG ENDPOINT,ENDPOINT,...` and waits for the end. */
static enum exit_code run_serve(const struct cluster *cluster, struct client *client) {
  enum exit_code code = run_count(cluster, client, true);
  sigset_t ending;
  int signal;
  if (code != EXIT_VERIFIED) return code;
  for (unsigned i = 0; i < cluster->count; i++)
    (void)printf("%c%s", i ? ',' : ' ', cluster->nodes[i].endpoint);
  (void)printf("\n");
  (void)fflush(stdout);
  ending_signals(&ending);
  (void)sigwait(&ending, &signal);
  return EXIT_VERIFIED;
}

static enum exit_code run_probe(const struct options *options) {
  struct probe probe;
  if (!probe_run(options->dir, &probe)) return EXIT_NO_CLUSTER;
  (void)printf(options->json
                   ? "{\"alone_us\":%.1f,\"quorum_us\":%.1f}\n"
                   : "4 KiB overwritten and synced, p50: %.0f us alone, %.0f us until two "
                     "of three at once are done\n",
               (double)probe.alone_ns / 1e3, (double)probe.quorum_ns / 1e3);
  return EXIT_VERIFIED;
}

static enum exit_code do_job(struct cluster *cluster, struct client *client, bool ours) {
  if (ours && !nodes_form(cluster, client)) return EXIT_NO_CLUSTER;
  switch (cluster->options->job) {
  case JOB_LOAD: return run_load(cluster, client);
  case JOB_IDLE: return run_idle(cluster);
  case JOB_SERVE: return run_serve(cluster, client);
  case JOB_COUNT: return run_count(cluster, client, false);
  case JOB_PROBE: break; /* handled elsewhere: needs no cluster */
  }
  return EXIT_USAGE;
}

int main(int argc, char **argv) {
  struct cluster cluster = {.count = 0};
  struct client *client = NULL;
  enum exit_code code = EXIT_NO_CLUSTER;
  struct options options;
  struct rkv_error error;
  sigset_t ending;
  bool ours;
  if (options_parse(argc, argv, &options, &error) != RKV_OK) {
    (void)fprintf(stderr, "bench-cluster: %s\n", error.text);
    return EXIT_USAGE;
  }
  if (options.help) {
    (void)fputs(options_help, stdout);
    return EXIT_VERIFIED;
  }
  if (options.job == JOB_PROBE) return (int)run_probe(&options);
  ending_signals(&ending);
  (void)sigprocmask(SIG_BLOCK, &ending, NULL);
  if (!getenv("GRPC_VERBOSITY")) gpr_set_log_function(drop_log);
  ours = options.endpoint_count == 0;
  if (!ours) nodes_attach(&cluster, &options);
  if (ours && !nodes_start(&cluster, &options)) goto out;
  if (client_open(&client) != RKV_OK) goto out;
  code = do_job(&cluster, client, ours);
out:
  client_close(client);
  nodes_stop(&cluster);
  return (int)code;
}
