/* sm_pattern.c: reads and writes the lines of --commands FILE. */
#include "sm_pattern.h"

#include "contract.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "texture.h"

static const char *const words[PATTERN_KINDS] = {
#define PATTERN_WORD(name, word) word,
    PATTERN_PART_LIST(PATTERN_WORD)
#undef PATTERN_WORD
};

/* ---- escapes ---- */

/* The value of a hexadecimal digit; -1: it is none. */
static int hex(char digit) {
  static const char digits[] = "0123456789abcdef";
  const char *at = digit ? strchr(digits, digit | 0x20) : NULL;
  return at ? (int)(at - digits) : -1;
}

/* One byte behind a backslash; how many characters it took, 0 if it makes no sense. */
static size_t unescape(const char *text, uint8_t *out) {
  static const char names[] = "\\nrt{", bytes[] = "\\\n\r\t{";
  const char *at = text[0] ? strchr(names, text[0]) : NULL;
  if (at) {
    *out = (uint8_t)bytes[at - names];
    return 1;
  }
  if (text[0] != 'x' || hex(text[1]) < 0 || hex(text[2]) < 0) return 0;
  *out = (uint8_t)(hex(text[1]) * 16 + hex(text[2]));
  return 3;
}

/* ---- patterns ---- */

/* Reads digits. False: there are none, or the number is over 64 bits. */
static bool read_number(const char **text, uint64_t *out) {
  const char *at = *text;
  for (*out = 0; *at >= '0' && *at <= '9'; at++) {
    uint64_t digit = (uint64_t)(*at - '0');
    if (*out > (UINT64_MAX - digit) / 10) return false;
    *out = *out * 10 + digit;
  }
  if (at == *text) return false;
  *text = at;
  return true;
}

/* A unit behind a size, if there is one. False: over 64 bits. */
static bool read_unit(const char **text, uint64_t *size) {
  static const struct {
    const char *unit;
    uint64_t bytes;
  } units[] = {{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
  for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
    if (strncmp(*text, units[i].unit, 3) != 0) continue;
    *text += 3;
    if (*size > UINT64_MAX / units[i].bytes) return false;
    *size *= units[i].bytes;
    return true;
  }
  return true;
}

/* "A..B}" */
static bool read_range(const char **text, bool sizes, struct pattern_part *part) {
  if (!read_number(text, &part->low) || (sizes && !read_unit(text, &part->low))) return false;
  if (strncmp(*text, "..", 2) != 0) return false;
  *text += 2;
  if (!read_number(text, &part->high) || (sizes && !read_unit(text, &part->high))) return false;
  return *(*text)++ == '}';
}

/* What begins behind a brace; PATTERN_PLAIN: no pattern. */
static enum pattern_kind kind_of(const char *text) {
  size_t digits = strspn(text, "0123456789");
  if (digits > 0 && strncmp(text + digits, "..", 2) == 0) return PATTERN_NUMBER;
  for (int kind = PATTERN_BYTES; kind < PATTERN_KINDS; kind++) {
    size_t len = strlen(words[kind]);
    if (strncmp(text, words[kind], len) == 0 && text[len] == ' ') return (enum pattern_kind)kind;
  }
  return PATTERN_PLAIN;
}

/* Reads the pattern behind a brace. */
static const char *read_part(struct pattern_part *part, const char **text) {
  bool sizes = part->kind != PATTERN_NUMBER;
  if (sizes) *text += strlen(words[part->kind]) + 1;
  if (!read_range(text, sizes, part))
    return sizes ? "no range of sizes (try {bytes 1..64KiB})" : "no range of numbers (try {0..99})";
  if (part->low > part->high) return "the range ends before it begins";
  if (sizes && part->high > PATTERN_FILL_MAX) return "more than 64MiB of one value";
  return NULL;
}

/* Appends one byte to the plain part at the end. False: too many parts. */
static bool add_byte(struct pattern *p, uint8_t byte, size_t *used) {
  if (p->count == 0 || p->parts[p->count - 1].kind != PATTERN_PLAIN) {
    if (p->count == PATTERN_PARTS_MAX) return false;
    p->parts[p->count++] = (struct pattern_part){.kind = PATTERN_PLAIN, .at = *used};
  }
  p->parts[p->count - 1].len++;
  p->plain[(*used)++] = byte;
  return true;
}

static const char *read_all(struct pattern *p, const char *line, const char **at) {
  static const char many[] = "more than 32 patterns and texts between them";
  size_t used = 0;
  for (*at = line; **at;) {
    enum pattern_kind kind = **at == '{' ? kind_of(*at + 1) : PATTERN_PLAIN;
    uint8_t byte = (uint8_t) * *at;
    size_t took = 1;
    if (kind == PATTERN_PLAIN) {
      if (byte == '\\' && (took = 1 + unescape(*at + 1, &byte)) == 1)
        return "no escape (there are \\\\ \\n \\r \\t \\{ \\xHH)";
      if (!add_byte(p, byte, &used)) return many;
      *at += took;
    } else {
      const char *behind = *at + 1, *wrong;
      if (p->count == PATTERN_PARTS_MAX) return many;
      p->parts[p->count] = (struct pattern_part){.kind = kind};
      wrong = read_part(&p->parts[p->count++], &behind);
      if (wrong) return wrong;
      *at = behind;
    }
  }
  return NULL;
}

const char *pattern_read(struct pattern *pattern, const char *line, size_t *at) {
  const char *end = line, *wrong;
  *pattern = (struct pattern){.plain = malloc(strlen(line) + 1)};
  wrong = pattern->plain ? read_all(pattern, line, &end) : "no memory for the line";
  *at = (size_t)(end - line);
  if (wrong) pattern_free(pattern);
  return wrong;
}

void pattern_free(struct pattern *pattern) {
  free(pattern->plain);
  *pattern = (struct pattern){.count = 0};
}

/* ---- writing ---- */

bool pattern_grows(const struct pattern *pattern) {
  for (size_t i = 0; i < pattern->count; i++)
    if (pattern->parts[i].kind >= PATTERN_BYTES) return true;
  return false;
}

static size_t fill_of(const struct pattern_part *part, size_t fill) {
  if (fill < part->low) return (size_t)part->low;
  return fill > part->high ? (size_t)part->high : fill;
}

size_t pattern_room(const struct pattern *pattern, size_t fill) {
  size_t room = 0;
  for (size_t i = 0; i < pattern->count; i++) {
    const struct pattern_part *part = &pattern->parts[i];
    if (part->kind == PATTERN_PLAIN) room += part->len;
    if (part->kind == PATTERN_NUMBER) room += PATTERN_NUMBER_BYTES_MAX;
    if (part->kind >= PATTERN_BYTES) room += fill_of(part, fill);
  }
  return room;
}

static size_t write_part(const struct pattern *p, const struct pattern_part *part, uint64_t key,
                         size_t fill, uint64_t *seed, uint8_t *out) {
  char text[PATTERN_NUMBER_BYTES_MAX + 1];
  uint64_t width = part->high - part->low; /* one less than there are numbers */
  size_t len = fill_of(part, fill);
  switch (part->kind) {
  case PATTERN_NUMBER:
    len = (size_t)snprintf(text, sizeof text, "%" PRIu64,
                           part->low + (width == UINT64_MAX ? key : key % (width + 1)));
    memcpy(out, text, len);
    return len;
  case PATTERN_BYTES: texture_some(seed, out, len); return len;
  case PATTERN_LETTERS: texture_letters(seed, out, len); return len;
  default: memcpy(out, p->plain + part->at, part->len); return part->len;
  }
}

size_t pattern_write(const struct pattern *pattern, uint64_t key, size_t fill, uint64_t *seed,
                     uint8_t *out) {
  size_t len = 0;
  for (size_t i = 0; i < pattern->count; i++)
    len += write_part(pattern, &pattern->parts[i], key, fill, seed, out + len);
  return len;
}
