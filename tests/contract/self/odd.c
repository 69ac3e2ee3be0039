/* odd.c: a state machine that ends badly in a way that can be chosen: how rkv-contract tells it is
 * tried with it (tool_test.py). It hands every operation on to a good plugin. */
#include "good.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { OPTION_GOOD, OPTION_HOW, OPTION_COUNT };

/* X(name): what apply does first. */
#define ODD_LIST(X)                                                                                \
  X(none)                                                                                          \
  X(slow)    /* 1 ms for each entry */                                                             \
  X(hangs)   /* for ever */                                                                        \
  X(crashes) /* at an address that is not there */                                                 \
  X(aside)   /* the same, in a thread of the plugin's own */                                       \
  X(deep)    /* until the stack is full */                                                         \
  X(refuses) /* no: validate takes nothing */

enum odd {
#define ODD_ENUM(name) ODD_##name,
  ODD_LIST(ODD_ENUM)
#undef ODD_ENUM
};

static const char *const choices[] = {
#define ODD_NAME(name) #name,
    ODD_LIST(ODD_NAME)
#undef ODD_NAME
        NULL};

static const struct rkv_option options[OPTION_COUNT] = {
    {.name = "good",
     .help = "path of the plugin that does the work",
     .type = RKV_OPTION_PATH,
     .flags = RKV_OPTION_REQUIRED},
    {.name = "how",
     .default_text = "none",
     .help = "how it ends",
     .choices = choices,
     .type = RKV_OPTION_ENUM},
};

/* Views and restores are the good machine's own: only calls with the machine go through here. */
struct machine {
  struct good from;
  const struct rkv_state_machine_ops *good;
  void *it;
  enum odd how;
};

static enum rkv_status odd_open(const struct rkv_host *host, const struct rkv_config *config,
                                void **sm, struct rkv_error *error) {
  struct machine *m = calloc(1, sizeof *m);
  enum rkv_status status;
  if (!m) return rkv_fail(error, RKV_NO_MEMORY, "odd: no memory");
  m->how = (enum odd)config->values[OPTION_HOW].number;
  status = good_load(&m->from, config->values[OPTION_GOOD].text, RKV_KIND_STATE_MACHINE, error);
  if (status == RKV_OK) m->good = m->from.plugin->ops;
  if (status == RKV_OK) status = m->good->open(host, &m->from.config, &m->it, error);
  if (status == RKV_OK) *sm = m;
  if (status != RKV_OK) free(m);
  return status;
}

static void odd_close(void *sm) {
  struct machine *m = sm;
  m->good->close(m->it);
  free(m);
}

static enum rkv_status odd_validate(void *sm, struct rkv_buf command, struct rkv_error *error) {
  struct machine *m = sm;
  if (m->how == ODD_refuses) return rkv_fail(error, RKV_INVALID, "odd: takes nothing");
  return m->good->validate(m->it, command, error);
}

static void *crash(void *unused) {
  volatile int *volatile nowhere = NULL;
  (void)unused;
  *nowhere = 1;
  return NULL;
}

static volatile int deepest; /* what the compiler cannot know */

static int go_deep(int depth) {
  volatile char room[4096];
  if (deepest < 0) return 0;
  room[0] = (char)depth;
  deepest = depth;
  return go_deep(depth + 1) + room[0];
}

static enum rkv_status odd_apply(void *sm, const struct rkv_entry *entries, size_t count,
                                 struct rkv_buf *results, struct rkv_error *error) {
  struct machine *m = sm;
  pthread_t thread;
  if (m->how == ODD_slow) (void)nanosleep(&(struct timespec){0, (long)count * 1000000}, NULL);
  if (m->how == ODD_hangs)
    for (;;) (void)nanosleep(&(struct timespec){1, 0}, NULL);
  if (m->how == ODD_crashes) (void)crash(NULL);
  if (m->how == ODD_aside && pthread_create(&thread, NULL, crash, NULL) == 0)
    (void)pthread_join(thread, NULL);
  if (m->how == ODD_deep) deepest = go_deep(0);
  return m->good->apply(m->it, entries, count, results, error);
}

static enum rkv_status odd_query(void *sm, struct rkv_buf request, struct rkv_buf *response,
                                 struct rkv_error *error) {
  struct machine *m = sm;
  return m->good->query(m->it, request, response, error);
}

static enum rkv_status odd_applied(void *sm, struct rkv_snapshot_meta *meta,
                                   struct rkv_error *error) {
  struct machine *m = sm;
  return m->good->applied(m->it, meta, error);
}

/* A view and a restore carry the good machine's, whose table is found by them. */
struct part {
  const struct rkv_state_machine_ops *good;
  void *it;
};

static struct part *part_new(const struct machine *m) {
  struct part *part = calloc(1, sizeof *part);
  if (part) part->good = m->good;
  return part;
}

static enum rkv_status odd_snapshot_begin(void *sm, void **snapshot, struct rkv_snapshot_meta *meta,
                                          struct rkv_error *error) {
  struct machine *m = sm;
  struct part *part = part_new(m);
  enum rkv_status status;
  if (!part) return rkv_fail(error, RKV_NO_MEMORY, "odd: no memory");
  status = m->good->snapshot_begin(m->it, &part->it, meta, error);
  if (status == RKV_OK) *snapshot = part;
  if (status != RKV_OK) free(part);
  return status;
}

static enum rkv_status odd_snapshot_read(void *snapshot, size_t max, struct rkv_buf *chunk,
                                         struct rkv_error *error) {
  struct part *part = snapshot;
  return part->good->snapshot_read(part->it, max, chunk, error);
}

static void odd_snapshot_end(void *snapshot) {
  struct part *part = snapshot;
  part->good->snapshot_end(part->it);
  free(part);
}

static enum rkv_status odd_restore_begin(void *sm, const struct rkv_snapshot_meta *meta,
                                         void **restore, struct rkv_error *error) {
  struct machine *m = sm;
  struct part *part = part_new(m);
  enum rkv_status status;
  if (!part) return rkv_fail(error, RKV_NO_MEMORY, "odd: no memory");
  status = m->good->restore_begin(m->it, meta, &part->it, error);
  if (status == RKV_OK) *restore = part;
  if (status != RKV_OK) free(part);
  return status;
}

static enum rkv_status odd_restore_write(void *restore, struct rkv_buf chunk,
                                         struct rkv_error *error) {
  struct part *part = restore;
  return part->good->restore_write(part->it, chunk, error);
}

static enum rkv_status odd_restore_check(void *restore, struct rkv_error *error) {
  struct part *part = restore;
  return part->good->restore_check(part->it, error);
}

static enum rkv_status odd_restore_finish(void *restore, struct rkv_error *error) {
  struct part part = *(struct part *)restore;
  free(restore);
  return part.good->restore_finish(part.it, error);
}

static void odd_restore_abort(void *restore) {
  struct part *part = restore;
  part->good->restore_abort(part->it);
  free(part);
}

static const struct rkv_state_machine_ops ops = {
    .open = odd_open,
    .close = odd_close,
    .validate = odd_validate,
    .apply = odd_apply,
    .query = odd_query,
    .applied = odd_applied,
    .snapshot_begin = odd_snapshot_begin,
    .snapshot_read = odd_snapshot_read,
    .snapshot_end = odd_snapshot_end,
    .restore_begin = odd_restore_begin,
    .restore_write = odd_restore_write,
    .restore_finish = odd_restore_finish,
    .restore_abort = odd_restore_abort,
    .restore_check = odd_restore_check,
};

extern RKV_PLUGIN_EXPORT const struct rkv_plugin rkv_plugin_entry;
const struct rkv_plugin rkv_plugin_entry = {
    .magic = RKV_PLUGIN_MAGIC,
    .abi_major = RKV_ABI_MAJOR,
    .abi_minor = RKV_ABI_MINOR,
    .struct_size = sizeof(struct rkv_plugin),
    .kind = RKV_KIND_STATE_MACHINE,
    .name = "odd-sm",
    .version = "0",
    .description = "a state machine that ends badly; for tests",
    .options = options,
    .option_count = OPTION_COUNT,
    .option_size = sizeof(struct rkv_option),
    .ops = &ops,
    .ops_size = sizeof ops,
};
