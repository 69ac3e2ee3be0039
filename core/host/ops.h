/* ops.h: the operations of each kind of plugin, by name. */
#ifndef HOST_OPS_H
#define HOST_OPS_H

#include "shape.h"

#include <stdint.h>

/* "transport", ...; NULL for a number outside RKV_PLUGIN_KIND_LIST. */
const char *host_kind_name(uint32_t kind);

/* How long the operations table of this kind, which must be a known one, may be. */
const struct host_shape *host_ops_shape(uint32_t kind);

/* The first operation of ABI 1.0 that is NULL in a table of `kind` of this host's length; NULL if
 * none is. */
const char *host_ops_missing(uint32_t kind, const void *ops);

#endif
