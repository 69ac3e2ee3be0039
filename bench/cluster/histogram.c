/* histogram.c: logarithmic buckets.
 *
 * (H1) Values below HISTOGRAM_STEPS have a bucket each; above, a value's bucket is its highest bit
 *      (which power of two) and the HISTOGRAM_STEP_BITS bits behind it. */
#include "histogram.h"

static unsigned bucket_of(uint64_t value) {
  unsigned shift;
  if (value < HISTOGRAM_STEPS) return (unsigned)value;
  shift = 63U - (unsigned)__builtin_clzll(value) - HISTOGRAM_STEP_BITS;
  return (shift + 1) * HISTOGRAM_STEPS + (unsigned)((value >> shift) - HISTOGRAM_STEPS);
}

static uint64_t middle_of(unsigned bucket) {
  unsigned shift;
  uint64_t low;
  if (bucket < HISTOGRAM_STEPS) return bucket;
  shift = bucket / HISTOGRAM_STEPS - 1;
  low = (uint64_t)(bucket % HISTOGRAM_STEPS + HISTOGRAM_STEPS) << shift;
  return low + (((uint64_t)1 << shift) >> 1);
}

void histogram_add(struct histogram *h, uint64_t value) {
  h->count++;
  h->buckets[bucket_of(value)]++;
}

uint64_t histogram_quantile(const struct histogram *h, double fraction) {
  uint64_t rank = (uint64_t)((double)h->count * fraction), seen = 0;
  for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
    seen += h->buckets[i];
    if (seen > rank || (seen > 0 && seen == h->count)) return middle_of(i);
  }
  return 0;
}
