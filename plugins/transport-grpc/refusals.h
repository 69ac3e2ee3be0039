/* refusals.h: connections that were turned away: counted, and told without filling the log: at
 * once, and then every REFUSALS_TELL_NS what has come since. No locks: the owner serialises. */
#ifndef TRANSPORT_REFUSALS_H
#define TRANSPORT_REFUSALS_H

#include "server.h"

#define REFUSALS_TELL_NS (10 * SECOND)

/* X(NAME, counter). */
#define REFUSAL_LIST(X)                                                                            \
  X(MAX, connections_refused)                                                                      \
  X(PER_ADDRESS, connections_refused_address)                                                      \
  X(DESCRIPTORS, connections_refused_descriptors)

enum refusal {
#define REFUSAL_ENUM(name, counter) REFUSAL_##name,
  REFUSAL_LIST(REFUSAL_ENUM)
#undef REFUSAL_ENUM
      REFUSALS
};

struct refusals {
  size_t max, per_address_max; /* the limits, for the text */
  struct {
    uint64_t untold, told_ns; /* told_ns 0: never */
  } kinds[REFUSALS];
};

enum server_count refusal_count(enum refusal why);
void refusals_add(struct refusals *r, enum refusal why);

/* Says what is due. Returns in how many milliseconds something will be, -1: nothing waits. */
int refusals_tell(struct refusals *r, const struct rkv_host *host);

#endif
