/* split.c: greedy parts. */
#include "client/split.h"

#include <assert.h>

size_t split_take(const struct split *split, size_t from, size_t *bytes) {
  size_t count = 0;
  assert(from < split->count);
  *bytes = split->heads[from];
  while (from + count < split->count && *bytes + split->sizes[from + count] <= split->limit)
    *bytes += split->sizes[from + count++];
  if (count > 0) return count;
  *bytes += split->sizes[from];
  return split->exact ? 0 : 1;
}

size_t split_parts(const struct split *split, size_t from) {
  size_t parts = 0, bytes, count;
  while (from < split->count && (count = split_take(split, from, &bytes)) > 0) {
    from += count;
    parts++;
  }
  return parts;
}

size_t split_bytes(const struct split *split, size_t from) {
  size_t bytes = from < split->count ? split->heads[from] : 0;
  for (; from < split->count; from++) bytes += split->sizes[from];
  return bytes;
}
