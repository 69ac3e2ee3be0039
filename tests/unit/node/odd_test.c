/* odd_test.c: production nodes in virtual time: what a node reports as odd about itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <node/kernel/state.h>
#include <support/world.h>
#include <support/world_internal.h>

#define SECONDS UINT64_C(1000000000)

static const rkv_node_id three[] = {1, 2, 3};

static const struct oddities *odd(struct world *w, rkv_node_id id) {
  return &w->nodes[id].node->odd;
}

static void serve_at(struct world *w, rkv_node_id id, const char *addr) {
  (void)snprintf(w->nodes[id].addr, sizeof w->nodes[id].addr, "%s", addr);
}

static struct world *cluster(size_t count) {
  struct world *w = world_new(1);
  for (rkv_node_id id = 1; id <= count; id++) world_start(w, id);
  return w;
}

static void begin(struct world *w, size_t count) {
  assert_int_equal(world_init(w, 1, three, count).status, RKV_OK);
  assert_int_not_equal(world_wait_leader(w), 0);
  assert_true(world_settle(w));
}

/* Members are dialled at "node:ID". */
static void an_address_of_its_own_is_odd(void **state) {
  static const struct {
    const char *addr;
    bool differs;
  } served[] = {{"node:2", false},   {"other:2", true}, {"node:3", true},  {"0.0.0.0:2", false},
                {"0.0.0.0:3", true}, {"[::]:2", false}, {"[::]:22", true}, {"*:2", false}};
  (void)state;
  for (size_t i = 0; i < sizeof served / sizeof served[0]; i++) {
    struct world *w = cluster(3);
    serve_at(w, 2, served[i].addr);
    begin(w, 3);
    assert_int_equal(odd(w, 2)->addr_differs, served[i].differs);
    assert_false(odd(w, 1)->addr_differs || odd(w, 3)->addr_differs);
    world_free(w);
  }
}

static void to_forget_is_odd_beside_peers(void **state) {
  (void)state;
  for (size_t count = 1; count <= 3; count += 2)
    for (int durable = 0; durable < 2; durable++) {
      struct world *w = world_new(1);
      if (durable) w->storage_capabilities |= RKV_CAP_DURABLE;
      for (rkv_node_id id = 1; id <= count; id++) world_start(w, id);
      assert_false(odd(w, 1)->not_durable);
      begin(w, count);
      for (rkv_node_id id = 1; id <= count; id++)
        assert_int_equal(odd(w, id)->not_durable, count > 1 && !durable);
      world_free(w);
    }
}

/* ---- a copy of itself ---- */

static struct {
  union {
    struct rkv_call call;
    struct rkv_vote_call vote;
    struct rkv_append_call append;
    struct rkv_read_index_call read_index;
  } call;
  struct rkv_envelope envelope;
  bool done;
  enum rkv_status status;
} said; /* a call is told of by its address alone */

static void on_done(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  (void)call, (void)error;
  said.done = true;
  said.status = status;
}

static bool is_done(struct world *w, void *arg) {
  (void)w, (void)arg;
  return said.done;
}

static struct rkv_call call_of(struct world *w, bool enveloped) {
  const struct rkv_identity *me = &w->nodes[2].node->identity;
  memset(&said, 0, sizeof said);
  said.envelope = (struct rkv_envelope){
      .cluster = me->cluster, .to = 2, .from = 2, .from_incarnation = me->incarnation};
  return (struct rkv_call){
      .done = on_done, .abi_minor = RKV_ABI_MINOR, .envelope = enveloped ? &said.envelope : NULL};
}

static void assert_refused(struct world *w, uint64_t clashes) {
  world_kick(w, 2);
  assert_true(world_until(w, SECONDS, is_done, NULL));
  assert_int_equal(said.status, RKV_FOREIGN);
  assert_int_equal(odd(w, 2)->id_clashes, clashes);
}

/* Whatever comes under its own id is refused, counted, and changes nothing. */
static void nobody_speaks_for_it(void **state) {
  struct world *w = cluster(3);
  (void)state;
  begin(w, 3);
  const struct rkv_node_api *api = node_api(w->nodes[2].node);
  const struct rkv_vote before = world_metrics(w, 2).vote;
  for (int enveloped = 0; enveloped < 2; enveloped++) {
    const uint64_t clashes = odd(w, 2)->id_clashes;
    struct rkv_vote vote = {before.term + 1, 2, false};
    said.call.vote = (struct rkv_vote_call){.call = call_of(w, enveloped), .vote = vote};
    api->vote(api->ctx, &said.call.vote);
    assert_refused(w, clashes + 1);
    said.call.vote = (struct rkv_vote_call){.call = call_of(w, enveloped), .vote = vote};
    api->pre_vote(api->ctx, &said.call.vote);
    assert_refused(w, clashes + 2);
    vote.committed = true;
    said.call.append = (struct rkv_append_call){.call = call_of(w, enveloped), .vote = vote};
    api->append(api->ctx, &said.call.append);
    assert_refused(w, clashes + 3);
  }
  said.call.read_index = (struct rkv_read_index_call){.call = call_of(w, true), .read = 2};
  api->read_index(api->ctx, &said.call.read_index);
  assert_refused(w, 7);
  assert_int_equal(rkv_vote_compare(world_metrics(w, 2).vote, before), RKV_EQUAL);
  assert_int_equal(odd(w, 1)->id_clashes, 0);
  world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_address_of_its_own_is_odd),
      cmocka_unit_test(to_forget_is_odd_beside_peers),
      cmocka_unit_test(nobody_speaks_for_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
