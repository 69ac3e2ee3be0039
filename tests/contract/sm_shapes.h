/* sm_shapes.h: byte strings that may be commands and questions of some state machine. */
#ifndef CONTRACT_SM_SHAPES_H
#define CONTRACT_SM_SHAPES_H

#include "sm.h"

extern const char *const shape_names[SM_SHAPES];

/* A command about key number `key` with a value of about `len` bytes. */
struct rkv_buf shape_command(struct contract *c, enum sm_shape shape, uint64_t key, size_t len,
                             uint64_t *seed);
/* A query for the value of this key. */
struct rkv_buf shape_question(struct contract *c, enum sm_shape shape, uint64_t key);

/* Reads the user's file. A line is `command BYTES` or `query BYTES`, with the escapes \\, \n, \r,
 * \t and \xHH; empty lines and lines that begin with # are passed over. A line that makes no sense,
 * or a file that cannot be read, breaks the calling law. */
void given_read(struct commands *k, const char *path);

#endif
