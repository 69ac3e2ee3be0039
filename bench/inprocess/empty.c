/* empty.c: a state machine without a state (empty.h). Its snapshot is the number of commands. */
#include "empty.h"

#include <stdlib.h>

struct view {
  uint64_t commands;
  bool read;
};

struct restore {
  struct empty_machine *machine;
  struct rkv_snapshot_meta meta; /* membership: a reference of its own */
  uint8_t bytes[sizeof(uint64_t)];
  size_t len;
};

struct number {
  struct rkv_buf_owner owner;
  uint64_t commands;
};

static void number_free(struct rkv_buf_owner *owner) {
  free(owner);
}

static enum rkv_status empty_open(const struct rkv_host *host, const struct rkv_config *config,
                                  void **sm, struct rkv_error *error) {
  (void)host, (void)config, (void)sm;
  return rkv_fail(error, RKV_UNIMPLEMENTED, "the bench makes its machines itself");
}

static void empty_close(void *sm) {
  empty_free(sm);
}

static enum rkv_status empty_validate(void *sm, struct rkv_buf command, struct rkv_error *error) {
  (void)sm, (void)command, (void)error;
  return RKV_OK;
}

static enum rkv_status empty_apply(void *sm, const struct rkv_entry *entries, size_t count,
                                   struct rkv_buf *results, struct rkv_error *error) {
  struct empty_machine *m = sm;
  uint64_t commands = 0;
  (void)results, (void)error;
  for (size_t i = 0; i < count; i++) {
    if (entries[i].kind == RKV_ENTRY_COMMAND) commands++;
    if (entries[i].kind != RKV_ENTRY_MEMBERSHIP) continue;
    rkv_buf_drop(&m->membership.membership);
    m->membership.membership = rkv_buf_share(entries[i].payload);
    m->membership.membership_id = entries[i].id;
  }
  m->last = entries[count - 1].id;
  atomic_fetch_add_explicit(&m->commands, commands, memory_order_relaxed);
  return RKV_OK;
}

static enum rkv_status empty_query(void *sm, struct rkv_buf request, struct rkv_buf *response,
                                   struct rkv_error *error) {
  (void)sm, (void)request, (void)error;
  *response = rkv_buf_none();
  return RKV_OK;
}

/* The state is the number of commands. */
static enum rkv_status empty_digest(void *sm, uint64_t *value, struct rkv_error *error) {
  struct empty_machine *m = sm;
  (void)error;
  *value = atomic_load(&m->commands);
  return RKV_OK;
}

static void describe(const struct empty_machine *m, struct rkv_snapshot_meta *meta) {
  *meta = m->membership;
  meta->last = m->last;
  (void)rkv_buf_share(meta->membership);
}

static enum rkv_status empty_applied(void *sm, struct rkv_snapshot_meta *meta,
                                     struct rkv_error *error) {
  (void)error;
  describe(sm, meta);
  return RKV_OK;
}

static enum rkv_status empty_snapshot_begin(void *sm, void **snapshot,
                                            struct rkv_snapshot_meta *meta,
                                            struct rkv_error *error) {
  struct empty_machine *m = sm;
  struct view *view = calloc(1, sizeof *view);
  if (!view) return rkv_fail(error, RKV_NO_MEMORY, "no memory for a view");
  view->commands = atomic_load(&m->commands);
  describe(m, meta);
  *snapshot = view;
  return RKV_OK;
}

static enum rkv_status empty_snapshot_read(void *snapshot, size_t max, struct rkv_buf *chunk,
                                           struct rkv_error *error) {
  struct view *view = snapshot;
  *chunk = rkv_buf_none();
  if (view->read || max < sizeof view->commands) return RKV_OK;
  struct number *number = malloc(sizeof *number);
  if (!number) return rkv_fail(error, RKV_NO_MEMORY, "no memory for a chunk");
  *number = (struct number){{1, 0, number_free}, view->commands};
  *chunk =
      (struct rkv_buf){(const uint8_t *)&number->commands, sizeof number->commands, &number->owner};
  view->read = true;
  return RKV_OK;
}

static void empty_snapshot_end(void *snapshot) {
  free(snapshot);
}

static enum rkv_status empty_restore_begin(void *sm, const struct rkv_snapshot_meta *meta,
                                           void **restore, struct rkv_error *error) {
  struct restore *r = calloc(1, sizeof *r);
  if (!r) return rkv_fail(error, RKV_NO_MEMORY, "no memory for a restore");
  r->machine = sm;
  r->meta = *meta;
  (void)rkv_buf_share(r->meta.membership);
  *restore = r;
  return RKV_OK;
}

static enum rkv_status empty_restore_write(void *restore, struct rkv_buf chunk,
                                           struct rkv_error *error) {
  struct restore *r = restore;
  if (chunk.len > sizeof r->bytes - r->len) return rkv_fail(error, RKV_CORRUPT, "too long");
  if (chunk.len > 0) memcpy(r->bytes + r->len, chunk.data, chunk.len);
  r->len += chunk.len;
  return RKV_OK;
}

static void empty_restore_abort(void *restore) {
  struct restore *r = restore;
  rkv_buf_drop(&r->meta.membership);
  free(r);
}

static enum rkv_status empty_restore_finish(void *restore, struct rkv_error *error) {
  struct restore *r = restore;
  struct empty_machine *m = r->machine;
  enum rkv_status status = RKV_OK;
  uint64_t commands;
  if (r->len == sizeof commands) {
    memcpy(&commands, r->bytes, sizeof commands);
    rkv_buf_drop(&m->membership.membership);
    m->membership = r->meta;
    (void)rkv_buf_share(m->membership.membership);
    m->last = r->meta.last;
    atomic_store(&m->commands, commands);
  } else {
    status = rkv_fail(error, RKV_CORRUPT, "too short");
  }
  empty_restore_abort(r);
  return status;
}

void empty_free(struct empty_machine *machine) {
  rkv_buf_drop(&machine->membership.membership);
}

const struct rkv_state_machine_ops empty_ops = {
    .open = empty_open,
    .close = empty_close,
    .validate = empty_validate,
    .apply = empty_apply,
    .query = empty_query,
    .applied = empty_applied,
    .snapshot_begin = empty_snapshot_begin,
    .snapshot_read = empty_snapshot_read,
    .snapshot_end = empty_snapshot_end,
    .restore_begin = empty_restore_begin,
    .restore_write = empty_restore_write,
    .restore_finish = empty_restore_finish,
    .restore_abort = empty_restore_abort,
    .digest = empty_digest,
};
