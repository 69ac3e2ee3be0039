/* calls_storage.c: the operations of a storage, each noted while it runs. */
#include "calls.h"

static const struct rkv_storage_ops *real; /* the plugin's */

#define STATUS(name, params, args)                                                                 \
  static enum rkv_status note_##name params {                                                      \
    const char *before = calls_begin(#name);                                                       \
    enum rkv_status status = real->name args;                                                      \
    calls_end(#name, before);                                                                      \
    return status;                                                                                 \
  }
#define NOTHING(name, params, args)                                                                \
  static void note_##name params {                                                                 \
    const char *before = calls_begin(#name);                                                       \
    real->name args;                                                                               \
    calls_end(#name, before);                                                                      \
  }

/* X(how it answers, name, parameters, arguments). */
#define STORAGE_CALLS(X)                                                                           \
  X(STATUS, open,                                                                                  \
    (const struct rkv_host *host, const struct rkv_config *config, void **storage,                 \
     struct rkv_error *error),                                                                     \
    (host, config, storage, error))                                                                \
  X(NOTHING, close, (void *storage), (storage))                                                    \
  X(STATUS, load, (void *storage, struct rkv_storage_state *state, struct rkv_error *error),       \
    (storage, state, error))                                                                       \
  X(NOTHING, save_vote, (void *storage, struct rkv_vote vote, struct rkv_completion *completion),  \
    (storage, vote, completion))                                                                   \
  X(NOTHING, save_identity,                                                                        \
    (void *storage, struct rkv_identity identity, struct rkv_completion *completion),              \
    (storage, identity, completion))                                                               \
  X(NOTHING, append,                                                                               \
    (void *storage, const struct rkv_entry *entries, size_t count,                                 \
     struct rkv_completion *completion),                                                           \
    (storage, entries, count, completion))                                                         \
  X(NOTHING, truncate, (void *storage, rkv_index after), (storage, after))                         \
  X(NOTHING, purge, (void *storage, struct rkv_log_id up_to), (storage, up_to))                    \
  X(STATUS, read,                                                                                  \
    (void *storage, rkv_index from, rkv_index to, uint64_t bytes_max, struct rkv_entry *entries,   \
     size_t capacity, size_t *count, struct rkv_error *error),                                     \
    (storage, from, to, bytes_max, entries, capacity, count, error))                               \
  X(STATUS, snapshot_begin,                                                                        \
    (void *storage, const struct rkv_snapshot_meta *meta, void **writer, struct rkv_error *error), \
    (storage, meta, writer, error))                                                                \
  X(STATUS, snapshot_write, (void *writer, struct rkv_buf chunk, struct rkv_error *error),         \
    (writer, chunk, error))                                                                        \
  X(STATUS, snapshot_commit, (void *writer, struct rkv_error *error), (writer, error))             \
  X(NOTHING, snapshot_abort, (void *writer), (writer))                                             \
  X(STATUS, snapshot_open,                                                                         \
    (void *storage, void **reader, struct rkv_snapshot_meta *meta, struct rkv_error *error),       \
    (storage, reader, meta, error))                                                                \
  X(STATUS, snapshot_read,                                                                         \
    (void *reader, uint64_t offset, size_t max, struct rkv_buf *chunk, struct rkv_error *error),   \
    (reader, offset, max, chunk, error))                                                           \
  X(NOTHING, snapshot_close, (void *reader), (reader))

#define WRAPPER(answer, name, params, args) answer(name, params, args)
STORAGE_CALLS(WRAPPER)

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
