/* pace.h: an open loop's arrivals: so many a second, evenly, whatever becomes of them. A request's
 * latency counts from when it was due, not from when a late generator came to send it, or the
 * slowest answers hide all that waited behind them (coordinated omission; G. Tene, "How NOT to
 * Measure Latency", 2013). */
#ifndef BENCH_PACE_H
#define BENCH_PACE_H

#include <stdint.h>

#define PACE_RATE_MAX 10000000U /* a second */

struct pace {
  uint64_t begin_ns;
  unsigned rate; /* a second, above 0 */
};

/* When the request of this number (from 0) is due. */
uint64_t pace_due_ns(const struct pace *pace, uint64_t number);

/* How many are due by then. */
uint64_t pace_count(const struct pace *pace, uint64_t now_ns);

#endif
