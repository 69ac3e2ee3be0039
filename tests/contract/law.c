/* law.c: the vocabulary of all laws: how a law ends, amounts, bytes, completions. */
#define _GNU_SOURCE /* explicit_bzero */
#include "contract.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "run.h"

/* ---- how a law ends ---- */

_Noreturn static void end(struct contract *c, int result) {
  if (c->end) c->end(c, result);
  _exit(result);
}

void contract_fail(struct contract *c, const char *format, ...) {
  if (atomic_fetch_add(&c->shared->failures, 1) == 0) {
    va_list args;
    va_start(args, format);
    (void)vsnprintf(c->shared->text, sizeof c->shared->text, format, args);
    va_end(args);
  }
  end(c, RUN_FAILED);
}

void contract_skip(struct contract *c, const char *format, ...) {
  va_list args;
  va_start(args, format);
  (void)vsnprintf(c->shared->note, sizeof c->shared->note, format, args);
  va_end(args);
  end(c, RUN_SKIPPED);
}

void contract_note(struct contract *c, const char *format, ...) {
  va_list args;
  va_start(args, format);
  (void)vsnprintf(c->shared->note, sizeof c->shared->note, format, args);
  va_end(args);
}

/* ---- amounts ---- */

uint64_t contract_amount(const struct contract *c, uint64_t basic, uint64_t crash, uint64_t full) {
  if (c->level == CONTRACT_FULL) return full;
  return c->level == CONTRACT_CRASH ? crash : basic;
}

/* splitmix64 (Steele, Lea, Flood 2014). */
uint64_t contract_random(uint64_t *state) {
  uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

uint64_t contract_between(uint64_t *state, uint64_t low, uint64_t high) {
  return low + contract_random(state) % (high - low + 1);
}

uint64_t contract_now_ms(void) {
  struct timespec now = {0, 0};
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void contract_pause_ms(unsigned ms) {
  struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000};
  (void)nanosleep(&pause, NULL);
}

/* ---- bytes ---- */

/* One allocation: owner, whose law it is, bytes. */
struct block {
  struct rkv_buf_owner owner;
  struct contract *c;
  size_t len;
  uint8_t bytes[];
};

static void block_free(struct rkv_buf_owner *owner) {
  struct block *block = (struct block *)owner;
  if (atomic_fetch_sub(&block->c->buffers, 1) <= 0)
    contract_fail(block->c, "a buffer's last reference was dropped twice");
  explicit_bzero(block->bytes, block->len); /* a plugin that still reads the bytes finds others */
  free(block);
}

static uint8_t *block_new(struct contract *c, size_t len, struct rkv_buf *out) {
  struct block *block = len <= SIZE_MAX - sizeof *block ? calloc(1, sizeof *block + len) : NULL;
  *out = rkv_buf_none();
  if (!block) return NULL;
  block->owner = (struct rkv_buf_owner){1, 0, block_free};
  block->c = c;
  block->len = len;
  (void)atomic_fetch_add(&c->buffers, 1);
  *out = (struct rkv_buf){block->bytes, len, &block->owner};
  return block->bytes;
}

struct rkv_buf contract_bytes(struct contract *c, const void *data, size_t len) {
  struct rkv_buf buf;
  uint8_t *bytes = block_new(c, len, &buf);
  CONTRACT_REQUIRE(c, bytes, "the suite has no memory for %zu bytes", len);
  if (data && len > 0) memcpy(bytes, data, len);
  return buf;
}

void contract_no_buffers(struct contract *c) {
  int alive = atomic_load(&c->buffers);
  CONTRACT_REQUIRE(c, alive == 0, "%d buffers still have references after everything was closed",
                   alive);
}

/* ---- the host ---- */

static void host_log(void *ctx, enum rkv_log_level level, const char *module, const char *text) {
  struct contract_host *h = ctx;
  CONTRACT_REQUIRE(h->c, module && text && !strchr(text, '\n'),
                   "it logged without module or text, or more than one line");
  if (level < RKV_LOG_WARN) return;
  (void)pthread_mutex_lock(&h->lock);
  (void)snprintf(h->warning, sizeof h->warning, "%s", text);
  (void)pthread_mutex_unlock(&h->lock);
}

static uint64_t host_now_ns(void *ctx) {
  const struct contract_host *h = ctx;
  struct timespec now = {0, 0};
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec + h->later_ns;
}

static uint8_t *host_buf_alloc(void *ctx, size_t len, struct rkv_buf *out) {
  return block_new(((struct contract_host *)ctx)->c, len, out);
}

static enum rkv_status host_metric(void *ctx, const struct rkv_metric *metric,
                                   struct rkv_error *error) {
  struct contract_host *h = ctx;
  CONTRACT_REQUIRE(h->c, metric && metric->name && metric->help && metric->read,
                   "it registered a metric without name, help or read");
  if (h->metric_count == CONTRACT_METRICS_MAX)
    return rkv_fail(error, RKV_FULL, "at most %d metrics", CONTRACT_METRICS_MAX);
  for (size_t i = 0; i < h->metric_count; i++)
    CONTRACT_REQUIRE(h->c, strcmp(h->metrics[i], metric->name) != 0,
                     "it registered the metric %s twice", metric->name);
  h->metrics[h->metric_count++] = metric->name;
  return RKV_OK;
}

static void host_fatal(void *ctx, enum rkv_status status, const char *text) {
  struct contract_host *h = ctx;
  (void)pthread_mutex_lock(&h->lock);
  if (h->fatal == RKV_OK) {
    h->fatal = status == RKV_OK ? RKV_BROKEN : status;
    (void)snprintf(h->fatal_text, sizeof h->fatal_text, "%s", text);
  }
  (void)pthread_mutex_unlock(&h->lock);
}

void contract_host_init(struct contract_host *h, struct contract *c, rkv_node_id node_id) {
  memset(h, 0, sizeof *h);
  h->c = c;
  (void)pthread_mutex_init(&h->lock, NULL);
  h->host = (struct rkv_host){
      .struct_size = sizeof h->host,
      .log_level = RKV_LOG_DEBUG,
      .ctx = h,
      .node_id = node_id,
      .node_addr = "127.0.0.1:1",
      .log = host_log,
      .now_ns = host_now_ns,
      .buf_alloc = host_buf_alloc,
      .metric_register = host_metric,
      .fatal = host_fatal,
      .open_under = contract_open_under,
  };
}

enum rkv_status contract_host_fatal(struct contract_host *h) {
  enum rkv_status status;
  (void)pthread_mutex_lock(&h->lock);
  status = h->fatal;
  (void)pthread_mutex_unlock(&h->lock);
  return status;
}

void contract_host_calm(struct contract_host *h) {
  CONTRACT_REQUIRE(h->c, contract_host_fatal(h) == RKV_OK,
                   "it reported fatal without cause: %s: %s", rkv_status_name(h->fatal),
                   h->fatal_text);
}

struct rkv_config contract_config(const struct contract *c, const char *dir,
                                  struct rkv_value *values) {
  size_t count = c->plugin->option_count;
  if (count > 0) memcpy(values, c->values, count * sizeof *values);
  if (c->dir_option >= 0) values[c->dir_option].text = dir ? dir : c->dir;
  return (struct rkv_config){sizeof(struct rkv_config), (uint32_t)count, values};
}

struct rkv_error *contract_ask(struct rkv_error *error) {
  memset(error, 0, sizeof *error);
  return error;
}

void contract_text_ok(struct contract *c, enum rkv_status status, const struct rkv_error *error,
                      const char *what) {
  CONTRACT_REQUIRE(c, error, "%s ended with %s and no error", what, rkv_status_name(status));
  size_t len = strnlen(error->text, sizeof error->text);
  CONTRACT_REQUIRE(c, status <= RKV_BROKEN, "%s ended with %u, which is no status", what,
                   (unsigned)status);
  CONTRACT_REQUIRE(c, error->status == (uint32_t)status,
                   "%s ended with %s, and its error says status %u", what, rkv_status_name(status),
                   error->status);
  CONTRACT_REQUIRE(c, len > 0 && len < sizeof error->text && !strchr(error->text, '\n'),
                   "%s gave no error text, or one of more than one line", what);
}

/* ---- completions ---- */

static void told_done(struct rkv_completion *self, enum rkv_status status,
                      const struct rkv_error *error) {
  struct contract_told *told = (struct contract_told *)self;
  int before = atomic_load(&told->times);
  CONTRACT_REQUIRE(told->c, before == 0, "the completion of %s was called twice", told->what);
  CONTRACT_REQUIRE(told->c, (status == RKV_OK) == (error == NULL),
                   "the completion of %s got %s %s an error", told->what, rkv_status_name(status),
                   error ? "with" : "without");
  if (error) contract_text_ok(told->c, status, error, told->what);
  told->status = status;
  if (error) (void)snprintf(told->text, sizeof told->text, "%s", error->text);
  atomic_store(&told->times, 1);
}

void contract_told_init(struct contract_told *told, struct contract *c, const char *what) {
  memset(told, 0, sizeof *told);
  told->completion.done = told_done;
  told->c = c;
  told->what = what;
}

bool contract_told_yet(struct contract_told *told) {
  return atomic_load(&told->times) > 0;
}

enum rkv_status contract_told_wait(struct contract_told *told) {
  uint64_t until = contract_now_ms() + UINT64_C(1000) * told->c->wait_s * told->c->slow;
  for (unsigned turn = 0; !contract_told_yet(told); turn++) {
    CONTRACT_REQUIRE(told->c, contract_now_ms() < until,
                     "the completion of %s was not called within %u s", told->what,
                     told->c->wait_s * told->c->slow);
    (void)nanosleep(&(struct timespec){0, turn < 100 ? 20000 : 500000}, NULL);
  }
  return told->status;
}

void contract_told_ok(struct contract_told *told) {
  enum rkv_status status = contract_told_wait(told);
  CONTRACT_REQUIRE(told->c, status == RKV_OK, "%s ended with %s: %s", told->what,
                   rkv_status_name(status), told->text);
}
