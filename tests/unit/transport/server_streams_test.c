/* server_streams_test.c: RaftService.Snapshot: many streams at once. Which stream has a slot, and
 * that no stream keeps the leader's out. */
#include "server_rig.h"

#include <setjmp.h>
#include <cmocka.h>

#include <time.h>

enum { SLOTS = 16, AWAITED = 16, LEADER = 1 };

static int begin(void **state) {
  static const char *const set[] = {"raft_message_max=1KiB", "snapshot_idle_timeout=400ms", NULL};
  (void)state;
  rig_begin(set);
  return 0;
}

static void start(struct call *s) {
  call_start(s, &c, RAFT "Snapshot", NULL);
}

/* meta {vote T<term>-N<sender> committed, last 1.5, id "s"}; a dead stream shows in its status. */
static void send_meta(struct call *s, uint8_t term, uint8_t sender) {
  uint8_t bytes[64];
  size_t len = from_hex("0a130a080a04080110011001120408011005"
                        "2a0173",
                        bytes);
  bytes[7] = term;
  bytes[9] = sender;
  (void)call_send(s, bytes, len);
}

static void start_with_meta(struct call *s, uint8_t term, uint8_t sender) {
  start(s);
  send_meta(s, term, sender);
}

static void pass_ms(long ms) {
  struct timespec pause = {.tv_nsec = ms * 1000000};
  (void)nanosleep(&pause, NULL);
}

/* The leader's stream is taken to its end beside `count` that say nothing. */
static void leader_beside_idle(size_t count) {
  static struct call idle[64];
  struct call leader;
  assert_in_range(count, 1, sizeof idle / sizeof idle[0]);
  for (size_t i = 0; i < count; i++) start(&idle[i]);
  start_with_meta(&leader, 1, LEADER);
  call_send_hex(&leader, "1203616263");
  call_half_close(&leader);
  ends_with(&leader, GRPC_STATUS_OK, NULL);
  assert_int_equal(fake_look(&f).finish, 1);
  for (size_t i = 0; i < count; i++) {
    call_end(&idle[i], &out);
    if (i + AWAITED < count) /* the older streams made room for newer ones */
      assert_int_equal(out.code, GRPC_STATUS_RESOURCE_EXHAUSTED);
    else if (out.code != GRPC_STATUS_RESOURCE_EXHAUSTED)
      assert_int_equal(out.code, GRPC_STATUS_DEADLINE_EXCEEDED);
  }
  assert_int_equal(fake_look(&f).begin, 1);
}

static void idle_streams_keep_no_leader_out(void **state) {
  (void)state;
  leader_beside_idle(SLOTS);
}

static void nor_do_three_times_as_many(void **state) {
  (void)state;
  leader_beside_idle(3 * SLOTS);
}

/* Empty chunks say nothing, however often: the node is not kept waiting by them. */
static void empty_chunks_are_no_progress(void **state) {
  struct call s;
  (void)state;
  start_with_meta(&s, 1, LEADER);
  for (int i = 0; i < 40 && fake_look(&f).abort == 0; i++) {
    call_send_hex(&s, "1200");
    pass_ms(50);
  }
  assert_int_equal(fake_look(&f).abort, 1);
  ends_with(&s, GRPC_STATUS_DEADLINE_EXCEEDED, "silent for 400 ms");
  assert_int_equal(fake_look(&f).write, 0);
}

/* One that brings a byte now and then is not silent. */
static void a_slow_stream_is_not_silent(void **state) {
  struct call s;
  (void)state;
  start_with_meta(&s, 1, LEADER);
  for (int i = 0; i < 20; i++) {
    call_send_hex(&s, "120161");
    pass_ms(50);
  }
  call_half_close(&s);
  ends_with(&s, GRPC_STATUS_OK, NULL);
  assert_int_equal(fake_look(&f).write, 20);
}

/* A sender that begins anew has given up what it began before. */
static void a_newer_stream_of_a_sender_ends_the_older(void **state) {
  struct call old, new;
  (void)state;
  start_with_meta(&old, 1, LEADER);
  call_send_hex(&old, "1203616263");
  fake_await(&f, &f.seen.write, 1);
  start_with_meta(&new, 2, LEADER);
  fake_await(&f, &f.seen.abort, 1);
  ends_with(&old, GRPC_STATUS_ABORTED, "node 1 has begun another one");
  call_send_hex(&new, "1203616263");
  call_half_close(&new);
  ends_with(&new, GRPC_STATUS_OK, NULL);
  assert_int_equal(fake_look(&f).finish, 1);
  assert_int_equal(fake_look(&f).abort, 1);
}

/* Also one that the node is at just now. */
static void an_older_stream_in_the_node_ends_behind_it(void **state) {
  struct call old, new;
  (void)state;
  fake_park(&f);
  start_with_meta(&old, 1, LEADER);
  fake_await(&f, &f.seen.begin, 1);
  start_with_meta(&new, 1, LEADER);
  fake_await(&f, &f.seen.begin, 2);
  fake_release(&f);
  fake_await(&f, &f.seen.abort, 1);
  ends_with(&old, GRPC_STATUS_ABORTED, "begun another one");
  call_half_close(&new);
  ends_with(&new, GRPC_STATUS_OK, NULL);
  assert_int_equal(fake_look(&f).finish, 1);
}

/* What a sender said in an older term comes late: it ends nothing. */
static void a_late_stream_of_an_older_term_ends_none(void **state) {
  struct call now, late;
  (void)state;
  start_with_meta(&now, 2, LEADER);
  fake_await(&f, &f.seen.begin, 1);
  start_with_meta(&late, 1, LEADER);
  fake_await(&f, &f.seen.begin, 2);
  call_send_hex(&now, "1203616263");
  call_half_close(&now);
  ends_with(&now, GRPC_STATUS_OK, NULL);
  assert_int_equal(fake_look(&f).finish, 1);
  call_half_close(&late);
  ends_with(&late, GRPC_STATUS_OK, NULL);
}

/* Streams of different senders: bounded, the one too many says so, the others go on. */
static void too_many_senders(void **state) {
  static struct call calls[SLOTS];
  struct call late;
  (void)state;
  fake_park(&f);
  for (size_t i = 0; i < SLOTS; i++) start_with_meta(&calls[i], 1, (uint8_t)(i + 1));
  fake_await(&f, &f.seen.begin, SLOTS);
  start_with_meta(&late, 1, SLOTS + 1);
  ends_with(&late, GRPC_STATUS_RESOURCE_EXHAUSTED, "receives 16 snapshots");
  f.finished = true;
  fake_release(&f);
  for (size_t i = 0; i < SLOTS; i++) ends_with(&calls[i], GRPC_STATUS_OK, NULL);
}

/* Those of leaders that were deposed, idle since: the newest leader's stream takes the oldest one's
 * place, and one of no newer leader does not. */
static void deposed_leaders_keep_no_newer_one_out(void **state) {
  static struct call old[SLOTS];
  struct call newest, late;
  (void)state;
  for (size_t i = 0; i < SLOTS; i++) {
    start_with_meta(&old[i], (uint8_t)(SLOTS - i), (uint8_t)(i + 2));
    fake_await(&f, &f.seen.begin, (unsigned)i + 1);
  }
  start_with_meta(&late, 1, SLOTS + 2);
  ends_with(&late, GRPC_STATUS_RESOURCE_EXHAUSTED, "receives 16 snapshots");
  start_with_meta(&newest, SLOTS + 1, LEADER);
  call_send_hex(&newest, "1203616263");
  call_half_close(&newest);
  ends_with(&newest, GRPC_STATUS_OK, NULL);
  assert_int_equal(fake_look(&f).finish, 1);
  ends_with(&old[SLOTS - 1], GRPC_STATUS_ABORTED, "node 1 has begun another one");
  for (size_t i = 0; i + 1 < SLOTS; i++)
    ends_with(&old[i], GRPC_STATUS_DEADLINE_EXCEEDED, "silent");
}

/* What has ended leaves its slot. */
static void slots_are_given_back(void **state) {
  (void)state;
  for (size_t i = 0; i < 3 * SLOTS; i++) {
    struct call s;
    start_with_meta(&s, 1, (uint8_t)(i + 1));
    if (i % 3 == 0) call_send_hex(&s, "");
    if (i % 3 == 1) call_half_close(&s);
    if (i % 3 == 2) (void)grpc_call_cancel(s.call, NULL);
    call_end(&s, &out);
    assert_int_not_equal(out.code, GRPC_STATUS_RESOURCE_EXHAUSTED);
  }
}

int main(void) {
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)
  const struct CMUnitTest tests[] = {
      STORY(idle_streams_keep_no_leader_out),
      STORY(nor_do_three_times_as_many),
      STORY(empty_chunks_are_no_progress),
      STORY(a_slow_stream_is_not_silent),
      STORY(a_newer_stream_of_a_sender_ends_the_older),
      STORY(an_older_stream_in_the_node_ends_behind_it),
      STORY(a_late_stream_of_an_older_term_ends_none),
      STORY(too_many_senders),
      STORY(deposed_leaders_keep_no_newer_one_out),
      STORY(slots_are_given_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
