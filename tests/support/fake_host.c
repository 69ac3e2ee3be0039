/* fake_host.c: host services for unit tests of plugins. */
#include "fake_host.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct copy {
  struct rkv_buf_owner owner;
  uint8_t bytes[];
};

static atomic_int alive;

static void copy_free(struct rkv_buf_owner *owner) {
  atomic_fetch_sub(&alive, 1);
  free(owner);
}

static uint8_t *buf_alloc(void *ctx, size_t len, struct rkv_buf *out) {
  struct copy *copy = malloc(sizeof *copy + len);
  (void)ctx;
  *out = rkv_buf_none();
  if (!copy) return NULL;
  atomic_fetch_add(&alive, 1);
  copy->owner = (struct rkv_buf_owner){1, 0, copy_free};
  *out = (struct rkv_buf){copy->bytes, len, &copy->owner};
  return copy->bytes;
}

static void count_log(void *ctx, enum rkv_log_level level, const char *module, const char *text) {
  (void)level, (void)module, (void)text;
  ((struct fake_host *)ctx)->logged++;
}

static uint64_t now_ns(void *ctx) {
  struct timespec now;
  (void)ctx;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static enum rkv_status count_metric(void *ctx, const struct rkv_metric *metric,
                                    struct rkv_error *error) {
  (void)metric, (void)error;
  ((struct fake_host *)ctx)->metrics++;
  return RKV_OK;
}

static void no_fatal(void *ctx, enum rkv_status status, const char *text) {
  (void)ctx;
  (void)fprintf(stderr, "plugin reported %s: %s\n", rkv_status_name(status), text);
  abort();
}

void fake_host_init(struct fake_host *fake) {
  *fake = (struct fake_host){.host = {.struct_size = sizeof(struct rkv_host),
                                      .ctx = fake,
                                      .node_id = 1,
                                      .node_addr = "127.0.0.1:0",
                                      .log = count_log,
                                      .now_ns = now_ns,
                                      .buf_alloc = buf_alloc,
                                      .metric_register = count_metric,
                                      .fatal = no_fatal}};
}

const struct rkv_plugin *fake_host_load(const char *name) {
  char path[512];
  void *handle;
  const struct rkv_plugin *plugin = NULL;
  (void)snprintf(path, sizeof path, "%s/plugins/%s.so", RKV_BINARY_DIR, name);
  handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (handle) plugin = dlsym(handle, RKV_PLUGIN_SYMBOL);
  if (!plugin || plugin->magic != RKV_PLUGIN_MAGIC || strcmp(plugin->name, name) != 0) {
    (void)fprintf(stderr, "cannot load %s: %s\n", path, handle ? "no descriptor" : dlerror());
    exit(1);
  }
  return plugin;
}

struct rkv_buf fake_host_copy(const void *data, size_t len) {
  struct rkv_buf buf;
  uint8_t *bytes = buf_alloc(NULL, len, &buf);
  if (!bytes) abort();
  if (len > 0) memcpy(bytes, data, len);
  return buf;
}

int fake_host_buffers(void) {
  return atomic_load(&alive);
}
