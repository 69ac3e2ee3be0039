/* faults_test.c: production nodes in a world that loses, doubles and delays messages, cuts nodes
 * off and pauses them: in the end every node has what was acknowledged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <support/world.h>
#include <support/world_internal.h>

#define SECONDS UINT64_C(1000000000)

enum { WRITES = 60, KEY_MAX = 32 };

/* One short trouble, different each time. */
static void trouble(struct world *w) {
  rkv_node_id id = world_random(w) % 3 + 1, other = world_random(w) % 3 + 1;
  switch (world_random(w) % 4) {
  case 0: world_isolate(w, id, true); break;
  case 1: world_isolate(w, id, false); break;
  case 2: world_cut(w, id, other, id != other && world_random(w) % 2); break;
  case 3: world_pause(w, id, world_random(w) % (4 * SECONDS)); break;
  }
}

static void heal(struct world *w) {
  *world_faults(w) = (struct world_faults){0};
  for (rkv_node_id id = 1; id <= 3; id++) world_isolate(w, id, false);
  world_run(w, 10 * SECONDS);
}

static void run_seed(uint64_t seed) {
  static const rkv_node_id three[] = {1, 2, 3};
  struct world *w = world_new(seed);
  bool acknowledged[WRITES] = {false};
  char key[KEY_MAX];
  world_options(w)->snapshot_after = 20;
  world_options(w)->keep_entries = 5;
  for (rkv_node_id id = 1; id <= 3; id++) {
    w->nodes[id].rate = 800 + world_random(w) % 400;
    world_start(w, id);
  }
  assert_int_equal(world_init(w, 1, three, 3).status, RKV_OK);
  *world_faults(w) = (struct world_faults){
      .drop_ppm = 50000, .double_ppm = 50000, .slow_ppm = 100000, .slow_max_ns = 2 * SECONDS};
  for (int i = 0; i < WRITES; i++) {
    if (world_random(w) % 3 == 0) trouble(w);
    world_run(w, world_random(w) % SECONDS);
    rkv_node_id leader = world_leader(w);
    (void)snprintf(key, sizeof key, "key-%d", i);
    if (leader != 0) acknowledged[i] = world_set(w, leader, key, "value").status == RKV_OK;
  }
  heal(w);
  assert_true(world_settle(w));
  for (int i = 0; i < WRITES; i++) {
    (void)snprintf(key, sizeof key, "key-%d", i);
    enum rkv_status first = world_get(w, 1, key).status;
    if (acknowledged[i]) assert_int_equal(first, RKV_OK);
    for (rkv_node_id id = 2; id <= 3; id++) assert_int_equal(world_get(w, id, key).status, first);
  }
  world_free(w);
}

/* Every acknowledged write is on every node, and all nodes agree, whatever happened. */
static void acknowledged_writes_survive_trouble(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 100; seed++) run_seed(seed);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(acknowledged_writes_survive_trouble)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
