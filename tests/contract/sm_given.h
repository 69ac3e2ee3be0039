/* sm_given.h: commands and questions that the user gives in a file (--commands FILE). */
#ifndef CONTRACT_SM_GIVEN_H
#define CONTRACT_SM_GIVEN_H

#include "contract.h"
#include "sm_pattern.h"

enum {
  GIVEN_COMMANDS_MAX = 4096,               /* lines `command ...` of the file */
  GIVEN_QUERIES_MAX = 64,                  /* lines `query ...` */
  GIVEN_LINE_MAX = 1 << 20,                /* bytes of one line, its end included */
  GIVEN_TEXT_MAX = 512 + CONTRACT_PATH_MAX /* bytes of a reason, its NUL included */
};

struct given {
  struct pattern pattern;
  unsigned line; /* where it stands in the file */
};

struct given_file {
  struct given *commands, *queries;
  size_t command_count, query_count;
};

/* Reads the file. A line is `command BYTES` or `query BYTES` (sm_pattern.h); empty lines and lines
 * that begin with # are passed over. False: nothing is read, and `why` says where it makes no sense
 * and what would be right. */
bool given_read(struct given_file *file, const char *path, char why[GIVEN_TEXT_MAX]);
void given_free(struct given_file *file);

/* The bytes of a line about key number `key`, with `fill` bytes for each value if its ranges allow
 * that. */
struct rkv_buf given_write(struct contract *c, const struct given *given, uint64_t key, size_t fill,
                           uint64_t *seed);

#endif
