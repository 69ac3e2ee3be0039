/* report.c: prints rows of numbers. */
#include "report.h"

#include "proc.h"

#include <inttypes.h>
#include <stdio.h>

/* "31/28/28", or "-" if the nodes are not ours. */
static void memory_text(const struct cluster *cluster, char *out, size_t size) {
  size_t used = 0;
  (void)snprintf(out, size, "-");
  for (unsigned i = 0; i < cluster->count && used < size; i++)
    if (cluster->nodes[i].pid > 0)
      used += (size_t)snprintf(out + used, size - used, "%s%" PRIu64, used ? "/" : "",
                               proc_rss_kib(cluster->nodes[i].pid) / 1024);
}

void report_head(const struct cluster *cluster) {
  if (cluster->options->json) return;
  (void)printf("%s, %u nodes, %u-byte values, %u s each\n", cluster->target->name, cluster->count,
               cluster->options->value_bytes, cluster->options->seconds);
  if (mix_writes_only(&cluster->options->mix))
    (void)printf("%8s %9s %8s %8s %11s %11s %-14s %7s %s\n", "INFLIGHT", "PUTS/S", "P50_MS",
                 "P99_MS", "CPU_US/PUT", "CLIENT_US", "RSS_MB", "FAILED", "IN_LOG");
  else
    (void)printf("%8s %-12s %9s %8s %8s %7s\n", "INFLIGHT", "KIND", "PER_S", "P50_MS", "P99_MS",
                 "FAILED");
}

bool report_holds(const struct cluster *cluster, const struct load_result *result, uint64_t grown) {
  for (unsigned kind = 0; kind < MIX_KINDS; kind++)
    if (cluster->options->mix.weights[kind] > 0 && result->kinds[kind].acked == 0) return false;
  return grown >= result->kinds[MIX_WRITE].acked;
}

static double per_second(const struct load_result *result, uint64_t count) {
  return result->seconds > 0 ? (double)count / result->seconds : 0;
}

/* The columns that an open loop adds to a row. */
static void report_pace(const struct cluster *cluster, const struct load_result *result) {
  if (cluster->options->rate == 0) return;
  if (cluster->options->json)
    (void)printf(",\"rate\":%u,\"behind\":%" PRIu64, cluster->options->rate, result->behind);
  else
    (void)printf(" of %u/s due, %" PRIu64 " never started", cluster->options->rate, result->behind);
}

static void report_puts(const struct cluster *cluster, unsigned inflight,
                        const struct load_result *result, uint64_t grown) {
  const struct load_kind *puts = &result->kinds[MIX_WRITE];
  double counted = puts->counted ? (double)puts->counted : 1;
  double rate = per_second(result, puts->counted);
  double servers_us = (double)result->servers_ns / 1000 / counted;
  double client_us = (double)result->client_ns / 1000 / counted;
  bool all = grown >= puts->acked;
  char memory[128];
  memory_text(cluster, memory, sizeof memory);
  if (cluster->options->json) {
    (void)printf(
        "{\"target\":\"%s\",\"nodes\":%u,\"value_bytes\":%u,\"inflight\":%u,"
        "\"puts_per_s\":%.0f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f,\"max_ms\":%.3f,"
        "\"cpu_us_per_put\":%.2f,"
        "\"client_us_per_put\":%.2f,\"rss_mb\":\"%s\",\"acked\":%" PRIu64 ",\"failed\":%" PRIu64
        ",\"log_grown\":%" PRIu64 ",\"all_in_log\":%s",
        cluster->target->name, cluster->count, cluster->options->value_bytes, inflight, rate,
        (double)puts->p50_ns / 1e6, (double)puts->p99_ns / 1e6, (double)puts->p999_ns / 1e6,
        (double)puts->max_ns / 1e6, servers_us, client_us, memory, puts->acked, puts->failed, grown,
        all ? "true" : "false");
  } else {
    (void)printf("%8u %9.0f %8.3f %8.3f %11.1f %11.1f %-14s %7" PRIu64 " %s", inflight, rate,
                 (double)puts->p50_ns / 1e6, (double)puts->p99_ns / 1e6, servers_us, client_us,
                 memory, puts->failed, all ? "all" : "NOT ALL");
  }
  report_pace(cluster, result);
  (void)printf(cluster->options->json ? "}\n" : "\n");
}

static void report_kind(const struct cluster *cluster, unsigned inflight,
                        const struct load_result *result, enum mix_kind kind) {
  const struct load_kind *of = &result->kinds[kind];
  double rate = per_second(result, of->counted);
  double p50_ms = (double)of->p50_ns / 1e6, p99_ms = (double)of->p99_ns / 1e6;
  if (cluster->options->json)
    (void)printf("{\"target\":\"%s\",\"nodes\":%u,\"inflight\":%u,\"kind\":\"%s\",\"per_s\":%.0f,"
                 "\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"acked\":%" PRIu64 ",\"failed\":%" PRIu64,
                 cluster->target->name, cluster->count, inflight, mix_kind_name(kind), rate, p50_ms,
                 p99_ms, of->acked, of->failed);
  else
    (void)printf("%8u %-12s %9.0f %8.3f %8.3f %7" PRIu64, inflight, mix_kind_name(kind), rate,
                 p50_ms, p99_ms, of->failed);
  report_pace(cluster, result);
  (void)printf(cluster->options->json ? "}\n" : "\n");
}

void report_row(const struct cluster *cluster, unsigned inflight, const struct load_result *result,
                uint64_t grown) {
  const struct mix *mix = &cluster->options->mix;
  if (mix_writes_only(mix)) report_puts(cluster, inflight, result, grown);
  for (unsigned kind = 0; !mix_writes_only(mix) && kind < MIX_KINDS; kind++)
    if (mix->weights[kind] > 0) report_kind(cluster, inflight, result, (enum mix_kind)kind);
  (void)fflush(stdout);
}

void report_idle(const struct cluster *cluster, const uint64_t *cpu_ns) {
  double seconds = cluster->options->idle_seconds;
  for (unsigned i = 0; i < cluster->count; i++) {
    double cpu_ms = (double)cpu_ns[i] / 1e6 / seconds;
    double rss_mb = (double)proc_rss_kib(cluster->nodes[i].pid) / 1024;
    if (cluster->options->json) {
      (void)printf("{\"target\":\"%s\",\"idle_node\":%u,\"cpu_ms_per_s\":%.2f,\"rss_mb\":%.1f}\n",
                   cluster->target->name, i + 1, cpu_ms, rss_mb);
    } else {
      (void)printf("idle node %u: %.2f ms CPU per second, %.1f MB\n", i + 1, cpu_ms, rss_mb);
    }
  }
}
