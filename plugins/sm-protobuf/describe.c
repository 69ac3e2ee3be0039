/* describe.c: a command in words: set "key" = "value". */
#include "command.h"
#include "sm.h"

#include <stdio.h>

enum { KEY_SHOWN = 64, VALUE_SHOWN = 48 }; /* bytes */

/* A line that is being written, piece by piece; behind the first for which there is no room nothing
 * follows. */
struct line {
  char *text;
  size_t len, size;
  bool full;
};

static void put(struct line *line, const void *piece, size_t len) {
  line->full = line->full || len >= line->size - line->len;
  if (line->full) return;
  memcpy(line->text + line->len, piece, len);
  line->len += len;
  line->text[line->len] = '\0';
}

static void put_text(struct line *line, const char *text) {
  put(line, text, strlen(text));
}

/* Bytes of the character that starts here, in what is known to be UTF-8. */
static size_t length_at(uint8_t first) {
  return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Controls, and what changes the direction of writing or is seen by nobody, stay out of terminals:
 * U+0080 to U+009F, U+2000 to U+206F, U+FEFF, from U+E0000 on. */
static bool is_shown(const uint8_t *at, size_t len) {
  switch (len) {
  case 1: return at[0] >= ' ' && at[0] <= '~';
  case 2: return at[0] != 0xc2 || at[1] >= 0xa0;
  case 3:
    return !(at[0] == 0xe2 && (at[1] == 0x80 || (at[1] == 0x81 && at[2] <= 0xaf))) &&
           !(at[0] == 0xef && at[1] == 0xbb && at[2] == 0xbf);
  default: return at[0] < 0xf3 || (at[0] == 0xf3 && at[1] < 0xa0);
  }
}

static void put_character(struct line *line, const uint8_t *at, size_t len) {
  char escaped[8];
  if (is_shown(at, len)) {
    if (at[0] == '"' || at[0] == '\\') put_text(line, "\\");
    put(line, at, len);
    return;
  }
  for (size_t i = 0; i < len; i++) {
    (void)snprintf(escaped, sizeof escaped, "\\x%02x", at[i]);
    put_text(line, escaped);
  }
}

static void put_quoted(struct line *line, const uint8_t *bytes, size_t len, size_t max) {
  char rest[48];
  size_t at = 0, step;
  put_text(line, "\"");
  for (; at < len && at + (step = length_at(bytes[at])) <= max; at += step)
    put_character(line, bytes + at, step);
  put_text(line, "\"");
  if (at == len) return;
  (void)snprintf(rest, sizeof rest, "... (%zu bytes)", len);
  put_text(line, rest);
}

enum rkv_status sm_describe(struct rkv_buf bytes, char *text, size_t size,
                            struct rkv_error *error) {
  struct command command;
  struct line line = {.text = text, .size = size};
  enum rkv_status status = command_scan("SetRequest", bytes.data, bytes.len, &command, error);
  if (status != RKV_OK) {
    if (error) error->status = RKV_INVALID; /* of any length: it is no command */
    return RKV_INVALID;
  }
  text[0] = '\0';
  put_text(&line, "set ");
  put_quoted(&line, command.key, command.key_len, KEY_SHOWN);
  put_text(&line, " = ");
  put_quoted(&line, command.value, command.value_len, VALUE_SHOWN);
  return RKV_OK;
}
