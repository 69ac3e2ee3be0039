/* nearest.c: edit distance (optimal string alignment) over short names. */
#include "nearest.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define PREFIX_MIN 3 /* bytes that a name must have for its beginning alone to count */

static size_t least(size_t a, size_t b) {
  return a < b ? a : b;
}

static bool is_prefix(const char *a, size_t a_len, const char *b, size_t b_len) {
  size_t len = least(a_len, b_len);
  return len >= PREFIX_MIN && memcmp(a, b, len) == 0;
}

size_t host_edit_distance(const char *a, const char *b) {
  size_t rows[3][HOST_NEAREST_NAME_MAX + 1];
  size_t *before = rows[0], *above = rows[1], *row = rows[2];
  size_t a_len = strlen(a), b_len = strlen(b);
  if (a_len > HOST_NEAREST_NAME_MAX || b_len > HOST_NEAREST_NAME_MAX) return SIZE_MAX;
  if (a_len != b_len && is_prefix(a, a_len, b, b_len)) return 1;
  memset(rows, 0, sizeof rows);
  for (size_t j = 0; j <= b_len; j++) above[j] = j;
  for (size_t i = 1; i <= a_len; i++) {
    size_t *spare = before;
    row[0] = i;
    for (size_t j = 1; j <= b_len; j++) {
      size_t replace = above[j - 1] + (a[i - 1] != b[j - 1]);
      row[j] = least(replace, least(above[j], row[j - 1]) + 1);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = least(row[j], before[j - 2] + 1);
    }
    before = above, above = row, row = spare;
  }
  return above[b_len];
}

void host_nearest_try(struct host_nearest *nearest, const char *name) {
  size_t distance = host_edit_distance(nearest->word, name);
  if (nearest->best && distance >= nearest->distance) return;
  nearest->best = name;
  nearest->distance = distance;
}

const char *host_nearest_best(const struct host_nearest *nearest) {
  size_t allowed = 1 + strlen(nearest->word) / 4;
  if (!nearest->best || nearest->distance > allowed) return NULL;
  return nearest->best;
}
