/* dir.c: names of the storage's files. */
#include "dir.h"

#include <storage-parts/owned.h>

#include <string.h>

static const struct numbered kinds[] = {
#define DIR_FILE_KIND(name, prefix, suffix) {prefix, suffix},
    DIR_FILE_LIST(DIR_FILE_KIND)
#undef DIR_FILE_KIND
};

struct numbered_name dir_name(enum dir_file file, uint64_t number) {
  return numbered_name(kinds[file], number);
}

enum rkv_status dir_list(const struct folder *folder, enum dir_file file, uint64_t **numbers,
                         size_t *count, struct rkv_error *error) {
  return numbered_list(folder, kinds[file], numbers, count, error);
}

static enum folder_maker maker_of(const void *arg, const char *name) {
  uint64_t number;
  (void)arg;
  if (strcmp(name, OWNED_FILE_NEW) == 0) return FOLDER_NOBODY;
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    if (numbered_is(kinds[i], name, &number)) return FOLDER_OURS;
  return strcmp(name, OWNED_FILE) == 0 ? FOLDER_OURS : FOLDER_OTHERS;
}

enum rkv_status dir_look(const struct folder *folder, struct folder_found *found,
                         struct rkv_error *error) {
  return folder_look(folder, maker_of, NULL, found, error);
}
