/* pace.c: even arrivals. */
#include "pace.h"

#include <assert.h>

#define SECOND_NS UINT64_C(1000000000)

uint64_t pace_due_ns(const struct pace *pace, uint64_t number) {
  assert(pace->rate > 0 && pace->rate <= PACE_RATE_MAX);
  return pace->begin_ns + number / pace->rate * SECOND_NS +
         number % pace->rate * SECOND_NS / pace->rate;
}

uint64_t pace_count(const struct pace *pace, uint64_t now_ns) {
  uint64_t past, count;
  if (now_ns < pace->begin_ns) return 0;
  past = now_ns - pace->begin_ns;
  count = past / SECOND_NS * pace->rate + past % SECOND_NS * pace->rate / SECOND_NS;
  while (pace_due_ns(pace, count) <= now_ns) count++;
  return count;
}
