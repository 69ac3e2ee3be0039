/* through.c: the smallest stacked storage: it hands every operation on to the one that it is built
 * over. `forget = true`: it leaves that one open, as no plugin may. */
#include <rkv/rkv.h>

#include <stdlib.h>

enum { OPTION_MARK, OPTION_FORGET, OPTION_COUNT };

static const struct rkv_option options[OPTION_COUNT] = {
    [OPTION_MARK] = {.name = "mark",
                     .default_text = "none",
                     .help = "a secret that is never looked at",
                     .type = RKV_OPTION_STRING,
                     .flags = RKV_OPTION_SECRET},
    [OPTION_FORGET] = {.name = "forget",
                       .default_text = "false",
                       .help = "whether the one under it is left open",
                       .type = RKV_OPTION_BOOL},
};

struct through {
  const struct rkv_host *host;
  const struct rkv_storage_ops *ops; /* of the one under it */
  void *it;
  bool forget;
};

/* A snapshot's writer or reader. */
struct handle {
  const struct rkv_storage_ops *ops;
  void *it;
};

static uint64_t one(void *arg) {
  (void)arg;
  return 1;
}

static void through_close(void *storage) {
  struct through *t = storage;
  if (!t->forget) t->ops->close(t->it);
  rkv_log(t->host, RKV_LOG_WARN, "through", "closed");
  free(t);
}

static enum rkv_status through_open(const struct rkv_host *host, const struct rkv_config *config,
                                    void **storage, struct rkv_error *error) {
  const struct rkv_metric metric = {"layers", "how many there are under it", one, NULL};
  struct through *t = calloc(1, sizeof *t);
  struct rkv_under under = {.struct_size = sizeof under};
  enum rkv_status status;
  if (!t) return rkv_fail(error, RKV_NO_MEMORY, "through: no memory");
  t->host = host;
  t->forget = config->values[OPTION_FORGET].number != 0;
  status = host->open_under(host->ctx, RKV_KIND_STORAGE, NULL, &under, error);
  if (status != RKV_OK) {
    free(t);
    return status;
  }
  t->ops = under.ops;
  t->it = under.instance;
  status = host->metric_register(host->ctx, &metric, error);
  if (status != RKV_OK) {
    through_close(t);
    return status;
  }
  *storage = t;
  return RKV_OK;
}

static enum rkv_status through_load(void *storage, struct rkv_storage_state *state,
                                    struct rkv_error *error) {
  struct through *t = storage;
  return t->ops->load(t->it, state, error);
}

static void through_save_vote(void *storage, struct rkv_vote vote,
                              struct rkv_completion *completion) {
  struct through *t = storage;
  t->ops->save_vote(t->it, vote, completion);
}

static void through_save_identity(void *storage, struct rkv_identity identity,
                                  struct rkv_completion *completion) {
  struct through *t = storage;
  t->ops->save_identity(t->it, identity, completion);
}

static void through_append(void *storage, const struct rkv_entry *entries, size_t count,
                           struct rkv_completion *completion) {
  struct through *t = storage;
  t->ops->append(t->it, entries, count, completion);
}

static void through_truncate(void *storage, rkv_index after) {
  struct through *t = storage;
  t->ops->truncate(t->it, after);
}

static void through_purge(void *storage, struct rkv_log_id up_to) {
  struct through *t = storage;
  t->ops->purge(t->it, up_to);
}

static enum rkv_status through_read(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                                    struct rkv_entry *entries, size_t capacity, size_t *count,
                                    struct rkv_error *error) {
  struct through *t = storage;
  return t->ops->read(t->it, from, to, bytes_max, entries, capacity, count, error);
}

/* ---- snapshots ---- */

static struct handle *handle_new(const struct through *t, struct rkv_error *error) {
  struct handle *h = calloc(1, sizeof *h);
  if (h)
    h->ops = t->ops;
  else
    (void)rkv_fail(error, RKV_NO_MEMORY, "through: no memory");
  return h;
}

/* Gives the handle away, or frees it. */
static enum rkv_status handle_give(struct handle *h, enum rkv_status status, void **out) {
  *out = status == RKV_OK ? h : NULL;
  if (status != RKV_OK) free(h);
  return status;
}

static enum rkv_status through_snapshot_begin(void *storage, const struct rkv_snapshot_meta *meta,
                                              void **writer, struct rkv_error *error) {
  struct through *t = storage;
  struct handle *h = handle_new(t, error);
  if (!h) return RKV_NO_MEMORY;
  return handle_give(h, t->ops->snapshot_begin(t->it, meta, &h->it, error), writer);
}

static enum rkv_status through_snapshot_write(void *writer, struct rkv_buf chunk,
                                              struct rkv_error *error) {
  struct handle *h = writer;
  return h->ops->snapshot_write(h->it, chunk, error);
}

static enum rkv_status through_snapshot_commit(void *writer, struct rkv_error *error) {
  struct handle *h = writer;
  enum rkv_status status = h->ops->snapshot_commit(h->it, error);
  free(h);
  return status;
}

static void through_snapshot_abort(void *writer) {
  struct handle *h = writer;
  h->ops->snapshot_abort(h->it);
  free(h);
}

static enum rkv_status through_snapshot_open(void *storage, void **reader,
                                             struct rkv_snapshot_meta *meta,
                                             struct rkv_error *error) {
  struct through *t = storage;
  struct handle *h = handle_new(t, error);
  if (!h) return RKV_NO_MEMORY;
  return handle_give(h, t->ops->snapshot_open(t->it, &h->it, meta, error), reader);
}

static enum rkv_status through_snapshot_read(void *reader, uint64_t offset, size_t max,
                                             struct rkv_buf *chunk, struct rkv_error *error) {
  struct handle *h = reader;
  return h->ops->snapshot_read(h->it, offset, max, chunk, error);
}

static void through_snapshot_close(void *reader) {
  struct handle *h = reader;
  h->ops->snapshot_close(h->it);
  free(h);
}

static const struct rkv_storage_ops ops = {
    .open = through_open,
    .close = through_close,
    .load = through_load,
    .save_vote = through_save_vote,
    .save_identity = through_save_identity,
    .append = through_append,
    .truncate = through_truncate,
    .purge = through_purge,
    .read = through_read,
    .snapshot_begin = through_snapshot_begin,
    .snapshot_write = through_snapshot_write,
    .snapshot_commit = through_snapshot_commit,
    .snapshot_abort = through_snapshot_abort,
    .snapshot_open = through_snapshot_open,
    .snapshot_read = through_snapshot_read,
    .snapshot_close = through_snapshot_close,
};

RKV_PLUGIN_EXPORT const struct rkv_plugin rkv_plugin_entry = {
    .magic = RKV_PLUGIN_MAGIC,
    .abi_major = RKV_ABI_MAJOR,
    .abi_minor = RKV_ABI_MINOR,
    .struct_size = sizeof(struct rkv_plugin),
    .kind = RKV_KIND_STORAGE,
    .name = "storage-through",
    .version = "1",
    .description = "hands everything on to the storage that it is built over",
    .capabilities = RKV_CAP_STACKED | RKV_CAP_DURABLE | RKV_CAP_FINDS_DAMAGE,
    .options = options,
    .option_count = OPTION_COUNT,
    .option_size = sizeof(struct rkv_option),
    .ops = &ops,
    .ops_size = sizeof ops,
};
