/* options.h: the command line of bench-cluster. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "mix.h"

#include <rkv/status.h>

#include <stdbool.h>
#include <stddef.h>

#define OPTIONS_NODES_MAX 9
#define OPTIONS_ROWS_MAX 16 /* values of --inflight */
#define OPTIONS_SETS_MAX 16 /* --set, handed to every node */
#define OPTIONS_INFLIGHT_MAX 16384
#define OPTIONS_PUTS_MAX 1000000000
#define OPTIONS_BATCH_MAX 4096
#define OPTIONS_CONNECTIONS_MAX 64
#define OPTIONS_VALUE_MAX (1U << 20) /* bytes */

enum options_job {
  JOB_LOAD,  /* drive requests, one row for each --inflight */
  JOB_IDLE,  /* measure nodes that have nothing to do */
  JOB_SERVE, /* keep a cluster running until SIGINT or SIGTERM */
  JOB_PROBE, /* measure a device alone */
  JOB_COUNT, /* print the leader and its last log index */
};

struct options {
  enum options_job job;
  const char *target;  /* "rkv" or "etcd" */
  const char *bin_dir; /* where raft-key-value is; NULL: beside this program */
  const char *binary;  /* another program with the same protocol; NULL: none */
  const char *dir;     /* --durable, --probe: where data goes; NULL: tmpfs (ours: memory) */
  char endpoints[OPTIONS_NODES_MAX][RKV_ADDR_MAX]; /* a cluster that runs already */
  unsigned endpoint_count;
  unsigned inflight[OPTIONS_ROWS_MAX];
  unsigned inflight_count;
  unsigned rate;  /* requests a second in an open loop; 0: closed */
  unsigned batch; /* puts in one message of a write stream; 0: unary puts */
  unsigned puts;  /* a row ends early after this many requests; 0: it does not */
  unsigned seconds, warmup_seconds, idle_seconds, value_bytes, keys, connections, nodes;
  struct mix mix; /* the kinds of the requests */
  const char *sets[OPTIONS_SETS_MAX];
  unsigned set_count;
  bool json, help;
};

/* Errors: RKV_INVALID with the word and what would be right. */
enum rkv_status options_parse(int argc, char *const *argv, struct options *options,
                              struct rkv_error *error);

extern const char options_help[];

#endif
