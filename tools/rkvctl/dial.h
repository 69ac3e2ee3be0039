/* dial.h: connects to a node, more than once where an attempt says little.
 *
 * gRPC's core (up to 1.60) looks at errno only after calls that may have changed it (its pull
 * request 35064): now and then an attempt that is under way counts as failed. A node that was just
 * starting, or that has no room for a connection, ends an attempt, too. As nothing was sent yet, an
 * address that takes connections is dialled again. */
#ifndef RKVCTL_DIAL_H
#define RKVCTL_DIAL_H

#include "client.h"

#define DIAL_ATTEMPTS 3  /* at one address; where nothing listens the first one is the last */
#define DIAL_PAUSE_MS 50 /* between two of them */

/* Returns a channel whose connection stands. NULL: none stands, and `out` says why: nothing listens
 * there, or no attempt within the deadline went well. Nothing was sent. */
struct client_channel *dial(struct client *client, const char *endpoint, uint64_t deadline_ms,
                            char *out, size_t size);

/* Whether a connection that does not stand is worth a further attempt, `attempts` having failed: it
 * is if something takes connections there and time is left. Pauses before it says so; else says in
 * `out` why there is no connection. */
bool dial_again(const struct client *client, const char *endpoint, unsigned attempts,
                uint64_t deadline_ms, char *out, size_t size);

#endif
