/* plugin.c: the plugin's face: options, operations, descriptor. */
#include "store.h"

#include <stdlib.h>
#include <string.h>

enum { OPTION_DIR, OPTION_SYNC, OPTION_JOURNAL, OPTION_COUNT };

static const char *const journals[] = {"wal", "rollback", NULL};
static const struct rkv_option options[OPTION_COUNT] = {
    {.name = "dir",
     .help = "the directory of this node's storage",
     .type = RKV_OPTION_PATH,
     .flags = RKV_OPTION_REQUIRED},
    {.name = "sync",
     .default_text = "true",
     .help = "false: nothing waits for the device, and lost power loses what was acknowledged",
     .type = RKV_OPTION_BOOL},
    {.name = "journal",
     .default_text = "wal",
     .help = "how SQLite makes a transaction whole",
     .choices = journals,
     .type = RKV_OPTION_ENUM},
};

static void store_free(struct store *s) {
  db_close(&s->db);
  place_close(&s->place);
  rkv_buf_drop(&s->rows.snapshot.membership);
  (void)pthread_cond_destroy(&s->idle);
  (void)pthread_cond_destroy(&s->work);
  (void)pthread_mutex_destroy(&s->lock);
  (void)pthread_mutex_destroy(&s->db_lock);
  free(s);
}

static enum rkv_status sqlite_open(const struct rkv_host *host, const struct rkv_config *config,
                                   void **storage, struct rkv_error *error) {
  const struct rkv_value *values = config->values;
  struct store *s = calloc(1, sizeof *s);
  enum rkv_status status;
  if (!s) return rkv_fail(error, RKV_NO_MEMORY, "storage-sqlite: no memory");
  s->host = host;
  s->place.fd = -1;
  s->place.node = host->node_id;
  s->place.sync = values[OPTION_SYNC].number != 0;
  (void)pthread_mutex_init(&s->db_lock, NULL);
  (void)pthread_mutex_init(&s->lock, NULL);
  (void)pthread_cond_init(&s->work, NULL);
  (void)pthread_cond_init(&s->idle, NULL);
  if (snprintf(s->place.dir, sizeof s->place.dir, "%s", values[OPTION_DIR].text) >=
      (int)sizeof s->place.dir)
    status = rkv_fail(error, RKV_INVALID, "%s: dir is over %zu bytes", values[OPTION_DIR].origin,
                      sizeof s->place.dir - 1);
  else
    status = place_open(&s->place, error);
  if (status == RKV_OK)
    status = db_open(&s->db, &s->place, (enum journal)values[OPTION_JOURNAL].number, host, &s->rows,
                     error);
  if (status == RKV_OK && !log_start(s))
    status = rkv_fail(error, RKV_IO, "storage-sqlite: no thread can be made");
  if (status == RKV_OK)
    *storage = s;
  else
    store_free(s);
  return status;
}

static void sqlite_close(void *storage) {
  struct store *s = storage;
  struct rkv_error error;
  log_stop(s);
  if (s->failed == RKV_OK && db_end(&s->db, &s->place, &error) != RKV_OK)
    rkv_log(s->host, RKV_LOG_WARN, "sqlite", "the next open reads the log ahead: %s", error.text);
  store_free(s);
}

/* What all operations that were handed in have left. */
static enum rkv_status sqlite_load(void *storage, struct rkv_storage_state *state,
                                   struct rkv_error *error) {
  struct store *s = storage;
  uint64_t seq;
  (void)error;
  (void)pthread_mutex_lock(&s->lock);
  seq = s->seq;
  while (s->done_seq < seq) (void)pthread_cond_wait(&s->idle, &s->lock);
  *state = (struct rkv_storage_state){.vote = s->rows.vote,
                                      .last = s->rows.last,
                                      .purged = s->rows.purged,
                                      .snapshot = s->rows.snapshot,
                                      .identity = s->rows.identity};
  (void)rkv_buf_share(state->snapshot.membership);
  (void)pthread_mutex_unlock(&s->lock);
  return RKV_OK;
}

/* Hands an operation in; without memory for it everything has failed. */
static void issue(struct store *s, struct op *op, struct rkv_completion *completion) {
  struct rkv_error error;
  if (op) {
    log_issue(s, op);
    return;
  }
  if (!completion) return;
  (void)rkv_fail(&error, RKV_NO_MEMORY, "storage-sqlite: no memory for an operation");
  completion->done(completion, RKV_NO_MEMORY, &error);
}

static void sqlite_save_vote(void *storage, struct rkv_vote vote,
                             struct rkv_completion *completion) {
  struct op *op = op_new(storage, OP_VOTE, completion, 0);
  if (op) op->vote = vote;
  issue(storage, op, completion);
}

static void sqlite_save_identity(void *storage, struct rkv_identity identity,
                                 struct rkv_completion *completion) {
  struct op *op = op_new(storage, OP_IDENTITY, completion, 0);
  if (op) op->identity = identity;
  issue(storage, op, completion);
}

static void sqlite_append(void *storage, const struct rkv_entry *entries, size_t count,
                          struct rkv_completion *completion) {
  struct op *op = op_new(storage, OP_APPEND, completion, count);
  if (op) memcpy(op->entries, entries, count * sizeof *entries);
  for (size_t i = 0; op && i < count; i++) (void)rkv_buf_share(entries[i].payload);
  issue(storage, op, completion);
}

static void sqlite_truncate(void *storage, rkv_index after) {
  struct op *op = op_new(storage, OP_TRUNCATE, NULL, 0);
  if (op) op->id.index = after;
  issue(storage, op, NULL);
}

static void sqlite_purge(void *storage, struct rkv_log_id up_to) {
  struct op *op = op_new(storage, OP_PURGE, NULL, 0);
  if (op) op->id = up_to;
  issue(storage, op, NULL);
}

static enum rkv_status sqlite_read(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                                   struct rkv_entry *entries, size_t capacity, size_t *count,
                                   struct rkv_error *error) {
  return log_read(storage, from, to, bytes_max, entries, capacity, count, error);
}

static const struct rkv_storage_ops ops = {
    .open = sqlite_open,
    .close = sqlite_close,
    .load = sqlite_load,
    .save_vote = sqlite_save_vote,
    .save_identity = sqlite_save_identity,
    .append = sqlite_append,
    .truncate = sqlite_truncate,
    .purge = sqlite_purge,
    .read = sqlite_read,
    .snapshot_begin = sqlite_snapshot_begin,
    .snapshot_write = sqlite_snapshot_write,
    .snapshot_commit = sqlite_snapshot_commit,
    .snapshot_abort = sqlite_snapshot_abort,
    .snapshot_open = sqlite_snapshot_open,
    .snapshot_read = sqlite_snapshot_read,
    .snapshot_close = sqlite_snapshot_close,
};

extern RKV_PLUGIN_EXPORT const struct rkv_plugin rkv_plugin_entry;
const struct rkv_plugin rkv_plugin_entry = {
    .magic = RKV_PLUGIN_MAGIC,
    .abi_major = RKV_ABI_MAJOR,
    .abi_minor = RKV_ABI_MINOR,
    .struct_size = sizeof(struct rkv_plugin),
    .kind = RKV_KIND_STORAGE,
    .name = "storage-sqlite",
    .version = "1.0.0",
    .description = "log, vote and snapshot in a SQLite database and a file beside it",
    .capabilities = RKV_CAP_DURABLE,
    .options = options,
    .option_count = OPTION_COUNT,
    .option_size = sizeof(struct rkv_option),
    .ops = &ops,
    .ops_size = sizeof ops,
};
