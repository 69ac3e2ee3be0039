/* broken_guests.c: a transport that serves nobody any more once strangers connected to it: it looks
 * at the good plugin's metric of open connections. */
#include "broken_transport.h"

#include <string.h>
#include <time.h>

enum { PEERS_OWN = 1, LOOK_NS = 500000, STRANGERS_FEW = 3 };

static enum rkv_status metric_of(void *ctx, const struct rkv_metric *metric,
                                 struct rkv_error *error) {
  struct broken *b = ctx;
  if (strcmp(metric->name, "connections_open") == 0) b->guests.open = *metric;
  return b->host->metric_register(b->host->ctx, metric, error);
}

static uint64_t now_of(void *ctx) {
  struct broken *b = ctx;
  return b->host->now_ns(b->host->ctx);
}

static void log_of(void *ctx, enum rkv_log_level level, const char *module, const char *text) {
  struct broken *b = ctx;
  b->host->log(b->host->ctx, level, module, text);
}

static uint8_t *alloc_of(void *ctx, size_t len, struct rkv_buf *buf) {
  struct broken *b = ctx;
  return b->host->buf_alloc(b->host->ctx, len, buf);
}

static void fatal_of(void *ctx, enum rkv_status status, const char *text) {
  struct broken *b = ctx;
  b->host->fatal(b->host->ctx, status, text);
}

const struct rkv_host *broken_host(struct broken *b) {
  if (b->fault != FAULT_shy_of_strangers) return b->host;
  b->guests.host = *b->host;
  b->guests.host.ctx = b;
  b->guests.host.now_ns = now_of;
  b->guests.host.log = log_of;
  b->guests.host.buf_alloc = alloc_of;
  b->guests.host.metric_register = metric_of;
  b->guests.host.fatal = fatal_of;
  return &b->guests.host;
}

static void *watch(void *arg) {
  struct broken *b = arg;
  unsigned seen = 0;
  while (!atomic_load(&b->guests.over)) {
    if (b->guests.open.read(b->guests.open.arg) > PEERS_OWN && ++seen > STRANGERS_FEW)
      atomic_store(&b->guests.shy, true);
    (void)nanosleep(&(struct timespec){0, LOOK_NS}, NULL);
  }
  return NULL;
}

void broken_guests_begin(struct broken *b) {
  if (b->guests.open.read)
    b->guests.watched = pthread_create(&b->guests.watcher, NULL, watch, b) == 0;
}

void broken_guests_end(struct broken *b) {
  atomic_store(&b->guests.over, true);
  if (b->guests.watched) (void)pthread_join(b->guests.watcher, NULL);
}
