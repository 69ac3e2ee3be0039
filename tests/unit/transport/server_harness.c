/* server_harness.c: the host of server_*_test.c, and the plugin under test. */
#include "server_harness.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

atomic_uint client_asked;

uint64_t now_ns(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

size_t from_hex(const char *hex, uint8_t *out) {
  size_t n = strlen(hex) / 2;
  for (size_t i = 0; i < n; i++) {
    char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
    out[i] = (uint8_t)strtoul(pair, NULL, 16);
  }
  return n;
}

/* ---- host ---- */

static void host_log(void *ctx, enum rkv_log_level level, const char *module, const char *text) {
  struct fake *f = ctx;
  (void)module;
  if (level < RKV_LOG_WARN) return;
  pthread_mutex_lock(&f->mutex);
  (void)snprintf(f->log, sizeof f->log, "%.500s", text);
  pthread_mutex_unlock(&f->mutex);
}

static uint64_t host_now(void *ctx) {
  (void)ctx;
  return now_ns();
}

struct heap_buf {
  struct rkv_buf_owner owner;
  uint8_t bytes[];
};

static void heap_free(struct rkv_buf_owner *self) {
  free(self);
}

static uint8_t *host_buf_alloc(void *ctx, size_t len, struct rkv_buf *out) {
  struct heap_buf *heap = malloc(sizeof *heap + len + 1);
  (void)ctx;
  *out = rkv_buf_none();
  if (!heap) return NULL;
  heap->owner = (struct rkv_buf_owner){1, 0, heap_free};
  *out = (struct rkv_buf){heap->bytes, len, &heap->owner};
  return heap->bytes;
}

static enum rkv_status host_metric(void *ctx, const struct rkv_metric *metric,
                                   struct rkv_error *error) {
  struct fake *f = ctx;
  if (f->metric_count == sizeof f->metrics / sizeof f->metrics[0])
    return rkv_fail(error, RKV_FULL, "metrics");
  f->metrics[f->metric_count++] = *metric;
  return RKV_OK;
}

static void host_fatal(void *ctx, enum rkv_status status, const char *text) {
  struct fake *f = ctx;
  (void)status;
  pthread_mutex_lock(&f->mutex);
  f->fatals++;
  (void)snprintf(f->log, sizeof f->log, "fatal: %.490s", text);
  pthread_mutex_unlock(&f->mutex);
}

uint64_t fake_metric(struct fake *f, const char *name) {
  for (size_t i = 0; i < f->metric_count; i++)
    if (strcmp(f->metrics[i].name, name) == 0) return f->metrics[i].read(f->metrics[i].arg);
  fail_msg("no metric %s", name);
  return 0;
}

/* ---- the instance ---- */

/* A port that the kernel just gave and took back. */
static uint16_t free_port(void) {
  struct sockaddr_in sin = {.sin_family = AF_INET};
  socklen_t len = sizeof sin;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof sin), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
  close(fd);
  return ntohs(sin.sin_port);
}

void fake_make(struct fake *f) {
  memset(f, 0, sizeof *f);
  pthread_mutex_init(&f->mutex, NULL);
  pthread_cond_init(&f->changed, NULL);
  (void)snprintf(f->addr, sizeof f->addr, "127.0.0.1:%u", free_port());
  f->host = (struct rkv_host){
      .struct_size = sizeof f->host,
      .log_level = RKV_LOG_DEBUG,
      .ctx = f,
      .node_id = 1,
      .node_addr = f->addr,
      .log = host_log,
      .now_ns = host_now,
      .buf_alloc = host_buf_alloc,
      .metric_register = host_metric,
      .fatal = host_fatal,
  };
  fake_node_make(f);
  f->library = dlopen(RKV_BINARY_DIR "/plugins/transport-grpc.so", RTLD_NOW | RTLD_LOCAL);
  if (!f->library) fail_msg("%s", dlerror());
  f->plugin = dlsym(f->library, RKV_PLUGIN_SYMBOL);
  assert_non_null(f->plugin);
  f->ops = f->plugin->ops;
}

/* The default's number: the harness reads `4MiB 10s 100ms 1024` only. */
static uint64_t parse(const char *text) {
  char *unit;
  uint64_t n = strtoull(text, &unit, 10);
  static const struct {
    const char *unit;
    uint64_t factor;
  } units[] = {{"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824},
               {"us", 1000},  {"ms", 1000000},  {"s", 1000000000}};
  for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
    if (strcmp(unit, units[i].unit) == 0) return n * units[i].factor;
  return n;
}

enum rkv_status fake_open(struct fake *f, const char *const *set, struct rkv_error *error) {
  struct rkv_value values[64];
  struct rkv_config config = {sizeof config, f->plugin->option_count, values};
  assert_true(config.count <= 64);
  for (uint32_t i = 0; i < config.count; i++) {
    const struct rkv_option *option = &f->plugin->options[i];
    values[i] = (struct rkv_value){option->default_text, "default", 0};
    for (const char *const *s = set; s && *s; s++) {
      size_t len = strlen(option->name);
      if (strncmp(*s, option->name, len) == 0 && (*s)[len] == '=') values[i].text = *s + len + 1;
    }
    values[i].number = parse(values[i].text);
  }
  return f->ops->open(&f->host, &config, &f->api, &f->instance, error);
}

void fake_serve(struct fake *f, const char *const *set) {
  struct rkv_error error;
  fake_make(f);
  if (fake_open(f, set, &error) != RKV_OK) fail_msg("open: %s", error.text);
  if (f->ops->start(f->instance, &error) != RKV_OK) fail_msg("start: %s", error.text);
}

void fake_stop(struct fake *f, uint64_t grace_ns) {
  f->ops->stop(f->instance, grace_ns);
}

void fake_free(struct fake *f) {
  if (f->instance) f->ops->close(f->instance);
  assert_int_equal(f->fatals, 0);
  rkv_buf_drop(&f->result);
  rkv_buf_drop(&f->membership);
  rkv_buf_drop(&f->text);
  pthread_cond_destroy(&f->changed);
  pthread_mutex_destroy(&f->mutex);
}
