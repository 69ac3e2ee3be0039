/* damage_test.c: production nodes in virtual time. The storage of one of them has a damaged
 * snapshot, or reads other entries than it was asked for: that node stops, and does not go on
 * leading. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include <support/world.h>
#include <support/world_internal.h>

#define SECONDS UINT64_C(1000000000)

/* ---- storage-mem whose snapshots and reads one can damage ---- */

struct reader {
  void *storage, *real;
};

static struct {
  const struct rkv_storage_ops *mem;
  struct rkv_storage_ops ops;
  void *damaged; /* the instance that reads no snapshot any more; NULL: none */
  void *shifted; /* the instance that reads the entries behind those that were asked for */
} device;        /* operations have no other way to it */

static enum rkv_status snapshot_open(void *storage, void **reader, struct rkv_snapshot_meta *meta,
                                     struct rkv_error *error) {
  struct reader *r = calloc(1, sizeof *r);
  assert_non_null(r);
  r->storage = storage;
  enum rkv_status status = device.mem->snapshot_open(storage, &r->real, meta, error);
  if (status == RKV_OK)
    *reader = r;
  else
    free(r);
  return status;
}

static enum rkv_status snapshot_read(void *reader, uint64_t offset, size_t max,
                                     struct rkv_buf *chunk, struct rkv_error *error) {
  struct reader *r = reader;
  if (r->storage == device.damaged)
    return rkv_fail(error, RKV_CORRUPT, "snapshot: block 0 is damaged");
  return device.mem->snapshot_read(r->real, offset, max, chunk, error);
}

static void snapshot_close(void *reader) {
  struct reader *r = reader;
  device.mem->snapshot_close(r->real);
  free(r);
}

static enum rkv_status read_entries(void *storage, rkv_index from, rkv_index to, uint64_t max,
                                    struct rkv_entry *entries, size_t capacity, size_t *count,
                                    struct rkv_error *error) {
  const unsigned shift = storage == device.shifted;
  return device.mem->read(storage, from + shift, to + shift, max, entries, capacity, count, error);
}

static enum rkv_status stopped_with;

static void on_fatal(struct world *w, rkv_node_id id, enum rkv_status status, const char *text) {
  (void)w, (void)id, (void)text;
  stopped_with = status;
}

static struct world *cluster(uint64_t snapshot_after) {
  static const rkv_node_id three[] = {1, 2, 3};
  struct world *w = world_new(1);
  device.mem = w->storage;
  device.ops = *w->storage;
  device.damaged = device.shifted = NULL;
  device.ops.read = read_entries;
  device.ops.snapshot_open = snapshot_open;
  device.ops.snapshot_read = snapshot_read;
  device.ops.snapshot_close = snapshot_close;
  w->storage = &device.ops;
  w->on_fatal = on_fatal;
  world_options(w)->snapshot_after = snapshot_after;
  world_options(w)->hot_tail_bytes_max = 1024;
  world_options(w)->append_bytes_max = 256;
  world_options(w)->keep_entries = 1;
  world_options(w)->purge_hold_entries = 1;
  for (rkv_node_id id = 1; id <= 3; id++) world_start(w, id);
  assert_int_equal(world_init(w, 1, three, 3).status, RKV_OK);
  assert_int_not_equal(world_wait_leader(w), 0);
  assert_true(world_settle(w));
  return w;
}

/* A follower needs the snapshot that the leader's storage cannot read any more: the leader stops
 * and says so, and the next one brings the follower up. */
static void a_leader_with_a_damaged_snapshot_stops(void **state) {
  struct world *w = cluster(10);
  rkv_node_id old = world_leader(w), behind = old % 3 + 1;
  (void)state;
  world_isolate(w, behind, true);
  for (int i = 0; i < 40; i++) assert_int_equal(world_set(w, old, "key", "value").status, RKV_OK);
  assert_true(world_metrics(w, old).purged.index > world_metrics(w, behind).last.index);
  stopped_with = RKV_OK;
  device.damaged = w->nodes[old].storage;
  world_isolate(w, behind, false);
  world_run(w, 10 * SECONDS);
  assert_int_equal(stopped_with, RKV_CORRUPT);
  world_stop(w, old);
  assert_int_not_equal(world_wait_leader(w), 0);
  assert_true(world_settle(w));
  assert_string_equal(world_get(w, behind, "key").text, "value");
  world_free(w);
}

/* A follower lags behind the hot tail, and the leader's storage gives other entries than those that
 * it was asked for: the leader stops and says whose fault it is. */
static void a_leader_whose_storage_reads_wrong_entries_stops(void **state) {
  struct world *w = cluster(0);
  rkv_node_id old = world_leader(w), behind = old % 3 + 1;
  (void)state;
  world_isolate(w, behind, true);
  for (int i = 0; i < 300; i++) assert_int_equal(world_set(w, old, "key", "value").status, RKV_OK);
  stopped_with = RKV_OK;
  device.shifted = w->nodes[old].storage;
  world_isolate(w, behind, false);
  world_run(w, 10 * SECONDS);
  assert_int_equal(stopped_with, RKV_BROKEN);
  world_stop(w, old);
  assert_int_not_equal(world_wait_leader(w), 0);
  assert_true(world_settle(w));
  assert_string_equal(world_get(w, behind, "key").text, "value");
  world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_leader_whose_storage_reads_wrong_entries_stops),
      cmocka_unit_test(a_leader_with_a_damaged_snapshot_stops),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
