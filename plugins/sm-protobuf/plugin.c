/* plugin.c: sm-protobuf, the key-value state machine: open, validate, apply, query, descriptor. */
#include "sm.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum { OPTION_KEY_MAX, OPTION_VALUE_MAX, OPTION_COUNT };

static const struct rkv_option options[OPTION_COUNT] = {
    {.name = "key_max",
     .default_text = "4KiB",
     .help = "longest key that a client may write",
     .min = 1,
     .max = 64u << 10,
     .type = RKV_OPTION_SIZE},
    {.name = "value_max",
     .default_text = "1MiB",
     .help = "longest value that a client may write",
     .min = 1,
     .max = 32u << 20,
     .type = RKV_OPTION_SIZE},
};

static uint64_t read_number(void *number) {
  return atomic_load((atomic_uint_least64_t *)number);
}

static enum rkv_status register_metrics(struct sm *sm, struct rkv_error *error) {
  const struct rkv_host *host = sm->host;
  enum rkv_status status = RKV_OK;
  sm->metrics[0] = (struct rkv_metric){"keys", "keys held", read_number, &sm->keys};
  sm->metrics[1] = (struct rkv_metric){"commands_refused",
                                       "committed commands that made no sense to the state machine",
                                       read_number, &sm->refused};
  for (size_t i = 0; i < SM_METRICS && status == RKV_OK; i++)
    status = host->metric_register(host->ctx, &sm->metrics[i], error);
  return status;
}

/* A waiting writer goes before new readers, so that queries do not keep the applier waiting. */
static bool lock_init(pthread_rwlock_t *lock) {
  pthread_rwlockattr_t attr;
  bool ok = pthread_rwlockattr_init(&attr) == 0;
  if (!ok) return false;
  ok = pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) == 0 &&
       pthread_rwlock_init(lock, &attr) == 0;
  (void)pthread_rwlockattr_destroy(&attr);
  return ok;
}

static void sm_close(void *instance) {
  struct sm *sm = instance;
  map_free(&sm->map);
  rkv_buf_drop(&sm->membership);
  (void)pthread_rwlock_destroy(&sm->lock);
  free(sm);
}

static enum rkv_status sm_open(const struct rkv_host *host, const struct rkv_config *config,
                               void **instance, struct rkv_error *error) {
  struct sm *sm;
  enum rkv_status status;
  if (config->count != OPTION_COUNT)
    return rkv_fail(error, RKV_BROKEN, "sm-protobuf: %u option values instead of %d", config->count,
                    OPTION_COUNT);
  sm = calloc(1, sizeof *sm);
  if (!sm || !lock_init(&sm->lock)) {
    free(sm);
    return rkv_fail(error, RKV_NO_MEMORY, "sm-protobuf: no memory");
  }
  sm->host = host;
  sm->limits.key_max = (size_t)config->values[OPTION_KEY_MAX].number;
  sm->limits.value_max = (size_t)config->values[OPTION_VALUE_MAX].number;
  atomic_init(&sm->keys, 0);
  atomic_init(&sm->refused, 0);
  status = register_metrics(sm, error);
  if (status == RKV_OK)
    *instance = sm;
  else
    sm_close(sm);
  return status;
}

static enum rkv_status sm_validate(void *instance, struct rkv_buf bytes, struct rkv_error *error) {
  const struct sm *sm = instance;
  struct command command;
  enum rkv_status status = command_scan("SetRequest", bytes.data, bytes.len, &command, error);
  return status != RKV_OK ? status : command_check("SetRequest", &command, &sm->limits, error);
}

/* ---- apply ---- */

/* A committed command that no node can read changes no state. Counts it, and logs some of them. */
static void refuse_committed(struct sm *sm, struct rkv_log_id id, const struct rkv_error *why) {
  uint64_t before = atomic_fetch_add(&sm->refused, 1);
  if ((before & (before + 1)) == 0) /* the 1st, 2nd, 4th, 8th, ... */
    rkv_log(sm->host, RKV_LOG_WARN, "sm",
            "committed command ignored term=%" PRIu64 " index=%" PRIu64 ": %s", id.term, id.index,
            why->text);
}

/* Entries that are applied together, and their commands as far as they make sense. */
struct group {
  struct command commands[MAP_PREFETCH_MAX];
  bool fine[MAP_PREFETCH_MAX];
};

/* Reads the commands, and begins to fetch into the cache what their puts will look at. */
static void scan_group(struct sm *sm, const struct rkv_entry *entries, size_t count,
                       struct group *group) {
  struct map_key keys[MAP_PREFETCH_MAX];
  struct rkv_error why;
  size_t key_count = 0;
  for (size_t i = 0; i < count; i++) {
    struct command *command = &group->commands[i];
    group->fine[i] = false;
    if (entries[i].kind != RKV_ENTRY_COMMAND) continue;
    group->fine[i] = command_scan("SetRequest", entries[i].payload.data, entries[i].payload.len,
                                  command, &why) == RKV_OK;
    if (!group->fine[i]) {
      refuse_committed(sm, entries[i].id, &why);
      continue;
    }
    keys[key_count++] = (struct map_key){command->key, command->key_len};
  }
  if (key_count > 1) map_prefetch(&sm->map, keys, key_count);
}

static enum rkv_status apply_command(struct sm *sm, const struct command *command,
                                     struct rkv_buf *result, struct rkv_error *error) {
  struct item *item, *replaced;
  enum rkv_status status;
  item = item_new(command->key, command->key_len, command->value, command->value_len);
  if (!item) return rkv_fail(error, RKV_NO_MEMORY, "sm-protobuf: no memory for a key");
  *result = rkv_buf_share(item_answer(item));
  (void)pthread_rwlock_wrlock(&sm->lock);
  status = map_put(&sm->map, item, &replaced);
  (void)pthread_rwlock_unlock(&sm->lock);
  if (status != RKV_OK) {
    rkv_buf_drop(result);
    item_drop(item);
    return rkv_fail(error, status, "sm-protobuf: no memory for a key");
  }
  item_count_in(&sm->digest, item, replaced);
  item_drop(replaced); /* after the lock was given back: it may free much */
  return RKV_OK;
}

static enum rkv_status apply_membership(struct sm *sm, const struct rkv_entry *entry,
                                        struct rkv_error *error) {
  struct rkv_membership checked;
  struct rkv_buf copy;
  uint8_t *bytes;
  enum rkv_status status =
      rkv_membership_decode(entry->payload.data, entry->payload.len, &checked, error);
  if (status != RKV_OK) return status;
  /* A copy: a slice would keep the whole received message alive. */
  bytes = sm->host->buf_alloc(sm->host->ctx, entry->payload.len, &copy);
  if (!bytes) return rkv_fail(error, RKV_NO_MEMORY, "sm-protobuf: no memory for a membership");
  memcpy(bytes, entry->payload.data, entry->payload.len);
  rkv_buf_drop(&sm->membership);
  sm->membership = copy;
  sm->membership_id = entry->id;
  return RKV_OK;
}

static enum rkv_status apply_group(struct sm *sm, const struct rkv_entry *entries, size_t count,
                                   struct rkv_buf *results, struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  struct group group;
  scan_group(sm, entries, count, &group);
  for (size_t i = 0; i < count && status == RKV_OK; i++) {
    const struct rkv_entry *entry = &entries[i];
    if (entry->id.index != sm->last.index + 1)
      return rkv_fail(error, RKV_BROKEN,
                      "sm-protobuf: entry %" PRIu64 " applied after entry %" PRIu64,
                      entry->id.index, sm->last.index);
    if (group.fine[i])
      status = apply_command(sm, &group.commands[i], &results[i], error);
    else if (entry->kind == RKV_ENTRY_MEMBERSHIP)
      status = apply_membership(sm, entry, error);
    if (status == RKV_OK) sm->last = entry->id;
  }
  return status;
}

static enum rkv_status sm_apply(void *instance, const struct rkv_entry *entries, size_t count,
                                struct rkv_buf *results, struct rkv_error *error) {
  struct sm *sm = instance;
  enum rkv_status status = RKV_OK;
  for (size_t done = 0; done < count && status == RKV_OK; done += MAP_PREFETCH_MAX) {
    size_t left = count - done, group = left < MAP_PREFETCH_MAX ? left : MAP_PREFETCH_MAX;
    status = apply_group(sm, entries + done, group, results + done, error);
  }
  atomic_store_explicit(&sm->keys, sm->map.count, memory_order_relaxed);
  return status;
}

/* ---- queries ---- */

static enum rkv_status sm_query(void *instance, struct rkv_buf request, struct rkv_buf *response,
                                struct rkv_error *error) {
  struct sm *sm = instance;
  struct command query;
  struct item *item;
  enum rkv_status status = command_scan_get(request.data, request.len, &query, error);
  if (status == RKV_OK) status = command_check("GetRequest", &query, &sm->limits, error);
  if (status != RKV_OK) {
    if (error) error->status = RKV_INVALID; /* a query is refused with no other status */
    return RKV_INVALID;
  }
  *response = rkv_buf_none(); /* without such a key: a Response without value has no bytes */
  (void)pthread_rwlock_rdlock(&sm->lock);
  item = map_find(&sm->map, query.key, query.key_len);
  if (item) *response = rkv_buf_share(item_answer(item));
  (void)pthread_rwlock_unlock(&sm->lock);
  return RKV_OK;
}

static enum rkv_status sm_applied(void *instance, struct rkv_snapshot_meta *meta,
                                  struct rkv_error *error) {
  struct sm *sm = instance;
  (void)error;
  memset(meta, 0, sizeof *meta);
  meta->last = sm->last;
  meta->membership_id = sm->membership_id;
  meta->membership = rkv_buf_share(sm->membership);
  return RKV_OK;
}

static enum rkv_status sm_digest(void *instance, uint64_t *value, struct rkv_error *error) {
  const struct sm *sm = instance;
  (void)error;
  *value = sm->digest;
  return RKV_OK;
}

void sm_replace(struct sm *sm, struct map *map, uint64_t digest,
                const struct rkv_snapshot_meta *meta) {
  struct map old;
  assert(map != &sm->map);
  (void)pthread_rwlock_wrlock(&sm->lock);
  old = sm->map;
  sm->map = *map;
  (void)pthread_rwlock_unlock(&sm->lock);
  *map = (struct map){NULL, 0};
  map_free(&old);
  sm->digest = digest;
  rkv_buf_drop(&sm->membership);
  sm->membership = meta->membership;
  sm->membership_id = meta->membership_id;
  sm->last = meta->last;
  atomic_store_explicit(&sm->keys, sm->map.count, memory_order_relaxed);
}

/* ---- the descriptor ---- */

static const struct rkv_state_machine_ops ops = {
    .open = sm_open,
    .close = sm_close,
    .validate = sm_validate,
    .apply = sm_apply,
    .query = sm_query,
    .applied = sm_applied,
    .snapshot_begin = sm_snapshot_begin,
    .snapshot_read = sm_snapshot_read,
    .snapshot_end = sm_snapshot_end,
    .restore_begin = sm_restore_begin,
    .restore_write = sm_restore_write,
    .restore_finish = sm_restore_finish,
    .restore_abort = sm_restore_abort,
    .restore_check = sm_restore_check,
    .describe = sm_describe,
    .digest = sm_digest,
};

RKV_PLUGIN(STATE_MACHINE, "sm-protobuf", RKV_VERSION,
           "key-value map in RAM; commands, queries and snapshots are protobuf",
           RKV_CAP_CONCURRENT_QUERIES, RKV_OPTIONS(options), ops);
