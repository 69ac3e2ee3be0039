/* sm_through.c: the smallest stacked state machine: it hands every operation on to the one that it
 * is built over, which must have a digest. It has no words for commands: `describe` is given no
 * instance, so it cannot ask the one under it. */
#include <rkv/rkv.h>

#include <stdlib.h>

static const struct rkv_option options[] = {
    {.name = "mark",
     .default_text = "none",
     .help = "a word that is never looked at",
     .type = RKV_OPTION_STRING},
};

struct through {
  const struct rkv_host *host;
  const struct rkv_state_machine_ops *ops; /* of the one under it */
  void *it;
};

/* A view or a restore. */
struct handle {
  const struct rkv_state_machine_ops *ops;
  void *it;
};

static void through_close(void *sm) {
  struct through *t = sm;
  t->ops->close(t->it);
  rkv_log(t->host, RKV_LOG_WARN, "sm-through", "closed");
  free(t);
}

static enum rkv_status through_open(const struct rkv_host *host, const struct rkv_config *config,
                                    void **sm, struct rkv_error *error) {
  struct through *t = calloc(1, sizeof *t);
  struct rkv_under under = {.struct_size = sizeof under};
  enum rkv_status status;
  (void)config;
  if (!t) return rkv_fail(error, RKV_NO_MEMORY, "no memory");
  status = host->open_under(host->ctx, RKV_KIND_STATE_MACHINE, NULL, &under, error);
  if (status != RKV_OK) {
    free(t);
    return status;
  }
  *t = (struct through){host, under.ops, under.instance};
  if (!t->ops->digest) {
    through_close(t);
    return rkv_fail(error, RKV_INVALID, "%s has no digest (name one that has)", under.name);
  }
  rkv_log(host, RKV_LOG_WARN, "sm-through", "open over %s", under.name);
  *sm = t;
  return RKV_OK;
}

static enum rkv_status through_validate(void *sm, struct rkv_buf command, struct rkv_error *error) {
  struct through *t = sm;
  return t->ops->validate(t->it, command, error);
}

static enum rkv_status through_apply(void *sm, const struct rkv_entry *entries, size_t count,
                                     struct rkv_buf *results, struct rkv_error *error) {
  struct through *t = sm;
  return t->ops->apply(t->it, entries, count, results, error);
}

static enum rkv_status through_query(void *sm, struct rkv_buf request, struct rkv_buf *response,
                                     struct rkv_error *error) {
  struct through *t = sm;
  return t->ops->query(t->it, request, response, error);
}

static enum rkv_status through_applied(void *sm, struct rkv_snapshot_meta *meta,
                                       struct rkv_error *error) {
  struct through *t = sm;
  return t->ops->applied(t->it, meta, error);
}

static enum rkv_status through_digest(void *sm, uint64_t *value, struct rkv_error *error) {
  struct through *t = sm;
  return t->ops->digest(t->it, value, error);
}

/* ---- snapshots ---- */

static struct handle *handle_new(const struct through *t, struct rkv_error *error) {
  struct handle *h = calloc(1, sizeof *h);
  if (h)
    h->ops = t->ops;
  else
    (void)rkv_fail(error, RKV_NO_MEMORY, "no memory");
  return h;
}

/* Gives the handle away, or frees it. */
static enum rkv_status handle_give(struct handle *h, enum rkv_status status, void **out) {
  *out = status == RKV_OK ? h : NULL;
  if (status != RKV_OK) free(h);
  return status;
}

static enum rkv_status through_snapshot_begin(void *sm, void **snapshot,
                                              struct rkv_snapshot_meta *meta,
                                              struct rkv_error *error) {
  struct through *t = sm;
  struct handle *h = handle_new(t, error);
  if (!h) return RKV_NO_MEMORY;
  return handle_give(h, t->ops->snapshot_begin(t->it, &h->it, meta, error), snapshot);
}

static enum rkv_status through_snapshot_read(void *snapshot, size_t max, struct rkv_buf *chunk,
                                             struct rkv_error *error) {
  struct handle *h = snapshot;
  return h->ops->snapshot_read(h->it, max, chunk, error);
}

static void through_snapshot_end(void *snapshot) {
  struct handle *h = snapshot;
  h->ops->snapshot_end(h->it);
  free(h);
}

static enum rkv_status through_restore_begin(void *sm, const struct rkv_snapshot_meta *meta,
                                             void **restore, struct rkv_error *error) {
  struct through *t = sm;
  struct handle *h = handle_new(t, error);
  if (!h) return RKV_NO_MEMORY;
  return handle_give(h, t->ops->restore_begin(t->it, meta, &h->it, error), restore);
}

static enum rkv_status through_restore_write(void *restore, struct rkv_buf chunk,
                                             struct rkv_error *error) {
  struct handle *h = restore;
  return h->ops->restore_write(h->it, chunk, error);
}

/* One that cannot be checked is checked by its finish. */
static enum rkv_status through_restore_check(void *restore, struct rkv_error *error) {
  struct handle *h = restore;
  return h->ops->restore_check ? h->ops->restore_check(h->it, error) : RKV_OK;
}

static enum rkv_status through_restore_finish(void *restore, struct rkv_error *error) {
  struct handle *h = restore;
  enum rkv_status status = h->ops->restore_finish(h->it, error);
  free(h);
  return status;
}

static void through_restore_abort(void *restore) {
  struct handle *h = restore;
  h->ops->restore_abort(h->it);
  free(h);
}

static const struct rkv_state_machine_ops ops = {
    .open = through_open,
    .close = through_close,
    .validate = through_validate,
    .apply = through_apply,
    .query = through_query,
    .applied = through_applied,
    .snapshot_begin = through_snapshot_begin,
    .snapshot_read = through_snapshot_read,
    .snapshot_end = through_snapshot_end,
    .restore_begin = through_restore_begin,
    .restore_write = through_restore_write,
    .restore_finish = through_restore_finish,
    .restore_abort = through_restore_abort,
    .restore_check = through_restore_check,
    .digest = through_digest,
};

RKV_PLUGIN(STATE_MACHINE, "sm-through", "1",
           "hands everything on to the state machine that it is built over",
           RKV_CAP_STACKED | RKV_CAP_CONCURRENT_QUERIES | RKV_CAP_DURABLE, RKV_OPTIONS(options),
           ops);
