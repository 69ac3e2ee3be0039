/* sm_shapes.h: byte strings that may be commands and questions of some state machine. */
#ifndef CONTRACT_SM_SHAPES_H
#define CONTRACT_SM_SHAPES_H

#include "sm.h"

extern const char *const shape_names[SM_SHAPES];

/* A command about key number `key` with a value of about `len` bytes. */
struct rkv_buf shape_command(struct contract *c, enum sm_shape shape, uint64_t key, size_t len,
                             uint64_t *seed);
/* A command that takes this key away, where machines of the shape could have one; else empty. */
struct rkv_buf shape_delete(struct contract *c, enum sm_shape shape, uint64_t key);
/* A query for the value of this key. */
struct rkv_buf shape_question(struct contract *c, enum sm_shape shape, uint64_t key);

#endif
