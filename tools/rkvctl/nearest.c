/* nearest.c: Levenshtein distance, one row at a time. */
#include "nearest.h"

#include <string.h>

static size_t least(size_t a, size_t b, size_t c) {
  size_t ab = a < b ? a : b;
  return ab < c ? ab : c;
}

size_t nearest_distance(const char *a, const char *b) {
  size_t row[NEAREST_NAME_MAX + 1], a_len = strlen(a), b_len = strlen(b), i, j;
  if (a_len >= NEAREST_NAME_MAX || b_len >= NEAREST_NAME_MAX) return NEAREST_NAME_MAX;
  for (j = 0; j <= b_len; j++) row[j] = j;
  for (i = 1; i <= a_len; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (j = 1; j <= b_len; j++) {
      size_t above = row[j];
      row[j] = least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
      diagonal = above;
    }
  }
  return row[b_len];
}
