/* sm_given.c: commands and questions that the user gives in a file. */
#include "sm_given.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes one line into the list that it belongs to. NULL, or what is wrong with it; *at: where. */
static const char *take(struct given_file *file, char *line, unsigned number, size_t *at) {
  static const char command[] = "command", query[] = "query";
  size_t word = strcspn(line, " "), max = GIVEN_COMMANDS_MAX;
  const char *rest = line[word] ? line + word + 1 : line + word, *wrong;
  struct given *list = file->commands;
  size_t *count = &file->command_count;
  *at = 0;
  if (line[0] == '#' || line[0] == '\0') return NULL;
  line[word] = '\0';
  if (strcmp(line, query) == 0)
    list = file->queries, count = &file->query_count, max = GIVEN_QUERIES_MAX;
  else if (strcmp(line, command) != 0)
    return "neither `command BYTES` nor `query BYTES`";
  if (*count == max)
    return list == file->queries ? "more than 64 queries" : "more than 4096 commands";
  list[*count].line = number;
  wrong = pattern_read(&list[*count].pattern, rest, at);
  *at += (size_t)(rest - line);
  if (!wrong) ++*count;
  return wrong;
}

static bool read_lines(struct given_file *file, FILE *in, const char *path, char *line,
                       char why[GIVEN_TEXT_MAX]) {
  for (unsigned number = 1; fgets(line, GIVEN_LINE_MAX, in); number++) {
    size_t len = strcspn(line, "\n"), at = 0;
    const char *wrong = line[len] == '\0' && len == GIVEN_LINE_MAX - 1
                            ? "a line of more than 1048574 bytes (shorter with {bytes A..B})"
                            : NULL;
    line[len] = '\0';
    if (!wrong) wrong = take(file, line, number, &at);
    if (!wrong) continue;
    (void)snprintf(why, GIVEN_TEXT_MAX, "%s:%u:%zu: %s", path, number, at + 1, wrong);
    return false;
  }
  if (file->command_count > 0) return true;
  (void)snprintf(why, GIVEN_TEXT_MAX, "%s: holds no line `command BYTES`", path);
  return false;
}

bool given_read(struct given_file *file, const char *path, char why[GIVEN_TEXT_MAX]) {
  FILE *in = fopen(path, "re");
  char *line = malloc(GIVEN_LINE_MAX);
  bool good = in && line;
  *file = (struct given_file){.commands = calloc(GIVEN_COMMANDS_MAX, sizeof *file->commands),
                              .queries = calloc(GIVEN_QUERIES_MAX, sizeof *file->queries)};
  if (!in)
    (void)snprintf(why, GIVEN_TEXT_MAX, "%s: %s", path, strerror(errno));
  else if (!line || !file->commands || !file->queries)
    (void)snprintf(why, GIVEN_TEXT_MAX, "%s: no memory for it", path), good = false;
  else
    good = read_lines(file, in, path, line, why);
  if (in && ferror(in)) {
    (void)snprintf(why, GIVEN_TEXT_MAX, "%s: it cannot be read to its end", path);
    good = false;
  }
  free(line);
  if (in) (void)fclose(in);
  if (!good) given_free(file);
  return good;
}

void given_free(struct given_file *file) {
  for (size_t i = 0; i < file->command_count; i++) pattern_free(&file->commands[i].pattern);
  for (size_t i = 0; i < file->query_count; i++) pattern_free(&file->queries[i].pattern);
  free(file->commands);
  free(file->queries);
  *file = (struct given_file){NULL, NULL, 0, 0};
}

struct rkv_buf given_write(struct contract *c, const struct given *given, uint64_t key, size_t fill,
                           uint64_t *seed) {
  size_t room = pattern_room(&given->pattern, fill);
  uint8_t *bytes = malloc(room + 1);
  struct rkv_buf out;
  CONTRACT_REQUIRE(c, bytes, "the suite has no memory for a command of %zu bytes", room);
  out = contract_bytes(c, bytes, pattern_write(&given->pattern, key, fill, seed, bytes));
  free(bytes);
  return out;
}
