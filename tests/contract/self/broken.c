/* broken.c: a storage that is broken on purpose: it hands every operation on to a good plugin, with
 * one fault put in. The suite must catch each by the law that names it (variants.txt).
 *
 * Options: `good` is the good plugin's .so, `fault` what is wrong. Built twice: with BROKEN_DURABLE
 * it is a durable one with a directory, around storage-wal; without, around storage-mem. */
#include "broken.h"

#include <rkv/rkv.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const faults[] = {
#define FAULT_NAME(name) #name,
    BROKEN_FAULT_LIST(FAULT_NAME)
#undef FAULT_NAME
        NULL};

enum { OPTION_GOOD, OPTION_FAULT, OPTION_DIR };

static const struct rkv_option options[] = {
    {.name = "good",
     .help = "path of the plugin that does the work",
     .type = RKV_OPTION_PATH,
     .flags = RKV_OPTION_REQUIRED},
    {.name = "fault",
     .default_text = "none",
     .help = "what is wrong",
     .choices = faults,
     .type = RKV_OPTION_ENUM},
#ifdef BROKEN_DURABLE
    {.name = "dir",
     .help = "directory of the good plugin",
     .type = RKV_OPTION_PATH,
     .flags = RKV_OPTION_REQUIRED},
#endif
};
enum { OPTION_COUNT = sizeof options / sizeof options[0] };

/* ---- open and close ---- */

static uint64_t now_of(void *ctx) {
  struct broken *b = ctx;
  return b->host->now_ns(b->host->ctx);
}

static void log_of(void *ctx, enum rkv_log_level level, const char *module, const char *text) {
  struct broken *b = ctx;
  b->host->log(b->host->ctx, level, module, text);
}

static uint8_t *alloc_of(void *ctx, size_t len, struct rkv_buf *out) {
  struct broken *b = ctx;
  return b->host->buf_alloc(b->host->ctx, len, out);
}

static enum rkv_status metric_of(void *ctx, const struct rkv_metric *metric,
                                 struct rkv_error *error) {
  struct broken *b = ctx;
  return b->host->metric_register(b->host->ctx, metric, error);
}

static void fatal_of(void *ctx, enum rkv_status status, const char *text) {
  struct broken *b = ctx;
  if (b->fault == FAULT_fatal_kept_quiet) return;
  if (b->fault == FAULT_breach_kept_quiet && status == RKV_BROKEN) return;
  b->host->fatal(b->host->ctx, status, text);
}

/* The good plugin's own host: what it says goes through here. */
static void make_host(struct broken *b) {
  b->own_host = *b->host;
  b->own_host.ctx = b;
  b->own_host.now_ns = now_of;
  b->own_host.log = log_of;
  b->own_host.buf_alloc = alloc_of;
  b->own_host.metric_register = metric_of;
  b->own_host.fatal = fatal_of;
  if (b->fault == FAULT_foreign_taken) b->own_host.node_id = 1;
}

/* The good plugin's values: `dir` is ours, the others are what storage-wal takes by default, with
 * small segments. */
static void make_values(const struct rkv_plugin *good, const struct rkv_config *config,
                        struct rkv_value *values) {
  for (uint32_t i = 0; i < good->option_count && i < BROKEN_OPTIONS_MAX; i++) {
    const struct rkv_option *option = &good->options[i];
    values[i] = (struct rkv_value){option->default_text, "default", option->min};
    if (option->type == RKV_OPTION_BOOL)
      values[i].number = option->default_text && strcmp(option->default_text, "true") == 0;
    if (strcmp(option->name, "segment_bytes") == 0) values[i].number = 256 * 1024;
    if (strcmp(option->name, "queue_bytes_max") == 0) values[i].number = UINT64_C(1) << 28;
    if (strcmp(option->name, "dir") == 0 && config->count > OPTION_DIR)
      values[i] = config->values[OPTION_DIR];
  }
}

void broken_take_file(const struct broken *b) {
  char path[1024];
  int dir = open(b->dir, O_RDONLY | O_CLOEXEC);
  (void)snprintf(path, sizeof path, "%s/rkv-owner", b->dir);
  (void)unlink(path);
  if (dir >= 0) (void)fsync(dir);
  if (dir >= 0) (void)close(dir);
}

static enum rkv_status refuse(struct broken *b, const struct rkv_config *config,
                              enum rkv_status status) {
  if (b->fault == FAULT_refusal_leaves_a_file) {
    char path[1024];
    int fd;
    (void)snprintf(path, sizeof path, "%s/refused", config->values[OPTION_DIR].text);
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0) (void)close(fd);
  }
  if (b->fault == FAULT_refusal_takes_a_file) broken_take_file(b);
  (void)pthread_mutex_destroy(&b->lock);
  free(b);
  return status;
}

static enum rkv_status broken_open(const struct rkv_host *host, const struct rkv_config *config,
                                   void **storage, struct rkv_error *error) {
  static struct broken *shared; /* of FAULT_state_is_global */
  struct rkv_value values[BROKEN_OPTIONS_MAX];
  struct rkv_config own = {sizeof own, 0, values};
  struct broken *b = calloc(1, sizeof *b);
  void *library = dlopen(config->values[OPTION_GOOD].text, RTLD_NOW | RTLD_LOCAL);
  const struct rkv_plugin *good = library ? dlsym(library, RKV_PLUGIN_SYMBOL) : NULL;
  enum rkv_status status;
  if (!b || !good) {
    free(b);
    return rkv_fail(error, RKV_INVALID, "broken: the good plugin does not load");
  }
  b->host = host;
  b->fault = (enum broken_fault)config->values[OPTION_FAULT].number;
  b->good = good->ops;
  b->dir = config->count > OPTION_DIR ? config->values[OPTION_DIR].text : "";
  (void)pthread_mutex_init(&b->lock, NULL);
  make_host(b);
  make_values(good, config, values);
  own.count = good->option_count;
  if (b->fault == FAULT_state_is_global && shared) {
    b->it = shared->it;
    b->borrowed = true;
    *storage = b;
    return RKV_OK;
  }
  if (b->fault == FAULT_descriptor_leaks && dup(STDERR_FILENO) < 0) b->fault = FAULT_none;
  if (b->fault == FAULT_memory_leaks && !malloc(20000)) b->fault = FAULT_none;
  status = b->good->open(&b->own_host, &own, &b->it, error);
  if (status == RKV_OK && b->fault == FAULT_one_too_many_threads) broken_leave_thread();
  if (status != RKV_OK) return refuse(b, config, BROKEN_ERROR(b->fault, status, error));
  if (b->fault == FAULT_state_is_global) shared = b;
  *storage = b;
  return RKV_OK;
}

static void broken_close(void *storage) {
  struct broken *b = storage;
  if (b->fault != FAULT_close_forgets) broken_release(b, 0);
  if (!b->borrowed) b->good->close(b->it);
  rkv_buf_drop(&b->loaded.snapshot.membership);
  broken_release(b, b->fault == FAULT_close_forgets ? SIZE_MAX : 0);
  (void)pthread_mutex_destroy(&b->lock);
  free(b);
}

/* What a good plugin loaded, as the faults of load change it. */
static void load_otherwise(struct broken *b, struct rkv_storage_state *state) {
  struct rkv_buf given = state->snapshot.membership;
  bool nothing = (state->snapshot.last.index == 0 && b->fault == FAULT_nothing_is_no_snapshot) ||
                 (!b->committed && b->fault == FAULT_snapshot_of_this_life);
  if (b->loads++ > 0 && b->fault == FAULT_load_lends_membership) rkv_buf_drop(&given);
  if (nothing) {
    rkv_buf_drop(&state->snapshot.membership);
    memset(&state->snapshot, 0, sizeof state->snapshot);
  }
  if (b->fault != FAULT_load_is_of_the_open) return;
  if (b->loads == 1) {
    b->loaded = *state;
    (void)rkv_buf_share(given);
  } else {
    rkv_buf_drop(&given);
    *state = b->loaded;
    (void)rkv_buf_share(state->snapshot.membership);
  }
}

static enum rkv_status broken_load(void *storage, struct rkv_storage_state *state,
                                   struct rkv_error *error) {
  struct broken *b = storage;
  enum rkv_status status = b->good->load(b->it, state, error);
  if (b->fault == FAULT_identity_forgotten) memset(&state->identity, 0, sizeof state->identity);
  if (b->fault == FAULT_purged_term_lost) state->purged.term = 0;
  if (b->fault == FAULT_born_with_vote && state->vote.term == 0) state->vote.term = 1;
  if (status == RKV_OK && b->fault == FAULT_lost_batch_returns) b->ghost = broken_ghost(b);
  if (b->ghost <= state->last.index) b->ghost = 0; /* it was not lost */
  if (status == RKV_OK) load_otherwise(b, state);
  return status;
}

static const struct rkv_storage_ops ops = {
    .open = broken_open,
    .close = broken_close,
    .load = broken_load,
    .save_vote = broken_save_vote,
    .append = broken_append,
    .truncate = broken_truncate,
    .purge = broken_purge,
    .read = broken_read,
    .snapshot_begin = broken_snapshot_begin,
    .snapshot_write = broken_snapshot_write,
    .snapshot_commit = broken_snapshot_commit,
    .snapshot_abort = broken_snapshot_abort,
    .snapshot_open = broken_snapshot_open,
    .snapshot_read = broken_snapshot_read,
    .snapshot_close = broken_snapshot_close,
    .save_identity = broken_save_identity,
};

extern RKV_PLUGIN_EXPORT const struct rkv_plugin rkv_plugin_entry;
const struct rkv_plugin rkv_plugin_entry = {
    .magic = RKV_PLUGIN_MAGIC,
    .abi_major = RKV_ABI_MAJOR,
    .abi_minor = RKV_ABI_MINOR,
    .struct_size = sizeof(struct rkv_plugin),
    .kind = RKV_KIND_STORAGE,
#ifdef BROKEN_DURABLE
    .name = "broken-wal",
    .capabilities = RKV_CAP_DURABLE | RKV_CAP_FINDS_DAMAGE,
#else
    .name = "broken-mem",
#endif
    .version = "0",
    .description = "a storage with a fault on purpose",
    .options = options,
    .option_count = OPTION_COUNT,
    .option_size = sizeof(struct rkv_option),
    .ops = &ops,
    .ops_size = sizeof ops,
};
