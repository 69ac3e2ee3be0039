/* reach.h: whether what a configuration names is there: a place for files, a host.
 *
 * Asked by `check` alone: a node that starts is told by its plugins, which try for themselves. */
#ifndef HOST_REACH_H
#define HOST_REACH_H

#include "config.h"

/* A problem for each value that was given (a default is its plugin's word) and leads nowhere: a
 * path that this user can neither use nor make, an address whose host is not known. Asks the
 * resolver, and waits for it. The configuration has no other problem. */
void host_reach_check(struct host_config *config, struct host_problems *problems);

#endif
