/* histogram.h: latencies in logarithmic buckets. A bucket is 1/128 of its power of two, so a value
 * read back is less than 0.8 % off. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEP_BITS 7
#define HISTOGRAM_STEPS (1U << HISTOGRAM_STEP_BITS)
#define HISTOGRAM_BUCKETS ((64U - HISTOGRAM_STEP_BITS + 1U) * HISTOGRAM_STEPS)

struct histogram {
  uint64_t count;
  uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, uint64_t value);

/* The value below which `fraction` (0 to 1) of all values lie: the middle of its bucket. 0 if there
 * are none. */
uint64_t histogram_quantile(const struct histogram *h, double fraction);

#endif
