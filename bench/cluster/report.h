/* report.h: rows of numbers, as a table or as JSON. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "load.h"

void report_head(const struct cluster *cluster);

/* One row; `grown` is by how much the leader's log grew meanwhile. */
void report_row(const struct cluster *cluster, unsigned inflight, const struct load_result *result,
                uint64_t grown);

/* CPU of each node over the idle seconds, and its memory. */
void report_idle(const struct cluster *cluster, const uint64_t *cpu_ns);

#endif
