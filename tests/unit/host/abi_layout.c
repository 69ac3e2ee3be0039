/* abi_layout.c: prints the layout of everything public in include/rkv and holds it against a
 * checked-in file.
 *
 *     host-abi-layout FOLDER [--rewrite]
 *
 * The file is FOLDER/abi-MAJOR.MINOR.txt: who changes a struct raises RKV_ABI_MINOR (appended at
 * the end) or RKV_ABI_MAJOR (anything else), and writes a new file; an old file is never rewritten
 * once it was released. */
#include <rkv/rkv.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi_list.h"

/* ---- printing ---- */

#define SIZE(type) fprintf(out, "%s size %zu align %zu\n", #type, sizeof(type), _Alignof(type));
#define FIELD(type, field)                                                                         \
  fprintf(out, "  %s offset %zu size %zu\n", #field, offsetof(type, field),                        \
          sizeof(((type *)0)->field));
#define NUMBER(name) fprintf(out, "%s = %" PRIu64 "\n", #name, (uint64_t)(name));
#define SIGNED_NUMBER(name) fprintf(out, "%s = %" PRId64 "\n", #name, (int64_t)(name));

static void print_layout(FILE *out) {
  ABI_STRUCTS(SIZE, FIELD)
  ABI_TYPES(SIZE)
  ABI_NUMBERS(NUMBER)
  ABI_SIGNED_NUMBERS(SIGNED_NUMBER)
#define ENUM_NUMBER(name, number, text)                                                            \
  fprintf(out, "RKV_STATUS %s = %d\n", #name, (int)RKV_##name);
  RKV_STATUS_LIST(ENUM_NUMBER)
#undef ENUM_NUMBER
#define ENUM_NUMBER(name, number, text)                                                            \
  fprintf(out, "RKV_KIND_%s = %d \"%s\"\n", #name, (int)RKV_KIND_##name, text);
  RKV_PLUGIN_KIND_LIST(ENUM_NUMBER)
#undef ENUM_NUMBER
#define ENUM_NUMBER(name, bit, text)                                                               \
  fprintf(out, "RKV_CAP_%s = %u \"%s\"\n", #name, (unsigned)RKV_CAP_##name, text);
  RKV_CAP_LIST(ENUM_NUMBER)
#undef ENUM_NUMBER
#define ENUM_NUMBER(name, number, text)                                                            \
  fprintf(out, "RKV_OPTION_%s = %d \"%s\"\n", #name, (int)RKV_OPTION_##name, text);
  RKV_OPTION_TYPE_LIST(ENUM_NUMBER)
#undef ENUM_NUMBER
#define ENUM_NUMBER(name, number, text)                                                            \
  fprintf(out, "RKV_LOG_%s = %d \"%s\"\n", #name, (int)RKV_LOG_##name, text);
  RKV_LOG_LEVEL_LIST(ENUM_NUMBER)
#undef ENUM_NUMBER
#define ENUM_NUMBER(name, number, text)                                                            \
  fprintf(out, "RKV_APPEND_%s = %d\n", #name, (int)RKV_APPEND_##name);
  RKV_APPEND_RESULT_LIST(ENUM_NUMBER)
#undef ENUM_NUMBER
#define ENUM_NUMBER(name, number, text)                                                            \
  fprintf(out, "RKV_READ_%s = %d \"%s\"\n", #name, (int)RKV_READ_##name, text);
  RKV_READ_LIST(ENUM_NUMBER)
#undef ENUM_NUMBER
}

/* ---- comparing ---- */

/* Tells the first line that differs. */
static int tell_difference(const char *path, const char *expected, const char *found) {
  size_t line = 1;
  while (*expected && *expected == *found) {
    if (*expected == '\n') line++;
    expected++, found++;
  }
  if (*expected == *found) return EXIT_SUCCESS;
  while (line > 1 && expected[-1] != '\n') expected--, found--;
  (void)fprintf(stderr,
                "%s:%zu: \"%.*s\" is now \"%.*s\": raise RKV_ABI_MINOR or RKV_ABI_MAJOR and "
                "write the new file with --rewrite\n",
                path, line, (int)strcspn(expected, "\n"), expected, (int)strcspn(found, "\n"),
                found);
  return EXIT_FAILURE;
}

static int compare(const char *path, const char *found) {
  static char expected[1 << 20];
  FILE *file = fopen(path, "r");
  size_t len;
  if (!file) {
    (void)fprintf(stderr, "%s: missing (write it with --rewrite)\n", path);
    return EXIT_FAILURE;
  }
  len = fread(expected, 1, sizeof expected - 1, file);
  expected[len] = '\0';
  (void)fclose(file);
  return tell_difference(path, expected, found);
}

static int rewrite(const char *path, const char *found) {
  FILE *file = fopen(path, "w");
  if (!file || fputs(found, file) < 0 || fclose(file) != 0) {
    perror(path);
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}

int main(int argc, char *argv[]) {
  char path[4096], *found = NULL;
  size_t len;
  FILE *out = open_memstream(&found, &len);
  int result;
  if (argc < 2 || !out) {
    (void)fprintf(stderr, "usage: %s FOLDER [--rewrite]\n", argv[0]);
    return EXIT_FAILURE;
  }
  print_layout(out);
  (void)fclose(out);
  (void)snprintf(path, sizeof path, "%s/abi-%u.%u.txt", argv[1], RKV_ABI_MAJOR, RKV_ABI_MINOR);
  result =
      argc > 2 && strcmp(argv[2], "--rewrite") == 0 ? rewrite(path, found) : compare(path, found);
  free(found);
  return result;
}
