/* peer_snapshot_test.c: snapshots sent to a peer; the receiver is our own listening half, so that
 * both ends of a stream are tested with each other. */
#include "peer_harness.h"

static struct rig rig;        /* the sender */
static struct fake receiver;  /* its peer, with a node that the test steers */
static struct peer_fake mute; /* a peer that reads the meta and then keeps silent */

#define MEMBERS                                                                                    \
  "\x01\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0"                             \
  "\x07\0\0\0\0\0\0\0\x01\0\0\0\x03\0\0\0a:1"

static void start(const char *limit) {
  const char *set[] = {limit, NULL};
  fake_serve(&receiver, set);
  receiver.vote = (struct rkv_vote){3, 1, true};
  receiver.chunk_max = 1 << 20;
  rig_start(&rig, receiver.addr);
}

static void stop(void) {
  rig_stop(&rig);
  fake_stop(&receiver, 0);
  fake_free(&receiver);
}

static void ask_begin(struct asked *asked, unsigned timeout_ms) {
  memset(asked, 0, sizeof *asked);
  asked->snapshot.vote = (struct rkv_vote){3, 1, true};
  asked->snapshot.meta =
      (struct rkv_snapshot_meta){.last = {3, 100},
                                 .membership_id = {1, 1},
                                 .membership = rkv_buf_static(MEMBERS, sizeof MEMBERS - 1),
                                 .id = "3-99-1"};
  ask_step(&rig, asked, rig.fake.ops->send_snapshot_begin, timeout_ms);
}

static void ask_chunk(struct asked *asked, const void *bytes, size_t len) {
  asked->snapshot.chunk = rkv_buf_static(bytes, len);
  ask_step(&rig, asked, rig.fake.ops->send_snapshot_write, 0);
}

static void begin(struct asked *asked) {
  ask_begin(asked, 0);
  await_end(asked, RKV_OK);
}

/* Sends all of `bytes` in the chunks that are allowed; false: over the limit. */
static bool send_all(struct asked *asked, const uint8_t *bytes, size_t len) {
  size_t at = 0;
  while (at < len) {
    size_t n = len - at < asked->snapshot.chunk_max ? len - at : asked->snapshot.chunk_max;
    ask_chunk(asked, bytes + at, n);
    if (await(asked) == RKV_TOO_LARGE) return false;
    await_end(asked, RKV_OK);
    at += n;
  }
  ask_step(&rig, asked, rig.fake.ops->send_snapshot_finish, 0);
  if (await(asked) == RKV_TOO_LARGE) return false;
  await_end(asked, RKV_OK);
  return true;
}

static void a_whole_snapshot_arrives(void **state) {
  struct asked asked;
  struct fake_seen seen;
  (void)state;
  start(NULL);
  begin(&asked);
  assert_int_equal(asked.snapshot.chunk_max, 1 << 20);
  assert_true(send_all(&asked, (const uint8_t *)"hello world", 11));
  assert_true(asked.snapshot.finished);
  assert_int_equal(asked.snapshot.voter_vote.term, 3);
  seen = fake_look(&receiver);
  assert_int_equal(seen.begin, 1);
  assert_int_equal(seen.finish, 1);
  assert_int_equal(seen.abort, 0);
  assert_int_equal(seen.len, 11);
  assert_memory_equal(seen.bytes, "hello world", 11);
  assert_int_equal(seen.meta.last.index, 100);
  assert_string_equal(seen.meta.id, "3-99-1");
  stop();
}

/* A receiver with a small limit refuses a chunk; the second attempt heeds it and every chunk
 * fits. */
static void chunks_heed_a_limit_once_it_is_learned(void **state) {
  static uint8_t bytes[20000];
  struct asked asked;
  struct fake_seen seen;
  (void)state;
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 7);
  start("raft_message_max=1KiB");
  begin(&asked);
  assert_false(send_all(&asked, bytes, sizeof bytes));
  assert_null(asked.snapshot.stream);
  fake_await(&receiver, &receiver.seen.abort, 1);
  begin(&asked);
  assert_int_equal(asked.snapshot.chunk_max, 1021);
  assert_true(send_all(&asked, bytes, sizeof bytes));
  seen = fake_look(&receiver);
  assert_int_equal(seen.finish, 1);
  assert_int_equal(seen.write_max, 1021);
  assert_int_equal(seen.len, sizeof bytes);
  assert_memory_equal(seen.bytes, bytes, sizeof bytes);
  stop();
}

/* An aborted snapshot is never installed. */
static void an_aborted_snapshot_is_not_installed(void **state) {
  struct asked asked;
  struct fake_seen seen;
  (void)state;
  start(NULL);
  begin(&asked);
  ask_chunk(&asked, "half", 4);
  await_end(&asked, RKV_OK);
  fake_await(&receiver, &receiver.seen.write, 1);
  ask_step(&rig, &asked, rig.fake.ops->send_snapshot_abort, 0);
  await_end(&asked, RKV_OK);
  fake_await(&receiver, &receiver.seen.abort, 1);
  seen = fake_look(&receiver);
  assert_int_equal(seen.finish, 0);
  stop();
}

/* A receiver that needs nothing says so; whatever step is reached then, nothing goes wrong. */
static void a_receiver_that_needs_nothing(void **state) {
  struct asked asked;
  struct fake_seen seen;
  (void)state;
  start(NULL);
  receiver.finished = true;
  receiver.vote = (struct rkv_vote){9, 2, true};
  begin(&asked);
  for (int i = 0; i < 50 && !asked.snapshot.finished; i++) {
    ask_chunk(&asked, "dropped", 7);
    await_end(&asked, RKV_OK);
  }
  if (!asked.snapshot.finished) {
    ask_step(&rig, &asked, rig.fake.ops->send_snapshot_finish, 0);
    await_end(&asked, RKV_OK);
  }
  assert_true(asked.snapshot.finished);
  assert_int_equal(asked.snapshot.voter_vote.term, 9);
  seen = fake_look(&receiver);
  assert_int_equal(seen.finish, 0);
  stop();
}

/* ---- a silent receiver ---- */

static void start_mute(void) {
  memset(&mute, 0, sizeof mute);
  peer_fake_start(&mute, NULL);
  rig_start(&rig, mute.addr);
}

static void stop_mute(void) {
  rig_stop(&rig);
  peer_fake_stop(&mute);
}

/* The step's own deadline ends it. */
static void a_silent_receiver_is_timed_out(void **state) {
  struct asked asked;
  (void)state;
  start_mute();
  begin(&asked);
  ask_step(&rig, &asked, rig.fake.ops->send_snapshot_finish, 200);
  await_end(&asked, RKV_TIMEOUT);
  assert_null(asked.snapshot.stream);
  stop_mute();
}

static void a_peer_that_is_not_there(void **state) {
  struct asked asked;
  (void)state;
  rig_start(&rig, "127.0.0.1:1");
  ask_begin(&asked, 2000);
  await_end(&asked, RKV_UNAVAILABLE);
  rig_stop(&rig);
}

/* Closed in the middle of a step: it ends once, as cancelled. */
static void closing_during_a_step(void **state) {
  struct asked asked;
  (void)state;
  start_mute();
  begin(&asked);
  ask_step(&rig, &asked, rig.fake.ops->send_snapshot_finish, 0);
  rig.fake.ops->peer_close(rig.peer);
  rig.peer = NULL;
  await_end(&asked, RKV_CANCELLED);
  stop_mute();
}

/* Who says nothing is told by the code's name. */
static void a_receiver_that_ends_without_a_word(void **state) {
  struct asked asked;
  (void)state;
  start_mute();
  peer_fake_set(&mute, (struct peer_manner){.end = GRPC_STATUS_INTERNAL});
  ask_begin(&asked, 0);
  while (await(&asked) == RKV_OK) ask_chunk(&asked, "half", 4); /* until the peer's end has come */
  assert_string_equal(asked.error.text, "snapshot to peer 2: INTERNAL, without a text");
  assert_true(logged(&rig, "text=\"INTERNAL, without a text\""));
  stop_mute();
}

/* Closed between two steps: nothing is called, nothing is left behind (asan), nothing installed. */
static void closing_between_steps(void **state) {
  struct asked asked;
  (void)state;
  start(NULL);
  begin(&asked);
  ask_chunk(&asked, "half", 4);
  await_end(&asked, RKV_OK);
  fake_await(&receiver, &receiver.seen.write, 1);
  rig.fake.ops->peer_close(rig.peer);
  rig.peer = NULL;
  fake_await(&receiver, &receiver.seen.abort, 1);
  assert_int_equal(ended(&rig), 2);
  assert_int_equal(fake_look(&receiver).finish, 0);
  stop();
}

/* Stopped between two steps: stop does not wait for the node; a late step ends at once. */
static void stopping_between_steps(void **state) {
  struct asked asked;
  (void)state;
  start_mute();
  begin(&asked);
  fake_stop(&rig.fake, 0);
  ask_step(&rig, &asked, rig.fake.ops->send_snapshot_abort, 0);
  await_end(&asked, RKV_OK);
  rig.fake.ops->peer_close(rig.peer);
  rig.peer = NULL;
  stop_mute();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_whole_snapshot_arrives),
      cmocka_unit_test(chunks_heed_a_limit_once_it_is_learned),
      cmocka_unit_test(an_aborted_snapshot_is_not_installed),
      cmocka_unit_test(a_receiver_that_needs_nothing),
      cmocka_unit_test(a_silent_receiver_is_timed_out),
      cmocka_unit_test(a_peer_that_is_not_there),
      cmocka_unit_test(a_receiver_that_ends_without_a_word),
      cmocka_unit_test(closing_during_a_step),
      cmocka_unit_test(closing_between_steps),
      cmocka_unit_test(stopping_between_steps),
  };
  return cmocka_run_group_tests_name("transport peer: snapshot", tests, NULL, NULL);
}
