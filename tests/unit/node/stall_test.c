/* stall_test.c: production nodes in virtual time over a storage that for a while takes no writes,
 * like a full device: which node leads, what is refused, and that nothing is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <node/kernel/state.h>
#include <node/save.h>
#include <support/world.h>
#include <support/world_internal.h>

#define SECONDS UINT64_C(1000000000)

/* ---- storage-mem with a device in front that one can block ---- */

struct held {
  struct rkv_completion completion; /* first: what storage-mem knows */
  struct rkv_completion *real;
  struct held *next;
};

struct device {
  const struct rkv_storage_ops *mem;
  struct rkv_storage_ops ops;
  void *blocked; /* the instance whose writes do not end; NULL: none */
  struct held *first, **end;
};

static struct device device; /* operations have no other way to it */

/* storage-mem is done at once: only the answer is held back. */
static void on_done(struct rkv_completion *self, enum rkv_status status,
                    const struct rkv_error *error) {
  (void)self, (void)error;
  assert_int_equal(status, RKV_OK);
}

static struct rkv_completion *hold(void *storage, struct rkv_completion *completion) {
  struct held *h;
  if (storage != device.blocked) return completion;
  h = calloc(1, sizeof *h);
  assert_non_null(h);
  *h = (struct held){{on_done}, completion, NULL};
  *device.end = h;
  device.end = &h->next;
  return &h->completion;
}

static void device_save_vote(void *storage, struct rkv_vote vote,
                             struct rkv_completion *completion) {
  device.mem->save_vote(storage, vote, hold(storage, completion));
}

static void device_append(void *storage, const struct rkv_entry *entries, size_t count,
                          struct rkv_completion *completion) {
  device.mem->append(storage, entries, count, hold(storage, completion));
}

static void block(struct world *w, rkv_node_id id) {
  device.blocked = w->nodes[id].storage;
}

static void unblock(void) {
  device.blocked = NULL;
  while (device.first) {
    struct held *h = device.first;
    device.first = h->next;
    if (!device.first) device.end = &device.first;
    h->real->done(h->real, RKV_OK, NULL);
    free(h);
  }
}

static struct world *cluster(size_t nodes) {
  static const rkv_node_id ids[] = {1, 2, 3};
  struct world *w = world_new(nodes);
  device = (struct device){.mem = w->storage, .ops = *w->storage};
  device.end = &device.first;
  device.ops.save_vote = device_save_vote;
  device.ops.append = device_append;
  w->storage = &device.ops;
  for (size_t i = 0; i < nodes; i++) world_start(w, ids[i]);
  assert_int_equal(world_init(w, 1, ids, nodes).status, RKV_OK);
  assert_int_not_equal(world_wait_leader(w), 0);
  assert_true(world_settle(w));
  return w;
}

/* ---- stories ---- */

/* A leader that cannot save hands leadership over within seconds, and the others go on; local reads
 * of it are answered meanwhile. With room again it has everything and may lead again. */
static void a_leader_that_cannot_save_steps_down(void **state) {
  struct world *w = cluster(3);
  rkv_node_id old = world_leader(w);
  (void)state;
  assert_int_equal(world_set(w, old, "before", "1").status, RKV_OK);
  assert_true(world_settle(w));
  block(w, old);
  assert_int_equal(world_set(w, old, "while", "2").status, RKV_OK); /* the others have saved this */
  world_run(w, 6 * SECONDS);
  rkv_node_id new = world_wait_leader(w);
  assert_int_not_equal(new, old);
  assert_int_equal(world_set(w, new, "then", "3").status, RKV_OK);
  assert_string_equal(world_get(w, old, "before").text, "1");
  world_run(w, 20 * SECONDS);
  assert_int_not_equal(world_wait_leader(w), old); /* `old` cannot save */
  unblock();
  assert_true(world_settle(w));
  assert_string_equal(world_get(w, old, "while").text, "2");
  assert_string_equal(world_get(w, old, "then").text, "3");
  world_free(w);
}

/* Where nobody else can lead, writes are refused after a while with a text that says why, and reads
 * go on; what waited is done once there is room, and writes are taken again. */
static void a_lone_node_refuses_writes_and_reads_on(void **state) {
  struct world *w = cluster(1);
  (void)state;
  assert_int_equal(world_set(w, 1, "before", "1").status, RKV_OK);
  block(w, 1);
  assert_int_equal(world_burst(w, 1, 1, RKV_OK), 0); /* the write waits: its outcome is open */
  struct world_answer answer = world_set(w, 1, "while", "2");
  assert_int_equal(answer.status, RKV_UNAVAILABLE);
  assert_non_null(strstr(answer.error.text, "takes no writes"));
  assert_non_null(
      strstr(answer.error.text, "the log of that node says which")); /* the node cannot know */
  assert_string_equal(world_get(w, 1, "before").text, "1");
  unblock();
  world_run(w, SECONDS);
  assert_int_equal(world_set(w, 1, "after", "3").status, RKV_OK);
  assert_int_equal(world_get(w, 1, "while").status, RKV_NOT_FOUND);
  world_free(w);
}

/* A follower that cannot save answers its leader at once that it does not, instead of keeping calls
 * that nobody waits for any more; it keeps what it was sent, and promises it when there is room. */
static void a_follower_that_cannot_save_says_so(void **state) {
  struct world *w = cluster(3);
  rkv_node_id leader = world_leader(w), stalled = leader % 3 + 1;
  struct node *node = w->nodes[stalled].node;
  (void)state;
  block(w, stalled);
  assert_int_equal(world_set(w, leader, "before", "1").status, RKV_OK);
  world_run(w, 4 * SECONDS);
  for (int i = 0; i < 50; i++) {
    assert_int_equal(world_set(w, leader, "while", "2").status, RKV_OK);
    world_run(w, SECONDS / 5);
    assert_int_equal(node->budgets.calls[NODE_BUDGET_APPEND], 0);
  }
  assert_int_equal(world_leader(w), leader);
  unblock();
  assert_true(world_settle(w));
  assert_string_equal(world_get(w, stalled, "while").text, "2");
  world_free(w);
}

/* Nor does it keep the calls of who wants to lead: it promises no vote. */
static void a_voter_that_cannot_save_gives_no_vote(void **state) {
  struct world *w = cluster(3);
  rkv_node_id leader = world_leader(w), stalled = leader % 3 + 1, other = stalled % 3 + 1;
  struct node *node = w->nodes[stalled].node;
  (void)state;
  block(w, stalled);
  assert_int_equal(world_set(w, leader, "before", "1").status, RKV_OK);
  world_run(w, 4 * SECONDS);
  world_isolate(w, leader, true);
  world_run(w, 20 * SECONDS);
  assert_string_not_equal(world_metrics(w, other).state, "leader");
  assert_int_equal(node->budgets.calls[NODE_BUDGET_VOTE], 0);
  unblock();
  world_run(w, 20 * SECONDS);
  world_isolate(w, leader, false);
  assert_true(world_settle(w));
  assert_string_equal(world_get(w, stalled, "before").text, "1");
  world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_leader_that_cannot_save_steps_down),
      cmocka_unit_test(a_lone_node_refuses_writes_and_reads_on),
      cmocka_unit_test(a_follower_that_cannot_save_says_so),
      cmocka_unit_test(a_voter_that_cannot_save_gives_no_vote),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
