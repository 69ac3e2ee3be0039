/* abi_layout_test.c: prints the layout of everything public in include/rkv and holds it against a
 * checked-in file.
 *
 *     host-abi-layout FOLDER [--rewrite]
 *
 * The file is FOLDER/abi-MAJOR.MINOR.txt. A change of a struct raises RKV_ABI_MINOR (if it only
 * appends) or RKV_ABI_MAJOR (anything else), and needs a new file; a released file is never
 * rewritten. The files of older minors are compared with today's layout, too: only tails may be
 * new, and only in structs whose length the other side can know. */
#include <rkv/rkv.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi_list.h"
#include "abi_numbers.h"

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
#define ENUM_NUMBER(name, number, text)                                                            \
  fprintf(out, "RKV_SWAP_%s = %d\n", #name, (int)RKV_SWAP_##name);
  RKV_SWAP_ACTION_LIST(ENUM_NUMBER)
#undef ENUM_NUMBER
#define ENUM_NUMBER(name, number, text)                                                            \
  fprintf(out, "RKV_SWAP_PHASE_%s = %d \"%s\"\n", #name, (int)RKV_SWAP_PHASE_##name, text);
  RKV_SWAP_PHASE_LIST(ENUM_NUMBER)
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

/* ---- what older minors had ---- */

enum { LINE_MAX_BYTES = 256 };

/* A struct may be longer than it was where its maker says how long it is, or where only the newer
 * side, the host, makes it. */
static const char *const may_grow[] = {
    "struct rkv_plugin",          "struct rkv_option",
    "struct rkv_config",          "struct rkv_host",
    "struct rkv_node_api",        "struct rkv_transport_ops",
    "struct rkv_storage_ops",     "struct rkv_state_machine_ops",
    "struct rkv_peer_info",       "struct rkv_envelope",
    "struct rkv_vote_call",       "struct rkv_append_call",
    "struct rkv_snapshot_call",   "struct rkv_timeout_now_call",
    "struct rkv_read_index_call", "struct rkv_hello_call",
    "struct rkv_propose_call",    "struct rkv_query_call",
    "struct rkv_init_call",       "struct rkv_membership_call",
    "struct rkv_transfer_call",   "struct rkv_snapshot_now_call",
    "struct rkv_metrics_call",    "struct rkv_storage_state",
    "struct rkv_under",
};

static bool grows(const char *type, size_t len) {
  for (size_t i = 0; i < sizeof may_grow / sizeof may_grow[0]; i++)
    if (strlen(may_grow[i]) == len && memcmp(may_grow[i], type, len) == 0) return true;
  return false;
}

/* The line that begins with these `len` bytes; NULL: there is none. */
static const char *line_of(const char *text, const char *start, size_t len) {
  while (*text) {
    if (strncmp(text, start, len) == 0) return text;
    text += strcspn(text, "\n");
    text += *text == '\n';
  }
  return NULL;
}

/* A struct's first line: it is there, and as long as it was unless it may grow. */
static bool keeps_struct(const char *line, const char *found, const char **now) {
  const size_t name = (size_t)(strstr(line, " size ") - line) + strlen(" size ");
  *now = line_of(found, line, name);
  return *now && (strtoull(*now + name, NULL, 10) == strtoull(line + name, NULL, 10) ||
                  (grows(line, name - strlen(" size ")) &&
                   strtoull(*now + name, NULL, 10) > strtoull(line + name, NULL, 10)));
}

/* A field's line: what is at its place in the struct of the line `now`, under whatever name, is as
 * large. */
static bool keeps_field(const char *line, const char *now) {
  const char *place = strstr(line, " offset ");
  for (now += strcspn(now, "\n") + 1; strncmp(now, "  ", 2) == 0; now += strcspn(now, "\n") + 1) {
    const char *other = strstr(now, " offset ");
    if (other && strcspn(other, "\n") == strlen(place) && memcmp(other, place, strlen(place)) == 0)
      return true;
  }
  return false;
}

static bool keeps(const char *line, const char *found, const char **now) {
  if (strncmp(line, "RKV_ABI_MINOR ", strlen("RKV_ABI_MINOR ")) == 0) return true;
  if (strncmp(line, "  ", 2) == 0) return *now && keeps_field(line, *now);
  if (strstr(line, " size ")) return keeps_struct(line, found, now);
  return line_of(found, line, strlen(line)) != NULL;
}

/* Holds today's layout against the file of an older minor. */
static int compare_older(const char *path, const char *found) {
  char line[LINE_MAX_BYTES];
  const char *now = NULL;
  int result = EXIT_SUCCESS;
  FILE *file = fopen(path, "r");
  if (!file) {
    perror(path);
    return EXIT_FAILURE;
  }
  while (result == EXIT_SUCCESS && fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = '\0';
    if (keeps(line, found, &now)) continue;
    (void)fprintf(stderr,
                  "%s: \"%s\" holds no more: plugins of that ABI would break (append, or "
                  "raise RKV_ABI_MAJOR)\n",
                  path, line);
    result = EXIT_FAILURE;
  }
  (void)fclose(file);
  return result;
}

/* ---- the whole ---- */

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
  for (unsigned minor = 0; minor < RKV_ABI_MINOR && result == EXIT_SUCCESS; minor++) {
    (void)snprintf(path, sizeof path, "%s/abi-%u.%u.txt", argv[1], RKV_ABI_MAJOR, minor);
    result = compare_older(path, found);
  }
  free(found);
  return result;
}
