/* pace.h: the arrivals of an open loop: evenly, so many a second, whatever the answers. A request's
 * latency counts from when it was due, not from when it was sent: a late generator would hide the
 * requests that waited behind slow answers (coordinated omission; G. Tene, "How NOT to Measure
 * Latency", 2013). */
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

/* How many requests are due by then. */
uint64_t pace_count(const struct pace *pace, uint64_t now_ns);

#endif
