/* depart_test.c: production nodes in virtual time: a node that stops while a voter that lost its
 * storage is on its way back, and what is said where too few voters hold their log. world_stop
 * empties a node's storage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <node/kernel/state.h>
#include <support/world.h>
#include <support/world_internal.h>

#define MS UINT64_C(1000000)
#define SECONDS UINT64_C(1000000000)
#define DRAIN_NS (3 * SECONDS) /* no longer than the host waits */

static const rkv_node_id five[] = {1, 2, 3, 4, 5};

/* ---- what the nodes log ---- */

static char said[64 * 1024];

static void on_log(void *ctx, uint32_t level, const char *module, const char *line) {
  const struct world_node *wn = ctx;
  const size_t used = strlen(said);
  (void)level, (void)module;
  (void)snprintf(said + used, sizeof said - used, "%u: %s\n", (unsigned)wn->id, line);
}

static void start(struct world *w, rkv_node_id id) {
  world_start(w, id);
  w->nodes[id].host.log = on_log;
}

static void assert_said(const char *part) {
  if (!strstr(said, part)) fail_msg("no \"%s\" in:\n%s", part, said);
}

static void assert_not_said(const char *part) {
  if (strstr(said, part)) fail_msg("\"%s\" in:\n%s", part, said);
}

/* ---- the cluster ---- */

static struct world *cluster(uint64_t seed, size_t count) {
  struct world *w = world_new(seed);
  said[0] = '\0';
  for (rkv_node_id id = 1; id <= count; id++) start(w, id);
  assert_int_equal(world_init(w, 1, five, count).status, RKV_OK);
  assert_int_not_equal(world_wait_leader(w), 0);
  assert_true(world_settle(w));
  assert_int_equal(world_set(w, world_leader(w), "k", "v").status, RKV_OK);
  world_run(w, SECONDS); /* the leader writes down who is who */
  assert_true(world_settle(w));
  return w;
}

static void empty(struct world *w, rkv_node_id id) {
  world_stop(w, id);
  start(w, id);
}

static struct rkv_member member(struct world *w, rkv_node_id at, rkv_node_id id, bool *votes) {
  const struct rkv_membership *m = &raft_effective(w->nodes[at].node->raft)->value;
  *votes = rkv_membership_is_voter(m, id);
  assert_non_null(rkv_membership_find(m, id));
  return *rkv_membership_find(m, id);
}

static bool is_learner(struct world *w, void *arg) {
  const rkv_node_id id = *(rkv_node_id *)arg, leader = world_leader(w);
  bool votes;
  return leader != 0 && member(w, leader, id, &votes).returning && !votes;
}

static bool is_back(struct world *w, void *arg) {
  const rkv_node_id id = *(rkv_node_id *)arg, leader = world_leader(w);
  bool votes;
  if (leader == 0) return false;
  struct rkv_member found = member(w, leader, id, &votes);
  return votes && !found.returning && found.incarnation == w->nodes[id].node->identity.incarnation;
}

static bool may_go(struct world *w, void *arg) {
  return node_may_go(w->nodes[*(rkv_node_id *)arg].node);
}

/* As the host does it on a signal. True: nothing was left to wait for. */
static bool drains(struct world *w, rkv_node_id id) {
  node_drain(w->nodes[id].node);
  return world_until(w, DRAIN_NS, may_go, &id);
}

/* ---- stories ---- */

/* The two runs that ended clusters: a second node is stopped and emptied while the first one is on
 * its way back; each a follower or the leader, and however far the first one is. */
static void a_second_swap_waits_for_the_first(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 40; seed++) {
    struct world *w = cluster(seed, 3);
    rkv_node_id leader = world_leader(w), first = leader % 3 + 1;
    rkv_node_id second = seed % 2 ? leader : first % 3 + 1;
    empty(w, first);
    world_run(w, seed * 7 * MS);
    if (seed % 4 == 0) assert_true(world_until(w, 10 * SECONDS, is_learner, &first));
    assert_true(drains(w, second));
    assert_true(is_back(w, &first));
    empty(w, second);
    assert_true(world_until(w, 30 * SECONDS, is_back, &second));
    assert_true(world_settle(w));
    for (rkv_node_id id = 1; id <= 3; id++) assert_string_equal(world_get(w, id, "k").text, "v");
    world_free(w);
  }
}

/* A voter that is taken back has its vote again within a second, for its steps need no pauses: a
 * node that stops has only a few. */
static void a_way_back_is_short(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 10; seed++) {
    struct world *w = cluster(seed, 3);
    rkv_node_id lost = world_leader(w) % 3 + 1;
    empty(w, lost);
    assert_true(world_until(w, SECONDS, is_back, &lost));
    world_free(w);
  }
}

/* The metrics and the log say for whom, and what is lost: when it begins to wait, and when it goes
 * all the same. */
static void what_is_lost_is_said(void **state) {
  (void)state;
  struct world *w = cluster(1, 3);
  rkv_node_id first = world_leader(w) % 3 + 1, second = first % 3 + 1;
  char waits[32];
  empty(w, first);
  assert_true(world_until(w, 10 * SECONDS, is_learner, &first));
  world_cut(w, world_leader(w), first, true); /* it answers, and gets no further */
  assert_false(drains(w, second));
  assert_int_equal(w->nodes[second].node->depart.waits_for, first);
  (void)snprintf(waits, sizeof waits, "%u: stops, and waits", (unsigned)second);
  assert_said(waits);
  assert_said("the cluster is lost with what it holds");
  assert_not_said("waits no longer");
  node_abandon(w->nodes[second].node);
  world_run(w, MS);
  assert_said("waits no longer, and node");
  assert_true(node_may_go(w->nodes[second].node));
  world_free(w);
}

/* Nobody is on its way back: neither a voter that is gone, nor one that fell silent again. */
static void nobody_waits_for_the_silent(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 10; seed++) {
    struct world *w = cluster(seed, 3);
    rkv_node_id first = world_leader(w) % 3 + 1, second = first % 3 + 1;
    world_stop(w, first);
    assert_true(drains(w, second));
    assert_said("the others have no majority (no answer from node");
    world_free(w);
    w = cluster(seed, 3);
    first = world_leader(w) % 3 + 1, second = first % 3 + 1;
    empty(w, first);
    assert_true(world_until(w, 10 * SECONDS, is_learner, &first));
    world_cut(w, world_leader(w), first, true);
    assert_false(drains(w, second));
    world_stop(w, first);
    assert_true(world_until(w, 2 * SECONDS, may_go, &second));
    world_free(w);
  }
}

/* Who is not needed goes as soon as the others have said who they are: with all voters there, of
 * five voters, as a learner, alone. */
static void who_is_not_needed_goes(void **state) {
  const rkv_node_id one = 1;
  (void)state;
  struct world *w = cluster(2, 3);
  uint64_t begin = world_now(w);
  assert_true(drains(w, 3));
  world_free(w);
  w = cluster(3, 5);
  rkv_node_id first = world_leader(w) % 5 + 1, second = first % 5 + 1;
  empty(w, first);
  assert_true(world_until(w, 10 * SECONDS, is_learner, &first));
  begin = world_now(w);
  assert_true(drains(w, second));
  assert_true(world_now(w) - begin < 200 * MS);
  world_free(w);
  w = world_new(4);
  said[0] = '\0';
  start(w, 1), start(w, 2);
  assert_true(drains(w, 2)); /* a member of nothing */
  assert_int_equal(world_init(w, 1, &one, 1).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), 1);
  begin = world_now(w);
  assert_true(drains(w, 1));
  assert_true(world_now(w) - begin < MS);
  assert_not_said("majority");
  world_free(w);
}

/* A voter that is on its way back itself is missed by nobody. */
static void who_is_on_its_way_goes(void **state) {
  (void)state;
  struct world *w = cluster(5, 3);
  rkv_node_id first = world_leader(w) % 3 + 1;
  empty(w, first);
  assert_true(world_until(w, 10 * SECONDS, is_learner, &first));
  const uint64_t begin = world_now(w);
  assert_true(drains(w, first));
  assert_true(world_now(w) - begin < 200 * MS);
  world_free(w);
}

/* ---- killed all the same ---- */

/* An empty storage under the id of a voter while another one is on its way back: it has no vote,
 * however long it lasts, and those who hold the log say whose storage is needed. */
static void an_empty_voter_waits_for_its_storage(void **state) {
  (void)state;
  struct world *w = cluster(6, 3);
  rkv_node_id leader = world_leader(w), first = leader % 3 + 1, second = first % 3 + 1;
  char line[96];
  empty(w, first);
  assert_true(world_until(w, 10 * SECONDS, is_learner, &first));
  empty(w, second);
  world_run(w, 60 * SECONDS);
  assert_int_equal(world_leader(w), 0);
  assert_int_equal(world_metrics(w, second).last.index, 0);
  assert_true(w->nodes[second].node->odd.lost_storage);
  assert_false(w->nodes[leader].node->odd.lost_storage);
  (void)snprintf(line, sizeof line, "too few voters hold the log; without storage: node %u (",
                 (unsigned)second);
  assert_said(line);
  (void)snprintf(line, sizeof line, "node %u came back without its storage and has no vote",
                 (unsigned)second);
  assert_said(line);
  assert_string_equal(world_get(w, leader, "k").text, "v");
  world_free(w);
}

/* Likewise while another voter, which holds its log, is away: that one is waited for. */
static void an_empty_voter_waits_for_another(void **state) {
  (void)state;
  struct world *w = cluster(7, 3);
  rkv_node_id leader = world_leader(w), away = leader % 3 + 1, lost = away % 3 + 1;
  char line[96];
  world_isolate(w, away, true);
  empty(w, lost);
  world_run(w, 30 * SECONDS);
  assert_int_equal(world_leader(w), 0);
  (void)snprintf(line, sizeof line,
                 "came back without storage, and has no vote: node %u; waits for node %u (",
                 (unsigned)lost, (unsigned)away);
  assert_said(line);
  world_isolate(w, away, false);
  assert_true(world_until(w, 30 * SECONDS, is_back, &lost));
  assert_true(world_settle(w));
  assert_false(w->nodes[lost].node->odd.lost_storage);
  world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_second_swap_waits_for_the_first),
      cmocka_unit_test(a_way_back_is_short),
      cmocka_unit_test(what_is_lost_is_said),
      cmocka_unit_test(nobody_waits_for_the_silent),
      cmocka_unit_test(who_is_not_needed_goes),
      cmocka_unit_test(who_is_on_its_way_goes),
      cmocka_unit_test(an_empty_voter_waits_for_its_storage),
      cmocka_unit_test(an_empty_voter_waits_for_another),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
