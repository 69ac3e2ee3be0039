/* options.h: bench-inprocess's command line. */
#ifndef BENCH_INPROCESS_OPTIONS_H
#define BENCH_INPROCESS_OPTIONS_H

#include "direct.h"

#include <stdbool.h>

#define OPTIONS_ROWS_MAX 16
#define OPTIONS_SETS_MAX 16
#define OPTIONS_CLIENTS_MAX 16384u
#define OPTIONS_BATCH_MAX 64u
#define OPTIONS_THREADS_MAX 16u

struct row {
  unsigned clients, batch;
};

struct options {
  struct row rows[OPTIONS_ROWS_MAX];
  unsigned row_count;
  unsigned nodes, threads;
  uint64_t commands; /* of one row */
  const char *sets[OPTIONS_SETS_MAX];
  unsigned set_count;
  bool json, help;
};

extern const char options_help[];

/* Fills *options, starting from the defaults. Errors: RKV_INVALID with the wrong word. */
enum rkv_status options_read(int argc, char **argv, struct options *options,
                             struct rkv_error *error);

#endif
