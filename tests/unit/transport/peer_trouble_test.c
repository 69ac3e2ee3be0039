/* peer_trouble_test.c: peers that refuse, hang, reset, go and come back; closing and stopping with
 * calls in flight. Every call ends once, within its deadline. */
#include "peer_harness.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define CALLS 20
#define LONG_MS 60000 /* a deadline that is not meant to pass */

static struct rig rig;
static struct peer_fake peer;
static enum peer_dialect dialect; /* every story is told of each */

static void start_peer(void) {
  memset(&peer, 0, sizeof peer);
  peer.dialect = dialect;
  peer_fake_start(&peer, NULL);
}

static void start(void) {
  start_peer();
  rig_start(&rig, peer.addr);
}

static void stop(void) {
  rig_stop(&rig);
  peer_fake_stop(&peer);
}

/* A bound socket; listening or not. */
static int local_socket(char addr[64], bool listening) {
  struct sockaddr_in sin = {.sin_family = AF_INET};
  socklen_t len = sizeof sin;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof sin), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
  if (listening) assert_int_equal(listen(fd, 16), 0);
  (void)snprintf(addr, 64, "127.0.0.1:%d", ntohs(sin.sin_port));
  return fd;
}

/* ---- answers ---- */

static void a_vote_is_asked_and_answered(void **state) {
  struct asked asked;
  (void)state;
  start();
  ask_vote(&rig, &asked, 0);
  await_end(&asked, RKV_OK);
  assert_true(asked.vote.granted);
  assert_int_equal(asked.vote.voter_vote.term, 5);
  assert_int_equal(asked.vote.voter_last.index, 7);
  stop();
}

/* Bytes that are no answer are refused, logged, and move nothing. */
static void a_strange_answer_is_refused(void **state) {
  struct rkv_entry *entries = make_entries(1, 1, 10);
  struct asked asked;
  (void)state;
  start();
  peer_fake_set(&peer, (struct peer_manner){.strange = true});
  ask_append(&rig, &asked, entries, 1, 0, 0);
  await_end(&asked, RKV_INVALID);
  assert_true(logged(&rig, "append answer"));
  stop();
  free_entries(entries, 1);
}

/* ---- no answer ---- */

/* Nobody listens: no answer at once; a thousand tries are one line in the log. */
static void a_peer_that_refuses(void **state) {
  struct asked asked;
  char addr[64];
  int fd = local_socket(addr, false), i;
  (void)state;
  rig_start(&rig, addr);
  for (i = 0; i < 1000; i++) {
    ask_append(&rig, &asked, NULL, 0, 0, 2000);
    await_end(&asked, RKV_UNAVAILABLE);
  }
  assert_int_equal(logged_times(&rig, "peer does not answer peer=2"), 1);
  rig_stop(&rig);
  close(fd);
}

/* The connection stands but nobody reads: the deadline ends the call. */
static void a_peer_that_hangs(void **state) {
  struct asked append, vote;
  char addr[64];
  int fd = local_socket(addr, true);
  uint64_t begin = now_ns();
  (void)state;
  rig_start(&rig, addr);
  ask_append(&rig, &append, NULL, 0, 0, 200);
  ask_vote(&rig, &vote, 200);
  await_end(&append, RKV_TIMEOUT);
  await_end(&vote, RKV_TIMEOUT);
  assert_in_range(now_ns() - begin, UINT64_C(190000000), UINT64_C(2000000000));
  rig_stop(&rig);
  close(fd);
}

/* Each connection is reset as soon as it stands. */
static void a_peer_that_resets(void **state) {
  struct linger hard = {1, 0};
  struct asked asked;
  char addr[64];
  int fd = local_socket(addr, true), i;
  (void)state;
  rig_start(&rig, addr);
  for (i = 0; i < 3; i++) {
    int conn;
    ask_append(&rig, &asked, NULL, 0, 0, 3000);
    conn = accept(fd, NULL, NULL);
    assert_true(conn >= 0);
    assert_int_equal(setsockopt(conn, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
    close(conn);
    await_end(&asked, RKV_UNAVAILABLE);
    /* until the backoff is over calls fail without a connection: wait for the next attempt */
  }
  rig_stop(&rig);
  close(fd);
}

/* Closed before the peer's first words have come: the connection ends all the same once they do. */
static void closed_while_connecting(int fd) {
  static const char settings[9] = {[3] = 4}; /* RFC 9113 section 6.5: an empty SETTINGS frame */
  struct timeval patience = {.tv_sec = 10};
  char bytes[256];
  int conn = accept(fd, NULL, NULL);
  ssize_t got;
  assert_true(conn >= 0);
  assert_int_equal(setsockopt(conn, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
  assert_true(recv(conn, bytes, sizeof bytes, 0) > 0);
  rig.fake.ops->peer_close(rig.peer);
  rig.peer = NULL;
  assert_int_equal(send(conn, settings, sizeof settings, MSG_NOSIGNAL), sizeof settings);
  do got = recv(conn, bytes, sizeof bytes, 0);
  while (got > 0);
  assert_int_equal(got, 0);
  close(conn);
}

static void a_peer_closed_while_it_connects(void **state) {
  struct asked asked;
  char addr[64];
  int fd = local_socket(addr, true);
  (void)state;
  rig_start(&rig, addr);
  ask_vote(&rig, &asked, LONG_MS);
  closed_while_connecting(fd);
  (void)await(&asked);
  rig_stop(&rig);
  close(fd);
}

/* Likewise where it was away before: the core connects again by itself. */
static void a_peer_closed_while_it_connects_again(void **state) {
  struct asked asked;
  char addr[64];
  int fd = local_socket(addr, false);
  (void)state;
  rig_start(&rig, addr);
  ask_vote(&rig, &asked, LONG_MS);
  await_end(&asked, RKV_UNAVAILABLE);
  assert_int_equal(listen(fd, 16), 0);
  closed_while_connecting(fd);
  rig_stop(&rig);
  close(fd);
}

/* A silent peer without any deadline of the node's: the plugin's own ends the call. */
static void calls_without_deadline_end(void **state) {
  static const char *const set[] = {"append_timeout=500ms", "vote_timeout=500ms", NULL};
  struct asked append, vote;
  (void)state;
  start_peer();
  rig_start_with(&rig, peer.addr, set);
  peer_fake_set(&peer, (struct peer_manner){.hang = true});
  ask_append(&rig, &append, NULL, 0, 0, 0);
  ask_vote(&rig, &vote, 0);
  await_end(&append, RKV_TIMEOUT);
  await_end(&vote, RKV_TIMEOUT);
  stop();
}

/* A peer that was away is found again, and asked anew how large a message it takes. */
static void a_peer_that_comes_back(void **state) {
  struct rkv_entry *entries = make_entries(1, 10, 200);
  struct asked asked;
  uint64_t until;
  char addr[64];
  (void)state;
  start();
  peer_fake_set(&peer,
                (struct peer_manner){.limit = 1024,
                                     .refusal = GRPC_STATUS_OUT_OF_RANGE,
                                     .refusal_text = "found %zu bytes, the limit is %zu bytes"});
  ask_append(&rig, &asked, entries, 10, 0, 0);
  await_end(&asked, RKV_OK);
  assert_int_equal(peer_fake_look(&peer).appends, 3);
  (void)snprintf(addr, sizeof addr, "%s", peer.addr);
  peer_fake_stop(&peer);
  until = now_ns() + PATIENCE_MS * UINT64_C(1000000);
  do { /* a server on its way down may still end a call by itself */
    ask_append(&rig, &asked, NULL, 0, 0, 2000);
    await_end(&asked, RKV_UNAVAILABLE);
  } while (!logged(&rig, "code=14") && now_ns() < until);

  memset(&peer, 0, sizeof peer);
  peer.dialect = dialect;
  peer_fake_start(&peer, addr);
  do {
    ask_append(&rig, &asked, entries, 10, 0, 2000);
  } while (await(&asked) != RKV_OK && now_ns() < until);
  await_end(&asked, RKV_OK);
  assert_int_equal(peer_fake_look(&peer).appends, 1); /* whole: the new server has no limit */
  assert_true(logged(&rig, "peer answers again peer=2"));
  stop();
  free_entries(entries, 10);
}

/* ---- closing ---- */

static void ask_many(struct asked *appends, struct asked *votes, const struct rkv_entry *entries) {
  for (int i = 0; i < CALLS; i++) {
    ask_append(&rig, &appends[i], entries, 1, 0, LONG_MS);
    ask_vote(&rig, &votes[i], LONG_MS);
  }
  peer_fake_await(&peer, &peer.seen.appends, 1);
}

static void await_cancelled(struct asked *appends, struct asked *votes) {
  for (int i = 0; i < CALLS; i++) {
    await_end(&appends[i], RKV_CANCELLED);
    await_end(&votes[i], RKV_CANCELLED);
  }
  assert_int_equal(ended(&rig), 2 * CALLS);
}

static void closing_a_peer_ends_its_calls_once(void **state) {
  static struct asked appends[CALLS], votes[CALLS];
  struct rkv_entry *entries = make_entries(1, 1, 10);
  (void)state;
  start();
  peer_fake_set(&peer, (struct peer_manner){.hang = true});
  ask_many(appends, votes, entries);
  rig.fake.ops->peer_close(rig.peer);
  rig.peer = NULL;
  await_cancelled(appends, votes);
  stop();
  free_entries(entries, 1);
}

/* stop returns when every call has ended; what is asked afterwards ends at once. */
static void stopping_ends_all_calls(void **state) {
  static struct asked appends[CALLS], votes[CALLS];
  struct rkv_entry *entries = make_entries(1, 1, 10);
  struct asked late;
  (void)state;
  start();
  peer_fake_set(&peer, (struct peer_manner){.hang = true});
  ask_many(appends, votes, entries);
  fake_stop(&rig.fake, 0);
  assert_int_equal(ended(&rig), 2 * CALLS);
  await_cancelled(appends, votes);
  ask_vote(&rig, &late, 0);
  await_end(&late, RKV_CANCELLED);
  ask_append(&rig, &late, entries, 1, 0, 0);
  await_end(&late, RKV_CANCELLED);
  rig.fake.ops->peer_close(rig.peer);
  rig.peer = NULL;
  stop();
  free_entries(entries, 1);
}

/* An address that cannot be dialled is refused when the peer is opened. */
static void a_bad_address_is_refused(void **state) {
  struct rkv_error error;
  void *other;
  (void)state;
  start();
  assert_int_equal(rig.fake.ops->peer_open(rig.fake.instance,
                                           &(struct rkv_peer_info){.id = 3, .addr = "nowhere"},
                                           &other, &error),
                   RKV_INVALID);
  assert_null(other);
  stop();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_vote_is_asked_and_answered),
      cmocka_unit_test(a_strange_answer_is_refused),
      cmocka_unit_test(a_peer_that_refuses),
      cmocka_unit_test(a_peer_that_hangs),
      cmocka_unit_test(a_peer_that_resets),
      cmocka_unit_test(a_peer_closed_while_it_connects),
      cmocka_unit_test(a_peer_closed_while_it_connects_again),
      cmocka_unit_test(calls_without_deadline_end),
      cmocka_unit_test(a_peer_that_comes_back),
      cmocka_unit_test(closing_a_peer_ends_its_calls_once),
      cmocka_unit_test(stopping_ends_all_calls),
      cmocka_unit_test(a_bad_address_is_refused),
  };
  int failed = cmocka_run_group_tests_name("transport peer d6: trouble", tests, NULL, NULL);
  dialect = PEER_HEAD;
  failed += cmocka_run_group_tests_name("transport peer HEAD: trouble", tests, NULL, NULL);
  return failed;
}
