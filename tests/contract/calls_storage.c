/* calls_storage.c: the operations of a storage, each noted while it runs. */
#include "calls.h"

static const struct rkv_storage_ops *real; /* the plugin's */

/* X(how it answers, name, parameters, arguments). */
#define STORAGE_CALLS(X)                                                                           \
  X(CALLS_STATUS, open,                                                                            \
    (const struct rkv_host *host, const struct rkv_config *config, void **storage,                 \
     struct rkv_error *error),                                                                     \
    (host, config, storage, error))                                                                \
  X(CALLS_NOTHING, close, (void *storage), (storage))                                              \
  X(CALLS_STATUS, load, (void *storage, struct rkv_storage_state *state, struct rkv_error *error), \
    (storage, state, error))                                                                       \
  X(CALLS_NOTHING, save_vote,                                                                      \
    (void *storage, struct rkv_vote vote, struct rkv_completion *completion),                      \
    (storage, vote, completion))                                                                   \
  X(CALLS_NOTHING, save_identity,                                                                  \
    (void *storage, struct rkv_identity identity, struct rkv_completion *completion),              \
    (storage, identity, completion))                                                               \
  X(CALLS_NOTHING, append,                                                                         \
    (void *storage, const struct rkv_entry *entries, size_t count,                                 \
     struct rkv_completion *completion),                                                           \
    (storage, entries, count, completion))                                                         \
  X(CALLS_NOTHING, truncate, (void *storage, rkv_index after), (storage, after))                   \
  X(CALLS_NOTHING, purge, (void *storage, struct rkv_log_id up_to), (storage, up_to))              \
  X(CALLS_STATUS, read,                                                                            \
    (void *storage, rkv_index from, rkv_index to, uint64_t bytes_max, struct rkv_entry *entries,   \
     size_t capacity, size_t *count, struct rkv_error *error),                                     \
    (storage, from, to, bytes_max, entries, capacity, count, error))                               \
  X(CALLS_STATUS, snapshot_begin,                                                                  \
    (void *storage, const struct rkv_snapshot_meta *meta, void **writer, struct rkv_error *error), \
    (storage, meta, writer, error))                                                                \
  X(CALLS_STATUS, snapshot_write, (void *writer, struct rkv_buf chunk, struct rkv_error *error),   \
    (writer, chunk, error))                                                                        \
  X(CALLS_STATUS, snapshot_commit, (void *writer, struct rkv_error *error), (writer, error))       \
  X(CALLS_NOTHING, snapshot_abort, (void *writer), (writer))                                       \
  X(CALLS_STATUS, snapshot_open,                                                                   \
    (void *storage, void **reader, struct rkv_snapshot_meta *meta, struct rkv_error *error),       \
    (storage, reader, meta, error))                                                                \
  X(CALLS_STATUS, snapshot_read,                                                                   \
    (void *reader, uint64_t offset, size_t max, struct rkv_buf *chunk, struct rkv_error *error),   \
    (reader, offset, max, chunk, error))                                                           \
  X(CALLS_NOTHING, snapshot_close, (void *reader), (reader))

#define WRAPPER(answer, name, params, args) answer(name, params, args)
STORAGE_CALLS(WRAPPER)
CALLS_ALL(STORAGE_CALLS, rkv_storage_ops);

const void *calls_storage(const void *ops) {
  static struct rkv_storage_ops noted; /* of this process, which is one law */
  real = ops;
  noted = *real;
#define PUT(answer, name, params, args)                                                            \
  if (noted.name) noted.name = note_##name;
  STORAGE_CALLS(PUT)
#undef PUT
  return &noted;
}
