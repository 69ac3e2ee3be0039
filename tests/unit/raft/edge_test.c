/* edge_test.c: terms and indexes that leave no room to count on, or that no election and no log can
 * explain, at every input (edge.h). */
#include "direct.h"

#include <raft/edge.h>
#include <raft/limits.h>

#define TERM_ROOM (RAFT_TERM_MAX - RAFT_HEADROOM)
#define INDEX_ROOM (RAFT_INDEX_MAX - RAFT_HEADROOM)

static const rkv_node_id three[] = {1, 2, 3, 0};

/* The doors by which another node's term comes in. */
enum door {
  DOOR_VOTE,
  DOOR_TRANSFER_VOTE,
  DOOR_PRE_VOTE,
  DOOR_APPEND,
  DOOR_SNAPSHOT,
  DOOR_VOTE_ANSWER,
  DOOR_PRE_VOTE_ANSWER,
  DOOR_APPEND_ANSWER,
  DOOR_SNAPSHOT_ANSWER,
  DOOR_COUNT
};

/* What the tests start from: a raft in term 1 that waits for the answers of its role. */
struct subject {
  struct cluster *c;
  struct raft *r;
  struct raft_now now;
};

static struct subject follower(void) {
  static const rkv_term terms[] = {1, 1, 1};
  struct subject s = {.c = cluster_new()};
  cluster_set_log(s.c, 2, terms, 3, three, 1);
  s.r = s.c->nodes[2].r;
  s.now = (struct raft_now){s.c->now_ns, 0};
  return s;
}

static struct subject leader(void) {
  struct subject s = {.c = led_by_one_of(cluster_new(), three)};
  s.r = s.c->nodes[1].r;
  s.now = (struct raft_now){s.c->now_ns, 0};
  return s;
}

static struct subject candidate(bool pre) {
  struct subject s = follower();
  s.c->config.pre_vote = pre;
  cluster_crash(s.c, 2);
  cluster_start(s.c, 2);
  run_out(s.c, 2);
  s.r = s.c->nodes[2].r;
  s.now = (struct raft_now){s.c->now_ns, 0};
  return s;
}

static struct subject subject_of(enum door door) {
  switch (door) {
  case DOOR_VOTE_ANSWER: return candidate(false);
  case DOOR_PRE_VOTE_ANSWER: return candidate(true);
  case DOOR_APPEND_ANSWER:
  case DOOR_SNAPSHOT_ANSWER: return leader();
  default: return follower();
  }
}

/* Node 3 says `term` by this door. */
static void say(struct subject *s, enum door door, rkv_term term) {
  const struct rkv_vote own = cluster_view(s->c, s->c->nodes[1].r ? 1 : 2).vote;
  const struct rkv_vote seen = VOTE(term, 3);
  switch (door) {
  case DOOR_VOTE: raft_on_vote_request(s->r, s->now, seen, ID(1, 9), false, NULL); break;
  case DOOR_TRANSFER_VOTE: raft_on_vote_request(s->r, s->now, seen, ID(1, 9), true, NULL); break;
  case DOOR_PRE_VOTE: raft_on_pre_vote_request(s->r, s->now, seen, ID(1, 9), NULL); break;
  case DOOR_APPEND:
    (void)raft_on_append_request(s->r, s->now, LEADER_VOTE(term, 3), ID(1, 3), NONE, NULL, 0, NULL,
                                 NULL);
    break;
  case DOOR_SNAPSHOT:
    (void)raft_on_snapshot_offer(s->r, s->now, LEADER_VOTE(term, 3), ID(1, 9));
    break;
  case DOOR_VOTE_ANSWER: raft_on_vote_answer(s->r, s->now, 3, own, false, seen, ID(1, 3)); break;
  case DOOR_PRE_VOTE_ANSWER:
    raft_on_pre_vote_answer(s->r, s->now, 3, VOTE(own.term + 1, 2), false, false, seen, ID(1, 3));
    break;
  case DOOR_APPEND_ANSWER:
    raft_on_append_answer(s->r, s->now, 3, PLAN(own, ID(1, 2)), 2, RKV_APPEND_REJECTED, NONE, seen,
                          0);
    break;
  case DOOR_SNAPSHOT_ANSWER: raft_on_snapshot_sent(s->r, s->now, 3, false, NONE, seen); break;
  case DOOR_COUNT: break;
  }
}

static rkv_term term_after(enum door door, rkv_term said) {
  struct subject s = subject_of(door);
  rkv_term term;
  say(&s, door, said);
  term = cluster_view(s.c, s.c->nodes[1].r ? 1 : 2).vote.term;
  cluster_free(s.c);
  return term;
}

/* Own terms here are 1, or 2 after a campaign; what elections explain is taken, by each door that
 * takes votes at all, and one more is not. */
static void terms_leap_only_so_far(void **state) {
  (void)state;
  for (int door = 0; door < DOOR_COUNT; door++) {
    rkv_term own = door == DOOR_VOTE_ANSWER ? 2 : 1, far = own + RAFT_TERM_LEAP;
    rkv_term taken = door == DOOR_PRE_VOTE ? own : far; /* pre-votes move no term */
    assert_int_equal(term_after((enum door)door, far), taken);
    assert_int_equal(term_after((enum door)door, far + 1), own);
    assert_int_equal(term_after((enum door)door, TERM_ROOM), own);
    assert_int_equal(term_after((enum door)door, RAFT_TERM_MAX), own);
    assert_int_equal(term_after((enum door)door, UINT64_MAX), own);
  }
}

/* A pre-vote that a vote would not be granted for is not granted. */
static void pre_votes_tell_the_same(void **state) {
  struct subject s = follower();
  (void)state;
  say(&s, DOOR_PRE_VOTE, 1 + RAFT_TERM_LEAP);
  assert_true(expect(s.r, RAFT_OUT_ANSWER_PRE_VOTE).granted);
  say(&s, DOOR_PRE_VOTE, 2 + RAFT_TERM_LEAP);
  assert_false(expect(s.r, RAFT_OUT_ANSWER_PRE_VOTE).granted);
  cluster_free(s.c);
}

/* A node without vote and log knows nothing of the cluster, which may be old; what leaves no room
 * to count on it takes from nobody either. */
static void new_nodes_take_any_term_with_room(void **state) {
  const rkv_term terms[] = {1 + RAFT_TERM_LEAP * 16, TERM_ROOM, TERM_ROOM + 1, RAFT_TERM_MAX};
  (void)state;
  for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++) {
    struct cluster *c = cluster_new();
    cluster_start(c, 2);
    raft_on_vote_request(c->nodes[2].r, (struct raft_now){c->now_ns, 0}, VOTE(terms[i], 3),
                         ID(1, 9), true, NULL);
    assert_int_equal(expect(c->nodes[2].r, RAFT_OUT_ANSWER_VOTE).granted, i < 2);
    cluster_free(c);
  }
}

/* A snapshot may be far ahead of a node that was away, or is new, and not at the end of all
 * indexes: the log behind it has to go on. */
static void snapshots_leap_only_so_far(void **state) {
  const struct {
    rkv_index index;
    bool taken;
  } table[] = {{UINT64_C(1) << 40, true},
               {3 + RAFT_INDEX_LEAP, true},
               {4 + RAFT_INDEX_LEAP, false},
               {INDEX_ROOM, false},
               {RAFT_INDEX_MAX - 1, false}};
  (void)state;
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    struct subject s = follower();
    assert_int_equal(raft_on_snapshot_offer(s.r, s.now, LEADER_VOTE(2, 1), ID(2, table[i].index)),
                     table[i].taken ? RAFT_OFFER_TAKE : RAFT_OFFER_REJECT);
    assert_int_equal(cluster_view(s.c, 2).vote.term, table[i].taken ? 2 : 1);
    cluster_free(s.c);
  }
}

/* 2^40 entries ahead: the node is taken in, and goes on from there. */
static void a_node_far_behind_is_taken_in(void **state) {
  const rkv_index far = UINT64_C(1) << 40;
  struct cluster *c = cluster_new();
  struct raft_now now = {c->now_ns, 0};
  struct raft_membership m = {ID(1, 1), cluster_membership(three)};
  const struct raft_entry next = command(7, far + 1);
  struct raft *r;
  (void)state;
  cluster_start(c, 2);
  r = c->nodes[2].r;
  assert_int_equal(raft_on_snapshot_offer(r, now, LEADER_VOTE(7, 1), ID(7, far)), RAFT_OFFER_TAKE);
  raft_on_snapshot_installed(r, now, ID(7, far), &m);
  assert_int_equal(
      raft_on_append_request(r, now, LEADER_VOTE(7, 1), ID(7, far), NONE, &next, 1, NULL, NULL),
      RKV_OK);
  assert_id(cluster_view(c, 2).last, 7, far + 1);
  cluster_free(c);
}

/* A leader that is told nonsense goes on leading, and asks that peer again later. */
static void a_peer_that_talks_nonsense_is_asked_again(void **state) {
  struct raft_peer_view view;
  struct subject s = leader();
  (void)state;
  say(&s, DOOR_APPEND_ANSWER, RAFT_TERM_MAX);
  assert_int_equal(cluster_view(s.c, 1).role, RAFT_LEADER);
  assert_true(raft_peer(s.r, 3, &view));
  assert_false(view.reached);
  cluster_free(s.c);
}

static enum rkv_status start_with(struct raft_start start, struct rkv_error *error) {
  struct cluster *c = cluster_new();
  struct raft *r = NULL;
  enum rkv_status status;
  c->config.id = 1;
  status = raft_new(&c->config, &start, (struct raft_now){0}, &r, error);
  raft_free(r);
  cluster_free(c);
  return status;
}

/* What a storage holds is refused with a sentence where nothing could be counted on it. */
static void storages_hold_no_edge(void **state) {
  const struct rkv_log_id end = ID(1, INDEX_ROOM + RAFT_HEADROOM / 2);
  const struct rkv_log_id beyond = ID(1, end.index + 1);
  struct rkv_error error = {0};
  struct raft_start vote = {.vote = VOTE(TERM_ROOM + RAFT_HEADROOM / 2, 1)};
  struct raft_start at = {
      .vote = VOTE(1, 1), .purged = end, .snapshot = end, .applied = end, .last = end};
  struct raft_start past = {
      .vote = VOTE(1, 1), .purged = beyond, .snapshot = beyond, .applied = beyond, .last = beyond};
  (void)state;
  assert_int_equal(start_with(vote, &error), RKV_OK);
  vote.vote.term++;
  assert_int_equal(start_with(vote, &error), RKV_CORRUPT);
  assert_non_null(strstr(error.text, "leaves no room"));
  assert_int_equal(start_with(at, &error), RKV_OK);
  assert_int_equal(start_with(past, &error), RKV_CORRUPT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(terms_leap_only_so_far),
      cmocka_unit_test(pre_votes_tell_the_same),
      cmocka_unit_test(new_nodes_take_any_term_with_room),
      cmocka_unit_test(snapshots_leap_only_so_far),
      cmocka_unit_test(a_node_far_behind_is_taken_in),
      cmocka_unit_test(a_peer_that_talks_nonsense_is_asked_again),
      cmocka_unit_test(storages_hold_no_edge),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
