/* pre_vote_test.c: a node that asks before it campaigns disturbs no leader (dissertation 9.6). */
#include "direct.h"

static const rkv_node_id three[] = {1, 2, 3, 0};
static const rkv_term one_entry[] = {1};

static struct cluster *careful(bool pre_vote) {
  struct cluster *c = cluster_new();
  c->config.pre_vote = pre_vote;
  return led_by_one_of(c, three);
}

/* Node 1 of {1, 2, 3}, alone, whose election timer has just run out. */
struct asker {
  struct cluster *c;
  struct raft *r;
  struct raft_now now;
};

static struct asker asker_new(const rkv_node_id *voters) {
  struct asker a = {.c = cluster_new()};
  a.c->config.pre_vote = true;
  cluster_set_log(a.c, 1, one_entry, 1, voters, 1);
  a.r = a.c->nodes[1].r;
  a.now = (struct raft_now){raft_deadline(a.r), 0};
  raft_on_time(a.r, a.now);
  return a;
}

static void answer(struct asker *a, rkv_node_id from, bool granted) {
  raft_on_pre_vote_answer(a->r, a->now, from, VOTE(2, 1), false, granted, VOTE(1, 0), ID(1, 1));
}

static bool campaigns(struct asker *a) {
  return cluster_view(a->c, 1).role == RAFT_CANDIDATE;
}

/* How far terms are after node 3 was cut off for a while and came back. */
static rkv_term term_after_partition(bool pre_vote, uint64_t random) {
  struct cluster *c = careful(pre_vote);
  rkv_term term;
  c->nodes[3].random = random;
  c->nodes[3].cut = true;
  cluster_run(c, 60000 * MS);
  assert_int_equal(cluster_view(c, 1).vote.term, 1);
  c->nodes[3].cut = false;
  cluster_run(c, 10000 * MS);
  term = cluster_view(c, 1).vote.term;
  if (pre_vote) assert_int_equal(cluster_leader(c), 1);
  assert_int_equal(cluster_view(c, 3).leader, cluster_leader(c));
  cluster_free(c);
  return term;
}

/* 9.6: "the Pre-Vote algorithm solves the issue of a partitioned server disrupting the cluster when
 * it rejoins": 50 of 50 return without an election. Without it the same return makes one. */
static void returning_nodes_cause_no_election(void **state) {
  (void)state;
  for (uint64_t i = 0; i < 50; i++) assert_int_equal(term_after_partition(true, i * 37 * MS), 1);
  assert_true(term_after_partition(false, 37 * MS) > 1);
}

/* 4.2.3, 9.6: a node that was removed and does not know it asks, and is refused. */
static void removed_nodes_cause_no_election(void **state) {
  const rkv_node_id two[] = {1, 2, 0};
  struct cluster *c = careful(true);
  (void)state;
  c->nodes[3].cut = true;
  assert_int_equal(cluster_change(c, 1, two, false), RKV_OK);
  cluster_run(c, 2000 * MS);
  c->nodes[3].cut = false;
  cluster_run(c, 60000 * MS);
  assert_int_equal(cluster_leader(c), 1);
  assert_int_equal(cluster_view(c, 1).vote.term, 1);
  assert_int_equal(cluster_view(c, 3).vote.term, 1);
  cluster_free(c);
}

/* A leader that is gone is replaced all the same. */
static void gone_leaders_are_replaced(void **state) {
  struct cluster *c = careful(true);
  (void)state;
  cluster_crash(c, 1);
  cluster_run(c, 12000 * MS);
  assert_int_equal(cluster_leader(c), 2);
  assert_int_equal(cluster_view(c, 2).vote.term, 2);
  cluster_free(c);
}

/* 9.6: "a candidate only increments its term if it first learns from a majority of the cluster that
 * they would be willing": asking changes nothing, and only the grant begins the campaign. */
static void asking_changes_nothing(void **state) {
  struct asker a = asker_new(three);
  struct raft_output out;
  rkv_node_id peer;
  (void)state;
  for (peer = 2; peer <= 3; peer++) {
    out = expect_next(a.r, RAFT_OUT_SEND_PRE_VOTE);
    assert_int_equal(out.peer, peer);
    assert_vote(out.vote, 2, 1, false);
    assert_id(out.id, 1, 1);
  }
  expect_none(a.r);
  assert_vote(cluster_view(a.c, 1).vote, 1, 0, false);
  assert_int_equal(cluster_view(a.c, 1).role, RAFT_FOLLOWER);
  answer(&a, 3, true);
  expect_next(a.r, RAFT_OUT_ROLE);
  assert_vote(expect_next(a.r, RAFT_OUT_SAVE_VOTE).vote, 2, 1, false);
  assert_false(expect_next(a.r, RAFT_OUT_SEND_VOTE).transfer);
  cluster_free(a.c);
}

/* A round without a quorum is repeated by the election timer, soon, and no term moves. */
static void rounds_are_repeated_in_the_same_term(void **state) {
  struct asker a = asker_new(three);
  uint64_t soon = a.c->config.election_max_ns / 8 + 1;
  (void)state;
  assert_true(drained(a.r, RAFT_OUT_SEND_PRE_VOTE));
  for (unsigned i = 0; i < 20; i++) {
    assert_int_equal(raft_deadline(a.r), a.now.ns + soon);
    a.now.ns = raft_deadline(a.r);
    raft_on_time(a.r, a.now);
    assert_vote(expect(a.r, RAFT_OUT_SEND_PRE_VOTE).vote, 2, 1, false);
    expect_next(a.r, RAFT_OUT_SEND_PRE_VOTE);
    expect_none(a.r);
  }
  assert_false(campaigns(&a));
  cluster_free(a.c);
}

/* Grants of other rounds, of strangers, and after somebody else was accepted do not count. */
static void only_grants_of_this_round_count(void **state) {
  struct asker a = asker_new(three);
  (void)state;
  raft_on_pre_vote_answer(a.r, a.now, 2, VOTE(1, 1), false, true, VOTE(1, 0), ID(1, 1));
  raft_on_pre_vote_answer(a.r, a.now, 2, VOTE(2, 2), false, true, VOTE(1, 0), ID(1, 1));
  answer(&a, 7, true);
  answer(&a, 1, true); /* node 1's own grant, a second time */
  answer(&a, 2, false);
  raft_on_pre_vote_answer(a.r, a.now, 7, VOTE(2, 1), false, false, VOTE(9, 7), ID(9, 9));
  assert_int_equal(raft_deadline(a.r),
                   a.now.ns + a.c->config.election_max_ns / 8 + 1); /* node 7 sets none */
  assert_vote(cluster_view(a.c, 1).vote, 1, 0, false);
  assert_false(campaigns(&a));
  assert_int_equal(
      raft_on_append_request(a.r, a.now, LEADER_VOTE(1, 2), ID(1, 1), NONE, NULL, 0, &a, NULL),
      RKV_OK);
  answer(&a, 3, true);
  assert_false(campaigns(&a));
  assert_int_equal(cluster_view(a.c, 1).leader, 2);
  cluster_free(a.c);
}

/* A joint membership (4.3) needs the grants of both configs. */
static void joint_configs_both_grant(void **state) {
  const rkv_node_id one[] = {1, 0};
  struct raft_membership m = {.id = {1, 2}, .value = cluster_membership(three)};
  struct asker a = asker_new(one); /* leads by itself: a lone voter asks nobody */
  struct raft_entry e = {ID(2, 2), RKV_ENTRY_MEMBERSHIP, &m.value};
  (void)state;
  m.value.config_count = 2;
  m.value.configs[1].count = 1;
  m.value.configs[1].ids[0] = 2;
  assert_int_equal(
      raft_on_append_request(a.r, a.now, LEADER_VOTE(3, 2), ID(1, 1), NONE, &e, 1, &a, NULL),
      RKV_OK);
  a.now.ns = raft_deadline(a.r);
  raft_on_time(a.r, a.now);
  raft_on_pre_vote_answer(a.r, a.now, 3, VOTE(4, 1), false, true, VOTE(3, 2), ID(2, 2));
  assert_false(campaigns(&a)); /* two of {1, 2, 3}, none of {2} */
  raft_on_pre_vote_answer(a.r, a.now, 2, VOTE(4, 1), false, true, VOTE(3, 2), ID(2, 2));
  assert_true(campaigns(&a));
  cluster_free(a.c);
}

/* Who is alone asks nobody. */
static void lone_voters_do_not_ask(void **state) {
  const rkv_node_id one[] = {1, 0};
  struct asker a = asker_new(one);
  (void)state;
  assert_true(campaigns(&a));
  assert_false(drained(a.r, RAFT_OUT_SEND_PRE_VOTE));
  cluster_free(a.c);
}

/* A peer that does not know pre-votes must not block elections. */
static void peers_that_do_not_know_it_count_as_granting(void **state) {
  struct cluster *c = careful(true);
  (void)state;
  c->nodes[2].old = true;
  c->nodes[3].cut = true; /* so that node 2's answer decides */
  cluster_crash(c, 1);
  cluster_crash(c, 3);
  cluster_start(c, 3);
  c->nodes[3].cut = false;
  c->nodes[2].random = 1400 * MS;
  cluster_elect(c, 3);
  assert_int_equal(cluster_view(c, 3).vote.term, 2);
  cluster_free(c);
}

/* A refusal with a greater vote teaches the term: the next question is for the one after it. */
static void refusals_teach_the_term(void **state) {
  struct asker a = asker_new(three);
  (void)state;
  raft_on_pre_vote_answer(a.r, a.now, 2, VOTE(2, 1), false, false, LEADER_VOTE(8, 3), ID(1, 1));
  assert_vote(expect(a.r, RAFT_OUT_SAVE_VOTE).vote, 8, 3, false); /* node 3 has said nothing */
  answer(&a, 3, true);                                            /* a grant of the round before */
  assert_false(campaigns(&a));
  a.now.ns = raft_deadline(a.r);
  raft_on_time(a.r, a.now);
  assert_vote(expect(a.r, RAFT_OUT_SEND_PRE_VOTE).vote, 9, 1, false);
  cluster_free(a.c);
}

/* Who was refused for a shorter log leaves the other the time to be elected; a quorum of others may
 * still grant in this round. */
static void shorter_logs_stand_back(void **state) {
  struct asker a = asker_new(three);
  (void)state;
  raft_on_pre_vote_answer(a.r, a.now, 2, VOTE(2, 1), false, false, VOTE(1, 0), ID(1, 9));
  assert_int_equal(raft_deadline(a.r),
                   a.now.ns + 2 * a.c->config.election_max_ns + a.c->config.election_min_ns);
  answer(&a, 3, true);
  assert_true(campaigns(&a));
  cluster_free(a.c);
}

static struct raft_output ask(struct asker *a, struct rkv_vote vote, struct rkv_log_id last) {
  struct raft_view before = cluster_view(a->c, 1);
  uint64_t deadline = raft_deadline(a->r);
  struct raft_output out;
  while (raft_take(a->r, &out)) continue;
  raft_on_pre_vote_request(a->r, a->now, vote, last, a);
  out = expect_next(a->r, RAFT_OUT_ANSWER_PRE_VOTE);
  expect_none(a->r);
  assert_ptr_equal(out.cookie, a);
  assert_int_equal(raft_deadline(a->r), deadline);
  assert_int_equal(rkv_vote_compare(before.vote, cluster_view(a->c, 1).vote), RKV_EQUAL);
  return out;
}

/* The receiver asks what it asks for a vote, and nothing changes here, whatever it answers: two who
 * ask for one term are both granted. */
static void answers_change_nothing(void **state) {
  struct asker a = asker_new(three);
  struct raft_output out;
  (void)state;
  out = ask(&a, VOTE(2, 2), ID(1, 1));
  assert_true(out.granted && !raft_output_waits(out.type));
  assert_vote(out.vote, 1, 0, false);
  assert_id(out.id, 1, 1);
  assert_true(ask(&a, VOTE(2, 3), ID(1, 1)).granted);
  assert_false(ask(&a, VOTE(2, 2), NONE).granted);              /* 5.4.1: a shorter log */
  assert_false(ask(&a, VOTE(0, 2), ID(1, 1)).granted);          /* 5.1: an old term */
  assert_false(ask(&a, VOTE(2, 1), ID(1, 1)).granted);          /* this node's id */
  assert_false(ask(&a, LEADER_VOTE(2, 2), ID(1, 1)).granted);   /* no candidate's */
  assert_false(ask(&a, VOTE(UINT64_MAX, 2), ID(1, 1)).granted); /* no node reaches that term */
  cluster_free(a.c);
}

/* 4.2.3: who heard a leader within a lease refuses, and so does the leader itself. */
static void leases_refuse(void **state) {
  struct asker a = asker_new(three);
  (void)state;
  assert_int_equal(
      raft_on_append_request(a.r, a.now, LEADER_VOTE(2, 2), ID(1, 1), NONE, NULL, 0, &a, NULL),
      RKV_OK);
  a.now.ns += a.c->config.election_max_ns - 1;
  assert_false(ask(&a, VOTE(3, 3), ID(1, 1)).granted);
  a.now.ns += 1;
  assert_true(ask(&a, VOTE(3, 3), ID(1, 1)).granted);
  cluster_free(a.c);
  a.c = careful(true);
  a.r = a.c->nodes[1].r;
  a.now = (struct raft_now){a.c->now_ns, 0};
  assert_false(ask(&a, VOTE(2, 3), ID(9, 9)).granted);
  cluster_free(a.c);
}

/* A round ends with the election that was won meanwhile by late votes of the one before: when that
 * leadership ends, its late grants begin no campaign. */
static void rounds_end_with_leadership(void **state) {
  struct asker a = asker_new(three);
  (void)state;
  answer(&a, 2, true);
  raft_on_vote_saved(a.r, a.now, VOTE(2, 1));
  a.now.ns = raft_deadline(a.r);
  raft_on_time(a.r, a.now); /* asks for term 3 */
  raft_on_vote_answer(a.r, a.now, 2, VOTE(2, 1), true, VOTE(2, 1), ID(1, 1));
  assert_int_equal(cluster_view(a.c, 1).role, RAFT_LEADER);
  raft_on_snapshot_installed(a.r, a.now, ID(2, 9), raft_effective(a.r)); /* false: no leader now */
  assert_int_equal(cluster_view(a.c, 1).role, RAFT_FOLLOWER);
  raft_on_pre_vote_answer(a.r, a.now, 3, VOTE(3, 1), false, true, VOTE(1, 0), ID(1, 1));
  assert_int_equal(cluster_view(a.c, 1).role, RAFT_FOLLOWER);
  cluster_free(a.c);
}

/* 4.2.2: a leader that removed itself is missed at once. Nobody would grant a pre-vote yet, and
 * nobody needs to: the others campaign with votes that ask for no lease. */
static void leaders_that_left_are_replaced_without_asking(void **state) {
  const rkv_node_id others[] = {2, 3, 0};
  struct cluster *c = careful(true);
  uint64_t begun = c->now_ns;
  (void)state;
  assert_int_equal(cluster_change(c, 1, others, false), RKV_OK);
  while (cluster_leader(c) <= 1) cluster_run(c, 10 * MS);
  assert_true(c->now_ns - begun < c->config.election_max_ns);
  cluster_free(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(returning_nodes_cause_no_election),
      cmocka_unit_test(removed_nodes_cause_no_election),
      cmocka_unit_test(gone_leaders_are_replaced),
      cmocka_unit_test(asking_changes_nothing),
      cmocka_unit_test(rounds_are_repeated_in_the_same_term),
      cmocka_unit_test(only_grants_of_this_round_count),
      cmocka_unit_test(joint_configs_both_grant),
      cmocka_unit_test(lone_voters_do_not_ask),
      cmocka_unit_test(peers_that_do_not_know_it_count_as_granting),
      cmocka_unit_test(refusals_teach_the_term),
      cmocka_unit_test(shorter_logs_stand_back),
      cmocka_unit_test(answers_change_nothing),
      cmocka_unit_test(leases_refuse),
      cmocka_unit_test(rounds_end_with_leadership),
      cmocka_unit_test(leaders_that_left_are_replaced_without_asking),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
