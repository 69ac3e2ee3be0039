/* clock.c: the client's clock, and its times as the gRPC core wants them. */
#include "grpc_parts.h"

#include <time.h>

uint64_t client_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

gpr_timespec client_deadline(uint64_t deadline_ms) {
  uint64_t now = client_now_ms();
  uint64_t left = deadline_ms > now ? deadline_ms - now : 0;
  if (left > INT64_MAX) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_millis((int64_t)left, GPR_TIMESPAN));
}
