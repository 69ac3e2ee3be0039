/* sm_given.c: commands and questions that the user gives in a file. */
#include <stdio.h>
#include <stdlib.h>

#include "sm_shapes.h"

/* The value of a hexadecimal digit; -1: it is none. */
static int hex(char digit) {
  static const char digits[] = "0123456789abcdef";
  const char *at = digit ? strchr(digits, digit | 0x20) : NULL;
  return at ? (int)(at - digits) : -1;
}

/* One byte behind a backslash; how many characters it took, 0 if it makes no sense. */
static size_t unescape(const char *text, uint8_t *out) {
  static const char names[] = "\\nrt", bytes[] = "\\\n\r\t";
  const char *at = text[0] ? strchr(names, text[0]) : NULL;
  if (at) {
    *out = (uint8_t)bytes[at - names];
    return 1;
  }
  if (text[0] != 'x' || hex(text[1]) < 0 || hex(text[2]) < 0) return 0;
  *out = (uint8_t)(hex(text[1]) * 16 + hex(text[2]));
  return 3;
}

/* False: an escape makes no sense. */
static bool decode(struct contract *c, const char *text, struct rkv_buf *out) {
  size_t len = strlen(text), used = 0, at = 0, took = 1;
  uint8_t *bytes = malloc(len + 1);
  CONTRACT_REQUIRE(c, bytes, "the suite has no memory for a line of --commands");
  for (; at < len && took > 0; at += took) {
    took = 1;
    if (text[at] == '\\')
      at++, took = unescape(text + at, &bytes[used]);
    else
      bytes[used] = (uint8_t)text[at];
    used++;
  }
  if (took > 0) *out = contract_bytes(c, bytes, used);
  free(bytes);
  return took > 0;
}

/* False: the line makes no sense. */
static bool take(struct commands *k, char *line) {
  static const char command[] = "command", query[] = "query";
  size_t word = strcspn(line, " ");
  const char *rest = line[word] ? line + word + 1 : line + word;
  line[word] = '\0';
  if (line[0] == '#' || line[0] == '\0') return true;
  if (strcmp(line, command) == 0 && k->given_count < SM_GIVEN_MAX)
    return decode(k->c, rest, &k->given[k->given_count++]);
  if (strcmp(line, query) == 0 && k->question_count < SM_QUESTIONS_MAX)
    return decode(k->c, rest, &k->questions[k->question_count++]);
  return false;
}

void given_read(struct commands *k, const char *path) {
  FILE *file = fopen(path, "re");
  char *line = malloc(SM_LINE_MAX);
  k->given = calloc(SM_GIVEN_MAX, sizeof *k->given);
  k->questions = calloc(SM_QUESTIONS_MAX, sizeof *k->questions);
  CONTRACT_REQUIRE(k->c, file, "--commands %s: cannot be read", path);
  CONTRACT_REQUIRE(k->c, line && k->given && k->questions, "the suite has no memory");
  for (unsigned number = 1; fgets(line, SM_LINE_MAX, file); number++) {
    line[strcspn(line, "\n")] = '\0';
    CONTRACT_REQUIRE(k->c, take(k, line),
                     "%s:%u: neither `command BYTES` nor `query BYTES` with legal escapes, or over "
                     "%d commands or %d queries",
                     path, number, SM_GIVEN_MAX, SM_QUESTIONS_MAX);
  }
  free(line);
  (void)fclose(file);
}
