/* broken_sm.c: a state machine that is broken on purpose: it hands every operation on to a good
 * plugin, with one fault put in. The suite must catch each by the law that names it (variants.txt).
 *
 * Options: `good` is the good plugin's .so, `fault` what is wrong. */
#include "good.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define SM_FAULT_LIST(X)                                                                           \
  X(none)                                                                                          \
  X(answers_by_clock)                                                                              \
  X(batch_end_lost)                                                                                \
  X(state_is_global)                                                                               \
  X(blank_not_counted)                                                                             \
  X(membership_forgotten)                                                                          \
  X(answers_in_one_buffer)                                                                         \
  X(chunk_kept_borrowed)                                                                           \
  X(validate_takes_all)                                                                            \
  X(senseless_is_an_error)                                                                         \
  X(large_is_an_error)                                                                             \
  X(query_fails_oddly)                                                                             \
  X(query_is_stale)                                                                                \
  X(chunk_over_wish)                                                                               \
  X(view_moves)                                                                                    \
  X(view_leaks)                                                                                    \
  X(begin_copies)                                                                                  \
  X(byte_lost)                                                                                     \
  X(half_is_whole)                                                                                 \
  X(half_clears)                                                                                   \
  X(abort_installs)                                                                                \
  X(restore_ignored)                                                                               \
  X(validate_not_for_threads)

enum sm_fault {
#define SM_FAULT_ENUM(name) FAULT_##name,
  SM_FAULT_LIST(SM_FAULT_ENUM)
#undef SM_FAULT_ENUM
};

static const char *const faults[] = {
#define SM_FAULT_NAME(name) #name,
    SM_FAULT_LIST(SM_FAULT_NAME)
#undef SM_FAULT_NAME
        NULL};

enum { OPTION_GOOD, OPTION_FAULT, OPTION_COUNT };

static const struct rkv_option options[OPTION_COUNT] = {
    {.name = "good",
     .help = "path of the plugin that does the work",
     .type = RKV_OPTION_PATH,
     .flags = RKV_OPTION_REQUIRED},
    {.name = "fault",
     .default_text = "none",
     .help = "what is wrong",
     .choices = faults,
     .type = RKV_OPTION_ENUM},
};

enum { ENTRIES_MAX = 512, BUFFER_BYTES = 4096, LARGE_BYTES = 1000000, BATCH_BYTES_MIN = 8 };

struct broken {
  const struct rkv_host *host;
  struct rkv_host second; /* of an instance that replaces the first */
  enum sm_fault fault;
  const struct rkv_state_machine_ops *good;
  struct good from;
  void *it;
  bool borrowed;        /* `it` is another instance's */
  pthread_mutex_t lock; /* a view that moves is begun by its reader */
  struct rkv_log_id counted;
  uint8_t buffer[BUFFER_BYTES];
  struct rkv_buf stale;
  bool has_stale;
  int validating;
};

struct view {
  struct broken *b;
  void *good;
  size_t given, reads;
};

struct restore {
  struct broken *b;
  void *good;
  const uint8_t *kept; /* a chunk that is gone */
  size_t kept_len;
};

/* ---- life ---- */

static enum rkv_status broken_open(const struct rkv_host *host, const struct rkv_config *config,
                                   void **sm, struct rkv_error *error) {
  static struct broken *shared; /* of state_is_global */
  struct broken *b = calloc(1, sizeof *b);
  enum rkv_status status;
  if (!b) return rkv_fail(error, RKV_NO_MEMORY, "broken: no memory");
  b->host = host;
  b->fault = (enum sm_fault)config->values[OPTION_FAULT].number;
  (void)pthread_mutex_init(&b->lock, NULL);
  status = good_load(&b->from, config->values[OPTION_GOOD].text, RKV_KIND_STATE_MACHINE, error);
  if (status == RKV_OK) b->good = b->from.plugin->ops;
  if (status == RKV_OK && b->fault == FAULT_state_is_global && shared)
    b->it = shared->it, b->borrowed = true;
  else if (status == RKV_OK)
    status = b->good->open(host, &b->from.config, &b->it, error);
  if (status != RKV_OK) {
    free(b);
    return status;
  }
  if (b->fault == FAULT_state_is_global) shared = b;
  *sm = b;
  return RKV_OK;
}

static void broken_close(void *sm) {
  struct broken *b = sm;
  rkv_buf_drop(&b->stale);
  if (!b->borrowed) b->good->close(b->it);
  (void)pthread_mutex_destroy(&b->lock);
  free(b);
}

/* ---- commands ---- */

static enum rkv_status broken_validate(void *sm, struct rkv_buf command, struct rkv_error *error) {
  struct broken *b = sm;
  enum rkv_status status;
  if (b->fault == FAULT_validate_takes_all) return RKV_OK;
  if (b->fault == FAULT_validate_not_for_threads) b->validating++;
  status = b->good->validate(b->it, command, error);
  if (b->fault == FAULT_validate_not_for_threads && b->validating-- > 1)
    return rkv_fail(error, RKV_INVALID, "broken: two threads");
  return status;
}

/* A refusal of apply's own, by the fault. */
static enum rkv_status refuse(struct broken *b, const struct rkv_entry *entry,
                              struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  if (entry->kind != RKV_ENTRY_COMMAND) return RKV_OK;
  if (b->fault == FAULT_validate_takes_all || b->fault == FAULT_senseless_is_an_error)
    status = b->good->validate(b->it, entry->payload, error);
  if (b->fault == FAULT_large_is_an_error && entry->payload.len > LARGE_BYTES)
    status = rkv_fail(error, RKV_NO_MEMORY, "broken: too large");
  return status;
}

static void spoil_answer(struct broken *b, struct rkv_buf *result) {
  uint64_t now = b->host->now_ns(b->host->ctx);
  if (b->fault == FAULT_answers_by_clock) {
    uint8_t *bytes;
    rkv_buf_drop(result);
    bytes = b->host->buf_alloc(b->host->ctx, sizeof now, result);
    if (bytes) memcpy(bytes, &now, sizeof now);
  }
  if (b->fault == FAULT_answers_in_one_buffer && result->len > 0 && result->len <= BUFFER_BYTES) {
    size_t len = result->len;
    memcpy(b->buffer, result->data, len);
    rkv_buf_drop(result);
    *result = rkv_buf_static(b->buffer, len);
  }
}

static enum rkv_status broken_apply(void *sm, const struct rkv_entry *entries, size_t count,
                                    struct rkv_buf *results, struct rkv_error *error) {
  struct broken *b = sm;
  struct rkv_entry own[ENTRIES_MAX];
  enum rkv_status status = RKV_OK;
  if (count > ENTRIES_MAX) return rkv_fail(error, RKV_BROKEN, "broken: %zu entries", count);
  memcpy(own, entries, count * sizeof *own);
  for (size_t i = 0; i < count && status == RKV_OK; i++) {
    status = refuse(b, &own[i], error);
    if (own[i].kind != RKV_ENTRY_BLANK) b->counted = own[i].id;
  }
  if (status != RKV_OK) return status;
  if (b->fault == FAULT_batch_end_lost && count > BATCH_BYTES_MIN)
    own[count - 1].kind = RKV_ENTRY_BLANK, own[count - 1].payload = rkv_buf_none();
  (void)pthread_mutex_lock(&b->lock);
  status = b->good->apply(b->it, own, count, results, error);
  (void)pthread_mutex_unlock(&b->lock);
  for (size_t i = 0; i < count && status == RKV_OK; i++)
    if (own[i].kind == RKV_ENTRY_COMMAND) spoil_answer(b, &results[i]);
  return status;
}

static enum rkv_status broken_query(void *sm, struct rkv_buf request, struct rkv_buf *response,
                                    struct rkv_error *error) {
  struct broken *b = sm;
  enum rkv_status status = b->good->query(b->it, request, response, error);
  if (b->fault == FAULT_query_fails_oddly && status == RKV_INVALID) return RKV_IO;
  if (b->fault != FAULT_query_is_stale || status != RKV_OK) return status;
  (void)pthread_mutex_lock(&b->lock);
  if (!b->has_stale && response->len > 0) b->stale = rkv_buf_share(*response), b->has_stale = true;
  if (b->has_stale && response->len > 0) {
    rkv_buf_drop(response);
    *response = rkv_buf_share(b->stale);
  }
  (void)pthread_mutex_unlock(&b->lock);
  return status;
}

static enum rkv_status broken_applied(void *sm, struct rkv_snapshot_meta *meta,
                                      struct rkv_error *error) {
  struct broken *b = sm;
  enum rkv_status status = b->good->applied(b->it, meta, error);
  if (b->fault == FAULT_blank_not_counted) meta->last = b->counted;
  return status;
}

/* ---- snapshots ---- */

static enum rkv_status broken_snapshot_begin(void *sm, void **snapshot,
                                             struct rkv_snapshot_meta *meta,
                                             struct rkv_error *error) {
  struct broken *b = sm;
  struct view *v = calloc(1, sizeof *v);
  enum rkv_status status;
  if (!v) return rkv_fail(error, RKV_NO_MEMORY, "broken: no memory");
  v->b = b;
  if (b->fault == FAULT_begin_copies) (void)nanosleep(&(struct timespec){0, 300000000}, NULL);
  status = b->good->snapshot_begin(b->it, &v->good, meta, error);
  if (b->fault == FAULT_membership_forgotten) rkv_buf_drop(&meta->membership);
  *snapshot = v;
  return status;
}

/* From its third read on the view shows the state of that time. */
static void move(struct view *v) {
  struct broken *b = v->b;
  struct rkv_snapshot_meta meta;
  struct rkv_error error;
  struct rkv_buf chunk;
  b->good->snapshot_end(v->good);
  (void)pthread_mutex_lock(&b->lock);
  (void)b->good->snapshot_begin(b->it, &v->good, &meta, &error);
  (void)pthread_mutex_unlock(&b->lock);
  rkv_buf_drop(&meta.membership);
  for (size_t left = v->given; left > 0; rkv_buf_drop(&chunk)) {
    (void)b->good->snapshot_read(v->good, left, &chunk, &error);
    left = chunk.len > 0 ? left - chunk.len : 0;
  }
}

static enum rkv_status broken_snapshot_read(void *snapshot, size_t max, struct rkv_buf *chunk,
                                            struct rkv_error *error) {
  struct view *v = snapshot;
  enum rkv_status status;
  if (v->b->fault == FAULT_view_moves && ++v->reads == 3) move(v);
  if (v->b->fault == FAULT_chunk_over_wish) max *= 2;
  status = v->b->good->snapshot_read(v->good, max, chunk, error);
  if (status == RKV_OK) v->given += chunk->len;
  return status;
}

static void broken_snapshot_end(void *snapshot) {
  struct view *v = snapshot;
  if (v->b->fault == FAULT_view_leaks) return;
  v->b->good->snapshot_end(v->good);
  free(v);
}

/* ---- restores ---- */

static enum rkv_status broken_restore_begin(void *sm, const struct rkv_snapshot_meta *meta,
                                            void **restore, struct rkv_error *error) {
  struct restore *r = calloc(1, sizeof *r);
  if (!r) return rkv_fail(error, RKV_NO_MEMORY, "broken: no memory");
  r->b = sm;
  *restore = r;
  return r->b->good->restore_begin(r->b->it, meta, &r->good, error);
}

static enum rkv_status broken_restore_write(void *restore, struct rkv_buf chunk,
                                            struct rkv_error *error) {
  struct restore *r = restore;
  struct rkv_buf now = chunk;
  if (r->b->fault == FAULT_byte_lost && chunk.len == 1) return RKV_OK;
  if (r->b->fault == FAULT_chunk_kept_borrowed) {
    now = rkv_buf_static(r->kept, r->kept_len);
    r->kept = chunk.data, r->kept_len = chunk.len;
  }
  return r->b->good->restore_write(r->good, now, error);
}

static enum rkv_status no_metric(void *ctx, const struct rkv_metric *metric,
                                 struct rkv_error *error) {
  (void)ctx, (void)metric, (void)error;
  return RKV_OK; /* the first instance has registered it */
}

/* The state is gone before it is known whether the new one is whole. */
static void clear(struct broken *b) {
  struct rkv_error error;
  void *empty;
  b->second = *b->host;
  b->second.metric_register = no_metric;
  if (b->good->open(&b->second, &b->from.config, &empty, &error) != RKV_OK) return;
  b->good->close(b->it);
  b->it = empty;
}

static enum rkv_status broken_restore_finish(void *restore, struct rkv_error *error) {
  struct restore *r = restore;
  struct broken *b = r->b;
  struct rkv_snapshot_meta meta;
  enum rkv_status status = RKV_OK;
  if (b->fault == FAULT_chunk_kept_borrowed)
    (void)b->good->restore_write(r->good, rkv_buf_static(r->kept, r->kept_len), error);
  (void)b->good->applied(b->it, &meta, error);
  rkv_buf_drop(&meta.membership);
  if (b->fault == FAULT_restore_ignored && meta.last.index > 0)
    b->good->restore_abort(r->good);
  else
    status = b->good->restore_finish(r->good, error);
  if (status == RKV_CORRUPT && b->fault == FAULT_half_clears) clear(b);
  if (status == RKV_CORRUPT && b->fault == FAULT_half_is_whole) status = RKV_OK;
  free(r);
  return status;
}

static void broken_restore_abort(void *restore) {
  struct restore *r = restore;
  struct rkv_error error;
  if (r->b->fault == FAULT_abort_installs)
    (void)r->b->good->restore_finish(r->good, &error);
  else
    r->b->good->restore_abort(r->good);
  free(r);
}

static const struct rkv_state_machine_ops ops = {
    .open = broken_open,
    .close = broken_close,
    .validate = broken_validate,
    .apply = broken_apply,
    .query = broken_query,
    .applied = broken_applied,
    .snapshot_begin = broken_snapshot_begin,
    .snapshot_read = broken_snapshot_read,
    .snapshot_end = broken_snapshot_end,
    .restore_begin = broken_restore_begin,
    .restore_write = broken_restore_write,
    .restore_finish = broken_restore_finish,
    .restore_abort = broken_restore_abort,
};

extern RKV_PLUGIN_EXPORT const struct rkv_plugin rkv_plugin_entry;
const struct rkv_plugin rkv_plugin_entry = {
    .magic = RKV_PLUGIN_MAGIC,
    .abi_major = RKV_ABI_MAJOR,
    .abi_minor = RKV_ABI_MINOR,
    .struct_size = sizeof(struct rkv_plugin),
    .kind = RKV_KIND_STATE_MACHINE,
    .name = "broken-sm",
    .version = "0",
    .description = "a state machine with a fault",
    .capabilities = RKV_CAP_CONCURRENT_QUERIES,
    .options = options,
    .option_count = OPTION_COUNT,
    .option_size = sizeof(struct rkv_option),
    .ops = &ops,
    .ops_size = sizeof ops,
};
