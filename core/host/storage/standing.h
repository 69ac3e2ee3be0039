/* standing.h: whether a node may start on the storage of its configuration, as far as that can be
 * seen before. */
#ifndef HOST_STORAGE_STANDING_H
#define HOST_STORAGE_STANDING_H

#include <host/config.h>

/* Adds a problem if the storage is retired, an unfinished copy, another node's or damaged. Opens it
 * for that: one that is not there yet, is in use, or belongs to another user is not looked into,
 * for open may make files. *config was loaded without problems. May block. */
void standing_check(const struct host_config *config, struct host_problems *problems);

#endif
