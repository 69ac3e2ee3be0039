/* leaves_test.c: the leaves of core/raft: log ids as term ranges, quorums, progress of a peer. */
#include "cluster.h"

#include <raft/log.h>
#include <raft/progress.h>
#include <raft/quorum.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define ID(term, index) ((struct rkv_log_id){(term), (index)})

/* ---- log ---- */

/* Terms 0 1 1 1 3 3 at indexes 1..6. */
static struct raft_log six_entries(void) {
  struct raft_log log;
  raft_log_open(&log, ID(0, 0));
  assert_true(raft_log_append(&log, ID(0, 1), 1));
  assert_true(raft_log_append(&log, ID(1, 2), 2));
  assert_true(raft_log_append(&log, ID(1, 4), 1));
  assert_true(raft_log_append(&log, ID(3, 5), 2));
  return log;
}

static void assert_term(const struct raft_log *log, rkv_index index, rkv_term term) {
  struct rkv_log_id id;
  assert_true(raft_log_at(log, index, &id));
  assert_int_equal(id.term, term);
  assert_int_equal(id.index, index);
}

/* Ids are found by range, and only inside the log. */
static void log_finds_ids(void **state) {
  struct raft_log log = six_entries();
  struct rkv_log_id id;
  (void)state;
  assert_int_equal(log.count, 3);
  assert_term(&log, 1, 0);
  assert_term(&log, 2, 1);
  assert_term(&log, 4, 1);
  assert_term(&log, 5, 3);
  assert_term(&log, 6, 3);
  assert_false(raft_log_at(&log, 0, &id));
  assert_false(raft_log_at(&log, 7, &id));
  assert_true(raft_log_has(&log, ID(0, 0)));
  assert_true(raft_log_has(&log, ID(1, 3)));
  assert_false(raft_log_has(&log, ID(2, 3)));
  assert_false(raft_log_has(&log, ID(3, 7)));
  raft_log_close(&log);
}

/* A cut removes whole ranges and parts of one, at every place. */
static void log_truncates_anywhere(void **state) {
  static const rkv_term terms[] = {0, 0, 1, 1, 1, 3, 3}; /* [index] */
  rkv_index after;
  (void)state;
  for (after = 0; after <= 6; after++) {
    struct raft_log log = six_entries();
    raft_log_truncate(&log, after);
    assert_int_equal(log.last.index, after);
    assert_int_equal(log.last.term, terms[after]);
    assert_true(raft_log_append(&log, ID(4, after + 1), 1));
    assert_term(&log, after + 1, 4);
    raft_log_close(&log);
  }
}

/* A purge keeps the last purged id known and forgets what is before it, at every place. */
static void log_purges_anywhere(void **state) {
  static const rkv_term terms[] = {0, 0, 1, 1, 1, 3, 3};
  rkv_index upto, i;
  (void)state;
  for (upto = 1; upto <= 6; upto++) {
    struct raft_log log = six_entries();
    struct rkv_log_id id;
    raft_log_purge(&log, ID(terms[upto], upto));
    assert_int_equal(log.last.index, 6);
    for (i = 1; i < upto; i++) assert_false(raft_log_at(&log, i, &id));
    for (i = upto; i <= 6; i++) assert_term(&log, i, terms[i]);
    if (upto < 6) assert_int_equal(log.terms[0].index, upto + 1); /* (L2) */
    assert_true(raft_log_append(&log, ID(3, 7), 1));
    assert_term(&log, 7, 3);
    raft_log_close(&log);
  }
}

/* A purge beyond the end leaves an empty log that goes on from there. */
static void log_purges_beyond_its_end(void **state) {
  struct raft_log log = six_entries();
  (void)state;
  raft_log_purge(&log, ID(5, 20));
  assert_int_equal(log.last.index, 20);
  assert_int_equal(log.count, 0);
  assert_true(raft_log_append(&log, ID(5, 21), 3));
  assert_term(&log, 20, 5);
  assert_term(&log, 23, 5);
  raft_log_close(&log);
}

/* ---- quorum ---- */

static rkv_index acked_by_id(const void *ctx, rkv_node_id id) {
  return ((const rkv_index *)ctx)[id];
}

/* The index that a majority holds, for every size; in a joint the smaller of the two. */
static void quorum_takes_the_majority_of_every_config(void **state) {
  const rkv_node_id five[] = {1, 2, 3, 4, 5, 0}, four[] = {1, 2, 3, 4, 0}, one[] = {2, 0};
  const rkv_index acked[] = {0, 10, 20, 30, 40, 50};
  struct rkv_membership m = cluster_membership(five);
  (void)state;
  assert_int_equal(raft_quorum_index(&m, acked_by_id, acked), 30);
  m = cluster_membership(four);
  assert_int_equal(raft_quorum_index(&m, acked_by_id, acked), 20);
  m = cluster_membership(five);
  m.config_count = 2;
  m.configs[1] = cluster_membership(one).configs[0];
  assert_int_equal(raft_quorum_index(&m, acked_by_id, acked), 20);
  m.config_count = 0;
  assert_int_equal(raft_quorum_index(&m, acked_by_id, acked), 0);
}

/* Half is no majority; a joint needs both; no config decides nothing. */
static void quorum_of_votes(void **state) {
  const rkv_node_id four[] = {1, 2, 3, 4, 0}, two[] = {4, 5, 0};
  const rkv_node_id ids[] = {1, 2, 4, 5};
  struct rkv_membership m = cluster_membership(four);
  (void)state;
  assert_false(raft_quorum_has(&m, ids, 2));
  assert_true(raft_quorum_has(&m, ids, 3));
  m.config_count = 2;
  m.configs[1] = cluster_membership(two).configs[0];
  assert_false(raft_quorum_has(&m, ids, 3));
  assert_true(raft_quorum_has(&m, ids, 4));
  m.config_count = 0;
  assert_false(raft_quorum_has(&m, ids, 4));
  assert_false(raft_quorum_lone(&m, 1));
}

static void quorum_knows_a_lone_voter(void **state) {
  const rkv_node_id one[] = {4, 0}, two[] = {4, 5, 0};
  struct rkv_membership m = cluster_membership(one);
  (void)state;
  assert_true(raft_quorum_lone(&m, 4));
  assert_false(raft_quorum_lone(&m, 5));
  m.config_count = 2;
  m.configs[1] = cluster_membership(two).configs[0];
  assert_false(raft_quorum_lone(&m, 4));
}

/* ---- progress ---- */

/* Sends a probe, which conflicts unless the peer holds `common` entries; returns where it ends. */
static unsigned probe_until_found(struct raft_progress *p, rkv_index common, rkv_index purged) {
  unsigned probes = 0;
  while (p->mode == RAFT_PROBE && probes < 100) {
    rkv_index prev = p->next - 1;
    probes++;
    raft_progress_sent(p, prev, prev);
    raft_progress_ended(p, true);
    if (prev <= common)
      raft_progress_success(p, ID(1, prev), prev);
    else
      raft_progress_conflict(p, prev, true, purged);
    (void)raft_progress_settle(p, purged);
  }
  return probes;
}

/* Without a hint the common point of a million entries is found in about twenty probes; what is
 * found lies at or before the common point, and less than half the way is sent in vain. */
static void probes_search_binarily(void **state) {
  rkv_index common;
  (void)state;
  for (common = 0; common <= 1000000; common += 99991) {
    struct raft_progress p;
    raft_progress_start(&p, 2, 1000000);
    assert_in_range(probe_until_found(&p, common, 0), 1, 21);
    assert_int_equal(p.mode, RAFT_REPLICATE);
    assert_in_range(p.next, common / 2, common + 1);
  }
}

/* A peer without any entry that is still held here falls to the snapshot, one with it does not. */
static void probes_end_at_what_is_purged(void **state) {
  struct raft_progress p;
  (void)state;
  raft_progress_start(&p, 2, 1000);
  (void)probe_until_found(&p, 499, 500);
  assert_int_equal(p.mode, RAFT_SNAPSHOT);
  raft_progress_start(&p, 2, 1000);
  (void)probe_until_found(&p, 500, 500);
  assert_int_equal(p.mode, RAFT_REPLICATE);
  assert_int_equal(p.next, 501);
}

static struct raft_progress replicating(rkv_index matched) {
  struct raft_progress p;
  raft_progress_start(&p, 2, matched);
  raft_progress_success(&p, ID(1, matched), matched);
  return p;
}

/* Several appends are in flight, no more than the window. */
static void window_bounds_what_is_in_flight(void **state) {
  struct raft_progress p = replicating(10);
  (void)state;
  assert_int_equal(raft_progress_data_due(&p, 10, 2), RAFT_NEVER);
  assert_int_equal(raft_progress_data_due(&p, 30, 2), 0);
  raft_progress_sent(&p, 10, 20);
  raft_progress_sent(&p, 20, 25);
  assert_int_equal(raft_progress_data_due(&p, 30, 2), RAFT_NEVER);
  raft_progress_ended(&p, false);
  assert_int_equal(raft_progress_data_due(&p, 30, 2), 0);
  assert_int_equal(p.next, 26);
}

/* A partial success sends the rest again; one that a later answer covers does not. */
static void partial_success_sends_the_rest_again(void **state) {
  struct raft_progress p = replicating(10);
  (void)state;
  raft_progress_sent(&p, 10, 20);
  raft_progress_success(&p, ID(1, 15), 20);
  assert_int_equal(p.next, 16);
  raft_progress_sent(&p, 15, 30);
  raft_progress_success(&p, ID(1, 30), 30);
  raft_progress_success(&p, ID(1, 12), 20); /* a late answer */
  assert_int_equal(p.matched.index, 30);
  assert_int_equal(p.next, 31);
}

/* Late answers of every kind never make matched fall, nor next fall below it. */
static void late_answers_are_harmless(void **state) {
  struct raft_progress p = replicating(10);
  (void)state;
  raft_progress_success(&p, ID(1, 5), 5);
  assert_int_equal(p.matched.index, 10);
  raft_progress_ended(&p, false); /* an answer to the progress before this one */
  assert_int_equal(p.appends_in_flight, 0);
  raft_progress_conflict(&p, 7, false, 0);
  assert_int_equal(p.matched.index, 10);
  assert_int_equal(p.mode, RAFT_PROBE);
  assert_int_equal(p.next, 11);
}

/* A heartbeat that conflicts at what the peer had acknowledged: its log is gone. */
static void conflict_at_matched_begins_anew(void **state) {
  struct raft_progress p = replicating(10);
  (void)state;
  raft_progress_conflict(&p, 10, true, 0);
  assert_int_equal(p.matched.index, 0);
  assert_int_equal(p.mode, RAFT_PROBE);
  assert_int_equal(p.next, 1);
  p = replicating(10);
  raft_progress_conflict(&p, 10, true, 4);
  assert_false(raft_progress_settle(&p, 4));
  assert_int_equal(p.next, 5); /* the oldest id that is known */
}

/* Heartbeats: one outstanding, heartbeat_ns apart; a commit that the peer can use comes sooner. */
static void beats_are_due_in_time(void **state) {
  struct raft_progress p = replicating(10);
  (void)state;
  p.sent_ns = 1000;
  p.commit_sent = 8;
  assert_int_equal(raft_progress_beat_due(&p, 8, 500, 50), 1500);
  assert_int_equal(raft_progress_beat_due(&p, 9, 500, 50), 1050);
  p.commit_sent = 10;
  assert_int_equal(raft_progress_beat_due(&p, 20, 500, 50), 1500);
  raft_progress_sent(&p, 10, 10);
  assert_int_equal(raft_progress_beat_due(&p, 20, 500, 50), RAFT_NEVER);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(log_finds_ids),
      cmocka_unit_test(log_truncates_anywhere),
      cmocka_unit_test(log_purges_anywhere),
      cmocka_unit_test(log_purges_beyond_its_end),
      cmocka_unit_test(quorum_takes_the_majority_of_every_config),
      cmocka_unit_test(quorum_of_votes),
      cmocka_unit_test(quorum_knows_a_lone_voter),
      cmocka_unit_test(probes_search_binarily),
      cmocka_unit_test(probes_end_at_what_is_purged),
      cmocka_unit_test(window_bounds_what_is_in_flight),
      cmocka_unit_test(partial_success_sends_the_rest_again),
      cmocka_unit_test(late_answers_are_harmless),
      cmocka_unit_test(conflict_at_matched_begins_anew),
      cmocka_unit_test(beats_are_due_in_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
