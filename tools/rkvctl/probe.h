/* probe.h: whether anything listens at an address. */
#ifndef RKVCTL_PROBE_H
#define RKVCTL_PROBE_H

#include <stddef.h>

#define PROBE_MS 300 /* limit of connecting */

/* Why there is no answer from HOST:PORT: nothing listens there, or something that does not speak
 * `way` ("gRPC"). Blocks: it resolves the name and tries to connect. */
void probe_tell(const char *endpoint, const char *way, char *out, size_t size);

#endif
