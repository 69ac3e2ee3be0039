/* input_test.c: what is refused (configs, contradicting starts, impossible requests), names, and a
 * sweep that fails every allocation in turn. */
#include "direct.h"

#include <stdlib.h>

static const rkv_node_id one[] = {1, 0}, three[] = {1, 2, 3, 0};

/* ---- allocations inside core/raft, counted and failed at will ---- */

static size_t fail_at; /* the Nth allocation from now fails; 0 = none */

static bool fails_now(void) {
  return fail_at > 0 && --fail_at == 0;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size) {
  return fails_now() ? NULL : __real_malloc(size);
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size) {
  return fails_now() ? NULL : __real_calloc(count, size);
}

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size) {
  return fails_now() ? NULL : __real_realloc(old, size);
}

/* ---- what is refused at the start ---- */

static struct raft_config good_config(void) {
  struct cluster *c = cluster_new();
  struct raft_config config = c->config;
  cluster_free(c);
  config.id = 1;
  return config;
}

static enum rkv_status try_new(const struct raft_config *config, const struct raft_start *start) {
  struct rkv_error error = {0};
  struct raft *r = NULL;
  enum rkv_status status = raft_new(config, start, (struct raft_now){0}, &r, &error);
  assert_int_equal(status == RKV_OK, r != NULL);
  if (status != RKV_OK) assert_true(error.text[0] != '\0');
  raft_free(r);
  return status;
}

static void configs_out_of_range_are_refused(void **state) {
  const struct raft_start start = {0};
  struct raft_config config = good_config();
  (void)state;
  assert_int_equal(try_new(&config, &start), RKV_OK);
  config.id = 0;
  assert_int_equal(try_new(&config, &start), RKV_INVALID);
  config = good_config();
  config.heartbeat_ns = config.election_min_ns;
  assert_int_equal(try_new(&config, &start), RKV_INVALID);
  config = good_config();
  config.election_max_ns = config.election_min_ns;
  assert_int_equal(try_new(&config, &start), RKV_INVALID);
  config = good_config();
  config.commit_notice_ns = config.heartbeat_ns + 1;
  assert_int_equal(try_new(&config, &start), RKV_INVALID);
  config = good_config();
  config.retry_ns = 0;
  assert_int_equal(try_new(&config, &start), RKV_INVALID);
  config = good_config();
  config.append_window = 0;
  assert_int_equal(try_new(&config, &start), RKV_INVALID);
}

/* A good start: purged 1.4, entries of terms 1 1 3 at 5..7, snapshot and state machine at 1.5. */
struct parts {
  struct raft_start start;
  struct rkv_log_id terms[2];
  struct raft_membership membership;
};

static void good_parts(struct parts *p) {
  memset(p, 0, sizeof *p);
  p->terms[0] = ID(1, 5);
  p->terms[1] = ID(3, 7);
  p->membership = (struct raft_membership){.id = ID(0, 1), .value = cluster_membership(three)};
  p->start.vote = VOTE(4, 2);
  p->start.purged = ID(1, 4);
  p->start.snapshot = ID(1, 5);
  p->start.applied = ID(1, 5);
  p->start.last = ID(3, 7);
  p->start.terms = p->terms;
  p->start.term_count = 2;
  p->start.memberships = &p->membership;
  p->start.membership_count = 1;
}

#define REFUSED_WITH(change)                                                                       \
  do {                                                                                             \
    good_parts(p);                                                                                 \
    change;                                                                                        \
    assert_int_equal(try_new(&config, &p->start), RKV_CORRUPT);                                    \
  } while (0)

/* Each part that contradicts another is found, with a text. */
static void contradicting_starts_are_refused(void **state) {
  struct parts *p = malloc(sizeof *p);
  struct raft_config config = good_config();
  (void)state;
  assert_non_null(p);
  good_parts(p);
  assert_int_equal(try_new(&config, &p->start), RKV_OK);
  REFUSED_WITH(p->start.vote.term = 2);
  REFUSED_WITH(p->start.last = ID(3, 6));
  REFUSED_WITH((p->start.purged = ID(1, 0), p->terms[0].index = 1));
  REFUSED_WITH(p->start.last = ID(2, 7));
  REFUSED_WITH(p->start.term_count = 0);
  REFUSED_WITH(p->terms[0].index = 6);
  REFUSED_WITH(p->terms[1].term = 1);
  REFUSED_WITH(p->terms[0].term = 0);
  REFUSED_WITH(p->start.snapshot = ID(1, 3));
  REFUSED_WITH(p->start.applied = ID(1, 4));
  REFUSED_WITH(p->start.applied = ID(2, 6));
  REFUSED_WITH(p->start.applied = ID(3, 8));
  REFUSED_WITH(p->start.snapshot = ID(9, 5));
  REFUSED_WITH(p->start.membership_count = 3);
  REFUSED_WITH(p->membership.id = ID(3, 8));
  REFUSED_WITH(p->membership.id = NONE);
  good_parts(p);
  p->membership.value.nodes[2].id = 9; /* voter 3 has no node */
  assert_int_equal(try_new(&config, &p->start), RKV_INVALID);
  free(p);
}

/* ---- what is refused of peers ---- */

/* Impossible appends change nothing and are refused with a text. */
static void impossible_appends_are_refused(void **state) {
  const rkv_term terms[] = {1, 1, 3, 3};
  struct cluster *c = cluster_new();
  struct raft_now now = {c->now_ns, 0};
  struct raft_entry gap[] = {command(4, 5), command(4, 7)},
                    falls[] = {command(4, 5), command(3, 6)}, first = command(4, 6),
                    future = command(9, 5), changed = command(2, 3),
                    nameless = {ID(4, 5), RKV_ENTRY_MEMBERSHIP, NULL}, old = command(2, 4);
  struct rkv_vote vote = LEADER_VOTE(5, 2);
  struct rkv_error error;
  struct raft *r;
  (void)state;
#define REFUSED(vote, prev, entries, count)                                                        \
  do {                                                                                             \
    error.text[0] = '\0';                                                                          \
    assert_int_equal(                                                                              \
        raft_on_append_request(r, now, vote, prev, NONE, entries, count, NULL, &error),            \
        RKV_INVALID);                                                                              \
    assert_true(error.text[0] != '\0');                                                            \
    expect_none(r);                                                                                \
  } while (0)
  cluster_set_log(c, 1, terms, 4, three, 3);
  r = c->nodes[1].r;
  assert_int_equal(
      raft_on_append_request(r, now, LEADER_VOTE(4, 2), ID(3, 3), ID(3, 3), NULL, 0, NULL, NULL),
      RKV_OK);
  (void)drained(r, RAFT_OUT_COMMIT);
  REFUSED(VOTE(5, 2), ID(3, 4), NULL, 0);
  REFUSED(LEADER_VOTE(5, 1), ID(3, 4), NULL, 0);
  REFUSED(LEADER_VOTE(UINT64_MAX, 2), ID(3, 4), NULL, 0);
  REFUSED(vote, ID(7, 4), NULL, 0);
  REFUSED(vote, ID(3, 0), NULL, 0);
  REFUSED(vote, ID(3, 4), gap, 2);
  REFUSED(vote, ID(3, 4), falls, 2);
  REFUSED(vote, ID(3, 4), &first, 1);
  REFUSED(vote, ID(3, 4), &future, 1);
  REFUSED(vote, ID(3, 4), &nameless, 1);
  REFUSED(vote, ID(1, 2), &changed, 1); /* 3.3 is committed here */
  REFUSED(vote, ID(1, 3), &old, 1);     /* ... and no entry behind it has a lower term */
  assert_int_equal(cluster_view(c, 1).vote.term, 4);
#undef REFUSED
  cluster_free(c);
}

/* Terms begin with 1: a node that was initialised and lost power before it voted hears of no vote
 * in term 0, whoever claims one. */
static void nobody_votes_or_leads_in_term_0(void **state) {
  struct parts *p = malloc(sizeof *p);
  struct raft_config config = good_config();
  struct raft_now now = {0};
  struct raft_output out;
  struct rkv_error error;
  struct raft *r;
  (void)state;
  assert_non_null(p);
  memset(p, 0, sizeof *p);
  p->membership = (struct raft_membership){.id = ID(0, 1), .value = cluster_membership(three)};
  p->terms[0] = p->start.last = ID(0, 1);
  p->start.terms = p->terms;
  p->start.term_count = p->start.membership_count = 1;
  p->start.memberships = &p->membership;
  assert_int_equal(raft_new(&config, &p->start, now, &r, &error), RKV_OK);
  raft_on_vote_request(r, now, VOTE(0, 2), ID(0, 1), false, NULL);
  out = expect_next(r, RAFT_OUT_ANSWER_VOTE);
  assert_false(out.granted);
  assert_int_equal(
      raft_on_append_request(r, now, LEADER_VOTE(0, 2), ID(0, 1), NONE, NULL, 0, NULL, &error),
      RKV_INVALID);
  assert_int_equal(raft_on_snapshot_offer(r, now, LEADER_VOTE(0, 2), ID(0, 9)), RAFT_OFFER_REJECT);
  expect_none(r);
  raft_free(r);
  free(p);
}

/* ---- names ---- */

static void everything_has_a_name(void **state) {
  (void)state;
  for (int i = RAFT_LEARNER; i <= RAFT_LEADER; i++)
    assert_string_not_equal(raft_role_name((enum raft_role)i), "unknown");
  for (int i = RAFT_OUT_SAVE_VOTE; i <= RAFT_OUT_READ_FAILED; i++)
    assert_string_not_equal(raft_output_name((enum raft_output_type)i), "UNKNOWN");
  assert_string_equal(raft_role_name(RAFT_LEADER), "leader");
  assert_string_equal(raft_output_name(RAFT_OUT_SEND_VOTE), "SEND_VOTE");
  assert_true(raft_output_waits(RAFT_OUT_ANSWER_APPEND));
  assert_false(raft_output_waits(RAFT_OUT_COMMIT));
  assert_false(raft_output_waits(RAFT_OUT_ANSWER_PRE_VOTE)); /* a pre-vote promises nothing */
}

/* ---- memory ---- */

/* A life that grows the output queue and the list of terms; true if it came to its end. */
static bool live(struct raft *r) {
  struct rkv_membership m = cluster_membership(one);
  struct raft_now now = {0};
  rkv_term term;
  if (raft_init(r, now, &m, NULL, NULL) != RKV_OK) return false;
  for (term = 1; term < 40; term++) {
    struct raft_view view;
    raft_on_vote_saved(r, now, VOTE(term, 1));
    raft_view(r, &view);
    raft_on_log_saved(r, now, view.last);
    if (raft_failed(r)) return false;
    raft_on_vote_request(r, now, VOTE(term, 2), ID(term, 1000), true, NULL);
    term++;
    raft_on_vote_request(r, now, VOTE(term, 2), ID(term, 1000), true, NULL);
    raft_on_time(r, (struct raft_now){raft_deadline(r), 0});
    if (raft_failed(r)) return false;
  }
  return true;
}

/* Rule 18 of the style: fail the 1st, 2nd, … allocation until a run passes clean. Each failure is
 * reported, by a status or raft_failed, and nothing leaks or crashes. */
static void every_allocation_may_fail(void **state) {
  struct raft_config config = good_config();
  const struct raft_start start = {0};
  size_t nth;
  bool clean = false;
  (void)state;
  for (nth = 1; !clean; nth++) {
    struct raft *r = NULL;
    assert_true(nth < 100);
    fail_at = nth;
    if (raft_new(&config, &start, (struct raft_now){0}, &r, NULL) == RKV_OK) {
      bool lived = live(r);
      clean = fail_at > 0;
      assert_int_equal(lived, !raft_failed(r));
      assert_int_equal(lived, clean);
    }
    fail_at = 0;
    raft_free(r);
  }
  assert_true(nth > 5);
}

enum { MANY_TERMS = 20 }; /* more than the list of terms has room for at first */

/* An append for whose ids there is no memory: raft has failed, and the request has its answer among
 * the outputs all the same, so that it is refused once. True if no allocation failed. */
static bool append_many_terms(struct parts *p, size_t nth) {
  struct raft_config config = good_config();
  struct raft_entry entries[MANY_TERMS];
  struct raft_now now = {0};
  struct raft_output out;
  struct rkv_error error;
  struct raft *r;
  size_t answers = 0;
  for (rkv_index i = 0; i < MANY_TERMS; i++) entries[i] = command(4 + i, 8 + i);
  good_parts(p);
  assert_int_equal(raft_new(&config, &p->start, now, &r, &error), RKV_OK);
  fail_at = nth;
  assert_int_equal(raft_on_append_request(r, now, LEADER_VOTE(4 + MANY_TERMS, 2), ID(3, 7), NONE,
                                          entries, MANY_TERMS, &answers, &error),
                   RKV_OK);
  bool clean = fail_at > 0;
  fail_at = 0;
  assert_int_equal(raft_failed(r), !clean);
  while (raft_take(r, &out))
    if (out.type == RAFT_OUT_ANSWER_APPEND && out.cookie == &answers) answers++;
  assert_int_equal(answers, 1);
  raft_free(r);
  return clean;
}

static void an_append_without_memory_has_its_answer(void **state) {
  struct parts *p = malloc(sizeof *p);
  size_t nth = 1;
  (void)state;
  assert_non_null(p);
  while (!append_many_terms(p, nth)) nth++;
  assert_true(nth > 1);
  free(p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(configs_out_of_range_are_refused),
      cmocka_unit_test(contradicting_starts_are_refused),
      cmocka_unit_test(impossible_appends_are_refused),
      cmocka_unit_test(nobody_votes_or_leads_in_term_0),
      cmocka_unit_test(everything_has_a_name),
      cmocka_unit_test(every_allocation_may_fail),
      cmocka_unit_test(an_append_without_memory_has_its_answer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
