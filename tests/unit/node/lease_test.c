/* lease_test.c: production nodes in virtual time: lease reads of a leader whose thread stands still
 * between its clock and its calls, whose machine sleeps, and whose voters have other settings. */
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
#define MS UINT64_C(1000000)

static const rkv_node_id three[] = {1, 2, 3};

/* Three nodes with lease reads; node 1 leads, and has written k=old. */
static struct world *cluster(uint64_t seed) {
  struct world *w = world_new(seed);
  world_options(w)->lease_reads = true;
  world_options(w)->clock_drift_ppm = 1000;
  for (rkv_node_id id = 1; id <= 3; id++) world_start(w, id);
  assert_int_equal(world_init(w, 1, three, 3).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), 1);
  assert_int_equal(world_set(w, 1, "k", "old").status, RKV_OK);
  assert_true(world_settle(w));
  return w;
}

/* ---- a read that is handed in and not waited for ---- */

struct lease_reading {
  struct rkv_query_call call; /* first: what the node knows */
  bool done;
  enum rkv_status status;
};

static void on_read(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct lease_reading *r = (struct lease_reading *)call;
  (void)error;
  r->done = true;
  r->status = status;
}

static void hand_in_as(struct world *w, rkv_node_id at, struct lease_reading *r,
                       enum rkv_read how) {
  static const uint8_t request[] = {0x0a, 1, 'k'};
  const struct rkv_node_api *api = node_api(w->nodes[at].node);
  *r = (struct lease_reading){.call = {.call = {.done = on_read},
                                       .request = rkv_buf_static(request, sizeof request),
                                       .read = (uint32_t)how}};
  r->call.call.deadline_ns = world_local_ns(&w->nodes[at]) + 5 * SECONDS;
  api->query(api->ctx, &r->call);
}

static void hand_in(struct world *w, rkv_node_id at, struct lease_reading *r) {
  hand_in_as(w, at, r, RKV_READ_LEASE);
}

static bool is_done(struct world *w, void *arg) {
  (void)w;
  return ((struct lease_reading *)arg)->done;
}

/* True if the lease alone answered: nobody else was asked. */
static bool holds_lease(struct world *w) {
  struct lease_reading r;
  hand_in(w, 1, &r);
  node_kick(w->nodes[1].node);
  bool at_once = r.done;
  if (!r.done) assert_true(world_until(w, 30 * SECONDS, is_done, &r));
  rkv_buf_drop(&r.call.response);
  return at_once;
}

/* ---- the clock that is read, and then nothing happens for a while ---- */

static struct {
  struct world *w;
  struct lease_reading read;
  bool armed;
} stalled; /* a clock has no other way to it */

/* Node 1 is not asked: its thread may stand still. *arg: who leads. */
static bool others_lead(struct world *w, void *arg) {
  rkv_node_id *leader = arg;
  for (*leader = 2; *leader <= 3; ++*leader)
    if (strcmp(world_metrics(w, *leader).state, "leader") == 0) return true;
  return false;
}

/* The thread stands still between reading the clock and using it: meanwhile the others elect a
 * leader and write, and a client hands a lease read in to this node. */
static uint64_t slow_clock(void *ctx) {
  struct world_node *wn = ctx;
  struct world *w = wn->world;
  uint64_t now = world_local_ns(wn);
  if (!stalled.armed || wn->id != 1) return now;
  rkv_node_id leader;
  stalled.armed = false;
  assert_true(world_until(w, 60 * SECONDS, others_lead, &leader));
  assert_int_equal(world_set(w, leader, "k", "new").status, RKV_OK);
  hand_in(w, 1, &stalled.read);
  return now;
}

/* What is acknowledged before a read begins is seen by it, however old the time is that the node
 * has in its hands. */
static void a_read_is_not_judged_by_a_time_before_it(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 5; seed++) {
    struct world *w = cluster(seed);
    struct lease_reading *r = &stalled.read;
    assert_true(holds_lease(w));
    world_isolate(w, 1, true);
    w->nodes[1].executor.now_ns = slow_clock;
    stalled.w = w;
    stalled.armed = true;
    node_kick(w->nodes[1].node);
    assert_false(stalled.armed);
    if (!r->done) assert_true(world_until(w, 30 * SECONDS, is_done, r));
    assert_int_not_equal(r->status, RKV_OK); /* no peer confirms the read */
    rkv_buf_drop(&r->call.response);
    world_free(w);
  }
}

/* ---- a machine that slept ---- */

static uint64_t slept;

static uint64_t slept_ns(void *ctx) {
  (void)ctx;
  return slept;
}

/* The leader's clock stood still: what its voters promised may be over, and a round decides. */
static void a_machine_that_slept_has_no_lease(void **state) {
  (void)state;
  slept = 0;
  struct world *w = cluster(1);
  w->nodes[1].executor.slept_ns = slept_ns;
  assert_true(holds_lease(w));
  slept += 60 * SECONDS;
  assert_false(holds_lease(w));
  assert_true(holds_lease(w));
  world_free(w);
}

/* ---- answers that a transport makes up ---- */

static void infer(struct world *w, rkv_node_id from, rkv_node_id to,
                  const struct rkv_vote_call *vote, const struct rkv_append_call *append) {
  (void)w, (void)from, (void)to, (void)vote;
  if (append) ((struct rkv_append_call *)(uintptr_t)append)->inferred = 1;
}

/* What a peer did not say itself does not prove that it heard the leader: no read is confirmed by
 * it, neither by a round nor by a lease. */
static void inferred_answers_confirm_no_read(void **state) {
  struct world *w = cluster(1);
  (void)state;
  w->on_answer = infer;
  world_run(w, 2 * SECONDS);
  for (enum rkv_read how = RKV_READ_LOCAL; how <= RKV_READ_LINEARIZABLE; how++) {
    struct lease_reading r;
    if (how == RKV_READ_LOCAL) continue;
    hand_in_as(w, 1, &r, how);
    node_kick(w->nodes[1].node);
    assert_false(r.done);
    assert_true(world_until(w, 30 * SECONDS, is_done, &r));
    assert_int_not_equal(r.status, RKV_OK);
    rkv_buf_drop(&r.call.response);
  }
  w->on_answer = NULL;
  world_run(w, 2 * SECONDS);
  assert_true(holds_lease(w));
  world_free(w);
}

/* ---- voters with other settings ---- */

/* A rolling restart makes the others' timeouts a tenth as long as the leader's. They elect the next
 * leader long before the old one's own election timeout is over. */
static void a_lease_is_the_voters_promise(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 5; seed++) {
    struct world *w = world_new(seed);
    world_options(w)->lease_reads = true;
    world_options(w)->heartbeat_ns = 100 * MS;
    world_options(w)->election_min_ns = 3 * SECONDS;
    world_options(w)->election_max_ns = 10 * SECONDS;
    world_start(w, 1);
    world_options(w)->election_min_ns = 300 * MS;
    world_options(w)->election_max_ns = 600 * MS;
    for (rkv_node_id id = 2; id <= 3; id++) world_start(w, id);
    assert_int_equal(world_init(w, 1, three, 3).status, RKV_OK);
    assert_int_equal(world_wait_leader(w), 1);
    assert_int_equal(world_set(w, 1, "k", "old").status, RKV_OK);
    assert_true(world_settle(w));
    assert_true(holds_lease(w));
    rkv_node_id leader;
    world_isolate(w, 1, true);
    assert_true(world_until(w, 60 * SECONDS, others_lead, &leader));
    assert_int_equal(world_set(w, leader, "k", "new").status, RKV_OK);
    struct lease_reading r;
    hand_in(w, 1, &r);
    node_kick(w->nodes[1].node);
    if (!r.done) assert_true(world_until(w, 30 * SECONDS, is_done, &r));
    assert_int_not_equal(r.status, RKV_OK);
    rkv_buf_drop(&r.call.response);
    world_free(w);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_read_is_not_judged_by_a_time_before_it),
      cmocka_unit_test(a_machine_that_slept_has_no_lease),
      cmocka_unit_test(inferred_answers_confirm_no_read),
      cmocka_unit_test(a_lease_is_the_voters_promise),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
