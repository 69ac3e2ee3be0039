/* peer_test.c: a leader towards peers that lag, lie, lose their log, or cannot take an entry. */
#include "direct.h"

static const rkv_node_id two[] = {1, 2, 0};

/* Node 1 leads term 2 of {1, 2}; its log is terms 1 x 9 and the blank 2.10. Peer 2 is by hand. */
struct lead {
  struct cluster *c;
  struct raft *r;
  struct raft_now now;
  struct raft_append_plan plan;
};

static struct lead lead_new(void) {
  const rkv_term terms[] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
  struct lead l = {.c = cluster_new()};
  l.c->config.append_window = 2;
  l.c->config.append_entries_max = 3;
  cluster_set_log(l.c, 1, terms, 9, two, 1);
  l.r = l.c->nodes[1].r;
  l.now = (struct raft_now){raft_deadline(l.r), 0};
  raft_on_time(l.r, l.now);
  raft_on_vote_saved(l.r, l.now, VOTE(2, 1));
  raft_on_vote_answer(l.r, l.now, 2, VOTE(2, 1), true, VOTE(2, 1), NONE);
  (void)drained(l.r, RAFT_OUT_APPEND_OWN);
  raft_on_log_saved(l.r, l.now, ID(2, 10));
  return l;
}

static bool send(struct lead *l) {
  if (!raft_next_append(l->r, l->now, 2, &l->plan)) return false;
  raft_append_sent(l->r, 2, &l->plan,
                   l->plan.to > l->plan.prev.index ? l->plan.to : l->plan.prev.index);
  return true;
}

static void answer(struct lead *l, struct rkv_log_id prev, rkv_index sent,
                   enum rkv_append_result result, struct rkv_log_id matched) {
  struct raft_append_plan plan = l->plan;
  plan.prev = prev;
  raft_on_append_answer(l->r, l->now, 2, &plan, sent, result, matched, VOTE(0, 0), 0);
}

static void answer_last(struct lead *l, enum rkv_append_result result, struct rkv_log_id matched) {
  rkv_index sent = l->plan.to > l->plan.prev.index ? l->plan.to : l->plan.prev.index;
  answer(l, l->plan.prev, sent, result, matched);
}

static void fail_last(struct lead *l, bool stuck, struct rkv_log_id matched) {
  rkv_index sent = l->plan.to > l->plan.prev.index ? l->plan.to : l->plan.prev.index;
  raft_on_append_failed(l->r, l->now, 2, &l->plan, sent, stuck, matched);
}

static struct raft_peer_view peer(const struct lead *l) {
  struct raft_peer_view view;
  assert_true(raft_peer(l->r, 2, &view));
  return view;
}

/* The first probe is at the last entry before the own blank one, without entries; until it is
 * answered there is nothing else, and no timer. */
static void first_probe_is_at_the_last_entry(void **state) {
  struct lead l = lead_new();
  (void)state;
  assert_true(send(&l));
  assert_id(l.plan.prev, 1, 9);
  assert_true(l.plan.from > l.plan.to);
  assert_false(send(&l));
  assert_int_equal(raft_deadline(l.r), UINT64_MAX);
  answer_last(&l, RKV_APPEND_SUCCESS, ID(1, 9));
  assert_true(send(&l));
  assert_int_equal(l.plan.from, 10);
  assert_int_equal(l.plan.to, 10);
  cluster_free(l.c);
}

/* Appends are limited in entries and in number; the driver may send less. */
static void appends_are_bounded(void **state) {
  struct lead l = lead_new();
  struct rkv_log_id first;
  (void)state;
  (void)send(&l);
  answer_last(&l, RKV_APPEND_SUCCESS, ID(1, 9));
  assert_int_equal(raft_propose(l.r, l.now, 20, &first, NULL), RKV_OK);
  assert_id(first, 2, 11);
  assert_true(raft_next_append(l.r, l.now, 2, &l.plan));
  assert_int_equal(l.plan.from, 10);
  assert_int_equal(l.plan.to, 12);
  raft_append_sent(l.r, 2, &l.plan, 11); /* no room for more bytes */
  assert_true(send(&l));
  assert_int_equal(l.plan.from, 12);
  assert_int_equal(l.plan.to, 14);
  assert_false(send(&l)); /* the window */
  answer_last(&l, RKV_APPEND_SUCCESS, ID(2, 14));
  assert_true(send(&l));
  assert_int_equal(l.plan.from, 15);
  cluster_free(l.c);
}

/* While what the peer needs next is not at hand it gets heartbeats, and no timer asks for more. */
static void entries_not_at_hand_are_waited_for(void **state) {
  struct lead l = lead_new();
  uint64_t beat_ns;
  (void)state;
  (void)send(&l);
  answer_last(&l, RKV_APPEND_SUCCESS, ID(1, 9));
  raft_hold_entries(l.r, 2, UINT64_MAX);
  assert_true(peer(&l).replicating);
  assert_int_equal(peer(&l).next, 10);
  assert_false(send(&l));
  beat_ns = raft_deadline(l.r);
  assert_true(beat_ns > l.now.ns && beat_ns < UINT64_MAX);
  l.now.ns = beat_ns;
  assert_true(send(&l));
  assert_true(l.plan.from > l.plan.to);
  raft_hold_entries(l.r, 2, l.now.ns + 5);
  assert_int_equal(raft_deadline(l.r), l.now.ns + 5);
  raft_hold_entries(l.r, 2, 0);
  assert_true(send(&l));
  assert_int_equal(l.plan.from, 10);
  cluster_free(l.c);
}

/* Answers that cannot be true are failures: matched beyond what was sent, another term, less than
 * prev, a conflict at none, a rejection without a greater vote. Nothing is committed by them. */
static void lies_are_not_believed(void **state) {
  struct lead l = lead_new();
  (void)state;
  (void)send(&l);
  answer_last(&l, RKV_APPEND_SUCCESS, ID(2, 10));
  assert_false(peer(&l).reached);
  l.now.ns += l.c->config.retry_ns;
  assert_true(send(&l));
  answer_last(&l, RKV_APPEND_SUCCESS, ID(5, 9));
  l.now.ns += l.c->config.retry_ns;
  assert_true(send(&l));
  answer_last(&l, RKV_APPEND_SUCCESS, ID(1, 4));
  l.now.ns += l.c->config.retry_ns;
  assert_true(send(&l));
  answer_last(&l, RKV_APPEND_REJECTED, NONE);
  answer(&l, NONE, 0, RKV_APPEND_CONFLICT, NONE);
  assert_int_equal(cluster_view(l.c, 1).role, RAFT_LEADER);
  assert_id(peer(&l).matched, 0, 0);
  assert_id(cluster_view(l.c, 1).committed, 0, 0);
  cluster_free(l.c);
}

/* Answers to another leadership of this node are not counted. */
static void answers_to_an_older_term_are_ignored(void **state) {
  struct lead l = lead_new();
  (void)state;
  (void)send(&l);
  raft_on_append_answer(l.r, l.now, 2, PLAN(LEADER_VOTE(1, 1), ID(1, 9)), 9, RKV_APPEND_SUCCESS,
                        ID(1, 9), VOTE(0, 0), 0);
  raft_on_append_answer(l.r, l.now, 2, PLAN(LEADER_VOTE(1, 1), ID(1, 9)), 9, RKV_APPEND_REJECTED,
                        NONE, LEADER_VOTE(9, 2), 0);
  assert_id(peer(&l).matched, 0, 0);
  assert_int_equal(cluster_view(l.c, 1).role, RAFT_LEADER);
  assert_false(send(&l)); /* the probe is still out */
  cluster_free(l.c);
}

/* No answer: a pause of retry_ns, then a probe at what is known to match. */
static void failures_pause_and_probe(void **state) {
  struct lead l = lead_new();
  (void)state;
  (void)send(&l);
  answer_last(&l, RKV_APPEND_SUCCESS, ID(1, 9));
  (void)send(&l);
  fail_last(&l, false, NONE);
  assert_false(send(&l));
  assert_int_equal(raft_deadline(l.r), l.now.ns + l.c->config.retry_ns);
  l.now.ns = raft_deadline(l.r);
  assert_true(send(&l));
  assert_id(l.plan.prev, 1, 9);
  assert_true(l.plan.from > l.plan.to);
  answer_last(&l, RKV_APPEND_SUCCESS, ID(1, 9));
  assert_true(send(&l));
  assert_int_equal(l.plan.to, 10);
  cluster_free(l.c);
}

/* A peer that can never take its next entry is asked rarely; heartbeats go on, and what it stored
 * before that entry counts. */
static void stuck_peers_are_asked_rarely(void **state) {
  struct lead l = lead_new();
  struct rkv_log_id first;
  uint64_t stuck_at;
  (void)state;
  (void)send(&l);
  answer_last(&l, RKV_APPEND_SUCCESS, ID(1, 9));
  (void)raft_propose(l.r, l.now, 2, &first, NULL);
  assert_true(send(&l));
  assert_int_equal(l.plan.to, 12);
  stuck_at = l.now.ns;
  fail_last(&l, true, ID(2, 11));
  assert_id(peer(&l).matched, 2, 11);
  assert_id(cluster_view(l.c, 1).committed, 2, 10);
  while ((l.now.ns = raft_deadline(l.r)) < stuck_at + l.c->config.stuck_retry_ns) {
    assert_true(send(&l));
    assert_true(l.plan.from > l.plan.to);
    answer_last(&l, RKV_APPEND_SUCCESS, l.plan.prev);
    assert_false(send(&l));
  }
  assert_true(send(&l));
  assert_int_equal(l.plan.from, 12);
  cluster_free(l.c);
}

/* A peer that took none of what it was sent has no room now: no busy loop. */
static void full_peers_are_given_time(void **state) {
  struct lead l = lead_new();
  (void)state;
  (void)send(&l);
  answer_last(&l, RKV_APPEND_SUCCESS, ID(1, 9));
  assert_true(send(&l));
  answer_last(&l, RKV_APPEND_SUCCESS, ID(1, 9));
  assert_false(send(&l));
  l.now.ns += l.c->config.retry_ns;
  assert_true(send(&l));
  assert_int_equal(l.plan.from, 10);
  cluster_free(l.c);
}

/* A memory-only peer that restarted empty: its progress begins anew, nothing crashes, and it gets
 * everything again. */
static void peers_that_lost_their_log_begin_anew(void **state) {
  struct lead l = lead_new();
  (void)state;
  (void)send(&l);
  answer_last(&l, RKV_APPEND_SUCCESS, ID(1, 9));
  (void)send(&l);
  answer_last(&l, RKV_APPEND_SUCCESS, ID(2, 10));
  assert_id(cluster_view(l.c, 1).committed, 2, 10);
  l.now.ns += l.c->config.heartbeat_ns;
  assert_true(send(&l));
  answer_last(&l, RKV_APPEND_CONFLICT, NONE);
  assert_id(peer(&l).matched, 0, 0);
  assert_true(send(&l));
  answer_last(&l, RKV_APPEND_SUCCESS, l.plan.prev);
  assert_true(send(&l));
  assert_int_equal(l.plan.from, 1);
  assert_id(cluster_view(l.c, 1).committed, 2, 10);
  cluster_free(l.c);
}

/* Only a leader has peers. */
static void followers_send_nothing(void **state) {
  struct lead l = lead_new();
  struct raft_peer_view view;
  (void)state;
  raft_on_snapshot_sent(l.r, l.now, 2, false, NONE, LEADER_VOTE(7, 2));
  assert_int_equal(cluster_view(l.c, 1).role, RAFT_FOLLOWER);
  assert_false(send(&l));
  assert_false(raft_peer(l.r, 2, &view));
  cluster_free(l.c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(first_probe_is_at_the_last_entry),
      cmocka_unit_test(appends_are_bounded),
      cmocka_unit_test(entries_not_at_hand_are_waited_for),
      cmocka_unit_test(lies_are_not_believed),
      cmocka_unit_test(answers_to_an_older_term_are_ignored),
      cmocka_unit_test(failures_pause_and_probe),
      cmocka_unit_test(stuck_peers_are_asked_rarely),
      cmocka_unit_test(full_peers_are_given_time),
      cmocka_unit_test(peers_that_lost_their_log_begin_anew),
      cmocka_unit_test(followers_send_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
