/* shape.h: how long a plugin's tables may be, and their copies at this host's length.
 *
 * The structs of the ABI grow at their tails: a plugin that was built with an older minor has
 * shorter structs. */
#ifndef HOST_SHAPE_H
#define HOST_SHAPE_H

#include <stddef.h>

/* The lengths that a table may have: `first` in ABI 1.0, one of `ends` in a later minor. `ends` are
 * the ends of its fields; the last one is this host's length. */
struct host_shape {
  size_t first;
  const size_t *ends; /* ascending */
  size_t count;
};

extern const struct host_shape host_descriptor_shape; /* struct rkv_plugin */
extern const struct host_shape host_option_shape;     /* struct rkv_option */

/* This host's length. */
size_t host_shape_full(const struct host_shape *shape);

/* What is wrong with a table of `size` bytes, as the end of "it is N, "; NULL: nothing is. */
const char *host_shape_refusal(const struct host_shape *shape, size_t size);

/* Copies a table of `size` bytes, which fits, to one of this host's length: what it lacks is
 * zero. */
void host_shape_copy(const struct host_shape *shape, const void *from, size_t size, void *to);

#endif
