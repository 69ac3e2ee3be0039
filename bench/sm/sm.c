/* sm.c: measures sm-protobuf: bench-sm [KEYS...] (default 10000 100000 1000000).
 *
 * Per number of keys, on a fresh machine (16-byte keys in random order, 256-byte values, applied in
 * batches of 64): inserts, overwrites and gets per second of CPU time, resident memory; then
 * snapshot_begin, and the longest single apply while another thread reads the snapshot. The wall
 * time includes what the scheduler does; the applier's CPU time is what the state machine itself
 * costs. */
#include "fake_host.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define KEY_BYTES 16
#define VALUE_BYTES 256
#define BATCH 64
#define COMMAND_BYTES (2 + KEY_BYTES + 3 + VALUE_BYTES)
#define CHUNK_BYTES (1u << 20)
#define OPS_MAX 1000000u /* overwrites and gets measured */

struct bench {
  const struct rkv_state_machine_ops *ops;
  void *sm;
  struct rkv_log_id last;
  uint64_t keys;
};

struct reading {
  struct bench *b;
  void *snapshot;
  uint64_t bytes, ns;
  atomic_bool done;
};

static uint64_t clock_ns(clockid_t clock) {
  struct timespec t;
  (void)clock_gettime(clock, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void must(enum rkv_status status, const char *what) {
  if (status == RKV_OK) return;
  (void)fprintf(stderr, "bench-sm: %s: %s\n", what, rkv_status_name(status));
  exit(1);
}

/* A permutation of [0, 2^64) that looks random (splitmix64's finalizer). */
static uint64_t scatter(uint64_t n) {
  n += UINT64_C(0x9e3779b97f4a7c15);
  n = (n ^ n >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  n = (n ^ n >> 27) * UINT64_C(0x94d049bb133111eb);
  return n ^ n >> 31;
}

static size_t make_key(uint64_t n, uint8_t *out) {
  uint64_t number = scatter(n);
  out[0] = 0x0a, out[1] = KEY_BYTES;
  for (unsigned i = 0; i < KEY_BYTES; i++)
    out[2 + i] = (uint8_t) "0123456789abcdef"[number >> (60 - 4 * i) & 15];
  return 2 + KEY_BYTES;
}

static void make_command(uint64_t n, uint8_t *out) {
  size_t len = make_key(n, out);
  out[len++] = 0x12, out[len++] = 0x80 | (VALUE_BYTES & 0x7f), out[len++] = VALUE_BYTES >> 7;
  memset(out + len, 'a' + (int)(n % 26), VALUE_BYTES);
}

/* Applies sets of the keys numbered numbers[0..count). */
static void apply(struct bench *b, const uint64_t *numbers, size_t count) {
  static _Thread_local uint8_t commands[BATCH][COMMAND_BYTES];
  struct rkv_entry entries[BATCH] = {{{0, 0}, 0, 0, RKV_BUF_NONE_INIT}};
  struct rkv_buf results[BATCH];
  for (size_t i = 0; i < count; i++) {
    make_command(numbers[i], commands[i]);
    b->last = (struct rkv_log_id){1, b->last.index + 1};
    entries[i] = (struct rkv_entry){.id = b->last, .kind = RKV_ENTRY_COMMAND};
    entries[i].payload = rkv_buf_static(commands[i], COMMAND_BYTES);
    results[i] = rkv_buf_none();
  }
  must(b->ops->apply(b->sm, entries, count, results, NULL), "apply");
  for (size_t i = 0; i < count; i++) rkv_buf_drop(&results[i]);
}

/* Sets `count` keys, 0, 1, 2, ... (`fresh`) or random ones that exist. Returns puts per second. */
static double put_many(struct bench *b, uint64_t count, bool fresh) {
  uint64_t begin = clock_ns(CLOCK_THREAD_CPUTIME_ID);
  for (uint64_t n = 0; n < count;) {
    uint64_t numbers[BATCH];
    size_t len = 0;
    for (; len < BATCH && n < count; n++) numbers[len++] = fresh ? n : scatter(n) % b->keys;
    apply(b, numbers, len);
  }
  return (double)count * 1e9 / (double)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin);
}

static double get_many(struct bench *b, uint64_t count) {
  uint64_t begin = clock_ns(CLOCK_THREAD_CPUTIME_ID);
  for (uint64_t n = 0; n < count; n++) {
    uint8_t request[2 + KEY_BYTES];
    struct rkv_buf answer;
    size_t len = make_key(scatter(n) % b->keys, request);
    must(b->ops->query(b->sm, rkv_buf_static(request, len), &answer, NULL), "query");
    if (answer.len != 3 + VALUE_BYTES) must(RKV_CORRUPT, "query: wrong answer");
    rkv_buf_drop(&answer);
  }
  return (double)count * 1e9 / (double)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin);
}

static double resident_mb(void) {
  unsigned long total = 0, resident = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file || fscanf(file, "%lu %lu", &total, &resident) != 2) resident = 0;
  if (file) (void)fclose(file);
  return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static void *read_snapshot(void *arg) {
  struct reading *r = arg;
  uint64_t begin = clock_ns(CLOCK_MONOTONIC);
  for (;;) {
    struct rkv_buf chunk;
    must(r->b->ops->snapshot_read(r->snapshot, CHUNK_BYTES, &chunk, NULL), "snapshot_read");
    if (chunk.len == 0) break;
    r->bytes += chunk.len;
    rkv_buf_drop(&chunk);
  }
  r->ns = clock_ns(CLOCK_MONOTONIC) - begin;
  atomic_store(&r->done, true);
  return NULL;
}

/* Takes a snapshot, reads it in a second thread and applies single puts until it is read. */
static void snapshot_while_applying(struct bench *b) {
  struct reading r = {.b = b};
  struct rkv_snapshot_meta meta;
  uint64_t begin = clock_ns(CLOCK_MONOTONIC), began, wall_max = 0, cpu_max = 0, puts = 0;
  pthread_t thread;
  must(b->ops->snapshot_begin(b->sm, &r.snapshot, &meta, NULL), "snapshot_begin");
  began = clock_ns(CLOCK_MONOTONIC) - begin;
  if (pthread_create(&thread, NULL, read_snapshot, &r) != 0) must(RKV_NO_MEMORY, "thread");
  for (; !atomic_load(&r.done); puts++) {
    uint64_t number = scatter(puts) % b->keys;
    uint64_t wall = clock_ns(CLOCK_MONOTONIC), cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    apply(b, &number, 1);
    cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu, wall = clock_ns(CLOCK_MONOTONIC) - wall;
    if (wall > wall_max) wall_max = wall;
    if (cpu > cpu_max) cpu_max = cpu;
  }
  (void)pthread_join(thread, NULL);
  printf(" %9.1f %9.0f %9.0f %10.0f %9.0f", (double)began / 1e3,
         (double)r.bytes * 1e3 / (double)r.ns, (double)puts * 1e9 / (double)r.ns,
         (double)wall_max / 1e3, (double)cpu_max / 1e3);
  begin = clock_ns(CLOCK_MONOTONIC);
  b->ops->snapshot_end(r.snapshot);
  printf(" %8.1f\n", (double)(clock_ns(CLOCK_MONOTONIC) - begin) / 1e6);
  rkv_buf_drop(&meta.membership);
}

static void run(const struct rkv_plugin *plugin, uint64_t keys) {
  const struct rkv_value values[] = {{"", "bench", 4096}, {"", "bench", 1u << 20}};
  const struct rkv_config config = {sizeof config, 2, values};
  struct bench b = {.ops = plugin->ops, .keys = keys};
  struct fake_host host;
  double before = resident_mb();
  fake_host_init(&host);
  must(b.ops->open(&host.host, &config, &b.sm, NULL), "open");
  printf("%9" PRIu64, keys);
  printf(" %9.0f", put_many(&b, keys, true));
  printf(" %8.0f", resident_mb() - before);
  printf(" %9.0f", put_many(&b, OPS_MAX, false));
  printf(" %9.0f", get_many(&b, OPS_MAX));
  (void)fflush(stdout);
  snapshot_while_applying(&b);
  b.ops->close(b.sm);
}

static int help(void) {
  printf("bench-sm [KEYS...]   measures sm-protobuf with so many keys (10000 100000 1000000)\n");
  return 0;
}

int main(int argc, char **argv) {
  const struct rkv_plugin *plugin;
  if (argc > 1 && strcmp(argv[1], "--help") == 0) return help();
  plugin = fake_host_load("sm-protobuf");
  printf("%9s %9s %8s %9s %9s %9s %9s %9s %10s %9s %8s\n", "keys", "insert/s", "RSS MB",
         "replace/s", "get/s", "begin us", "read MB/s", "put/s*", "max us*", "max cpu*", "end ms");
  for (int i = 1; i < argc; i++) run(plugin, strtoull(argv[i], NULL, 10));
  if (argc == 1)
    for (uint64_t keys = 10000; keys <= 1000000; keys *= 10) run(plugin, keys);
  printf("* while the snapshot is read: longest single apply, wall and CPU time of the applier\n");
  return 0;
}
