/* probe.h: whether anything listens at an address. */
#ifndef RKVCTL_PROBE_H
#define RKVCTL_PROBE_H

#include <stdbool.h>

#define PROBE_MS 300 /* limit of connecting */

/* True if something listens at HOST:PORT. Blocks: it resolves the name and tries to connect; it
 * sends nothing. */
bool probe_connects(const char *endpoint);

#endif
