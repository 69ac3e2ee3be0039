/* again_test.c: production nodes in virtual time that start again over a storage that still has
 * their log, but for a while no room to read it. Committed entries are applied later; calls that a
 * snapshot overtakes meanwhile end in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <node/kernel/state.h>
#include <support/world.h>
#include <support/world_internal.h>

#define SECONDS UINT64_C(1000000000)

enum { NODES = 3, ENTRIES = 20 };

static const rkv_node_id three[] = {1, 2, 3};

/* ---- storage-mem that outlives its node, and whose reads one can refuse ---- */

static struct {
  const struct rkv_storage_ops *mem;
  struct rkv_storage_ops ops;
  void *kept[NODES + 1];
  void *short_of_room; /* the instance that reads no entries; NULL: none */
  enum rkv_status refusal;
  unsigned refused;
} device; /* operations have no other way to it */

static enum rkv_status open_again(const struct rkv_host *host, const struct rkv_config *config,
                                  void **storage, struct rkv_error *error) {
  void **kept = &device.kept[host->node_id];
  enum rkv_status status = *kept ? RKV_OK : device.mem->open(host, config, kept, error);
  *storage = *kept;
  return status;
}

static void keep(void *storage) {
  (void)storage;
}

static enum rkv_status read_entries(void *storage, rkv_index from, rkv_index to, uint64_t max,
                                    struct rkv_entry *entries, size_t capacity, size_t *count,
                                    struct rkv_error *error) {
  if (storage != device.short_of_room)
    return device.mem->read(storage, from, to, max, entries, capacity, count, error);
  device.refused++;
  return rkv_fail(error, device.refusal, "no file descriptor is free");
}

static enum rkv_status stopped_with;

static void on_fatal(struct world *w, rkv_node_id id, enum rkv_status status, const char *text) {
  (void)w, (void)id, (void)text;
  stopped_with = status;
}

static struct world *cluster(void) {
  struct world *w = world_new(1);
  memset(&device, 0, sizeof device);
  stopped_with = RKV_OK;
  device.mem = w->storage;
  device.ops = *w->storage;
  device.ops.open = open_again;
  device.ops.close = keep;
  device.ops.read = read_entries;
  w->storage = &device.ops;
  w->on_fatal = on_fatal;
  world_options(w)->hot_tail_bytes_max = 1;
  world_options(w)->snapshot_after = 2 * ENTRIES;
  world_options(w)->keep_entries = 1;
  world_options(w)->purge_hold_entries = 1;
  for (rkv_node_id id = 1; id <= NODES; id++) world_start(w, id);
  assert_int_equal(world_init(w, 1, three, NODES).status, RKV_OK);
  assert_int_not_equal(world_wait_leader(w), 0);
  return w;
}

static void end(struct world *w) {
  world_free(w);
  for (rkv_node_id id = 1; id <= NODES; id++) device.mem->close(device.kept[id]);
}

static void write_some(struct world *w, const char *value) {
  for (int i = 0; i < ENTRIES; i++)
    assert_int_equal(world_set(w, world_wait_leader(w), "key", value).status, RKV_OK);
}

/* The node starts anew and from then on reads no entries. */
static void start_short_of_room(struct world *w, rkv_node_id id, enum rkv_status refusal) {
  world_stop(w, id);
  world_start(w, id);
  device.refusal = refusal;
  device.short_of_room = device.kept[id];
}

/* ---- stories ---- */

/* What is committed cannot be read for want of a descriptor or of memory: the node goes on, tries
 * again with a pause, and applies it as soon as it can. */
static void entries_that_cannot_be_read_are_read_later(enum rkv_status refusal) {
  struct world *w = cluster();
  write_some(w, "value");
  assert_true(world_settle(w));
  rkv_node_id follower = world_leader(w) % NODES + 1;
  start_short_of_room(w, follower, refusal);
  world_run(w, 10 * SECONDS);
  assert_int_equal(stopped_with, RKV_OK);
  assert_int_equal(world_get(w, follower, "key").status, RKV_NOT_FOUND);
  assert_in_range(device.refused, 5, 200);
  device.short_of_room = NULL;
  assert_true(world_settle(w));
  assert_string_equal(world_get(w, follower, "key").text, "value");
  end(w);
}

static void without_descriptors_entries_are_read_later(void **state) {
  (void)state;
  entries_that_cannot_be_read_are_read_later(RKV_FULL);
}

static void without_memory_entries_are_read_later(void **state) {
  (void)state;
  entries_that_cannot_be_read_are_read_later(RKV_NO_MEMORY);
}

/* Any other refusal stops the node: a committed entry has to be there. */
static void an_entry_that_is_not_there_stops_the_node(void **state) {
  (void)state;
  struct world *w = cluster();
  write_some(w, "value");
  assert_true(world_settle(w));
  rkv_node_id follower = world_leader(w) % NODES + 1;
  start_short_of_room(w, follower, RKV_NOT_FOUND);
  world_run(w, 10 * SECONDS);
  assert_int_equal(stopped_with, RKV_NOT_FOUND);
  world_stop(w, follower);
  end(w);
}

struct write {
  struct rkv_propose_call propose; /* first: what the node knows */
  bool done;
  enum rkv_status status;
  struct rkv_error error;
};

static void on_done(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct write *write = (struct write *)call;
  assert_false(write->done);
  write->done = true;
  write->status = status;
  if (error) write->error = *error;
}

static void hand_in(struct world *w, rkv_node_id at, struct write *write) {
  static const uint8_t command[] = {0x0a, 1, 'w', 0x12, 1, '1'};
  const struct rkv_node_api *api = node_api(w->nodes[at].node);
  write->propose.call.done = on_done;
  write->propose.command = rkv_buf_static(command, sizeof command);
  api->propose(api->ctx, &write->propose);
  world_kick(w, at);
}

/* A leader that has just started commits writes and cannot apply them yet; deposed, it is sent a
 * snapshot that covers them. They are done, and whoever waits is told so, with no answer of the
 * machine. */
static void a_snapshot_ends_the_writes_that_it_covers(void **state) {
  (void)state;
  struct world *w = cluster();
  struct write writes[3] = {0};
  write_some(w, "old");
  assert_true(world_settle(w));
  rkv_node_id old = world_leader(w);
  start_short_of_room(w, old, RKV_FULL);
  world_run(w, 10 * SECONDS);
  assert_int_equal(world_transfer(w, world_wait_leader(w), old).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), old);
  for (size_t i = 0; i < 3; i++) hand_in(w, old, &writes[i]);
  world_run(w, 2 * SECONDS);
  struct world_metrics m = world_metrics(w, old);
  assert_true(m.committed.index >= writes[2].propose.id.index);
  assert_int_equal(m.applied.index, 0);
  world_isolate(w, old, true);
  world_run(w, 10 * SECONDS);
  for (size_t i = 0; i < 3; i++) assert_false(writes[i].done);
  write_some(w, "new");
  write_some(w, "new");
  write_some(w, "new");
  world_isolate(w, old, false);
  world_run(w, 10 * SECONDS);
  for (size_t i = 0; i < 3; i++) {
    assert_true(writes[i].done);
    assert_int_equal(writes[i].status, RKV_ABORTED);
    assert_non_null(strstr(writes[i].error.text, "was carried out"));
  }
  device.short_of_room = NULL;
  assert_true(world_settle(w));
  assert_int_equal(world_set(w, world_wait_leader(w), "key", "last").status, RKV_OK);
  assert_true(world_settle(w));
  assert_string_equal(world_get(w, old, "key").text, "last");
  assert_string_equal(world_get(w, old, "w").text, "1");
  assert_true(budgets_idle(&w->nodes[old].node->budgets));
  assert_int_equal(w->nodes[old].node->budgets.command_bytes, 0);
  assert_int_equal(stopped_with, RKV_OK);
  end(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(without_descriptors_entries_are_read_later),
      cmocka_unit_test(without_memory_entries_are_read_later),
      cmocka_unit_test(an_entry_that_is_not_there_stops_the_node),
      cmocka_unit_test(a_snapshot_ends_the_writes_that_it_covers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
