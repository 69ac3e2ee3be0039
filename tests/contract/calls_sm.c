/* calls_sm.c: the operations of a state machine, each noted while it runs. */
#include "calls.h"

static const struct rkv_state_machine_ops *real; /* the plugin's */

/* X(how it answers, name, parameters, arguments). */
#define SM_CALLS(X)                                                                                \
  X(CALLS_STATUS, open,                                                                            \
    (const struct rkv_host *host, const struct rkv_config *config, void **sm,                      \
     struct rkv_error *error),                                                                     \
    (host, config, sm, error))                                                                     \
  X(CALLS_NOTHING, close, (void *sm), (sm))                                                        \
  X(CALLS_STATUS, validate, (void *sm, struct rkv_buf command, struct rkv_error *error),           \
    (sm, command, error))                                                                          \
  X(CALLS_STATUS, apply,                                                                           \
    (void *sm, const struct rkv_entry *entries, size_t count, struct rkv_buf *results,             \
     struct rkv_error *error),                                                                     \
    (sm, entries, count, results, error))                                                          \
  X(CALLS_STATUS, query,                                                                           \
    (void *sm, struct rkv_buf request, struct rkv_buf *response, struct rkv_error *error),         \
    (sm, request, response, error))                                                                \
  X(CALLS_STATUS, applied, (void *sm, struct rkv_snapshot_meta *meta, struct rkv_error *error),    \
    (sm, meta, error))                                                                             \
  X(CALLS_STATUS, snapshot_begin,                                                                  \
    (void *sm, void **snapshot, struct rkv_snapshot_meta *meta, struct rkv_error *error),          \
    (sm, snapshot, meta, error))                                                                   \
  X(CALLS_STATUS, snapshot_read,                                                                   \
    (void *snapshot, size_t max, struct rkv_buf *chunk, struct rkv_error *error),                  \
    (snapshot, max, chunk, error))                                                                 \
  X(CALLS_NOTHING, snapshot_end, (void *snapshot), (snapshot))                                     \
  X(CALLS_STATUS, restore_begin,                                                                   \
    (void *sm, const struct rkv_snapshot_meta *meta, void **restore, struct rkv_error *error),     \
    (sm, meta, restore, error))                                                                    \
  X(CALLS_STATUS, restore_write, (void *restore, struct rkv_buf chunk, struct rkv_error *error),   \
    (restore, chunk, error))                                                                       \
  X(CALLS_STATUS, restore_finish, (void *restore, struct rkv_error *error), (restore, error))      \
  X(CALLS_NOTHING, restore_abort, (void *restore), (restore))                                      \
  X(CALLS_STATUS, restore_check, (void *restore, struct rkv_error *error), (restore, error))       \
  X(CALLS_STATUS, describe,                                                                        \
    (struct rkv_buf command, char *text, size_t size, struct rkv_error *error),                    \
    (command, text, size, error))                                                                  \
  X(CALLS_STATUS, digest, (void *sm, uint64_t *value, struct rkv_error *error), (sm, value, error))

#define WRAPPER(answer, name, params, args) answer(name, params, args)
SM_CALLS(WRAPPER)
CALLS_ALL(SM_CALLS, rkv_state_machine_ops);

const void *calls_sm(const void *ops) {
  static struct rkv_state_machine_ops noted; /* of this process, which is one law */
  real = ops;
  noted = *real;
#define PUT(answer, name, params, args)                                                            \
  if (noted.name) noted.name = note_##name;
  SM_CALLS(PUT)
#undef PUT
  return &noted;
}
