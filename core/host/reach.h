/* reach.h: whether the paths and the host that a configuration names are there.
 *
 * Only the command `check` looks for them: when a node starts, its plugins find out by using
 * them. */
#ifndef HOST_REACH_H
#define HOST_REACH_H

#include "config.h"

/* Adds a problem for each value that the user gave and that leads nowhere: a path that this user
 * can neither use nor make, an address whose host is not known. Defaults are not looked at. Asks
 * the resolver, and waits for it. The configuration must be free of other problems. */
void host_reach_check(struct host_config *config, struct host_problems *problems);

#endif
