/* numbered.c: makes and lists the names of numbered files. */
#include "numbered.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS = 16 };

struct numbered_name numbered_name(struct numbered kind, uint64_t number) {
  struct numbered_name name;
  (void)snprintf(name.text, sizeof name.text, "%s%0*" PRIx64 "%s", kind.prefix, DIGITS, number,
                 kind.suffix);
  return name;
}

bool numbered_is(struct numbered kind, const char *name, uint64_t *number) {
  size_t prefix = strlen(kind.prefix);
  if (strncmp(name, kind.prefix, prefix) != 0) return false;
  if (strspn(name + prefix, "0123456789abcdef") != DIGITS) return false;
  if (strcmp(name + prefix + DIGITS, kind.suffix) != 0) return false;
  *number = strtoull(name + prefix, NULL, 16);
  return true;
}

static int ascending(const void *a, const void *b) {
  const uint64_t *left = a, *right = b;
  return *left < *right ? -1 : *left > *right;
}

struct listing {
  struct numbered kind;
  uint64_t **numbers;
  size_t *count;
};

static bool push_number(const struct listing *listing, uint64_t number) {
  uint64_t **numbers = listing->numbers;
  size_t *count = listing->count;
  if ((*count & (*count - 1)) == 0) { /* full at 0, 1, 2, 4, 8, ... */
    uint64_t *more = realloc(*numbers, (*count ? 2 * *count : 1) * sizeof *more);
    if (!more) return false;
    *numbers = more;
  }
  (*numbers)[(*count)++] = number;
  return true;
}

static enum rkv_status list_name(void *arg, const char *name, struct rkv_error *error) {
  const struct listing *listing = arg;
  uint64_t number;
  if (!numbered_is(listing->kind, name, &number) || push_number(listing, number)) return RKV_OK;
  return rkv_fail(error, RKV_NO_MEMORY, "no memory for a list of files");
}

enum rkv_status numbered_list(const struct folder *folder, struct numbered kind, uint64_t **numbers,
                              size_t *count, struct rkv_error *error) {
  struct listing listing = {kind, numbers, count};
  enum rkv_status status;
  *numbers = NULL;
  *count = 0;
  status = folder_each_name(folder, list_name, &listing, error);
  if (*count > 1) qsort(*numbers, *count, sizeof **numbers, ascending);
  return status;
}

enum rkv_status numbered_drop(const struct folder *folder, struct numbered kind, uint64_t but,
                              struct rkv_error *error) {
  uint64_t *numbers;
  size_t count;
  enum rkv_status status = numbered_list(folder, kind, &numbers, &count, error);
  for (size_t i = 0; i < count && status == RKV_OK; i++)
    if (numbers[i] != but)
      status = folder_drop(folder, numbered_name(kind, numbers[i]).text, error);
  free(numbers);
  return status;
}
