/* nearest.h: which known name a mistyped one was meant to be. */
#ifndef HOST_NEAREST_H
#define HOST_NEAREST_H

#include <stddef.h>

#define HOST_NEAREST_NAME_MAX                                                                      \
  64 /* bytes of a name that is compared; longer ones are never near                               \
      */

/* Start with {.word = the mistyped name}, try every known name, then ask. */
struct host_nearest {
  const char *word;
  const char *best; /* borrowed from the caller of host_nearest_try */
  size_t distance;
};

void host_nearest_try(struct host_nearest *nearest, const char *name);

/* The closest name tried, NULL if none is close enough to be offered. */
const char *host_nearest_best(const struct host_nearest *nearest);

/* Edits (insert, delete, replace, swap two neighbours) that make `a` out of `b`. A name that only
 * lacks its end counts as one edit. SIZE_MAX if one is longer than HOST_NEAREST_NAME_MAX. */
size_t host_edit_distance(const char *a, const char *b);

#endif
