/* store_test.c: storage-wal alone on a device, in virtual time: what chance seldom tells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <wal.h>

#include "device.h"

#define MS UINT64_C(1000000)
#define SEGMENT_BYTES UINT64_C(16384)
#define ENTRY_BYTES 2048
#define WRITES_MAX 200
#define SEEDS 200
#define LONG_MS 20000 /* until the storage tries as seldom as it ever does */

struct bench {
  struct world *w;
  struct turns *turns;
  struct device *dev;
  struct rkv_host host;
  struct rkv_value values[WAL_OPTIONS];
  void *storage;
  rkv_index last, done;
  bool dies; /* calls may end otherwise than well */
};

struct call {
  struct rkv_completion completion; /* first */
  struct bench *bench;
  rkv_index index;
};

static void on_log(void *ctx, enum rkv_log_level level, const char *module, const char *text) {
  (void)ctx, (void)level, (void)module, (void)text;
}

static uint64_t now_ns(void *ctx) {
  return world_now(((struct bench *)ctx)->w);
}

static enum rkv_status metric_register(void *ctx, const struct rkv_metric *metric,
                                       struct rkv_error *error) {
  (void)ctx, (void)metric, (void)error;
  return RKV_OK;
}

static void after(void *arg) {
  (void)arg;
}

static void on_fatal(void *ctx, enum rkv_status status, const char *text) {
  (void)status, (void)text;
  assert_true(((struct bench *)ctx)->dies);
}

static uint8_t *buf_alloc(void *ctx, size_t len, struct rkv_buf *out) {
  (void)ctx, (void)len, (void)out;
  return NULL; /* nobody reads */
}

/* A life begins. */
static void start(struct bench *b) {
  struct rkv_config config = {sizeof config, WAL_OPTIONS, b->values};
  struct rkv_storage_state state;
  struct rkv_error error;
  assert_int_equal(wal_open_on(&b->host, &config, device_files(b->dev), turns_table(b->turns),
                               &b->storage, &error),
                   RKV_OK);
  assert_int_equal(wal_ops.load(b->storage, &state, &error), RKV_OK);
  b->last = b->done = state.last.index;
  b->dies = false;
}

static void bench_open(struct bench *b, uint64_t seed) {
  size_t n = 0;
  b->w = world_new(seed);
  b->turns = turns_new(b->w, 1, after, b);
  b->dev = device_new(b->w, b->turns);
  b->host = (struct rkv_host){.struct_size = sizeof b->host,
                              .ctx = b,
                              .node_id = 1,
                              .log = on_log,
                              .now_ns = now_ns,
                              .buf_alloc = buf_alloc,
                              .fatal = on_fatal,
                              .metric_register = metric_register};
  b->values[n++].text = "disk";
  b->values[n++].number = SEGMENT_BYTES;
  b->values[n++].number = 1; /* spares_max */
  b->values[n++].number = SEGMENT_BYTES * WRITES_MAX;
  b->values[n++].number = true; /* sync */
  assert_int_equal(n, WAL_OPTIONS);
  start(b);
}

/* Power is gone, whatever was on its way. */
static void lose_power(struct bench *b) {
  b->dies = true;
  device_kill(b->dev);
  wal_ops.close(b->storage);
  device_power_loss(b->dev);
}

static void bench_close(struct bench *b) {
  if (b->storage) wal_ops.close(b->storage);
  world_free(b->w);
  device_free(b->dev);
  turns_free(b->turns);
}

static void on_done(struct rkv_completion *completion, enum rkv_status status,
                    const struct rkv_error *error) {
  struct call *call = (struct call *)completion;
  (void)error;
  assert_true(status == RKV_OK || call->bench->dies);
  if (status == RKV_OK) call->bench->done = call->index;
  free(call);
}

static void append(struct bench *b) {
  static const uint8_t bytes[ENTRY_BYTES];
  struct rkv_entry e = {.id = {1, ++b->last},
                        .kind = RKV_ENTRY_COMMAND,
                        .payload = rkv_buf_static(bytes, sizeof bytes)};
  struct call *call = calloc(1, sizeof *call);
  assert_non_null(call);
  *call = (struct call){{on_done}, b, e.id.index};
  wal_ops.append(b->storage, &e, 1, &call->completion);
}

/* One entry; true: it was durable within so long. */
static bool write_one(struct bench *b, uint64_t ms) {
  append(b);
  for (; ms > 0 && b->done < b->last; ms--) world_run(b->w, MS);
  return b->done == b->last;
}

/* Up to an entry of the first segment. */
static void snapshot_and_purge(struct bench *b, rkv_index index) {
  struct rkv_snapshot_meta meta = {.last = {1, index}, .membership_id = {1, 1}, .id = "first"};
  struct rkv_error error;
  void *writer;
  assert_int_equal(wal_ops.snapshot_begin(b->storage, &meta, &writer, &error), RKV_OK);
  assert_int_equal(wal_ops.snapshot_commit(writer, &error), RKV_OK);
  wal_ops.purge(b->storage, meta.last);
}

/* A device whose room is less than it tells of: such a one is tried ever more seldom. */
static bool fills_up_silently(struct bench *b) {
  const struct files *f = device_files(b->dev);
  uint64_t bytes;
  device_faults(b->dev)->full_after = 1;
  while (b->last < WRITES_MAX && write_one(b, LONG_MS)) {
  }
  assert_true(f->free_bytes(f->ctx, 1, &bytes) == 0);
  return bytes > SEGMENT_BYTES;
}

/* A segment that was used again ends the want: what comes behind it waits for no try that was put
 * off before. */
static void nothing_waits_behind_a_recycled_segment(void **state) {
  bool silently = false;
  (void)state;
  for (uint64_t seed = 1; seed <= SEEDS && !silently; seed++) {
    struct bench b = {0};
    bench_open(&b, seed);
    const rkv_index of_first = (SEGMENT_BYTES - 4096) / (ENTRY_BYTES + 40) - 1;
    for (rkv_index i = 0; i < 4 * of_first; i++) assert_true(write_one(&b, 1000));
    silently = fills_up_silently(&b);
    device_calm(b.dev);
    snapshot_and_purge(&b, of_first + 1);
    world_run(b.w, 100 * MS);
    assert_int_equal(b.done, b.last);
    for (rkv_index i = 0; i < 2 * of_first; i++) assert_true(write_one(&b, 300));
    bench_close(&b);
  }
  assert_true(silently);
}

/* The storage is closed in order and opened again; power goes while its first batch is written, and
 * of that the end alone is kept. The beginning is written again, the very same, and power goes once
 * more: the end does not come back. */
static void a_cut_off_end_does_not_come_back(void **state) {
  unsigned cut_off = 0;
  (void)state;
  for (uint64_t seed = 1; seed <= SEEDS; seed++) {
    struct bench b = {0};
    bench_open(&b, seed);
    assert_true(write_one(&b, 1000));
    wal_ops.close(b.storage);
    start(&b);
    for (int i = 0; i < 3; i++) append(&b);
    world_run(b.w, 25000); /* to the batch's write, not to the end of its sync */
    lose_power(&b);
    start(&b);
    if (b.last == 1) {
      cut_off++;
      assert_true(write_one(&b, 1000));
      lose_power(&b);
      start(&b);
      assert_int_equal(b.last, 2);
    }
    bench_close(&b);
  }
  assert_true(cut_off > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_waits_behind_a_recycled_segment),
                                     cmocka_unit_test(a_cut_off_end_does_not_come_back)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
