/* refusals.c: tells refused connections by WARN lines, few of them. */
#include "refusals.h"

#include <inttypes.h>

enum server_count refusal_count(enum refusal why) {
  static const enum server_count counts[REFUSALS] = {
#define REFUSAL_COUNT(name, counter) [REFUSAL_##name] = SERVER_COUNT_##counter,
      REFUSAL_LIST(REFUSAL_COUNT)
#undef REFUSAL_COUNT
  };
  return counts[why];
}

void refusals_add(struct refusals *r, enum refusal why) {
  r->kinds[why].untold++;
}

static void tell(const struct refusals *r, const struct rkv_host *host, enum refusal why) {
  const uint64_t count = r->kinds[why].untold;
  switch (why) {
  case REFUSAL_MAX:
    rkv_log(host, RKV_LOG_WARN, TRANSPORT_LOG,
            "connections refused count=%" PRIu64 ": %zu are open, the most that connections_max "
            "and the limit of descriptors allow (end idle clients or raise them)",
            count, r->max);
    break;
  case REFUSAL_PER_ADDRESS:
    rkv_log(host, RKV_LOG_WARN, TRANSPORT_LOG,
            "connections refused count=%" PRIu64 ": one address has %zu open already (have the "
            "client share its connection or raise connections_per_address_max)",
            count, r->per_address_max);
    break;
  case REFUSAL_DESCRIPTORS:
    rkv_log(host, RKV_LOG_WARN, TRANSPORT_LOG,
            "connections refused count=%" PRIu64 ": the process has no file descriptor left "
            "(raise LimitNOFILE= of systemd, ulimit -n, or lower connections_max)",
            count);
    break;
  default: break;
  }
}

int refusals_tell(struct refusals *r, const struct rkv_host *host) {
  const uint64_t now = host->now_ns(host->ctx);
  uint64_t wait = UINT64_MAX;
  for (unsigned why = 0; why < REFUSALS; why++) {
    const uint64_t told = r->kinds[why].told_ns;
    if (r->kinds[why].untold == 0) continue;
    if (told != 0 && now - told < REFUSALS_TELL_NS) {
      const uint64_t left = REFUSALS_TELL_NS - (now - told);
      if (left < wait) wait = left;
      continue;
    }
    tell(r, host, (enum refusal)why);
    r->kinds[why].untold = 0;
    r->kinds[why].told_ns = now;
  }
  return wait == UINT64_MAX ? -1 : (int)(wait / MS) + 1;
}
