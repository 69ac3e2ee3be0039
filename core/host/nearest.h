/* nearest.h: which known name a mistyped one was meant to be. */
#ifndef HOST_NEAREST_H
#define HOST_NEAREST_H

#include <stddef.h>

/* Bytes of a name that is compared: a longer name is near to none. */
#define HOST_NEAREST_NAME_MAX 64

/* To use: start with {.word = the mistyped name}, try every known name, then ask for the best. */
struct host_nearest {
  const char *word;
  const char *best; /* borrowed from the caller of host_nearest_try */
  size_t distance;
};

void host_nearest_try(struct host_nearest *nearest, const char *name);

/* The closest name tried, NULL if none is close enough to be offered. */
const char *host_nearest_best(const struct host_nearest *nearest);

/* Edits (insert, delete, replace, swap two neighbours) that make `a` out of `b`. If one name is the
 * beginning of the other, that counts as one edit. SIZE_MAX if a name is longer than
 * HOST_NEAREST_NAME_MAX. */
size_t host_edit_distance(const char *a, const char *b);

#endif
