/* options.c: reads the command line. */
#include "options.h"

#include "pace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char options_help[] =
    "bench-cluster: requests against a whole cluster\n\n"
    "  --target rkv|etcd      what is started and driven (rkv)\n"
    "  --endpoints A,B,C      a cluster that runs already, instead of starting one\n"
    "  --bin-dir DIR          where raft-key-value is (beside this program)\n"
    "  --binary PATH          another program of its protocol: takes --id N --addr HOST:PORT\n"
    "  --nodes N              how many to start (3)\n"
    "  --durable DIR          the cluster's data is in DIR, not on tmpfs; raft-key-value: in "
    "storage-wal\n"
    "  --set SECTION.KEY=V    handed to every raft-key-value node; may be repeated\n"
    "  --inflight N,N,...     requests in flight, one row each (1,64,256,1000)\n"
    "  --rate N               open loop: so many a second, evenly, at most --inflight at once; a\n"
    "                         latency counts from when the request was due\n"
    "  --mix KIND=N,...       of what, in which shares: write, local, lease, linearizable "
    "(write=1)\n"
    "  --seconds N            measured, after --warmup N (5, 1)\n"
    "  --puts N               ended before by so many requests: to fill a cluster\n"
    "  --value-bytes N        (256)      --keys N  key space (100000)\n"
    "  --connections N        those in flight are spread over (1)\n"
    "  --batch N              through one rkv.v1.Stream/Write, N puts in a message\n"
    "  --probe DIR            instead: what DIR's device takes for a sync, alone and three at "
    "once\n"
    "  --idle N               instead: CPU and memory over N idle seconds\n"
    "  --serve                instead: start a cluster and keep it until SIGINT or SIGTERM\n"
    "  --count                instead: the leader and its last log index (with --endpoints)\n"
    "  --json                 one object per row\n\n"
    "exit: 0 every acknowledged put is in the log, 1 not so, 2 usage, 3 no cluster\n";

static enum rkv_status number(const char *name, const char *text, unsigned min, unsigned max,
                              unsigned *out, struct rkv_error *error) {
  char *end;
  unsigned long value;
  errno = 0;
  value = strtoul(text, &end, 10);
  if (*text < '0' || *text > '9' || *end || errno || value < min || value > max)
    return rkv_fail(error, RKV_INVALID, "%s: \"%s\" is no number from %u to %u", name, text, min,
                    max);
  *out = (unsigned)value;
  return RKV_OK;
}

static enum rkv_status inflight_list(const char *text, struct options *options,
                                     struct rkv_error *error) {
  char word[16];
  options->inflight_count = 0;
  for (;;) {
    size_t len = strcspn(text, ",");
    if (len >= sizeof word || options->inflight_count == OPTIONS_ROWS_MAX)
      return rkv_fail(error, RKV_INVALID, "--inflight: at most %d numbers", OPTIONS_ROWS_MAX);
    memcpy(word, text, len);
    word[len] = '\0';
    if (number("--inflight", word, 1, OPTIONS_INFLIGHT_MAX,
               &options->inflight[options->inflight_count], error))
      return RKV_INVALID;
    options->inflight_count++;
    if (text[len] == '\0') return RKV_OK;
    text += len + 1;
  }
}

static enum rkv_status endpoint_list(const char *text, struct options *options,
                                     struct rkv_error *error) {
  for (;;) {
    size_t len = strcspn(text, ",");
    if (len == 0 || len >= RKV_ADDR_MAX || options->endpoint_count == OPTIONS_NODES_MAX)
      return rkv_fail(error, RKV_INVALID, "--endpoints: 1 to %d of HOST:PORT", OPTIONS_NODES_MAX);
    memcpy(options->endpoints[options->endpoint_count], text, len);
    options->endpoints[options->endpoint_count++][len] = '\0';
    if (text[len] == '\0') return RKV_OK;
    text += len + 1;
  }
}

static enum rkv_status named_number(const char *name, const char *value, struct options *options,
                                    bool *known, struct rkv_error *error) {
  const struct {
    const char *name;
    unsigned min, max, *out;
  } numbers[] = {
      {"--rate", 1, PACE_RATE_MAX, &options->rate},
      {"--batch", 1, OPTIONS_BATCH_MAX, &options->batch},
      {"--seconds", 1, 3600, &options->seconds},
      {"--puts", 1, OPTIONS_PUTS_MAX, &options->puts},
      {"--warmup", 0, 3600, &options->warmup_seconds},
      {"--idle", 1, 3600, &options->idle_seconds},
      {"--value-bytes", 0, OPTIONS_VALUE_MAX, &options->value_bytes},
      {"--keys", 1, 100000000, &options->keys},
      {"--connections", 1, OPTIONS_CONNECTIONS_MAX, &options->connections},
      {"--nodes", 1, OPTIONS_NODES_MAX, &options->nodes},
  };
  *known = true;
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
    if (strcmp(name, numbers[i].name) == 0)
      return number(name, value, numbers[i].min, numbers[i].max, numbers[i].out, error);
  *known = false;
  return RKV_OK;
}

static enum rkv_status value_option(const char *name, const char *value, struct options *options,
                                    struct rkv_error *error) {
  bool known;
  enum rkv_status status = named_number(name, value, options, &known, error);
  if (strcmp(name, "--idle") == 0) options->job = JOB_IDLE;
  if (known) return status;
  if (strcmp(name, "--inflight") == 0) return inflight_list(value, options, error);
  if (strcmp(name, "--endpoints") == 0) return endpoint_list(value, options, error);
  if (strcmp(name, "--mix") == 0) return mix_parse(value, &options->mix, error);
  if (strcmp(name, "--bin-dir") == 0) {
    options->bin_dir = value;
    return RKV_OK;
  }
  if (strcmp(name, "--durable") == 0 || strcmp(name, "--probe") == 0) {
    options->dir = value;
    if (strcmp(name, "--probe") == 0) options->job = JOB_PROBE;
    return RKV_OK;
  }
  if (strcmp(name, "--binary") == 0) {
    options->binary = value;
    return RKV_OK;
  }
  if (strcmp(name, "--target") == 0) {
    options->target = value;
    if (strcmp(value, "rkv") == 0 || strcmp(value, "etcd") == 0) return RKV_OK;
    return rkv_fail(error, RKV_INVALID, "--target: \"%s\" is neither rkv nor etcd", value);
  }
  if (strcmp(name, "--set") != 0)
    return rkv_fail(error, RKV_INVALID, "unknown option %s (--help lists them)", name);
  if (options->set_count == OPTIONS_SETS_MAX)
    return rkv_fail(error, RKV_INVALID, "--set: at most %d", OPTIONS_SETS_MAX);
  options->sets[options->set_count++] = value;
  return RKV_OK;
}

static bool flag_option(const char *name, struct options *options) {
  if (strcmp(name, "--json") == 0) {
    options->json = true;
  } else if (strcmp(name, "--help") == 0) {
    options->help = true;
  } else if (strcmp(name, "--serve") == 0) {
    options->job = JOB_SERVE;
  } else if (strcmp(name, "--count") == 0) {
    options->job = JOB_COUNT;
  } else {
    return false;
  }
  return true;
}

enum rkv_status options_parse(int argc, char *const *argv, struct options *options,
                              struct rkv_error *error) {
  static const unsigned rows[] = {1, 64, 256, 1000};
  memset(options, 0, sizeof *options);
  options->target = "rkv";
  memcpy(options->inflight, rows, sizeof rows);
  options->inflight_count = sizeof rows / sizeof rows[0];
  options->seconds = 5;
  options->warmup_seconds = 1;
  options->value_bytes = 256;
  options->keys = 100000;
  options->connections = 1;
  options->nodes = 3;
  options->mix.weights[MIX_WRITE] = 1;
  for (int i = 1; i < argc; i++) {
    if (flag_option(argv[i], options)) continue;
    if (i + 1 == argc)
      return rkv_fail(error, RKV_INVALID, "%s: unknown, or its value is missing (--help)", argv[i]);
    if (value_option(argv[i], argv[i + 1], options, error)) return RKV_INVALID;
    i++;
  }
  if (options->job == JOB_COUNT && options->endpoint_count == 0)
    return rkv_fail(error, RKV_INVALID, "--count needs --endpoints");
  if (options->batch && options->rate)
    return rkv_fail(error, RKV_INVALID, "--rate: not with --batch, whose window is a closed loop");
  if (options->batch && (strcmp(options->target, "rkv") != 0 || !mix_writes_only(&options->mix)))
    return rkv_fail(error, RKV_INVALID, "--batch: only puts, with --target rkv");
  if (strcmp(options->target, "rkv") != 0 && !mix_writes_only(&options->mix))
    return rkv_fail(error, RKV_INVALID, "--mix: reads are measured with --target rkv");
  return RKV_OK;
}
