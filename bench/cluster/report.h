/* report.h: prints rows of numbers, as a table or as JSON. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "load.h"

void report_head(const struct cluster *cluster);

/* True if every kind of the mix was answered and the log grew by all writes that were acked. */
bool report_holds(const struct cluster *cluster, const struct load_result *result, uint64_t grown);

/* Prints a row; for a mix one row for each kind. `grown`: entries that the leader's log grew by
 * meanwhile. */
void report_row(const struct cluster *cluster, unsigned inflight, const struct load_result *result,
                uint64_t grown);

/* Prints each node's CPU time in the idle seconds, and its memory. */
void report_idle(const struct cluster *cluster, const uint64_t *cpu_ns);

#endif
