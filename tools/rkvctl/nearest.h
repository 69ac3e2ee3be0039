/* nearest.h: which known name a misspelt one was probably meant to be. */
#ifndef RKVCTL_NEAREST_H
#define RKVCTL_NEAREST_H

#include <stddef.h>

#define NEAREST_NAME_MAX                                                                           \
  32 /* bytes of a name that is compared, longer ones are near to nothing                          \
      */

/* Edits (insert, delete, change) from a to b; NEAREST_NAME_MAX if one of them is too long. */
size_t nearest_distance(const char *a, const char *b);

#endif
