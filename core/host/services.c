/* services.c: the functions behind struct rkv_host. */
#include "services.h"

#include "log.h"
#include "through.h"

#include <node/kernel/outcome.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

/* Reports dropped lines as soon as the log has room again. */
static void tell_dropped(struct host_services *s) {
  uint_fast64_t dropped = atomic_load(&s->log_dropped), told = atomic_load(&s->log_told);
  char text[96];
  if (dropped == told || !atomic_compare_exchange_strong(&s->log_told, &told, dropped)) return;
  (void)snprintf(text, sizeof text,
                 "log lines were dropped, its reader was too slow count=%" PRIu64,
                 (dropped - told));
  if (!host_log_write(s->log_fd, RKV_LOG_WARN, "host", text))
    (void)atomic_fetch_sub(&s->log_told, dropped - told);
}

static void service_log(void *ctx, enum rkv_log_level level, const char *module, const char *text) {
  struct host_user *user = ctx;
  struct host_services *s = user->services;
  if (!rkv_log_wants(&user->host, level)) return;
  tell_dropped(s);
  if (!host_log_write(s->log_fd, level, module, text)) (void)atomic_fetch_add(&s->log_dropped, 1);
}

uint64_t host_services_lines_dropped(void *ctx) {
  return atomic_load(&((struct host_services *)ctx)->log_dropped);
}

static uint64_t service_now_ns(void *ctx) {
  struct timespec now = {0, 0};
  (void)ctx;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* One allocation for the owner and the bytes. */
struct block {
  struct rkv_buf_owner owner;
  uint8_t bytes[];
};

static void free_block(struct rkv_buf_owner *owner) {
  free((void *)owner);
}

static uint8_t *service_buf_alloc(void *ctx, size_t len, struct rkv_buf *out) {
  struct block *block = len <= SIZE_MAX - sizeof *block ? malloc(sizeof *block + len) : NULL;
  (void)ctx;
  *out = rkv_buf_none();
  if (!block) return NULL;
  block->owner.refs = 1;
  block->owner.reserved = 0;
  block->owner.free = free_block;
  out->data = block->bytes;
  out->len = len;
  out->owner = &block->owner;
  return block->bytes;
}

static enum rkv_status service_metric_register(void *ctx, const struct rkv_metric *metric,
                                               struct rkv_error *error) {
  struct host_user *user = ctx;
  if (!user->opening)
    return rkv_fail(error, RKV_INVALID, "metric of %s: registered outside open", user->name);
  return host_metrics_add(&user->services->metrics, user->name, metric, error);
}

/* Called with the lock held. */
static void fatal_counts(struct host_services *services, const struct host_fatal *fatal) {
  if (services->fatal.status != RKV_OK) return;
  services->fatal = *fatal;
  if (services->on_fatal) services->on_fatal(services->on_fatal_arg, fatal->status, fatal->text);
}

/* The first report of a user that is apart. Without the lock: the node's loop may run in on_apart,
 * and call a plugin that reports itself. */
static void tell_apart(struct host_services *services, const struct host_fatal *fatal) {
  void (*on_apart)(void *arg, enum rkv_status status, const char *text);
  void *arg;
  (void)pthread_mutex_lock(&services->lock);
  on_apart = services->on_apart;
  arg = services->on_fatal_arg;
  (void)pthread_mutex_unlock(&services->lock);
  rkv_log(&services->node.host, RKV_LOG_ERROR, "host", "%s", fatal->text);
  if (on_apart) on_apart(arg, fatal->status, fatal->text);
}

static void service_fatal(void *ctx, enum rkv_status status, const char *text) {
  struct host_user *user = ctx;
  struct host_services *services = user->services;
  struct host_user *stands = user->above ? user->above : user; /* what the node stands on, or not */
  struct host_fatal fatal = {.status = status == RKV_OK ? RKV_BROKEN : outcome_known(status)};
  bool first;
  (void)pthread_mutex_lock(&services->lock);
  (void)snprintf(fatal.text, sizeof fatal.text, "%s: %s", user->name,
                 text && text[0] ? text : "gave no reason to stop");
  const bool left = stands->left;
  first = !left && stands->apart && stands->fatal.status == RKV_OK;
  if (first) stands->fatal = fatal;
  if (!left && !stands->apart) fatal_counts(services, &fatal);
  (void)pthread_mutex_unlock(&services->lock);
  if (first) tell_apart(services, &fatal);
  if (left) rkv_log(&services->node.host, RKV_LOG_WARN, "host", "left: %s", fatal.text);
}

bool host_services_reported(struct host_user *user, struct rkv_error *error) {
  bool reported;
  (void)pthread_mutex_lock(&user->services->lock);
  reported = user->fatal.status != RKV_OK;
  if (reported) (void)rkv_fail(error, user->fatal.status, "%s", user->fatal.text);
  (void)pthread_mutex_unlock(&user->services->lock);
  return reported;
}

/* ---- stacks ---- */

/* The one under a user carries the label that the user carries, if any: "copy.storage-wal". */
static void label_under(struct host_user *user, const char *plugin) {
  const char *dot = strchr(user->name, '.');
  (void)snprintf(user->under->label, sizeof user->under->label, "%.*s%s",
                 dot ? (int)(dot - user->name + 1) : 0, user->name, plugin);
  user->under->name = user->under->label;
}

void host_services_stack(struct host_user *user, const struct host_part *under) {
  assert(user->under);
  user->stack = under;
  if (under) label_under(user, under->plugin->name);
}

void host_services_drop_metrics(struct host_user *user) {
  struct host_metrics *metrics = &user->services->metrics;
  host_metrics_drop(metrics, user->name);
  if (user->under && user->under->name[0]) host_metrics_drop(metrics, user->under->name);
}

static enum rkv_status open_by_kind(const struct host_part *part, struct host_user *user,
                                    const struct rkv_node_api *node, void **instance,
                                    struct rkv_error *error) {
  const struct rkv_config config = host_part_config(part);
  const void *ops = part->plugin->ops;
  const struct rkv_transport_ops *transport = ops;
  const struct rkv_storage_ops *storage = ops;
  const struct rkv_state_machine_ops *machine = ops;
  switch (part->kind) {
  case RKV_KIND_TRANSPORT:
    return transport->open(&user->host, &config, node, instance, outcome_clear(error));
  case RKV_KIND_STORAGE: return storage->open(&user->host, &config, instance, outcome_clear(error));
  default: return machine->open(&user->host, &config, instance, outcome_clear(error));
  }
}

/* What a caller of an older ABI knows of it is filled. */
static void fill_under(const struct host_part *part, void *instance, struct rkv_under *under) {
  const struct rkv_under all = {.struct_size = under->struct_size,
                                .abi_minor = part->plugin->abi_minor,
                                .name = part->plugin->name,
                                .capabilities = part->plugin->capabilities,
                                .ops = part->plugin->ops,
                                .instance = instance};
  memcpy(under, &all, under->struct_size < sizeof all ? under->struct_size : sizeof all);
}

static enum rkv_status service_open_under(void *ctx, enum rkv_plugin_kind kind,
                                          const struct rkv_node_api *node, struct rkv_under *under,
                                          struct rkv_error *error) {
  struct host_user *user = ctx;
  const struct host_part *part = user->stack;
  char text[RKV_ERROR_TEXT_MAX];
  void *instance = NULL;
  enum rkv_status status;
  if (!user->opening || !part)
    return rkv_fail(error, RKV_INVALID, "%s: open_under: %s", user->name,
                    user->opening ? "nothing is under it, or it is open already (a plugin that is "
                                    "built over another declares RKV_CAP_STACKED)"
                                  : "called outside of open");
  if ((uint32_t)kind != part->kind)
    return rkv_fail(error, RKV_INVALID, "%s: open_under: a plugin is built over one of its kind",
                    user->name);
  user->stack = NULL;
  user->under->opening = true;
  status = host_through_enter(part, error);
  if (status == RKV_OK) status = open_by_kind(part, user->under, node, &instance, error);
  user->under->opening = false;
  status = outcome_of_gift(status, &instance, "open", error);
  if (status == RKV_OK) {
    fill_under(part, instance, under);
    return RKV_OK;
  }
  host_metrics_drop(&user->services->metrics, user->under->name);
  memcpy(text, error->text, sizeof text);
  return rkv_fail(error, status, "%s: %s", part->plugin->name, text);
}

/* ---- apart ---- */

void host_services_part(struct host_user *user, const char *name) {
  (void)pthread_mutex_lock(&user->services->lock);
  user->name = name;
  user->apart = true;
  user->left = false;
  user->fatal = (struct host_fatal){0};
  (void)pthread_mutex_unlock(&user->services->lock);
}

void host_services_take(struct host_user *user, const char *name) {
  struct host_services *services = user->services;
  const char *under = user->under->name, *dot = strchr(under, '.');
  host_metrics_rename(&services->metrics, user->name, name);
  if (dot) host_metrics_rename(&services->metrics, under, dot + 1);
  (void)pthread_mutex_lock(&services->lock);
  user->name = name;
  if (dot) user->under->name = dot + 1;
  user->apart = false;
  if (user->fatal.status != RKV_OK) fatal_counts(services, &user->fatal);
  (void)pthread_mutex_unlock(&services->lock);
}

void host_services_leave(struct host_user *user) {
  (void)pthread_mutex_lock(&user->services->lock);
  user->left = true;
  (void)pthread_mutex_unlock(&user->services->lock);
}

static void init_user(struct host_services *services, struct host_user *user, const char *name,
                      const struct host_identity *identity) {
  user->services = services;
  user->name = name;
  user->opening = false;
  user->host = (struct rkv_host){
      .struct_size = sizeof user->host,
      .log_level = (uint32_t)identity->log_level,
      .ctx = user,
      .node_id = identity->id,
      .node_addr = identity->addr,
      .log = service_log,
      .now_ns = service_now_ns,
      .buf_alloc = service_buf_alloc,
      .metric_register = service_metric_register,
      .fatal = service_fatal,
      .open_under = service_open_under,
  };
}

/* `under` is under `user` from now on. */
static void init_pair(struct host_services *services, struct host_user *user,
                      struct host_user *under, const char *name,
                      const struct host_identity *identity) {
  init_user(services, user, name, identity);
  init_user(services, under, "", identity);
  user->under = under;
  under->above = user;
}

void host_services_init(struct host_services *services, const struct host_identity *identity,
                        const char *const names[HOST_PART_COUNT], int log_fd) {
  memset(services, 0, sizeof *services);
  services->log_fd = log_fd;
  (void)pthread_mutex_init(&services->lock, NULL);
  (void)pthread_mutex_init(&services->metrics.lock, NULL);
  init_user(services, &services->node, "node", identity);
  for (size_t i = 0; i < HOST_PART_COUNT; i++)
    init_pair(services, &services->parts[i], &services->under[i], names[i], identity);
  init_pair(services, &services->beside, &services->under_beside, "", identity);
}

/* Plugins read the level at any time, from any thread, without a lock. */
static void set_level(struct host_user *user, enum rkv_log_level level) {
  __atomic_store_n(&user->host.log_level, (uint32_t)level, __ATOMIC_RELAXED);
}

void host_services_set_log_level(struct host_services *services, enum rkv_log_level level) {
  set_level(&services->node, level);
  for (size_t i = 0; i < HOST_PART_COUNT; i++) {
    set_level(&services->parts[i], level);
    set_level(&services->under[i], level);
  }
  set_level(&services->beside, level);
  set_level(&services->under_beside, level);
}

void host_services_bind(struct host_services *services,
                        void (*on_fatal)(void *arg, enum rkv_status status, const char *text),
                        void *arg) {
  (void)pthread_mutex_lock(&services->lock);
  assert(on_fatal && !services->on_fatal);
  services->on_fatal = on_fatal;
  services->on_fatal_arg = arg;
  if (services->fatal.status != RKV_OK) on_fatal(arg, services->fatal.status, services->fatal.text);
  (void)pthread_mutex_unlock(&services->lock);
}

void host_services_bind_apart(struct host_services *services,
                              void (*on_apart)(void *arg, enum rkv_status status,
                                               const char *text)) {
  (void)pthread_mutex_lock(&services->lock);
  services->on_apart = on_apart;
  (void)pthread_mutex_unlock(&services->lock);
}

void host_services_unbind(struct host_services *services) {
  (void)pthread_mutex_lock(&services->lock);
  services->on_fatal = services->on_apart = NULL;
  (void)pthread_mutex_unlock(&services->lock);
}

void host_services_end(struct host_services *services) {
  assert(!services->on_fatal); /* (V1) */
  (void)pthread_mutex_destroy(&services->metrics.lock);
  (void)pthread_mutex_destroy(&services->lock);
}
