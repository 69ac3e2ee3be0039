/* settle.h: a node that was to start on a storage that it has left (node/moved.h): finds where it
 * goes on, and finishes the copy there if the node ended before it could. */
#ifndef HOST_SETTLE_H
#define HOST_SETTLE_H

#include <host/config.h>

enum { SETTLE_REMEDY_MAX = 2048 };

/* The storage of the configuration, which is closed, was refused. If it is a retired one, *error
 * and `remedy` become what the user is told, one after the other: where the node goes on, and which
 * lines of the configuration to change. Else both stay. May block. */
void settle_retired(const struct host_config *config, struct rkv_error *error,
                    char remedy[SETTLE_REMEDY_MAX]);

#endif
