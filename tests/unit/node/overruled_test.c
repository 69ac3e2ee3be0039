/* overruled_test.c: a node dies after a snapshot that overrules its log became durable, and before
 * the log is truncated and purged. The memberships in that log were never committed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include <node/kernel/state.h>
#include <node/save.h>
#include <support/world.h>
#include <support/world_internal.h>

#define SECONDS UINT64_C(1000000000)
#define ENTRIES_MAX 64

/* What node 1's disk holds when it dies, and where its snapshot came from. */
static struct {
  const struct rkv_storage_ops *mem;
  struct rkv_storage_ops ops;
  struct rkv_storage_state state;
  struct rkv_entry entries[ENTRIES_MAX];
  size_t count;
  void *sender; /* whose snapshot is durable here, too */
  bool armed;
} disk; /* operations have no other way to it */

static void ignore(struct rkv_completion *self, enum rkv_status status,
                   const struct rkv_error *error) {
  (void)self, (void)error;
  assert_int_equal(status, RKV_OK);
}

static struct rkv_completion nothing = {ignore};

static void copy_snapshot(void *to) {
  struct rkv_snapshot_meta meta = {0};
  struct rkv_error error = {0};
  void *reader = NULL, *writer = NULL;
  uint64_t offset = 0;
  assert_int_equal(disk.mem->snapshot_open(disk.sender, &reader, &meta, &error), RKV_OK);
  assert_int_equal(disk.mem->snapshot_begin(to, &meta, &writer, &error), RKV_OK);
  for (;;) {
    struct rkv_buf chunk = rkv_buf_none();
    assert_int_equal(disk.mem->snapshot_read(reader, offset, 65536, &chunk, &error), RKV_OK);
    offset += chunk.len;
    if (chunk.len > 0) assert_int_equal(disk.mem->snapshot_write(writer, chunk, &error), RKV_OK);
    bool end = chunk.len == 0;
    rkv_buf_drop(&chunk);
    if (end) break;
  }
  assert_int_equal(disk.mem->snapshot_commit(writer, &error), RKV_OK);
  disk.mem->snapshot_close(reader);
  rkv_buf_drop(&meta.membership);
}

/* storage-mem that holds what the disk held. */
static enum rkv_status open_disk(const struct rkv_host *host, const struct rkv_config *config,
                                 void **storage, struct rkv_error *error) {
  enum rkv_status status = disk.mem->open(host, config, storage, error);
  if (status != RKV_OK || !disk.armed || host->node_id != 1) return status;
  disk.mem->save_identity(*storage, disk.state.identity, &nothing);
  disk.mem->save_vote(*storage, disk.state.vote, &nothing);
  disk.mem->append(*storage, disk.entries, disk.count, &nothing);
  copy_snapshot(*storage);
  return RKV_OK;
}

static void remember(struct world *w) {
  struct rkv_error error = {0};
  void *storage = w->nodes[1].storage;
  assert_int_equal(disk.mem->load(storage, &disk.state, &error), RKV_OK);
  assert_int_equal(disk.state.purged.index, 0);
  assert_int_equal(disk.mem->read(storage, 1, disk.state.last.index, UINT64_MAX, disk.entries,
                                  ENTRIES_MAX, &disk.count, &error),
                   RKV_OK);
  assert_int_equal(disk.count, disk.state.last.index);
}

static struct world *cluster(void) {
  static const rkv_node_id three[] = {1, 2, 3};
  struct world *w = world_new(1);
  disk.mem = w->storage;
  disk.ops = *w->storage;
  disk.ops.open = open_disk;
  disk.armed = false;
  w->storage = &disk.ops;
  world_options(w)->snapshot_after = 1000;
  for (rkv_node_id id = 1; id <= 3; id++) world_start(w, id);
  assert_int_equal(world_init(w, 1, three, 3).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), 1);
  assert_true(world_settle(w));
  return w;
}

static bool has_snapshot(struct world *w, void *arg) {
  (void)arg;
  return world_metrics(w, 2).purged.index >= 20;
}

/* Node 1 led, was cut off, and wrote a change to itself alone that nobody got. */
static void an_overruled_change_is_not_revived(void **state) {
  const rkv_node_id alone[] = {1};
  struct world *w = cluster();
  (void)state;
  for (rkv_node_id id = 2; id <= 3; id++) { /* nodes 2 and 3 keep no log for node 1 */
    world_stop(w, id);
    world_options(w)->snapshot_after = 10;
    world_options(w)->keep_entries = 1;
    world_options(w)->purge_hold_entries = 1;
    world_start(w, id);
    world_run(w, 60 * SECONDS);
  }
  assert_int_not_equal(world_wait_leader(w), 0);
  if (world_leader(w) != 1) assert_int_equal(world_transfer(w, world_leader(w), 1).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), 1);
  assert_true(world_settle(w));
  world_isolate(w, 1, true);
  assert_int_not_equal(world_change(w, 1, alone, 1, true).status, RKV_OK);
  assert_int_equal(world_metrics(w, 1).membership.config_count, 2);
  remember(w);
  world_run(w, 30 * SECONDS);
  rkv_node_id leader = world_leader(w);
  assert_int_not_equal(leader, 1);
  for (int i = 0; i < 40; i++) assert_int_equal(world_set(w, leader, "k", "v").status, RKV_OK);
  assert_true(world_until(w, 30 * SECONDS, has_snapshot, NULL));
  disk.sender = w->nodes[2].storage;
  disk.armed = true;
  world_stop(w, 1);
  world_start(w, 1);
  struct rkv_membership m = world_metrics(w, 1).membership;
  assert_int_equal(m.config_count, 1);
  assert_int_equal(m.configs[0].count, 3);
  for (int i = 0; i < 60; i++) {
    world_run(w, SECONDS);
    assert_string_not_equal(world_metrics(w, 1).state, "leader");
  }
  world_isolate(w, 1, false);
  world_run(w, 30 * SECONDS);
  assert_true(world_settle(w));
  assert_string_equal(world_get(w, 1, "k").text, "v");
  for (size_t i = 0; i < disk.count; i++) rkv_buf_drop(&disk.entries[i].payload);
  rkv_buf_drop(&disk.state.snapshot.membership);
  world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(an_overruled_change_is_not_revived)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
