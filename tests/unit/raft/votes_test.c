/* votes_test.c: the partial order of votes, and which candidates are granted one (paper 5.2, 5.4.1;
 * OpenRaft). */
#include "direct.h"

static const rkv_node_id three[] = {1, 2, 3, 0};

struct voter {
  struct cluster *c;
  struct raft *r;
  struct raft_now now;
};

/* Node 2 of {1, 2, 3} with a log of terms 1 1 2 and vote {2, 0, not committed}. */
static struct voter voter_new(void) {
  const rkv_term terms[] = {1, 1, 2};
  struct voter v = {.c = cluster_new()};
  cluster_set_log(v.c, 2, terms, 3, three, 2);
  v.r = v.c->nodes[2].r;
  v.now = (struct raft_now){v.c->now_ns, 0};
  return v;
}

static struct raft_output ask(struct voter *v, struct rkv_vote vote, struct rkv_log_id last,
                              bool transfer) {
  (void)drained(v->r, RAFT_OUT_ROLE);
  raft_on_vote_request(v->r, v->now, vote, last, transfer, v);
  return expect(v->r, RAFT_OUT_ANSWER_VOTE);
}

/* Node 1 leads term 3 and has just been heard. */
static void hear_leader(struct voter *v) {
  assert_int_equal(
      raft_on_append_request(v->r, v->now, LEADER_VOTE(3, 1), ID(2, 3), NONE, NULL, 0, v, NULL),
      RKV_OK);
  (void)drained(v->r, RAFT_OUT_ROLE);
}

/* The whole table: terms first; in one term committed beats uncommitted, else nodes cannot be
 * compared. */
static void votes_form_a_partial_order(void **state) {
  const struct {
    struct rkv_vote a, b;
    enum rkv_order order;
  } table[] = {
      {VOTE(1, 1), VOTE(2, 1), RKV_LESS},
      {VOTE(1, 9), VOTE(2, 1), RKV_LESS},
      {LEADER_VOTE(1, 1), VOTE(2, 2), RKV_LESS},
      {LEADER_VOTE(1, 1), LEADER_VOTE(2, 1), RKV_LESS},
      {VOTE(1, 1), VOTE(1, 1), RKV_EQUAL},
      {LEADER_VOTE(1, 1), LEADER_VOTE(1, 1), RKV_EQUAL},
      {VOTE(1, 1), LEADER_VOTE(1, 1), RKV_LESS},
      {VOTE(1, 1), LEADER_VOTE(1, 2), RKV_LESS},
      {VOTE(1, 2), LEADER_VOTE(1, 1), RKV_LESS},
      {VOTE(1, 1), VOTE(1, 2), RKV_INCOMPARABLE},
      {LEADER_VOTE(1, 1), LEADER_VOTE(1, 2), RKV_INCOMPARABLE},
  };
  (void)state;
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    enum rkv_order back = table[i].order == RKV_LESS ? RKV_GREATER : table[i].order;
    assert_int_equal(rkv_vote_compare(table[i].a, table[i].b), table[i].order);
    assert_int_equal(rkv_vote_compare(table[i].b, table[i].a), back);
    assert_int_equal(rkv_vote_accepts(table[i].a, table[i].b),
                     table[i].order != RKV_GREATER && table[i].order != RKV_INCOMPARABLE);
  }
}

/* 5.2: a vote is granted, and it is on disk before the answer leaves. */
static void grant_is_saved_before_it_is_answered(void **state) {
  struct voter v = voter_new();
  struct raft_output out;
  (void)state;
  (void)drained(v.r, RAFT_OUT_ROLE);
  raft_on_vote_request(v.r, v.now, VOTE(3, 1), ID(2, 3), false, &v);
  out = expect_next(v.r, RAFT_OUT_SAVE_VOTE);
  assert_vote(out.vote, 3, 1, false);
  assert_false(raft_output_waits(out.type));
  expect_next(v.r, RAFT_OUT_ROLE);
  out = expect_next(v.r, RAFT_OUT_ANSWER_VOTE);
  assert_true(out.granted && raft_output_waits(out.type));
  assert_ptr_equal(out.cookie, &v);
  assert_vote(out.vote, 3, 1, false);
  assert_id(out.id, 2, 3);
  expect_none(v.r);
  cluster_free(v.c);
}

/* 5.2: "each server will vote for at most one candidate in a given term, on a first-come-first-
 * served basis"; the same candidate asking again is granted again. */
static void one_vote_per_term(void **state) {
  struct voter v = voter_new();
  struct raft_output out;
  (void)state;
  assert_true(ask(&v, VOTE(3, 1), ID(2, 3), false).granted);
  out = ask(&v, VOTE(3, 3), ID(2, 3), false);
  assert_false(out.granted);
  assert_vote(out.vote, 3, 1, false);
  assert_true(ask(&v, VOTE(3, 1), ID(2, 3), false).granted);
  assert_true(ask(&v, VOTE(4, 3), ID(2, 3), false).granted);
  cluster_free(v.c);
}

/* 5.1: "if a server receives a request with a stale term number, it rejects the request"; a refusal
 * changes no term here. */
static void stale_terms_are_refused(void **state) {
  struct voter v = voter_new();
  struct raft_output out;
  (void)state;
  out = ask(&v, VOTE(1, 1), ID(2, 9), false);
  assert_false(out.granted);
  assert_vote(out.vote, 2, 0, false);
  expect_none(v.r);
  cluster_free(v.c);
}

/* 5.4.1: "the voter denies its vote if its own log is more up-to-date than that of the candidate":
 * the later term wins, in one term the longer log. And a refusal saves nothing. */
static void longer_logs_do_not_vote_for_shorter(void **state) {
  const struct {
    struct rkv_log_id last;
    bool granted;
  } table[] = {{NONE, false},    {ID(1, 9), false}, {ID(2, 2), false},
               {ID(2, 3), true}, {ID(2, 4), true},  {ID(3, 1), true}};
  (void)state;
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    struct voter v = voter_new();
    struct raft_output out = ask(&v, VOTE(5, 1), table[i].last, false);
    assert_int_equal(out.granted, table[i].granted);
    assert_int_equal(out.vote.term, table[i].granted ? 5 : 2);
    cluster_free(v.c);
  }
}

/* Dissertation 4.2.3: who hears from a leader does not help to depose it, for election_max long. */
static void lease_refuses_until_it_runs_out(void **state) {
  struct voter v = voter_new();
  struct raft_output out;
  (void)state;
  hear_leader(&v);
  v.now.ns += v.c->config.election_max_ns - 1;
  out = ask(&v, VOTE(9, 3), ID(9, 9), false);
  assert_false(out.granted);
  assert_vote(out.vote, 3, 1, true);
  v.now.ns += 1;
  assert_true(ask(&v, VOTE(9, 3), ID(9, 9), false).granted);
  cluster_free(v.c);
}

/* Each message of the leader renews the lease, an empty one too. */
static void lease_is_renewed_by_every_message(void **state) {
  struct voter v = voter_new();
  (void)state;
  hear_leader(&v);
  v.now.ns += v.c->config.election_max_ns - 1;
  hear_leader(&v);
  v.now.ns += v.c->config.election_max_ns - 1;
  assert_false(ask(&v, VOTE(9, 3), ID(9, 9), false).granted);
  cluster_free(v.c);
}

/* A leadership transfer is the leader's own wish: the lease is not asked, the log is. */
static void transfer_passes_the_lease(void **state) {
  struct voter v = voter_new();
  (void)state;
  hear_leader(&v);
  assert_false(ask(&v, VOTE(4, 3), ID(1, 9), true).granted);
  assert_true(ask(&v, VOTE(4, 3), ID(2, 3), true).granted);
  cluster_free(v.c);
}

/* A leader refuses as long as it leads, and yields to a transfer: it gives up what waits here. */
static void leader_refuses_but_for_a_transfer(void **state) {
  struct voter v = voter_new();
  struct raft_view view;
  (void)state;
  v.now.ns = raft_deadline(v.r);
  raft_on_time(v.r, v.now);
  raft_on_vote_saved(v.r, v.now, VOTE(3, 2));
  raft_on_vote_answer(v.r, v.now, 3, VOTE(3, 2), true, VOTE(3, 2), NONE);
  v.now.ns += 100 * v.c->config.election_max_ns;
  assert_false(ask(&v, VOTE(4, 3), ID(9, 9), false).granted);
  (void)drained(v.r, RAFT_OUT_ROLE);
  raft_on_vote_request(v.r, v.now, VOTE(4, 3), ID(9, 9), true, &v);
  expect(v.r, RAFT_OUT_DROP_PROPOSALS);
  assert_true(expect(v.r, RAFT_OUT_ANSWER_VOTE).granted);
  raft_view(v.r, &view);
  assert_int_equal(view.role, RAFT_FOLLOWER);
  cluster_free(v.c);
}

/* Membership is not asked: a stranger is granted, and a node outside of every cluster grants. */
static void strangers_are_answered(void **state) {
  struct voter v = voter_new();
  (void)state;
  assert_true(ask(&v, VOTE(3, 77), ID(2, 3), false).granted);
  cluster_start(v.c, 4);
  v.r = v.c->nodes[4].r;
  assert_true(ask(&v, VOTE(1, 77), NONE, false).granted);
  assert_int_equal(raft_deadline(v.r), UINT64_MAX); /* a learner never campaigns */
  cluster_free(v.c);
}

/* No candidate sends these; they change nothing. */
static void impossible_requests_are_refused(void **state) {
  struct voter v = voter_new();
  (void)state;
  assert_false(ask(&v, LEADER_VOTE(9, 3), ID(9, 9), false).granted);
  assert_false(ask(&v, VOTE(9, 2), ID(9, 9), false).granted); /* the voter's own id */
  assert_false(ask(&v, VOTE(UINT64_MAX, 3), ID(9, 9), true).granted);
  assert_int_equal(cluster_view(v.c, 2).vote.term, 2);
  cluster_free(v.c);
}

/* After a restart a committed vote still holds its lease; an uncommitted one has none. */
static void restart_keeps_the_lease_of_a_committed_vote(void **state) {
  struct voter v = voter_new();
  (void)state;
  cluster_crash(v.c, 2);
  v.c->nodes[2].disk.vote = LEADER_VOTE(2, 1);
  cluster_start(v.c, 2);
  v.r = v.c->nodes[2].r;
  assert_false(ask(&v, VOTE(3, 3), ID(9, 9), false).granted);
  v.now.ns += v.c->config.election_max_ns;
  assert_true(ask(&v, VOTE(3, 3), ID(9, 9), false).granted);
  cluster_free(v.c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(votes_form_a_partial_order),
      cmocka_unit_test(grant_is_saved_before_it_is_answered),
      cmocka_unit_test(one_vote_per_term),
      cmocka_unit_test(stale_terms_are_refused),
      cmocka_unit_test(longer_logs_do_not_vote_for_shorter),
      cmocka_unit_test(lease_refuses_until_it_runs_out),
      cmocka_unit_test(lease_is_renewed_by_every_message),
      cmocka_unit_test(transfer_passes_the_lease),
      cmocka_unit_test(leader_refuses_but_for_a_transfer),
      cmocka_unit_test(strangers_are_answered),
      cmocka_unit_test(impossible_requests_are_refused),
      cmocka_unit_test(restart_keeps_the_lease_of_a_committed_vote),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
