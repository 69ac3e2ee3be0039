/* probe.h: whether anything listens at an address. */
#ifndef RKVCTL_PROBE_H
#define RKVCTL_PROBE_H

#include <stdbool.h>

#define PROBE_MS 300 /* limit of connecting */
#define PROBE_TEXT                                                                                 \
  "something takes connections there, but does not speak gRPC (another program's port? a node "    \
  "that "                                                                                          \
  "hangs?)"

/* True if HOST:PORT takes a TCP connection. Blocks: it resolves the name. */
bool probe_connects(const char *endpoint);

#endif
