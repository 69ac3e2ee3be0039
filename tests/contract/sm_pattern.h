/* sm_pattern.h: one line of --commands FILE: bytes, in which patterns stand for many others.
 *
 *     {A..B}          a number from A to B, in decimal; it says which key the line is about
 *     {bytes A..B}    A to B bytes by chance; sizes are written as in the INI (64KiB, 1MiB)
 *     {letters A..B}  A to B letters from a to z by chance
 *
 * The escapes are \\, \n, \r, \t, \xHH and \{. A brace that begins none of these patterns is a
 * brace, so JSON needs no escapes. */
#ifndef CONTRACT_SM_PATTERN_H
#define CONTRACT_SM_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  PATTERN_PARTS_MAX = 32,       /* of one line: patterns, and the bytes between them */
  PATTERN_FILL_MAX = 64 << 20,  /* bytes of one {bytes ..} or {letters ..} */
  PATTERN_NUMBER_BYTES_MAX = 20 /* of a number */
};

/* X(NAME, word): what a part is. */
#define PATTERN_PART_LIST(X) X(PLAIN, "") X(NUMBER, "") X(BYTES, "bytes") X(LETTERS, "letters")

enum pattern_kind {
#define PATTERN_ENUM(name, word) PATTERN_##name,
  PATTERN_PART_LIST(PATTERN_ENUM)
#undef PATTERN_ENUM
      PATTERN_KINDS
};

struct pattern_part {
  enum pattern_kind kind;
  size_t at, len;     /* PLAIN: in `plain` */
  uint64_t low, high; /* NUMBER: the range; BYTES, LETTERS: how many bytes */
};

struct pattern {
  struct pattern_part parts[PATTERN_PARTS_MAX];
  size_t count;
  uint8_t *plain; /* the bytes of all PLAIN parts */
};

/* Reads a line without its end. NULL: *pattern is made, to be freed by pattern_free. Else nothing
 * is made, and the text says what is wrong; *at is where. */
const char *pattern_read(struct pattern *pattern, const char *line, size_t *at);
void pattern_free(struct pattern *pattern);

/* True if a value's length can be chosen. */
bool pattern_grows(const struct pattern *pattern);
/* Bytes that pattern_write needs at most. */
size_t pattern_room(const struct pattern *pattern, size_t fill);
/* Writes the line about key number `key` (NUMBER: low + key, from low again behind high), with
 * `fill` bytes for each value, or as near to that as its range allows. Returns its length. */
size_t pattern_write(const struct pattern *pattern, uint64_t key, size_t fill, uint64_t *seed,
                     uint8_t *out);

#endif
