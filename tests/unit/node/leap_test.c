/* leap_test.c: production nodes in virtual time: a stranger sends terms and indexes that leave no
 * room to count on, or leads in a term that has a leader. They change nothing, or not for long, and
 * the node logs who sent them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <node/kernel/state.h>
#include <raft/limits.h>
#include <support/world.h>
#include <support/world_internal.h>

#define SECONDS UINT64_C(1000000000)
#define STRANGER 9

static const rkv_node_id three[] = {1, 2, 3};

union stranger_call {
  struct rkv_call call;
  struct rkv_vote_call vote;
  struct rkv_append_call append;
  struct rkv_snapshot_call snapshot;
  struct rkv_timeout_now_call timeout_now;
};

static struct {
  union stranger_call call;
  bool done;
  enum rkv_status status;
  char text[RKV_ERROR_TEXT_MAX];
} said; /* a call is told of by its address alone */

static void on_done(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  (void)call;
  said.done = true;
  said.status = status;
  (void)snprintf(said.text, sizeof said.text, "%s", error ? error->text : "");
}

static struct rkv_call begin(void) {
  memset(&said, 0, sizeof said);
  return (struct rkv_call){.done = on_done};
}

static bool is_done(struct world *w, void *arg) {
  (void)w, (void)arg;
  return said.done;
}

static void assert_refused(struct world *w, rkv_node_id at, const char *part) {
  world_kick(w, at);
  assert_true(world_until(w, SECONDS, is_done, NULL));
  assert_int_equal(said.status, RKV_INVALID);
  if (!strstr(said.text, part)) fail_msg("no \"%s\" in \"%s\"", part, said.text);
}

static struct world *cluster(size_t count) {
  struct world *w = world_new(1);
  for (rkv_node_id id = 1; id <= count; id++) world_start(w, id);
  assert_int_equal(world_init(w, 1, three, count).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), 1);
  assert_true(world_settle(w));
  return w;
}

/* Each request that carries a vote, by each node; the cluster goes on in its term, and does so
 * after its nodes were started anew. */
static void no_request_moves_a_term_to_the_edge(void **state) {
  const struct rkv_vote vote = {RAFT_TERM_MAX, STRANGER, false};
  const struct rkv_vote led = {RAFT_TERM_MAX, STRANGER, true};
  (void)state;
  for (size_t count = 1; count <= 3; count += 2) {
    struct world *w = cluster(count);
    const rkv_term term = world_metrics(w, 1).vote.term;
    for (rkv_node_id id = 1; id <= count; id++) {
      const struct rkv_node_api *api = node_api(w->nodes[id].node);
      struct rkv_log_id last = {1, 1000};
      said.call.vote = (struct rkv_vote_call){.call = begin(), .vote = vote, .last = last};
      said.call.vote.transfer = true;
      api->vote(api->ctx, &said.call.vote);
      assert_refused(w, id, "no elections explain that");
      said.call.vote = (struct rkv_vote_call){.call = begin(), .vote = vote, .last = last};
      api->pre_vote(api->ctx, &said.call.vote);
      assert_refused(w, id, "no elections explain that");
      said.call.append = (struct rkv_append_call){.call = begin(), .vote = led};
      api->append(api->ctx, &said.call.append);
      assert_refused(w, id, "no elections explain that");
      said.call.timeout_now =
          (struct rkv_timeout_now_call){.call = begin(), .vote = led, .last = last};
      api->timeout_now(api->ctx, &said.call.timeout_now);
      assert_refused(w, id, "vote of node 9: term 9223372036854775807");
      said.call.snapshot = (struct rkv_snapshot_call){
          .call = begin(), .vote = led, .meta = {.last = last, .membership_id = {1, 1}}};
      api->snapshot_begin(api->ctx, &said.call.snapshot);
      assert_refused(w, id, "no elections explain that");
      assert_int_equal(w->nodes[id].node->count.bad_peer_calls, 5);
    }
    world_run(w, 10 * SECONDS);
    assert_int_equal(world_leader(w), 1);
    assert_int_equal(world_metrics(w, 1).vote.term, term);
    assert_int_equal(world_set(w, 1, "k", "v").status, RKV_OK);
    world_free(w);
  }
}

/* Nor does a snapshot move the log there. */
static void no_snapshot_moves_an_index_to_the_edge(void **state) {
  struct world *w = cluster(3);
  struct rkv_vote vote = world_metrics(w, 2).vote;
  const struct rkv_node_api *api = node_api(w->nodes[2].node);
  (void)state;
  said.call.snapshot = (struct rkv_snapshot_call){
      .call = begin(),
      .vote = vote,
      .meta = {.last = {vote.term, RAFT_INDEX_MAX - 1}, .membership_id = {0, 1}}};
  api->snapshot_begin(api->ctx, &said.call.snapshot);
  assert_refused(w, 2, "no log gets so far ahead");
  world_free(w);
}

/* ---- a second leader of one term ---- */

static void lead_in(struct world *w, rkv_node_id at, rkv_term term) {
  const struct rkv_node_api *api = node_api(w->nodes[at].node);
  said.call.append =
      (struct rkv_append_call){.call = begin(), .vote = {term, STRANGER, .committed = true}};
  api->append(api->ctx, &said.call.append);
  world_kick(w, at);
  assert_true(world_until(w, SECONDS, is_done, NULL));
  assert_int_equal(said.status, RKV_OK);
}

/* It came first, to a node that is no member yet: the leader takes that node in all the same, what
 * was acknowledged is there, and both say that there were two. */
static void a_learner_gets_from_a_false_leader_to_its_own(void **state) {
  (void)state;
  struct world *w = cluster(3);
  const rkv_term term = world_metrics(w, 1).vote.term;
  assert_int_equal(world_set(w, 1, "before", "1").status, RKV_OK);
  world_start(w, 4);
  lead_in(w, 4, term);
  assert_int_equal(world_metrics(w, 4).leader, STRANGER);
  (void)world_add_learner(w, 1, 4); /* ABORTED: the leader begins another term */
  world_run(w, SECONDS);
  assert_int_equal(world_leader(w), 1);
  assert_true(world_metrics(w, 1).vote.term > term);
  assert_int_equal(world_add_learner(w, 1, 4).status, RKV_OK);
  assert_true(world_settle(w));
  assert_int_equal(world_metrics(w, 4).leader, 1);
  assert_string_equal(world_get(w, 4, "before").text, "1");
  assert_true(w->nodes[4].node->count.bad_peer_calls > 0);
  assert_true(w->nodes[1].node->count.bad_peer_calls > 0);
  world_free(w);
}

/* It comes to nodes that have their leader: they stay with that one, which does not move. */
static void whoever_has_a_leader_keeps_it(void **state) {
  (void)state;
  struct world *w = cluster(3);
  const rkv_term term = world_metrics(w, 1).vote.term;
  for (rkv_node_id id = 1; id <= 3; id++) {
    lead_in(w, id, term);
    assert_int_equal(said.call.append.result, RKV_APPEND_REJECTED);
    assert_int_equal(w->nodes[id].node->count.bad_peer_calls, 1);
  }
  world_run(w, 10 * SECONDS);
  assert_int_equal(world_leader(w), 1);
  assert_int_equal(world_metrics(w, 1).vote.term, term);
  world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_request_moves_a_term_to_the_edge),
      cmocka_unit_test(no_snapshot_moves_an_index_to_the_edge),
      cmocka_unit_test(a_learner_gets_from_a_false_leader_to_its_own),
      cmocka_unit_test(whoever_has_a_leader_keeps_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
