/* server_snapshot_test.c: RaftService.Snapshot: what installs a snapshot, and all that must not.
 * Several streams at once: server_streams_test.c. */
#include "server_rig.h"

#include <setjmp.h>
#include <cmocka.h>

/* meta {vote T1-N1 committed, last 1.5, id "s"} and a chunk of three bytes, as SnapshotRequest */
#define META                                                                                       \
  "0a130a080a04080110011001"                                                                       \
  "120408011005"                                                                                   \
  "2a0173"
#define CHUNK "1203616263"

static int begin(void **state) {
  static const char *const set[] = {"raft_message_max=1KiB", "snapshot_idle_timeout=200ms", NULL};
  (void)state;
  rig_begin(set);
  call_start(&stream, &c, RAFT "Snapshot", NULL);
  return 0;
}

static void nothing_was_installed(unsigned begun) {
  struct fake_seen seen;
  if (begun > 0) fake_await(&f, &f.seen.abort, begun);
  seen = fake_look(&f);
  assert_int_equal(seen.begin, begun);
  assert_int_equal(seen.abort, begun);
  assert_int_equal(seen.finish, 0);
}

/* Meta, chunks, half-close: the node gets all of it in order, the sender the node's vote. */
static void whole_snapshot(void **state) {
  static const uint8_t answer[] = {0x0a, 0x08, 0x0a, 4, 8, 1, 16, 1, 16, 1};
  struct fake_seen seen;
  (void)state;
  f.vote = (struct rkv_vote){1, 1, true};
  send_hex(META);
  send_hex(CHUNK);
  send_hex("1200"); /* an empty chunk changes nothing */
  send_hex("1203646566");
  call_half_close(&stream);
  ends_with(&stream, GRPC_STATUS_OK, NULL);
  assert_int_equal(out.len, sizeof answer);
  assert_memory_equal(out.bytes, answer, sizeof answer);
  seen = fake_look(&f);
  assert_int_equal(seen.begin, 1);
  assert_int_equal(seen.write, 2);
  assert_int_equal(seen.finish, 1);
  assert_int_equal(seen.abort, 0);
  assert_int_equal(seen.len, 6);
  assert_memory_equal(seen.bytes, "abcdef", 6);
  assert_int_equal(seen.meta.last.index, 6);
  assert_string_equal(seen.meta.id, "s");
}

/* A chunk longer than the node takes at once is handed over in parts. */
static void long_chunks_are_cut(void **state) {
  uint8_t chunk[1003] = {0x12, 0xe8, 0x07};
  struct fake_seen seen;
  (void)state;
  for (size_t i = 3; i < sizeof chunk; i++) chunk[i] = (uint8_t)i;
  f.chunk_max = 300;
  send_hex(META);
  assert_true(call_send(&stream, chunk, sizeof chunk));
  call_half_close(&stream);
  ends_with(&stream, GRPC_STATUS_OK, NULL);
  seen = fake_look(&f);
  assert_int_equal(seen.write, 4);
  assert_int_equal(seen.write_max, 300);
  assert_int_equal(seen.len, 1000);
  assert_memory_equal(seen.bytes, chunk + 3, 1000);
}

/* The node holds this state already: answered at once, although the sender goes on. */
static void not_needed(void **state) {
  (void)state;
  f.finished = true;
  f.vote = (struct rkv_vote){7, 2, true};
  send_hex(META);
  ends_with(&stream, GRPC_STATUS_OK, NULL);
  assert_int_equal(fake_look(&f).abort, 0);
  assert_int_equal(fake_look(&f).finish, 0);
}

static void begin_refused(void **state) {
  (void)state;
  f.status = rkv_fail(&f.error, RKV_FULL, "another snapshot is being received");
  send_hex(META);
  ends_with(&stream, GRPC_STATUS_RESOURCE_EXHAUSTED, f.error.text);
  assert_int_equal(fake_look(&f).abort, 0);
}

static void write_refused(void **state) {
  (void)state;
  send_hex(META);
  fake_await(&f, &f.seen.begin, 1);
  fake_park(&f); /* begin may not be answered yet: its answer is to be OK */
  fake_release(&f);
  fake_park(&f);
  send_hex(CHUNK);
  fake_await(&f, &f.seen.write, 1);
  f.status = rkv_fail(&f.error, RKV_NO_SPACE, "the device is full");
  fake_release(&f);
  ends_with(&stream, GRPC_STATUS_INTERNAL, f.error.text);
  assert_int_equal(fake_look(&f).abort, 0); /* the node ended the snapshot itself */
}

static void empty_stream(void **state) {
  (void)state;
  call_half_close(&stream);
  ends_with(&stream, GRPC_STATUS_INVALID_ARGUMENT, "empty stream");
  nothing_was_installed(0);
}

static void chunk_before_meta(void **state) {
  (void)state;
  send_hex(CHUNK);
  ends_with(&stream, GRPC_STATUS_INVALID_ARGUMENT, "before meta");
  nothing_was_installed(0);
}

static void second_meta(void **state) {
  (void)state;
  send_hex(META);
  send_hex(META);
  ends_with(&stream, GRPC_STATUS_INVALID_ARGUMENT, "second meta");
  nothing_was_installed(1);
}

static void neither_meta_nor_chunk(void **state) {
  (void)state;
  send_hex(META);
  send_hex("");
  ends_with(&stream, GRPC_STATUS_INVALID_ARGUMENT, "payload");
  nothing_was_installed(1);
}

static void meta_without_vote(void **state) {
  (void)state;
  send_hex("0a06120408011005");
  ends_with(&stream, GRPC_STATUS_INVALID_ARGUMENT, "vote");
  nothing_was_installed(0);
}

static void oversized_chunk(void **state) {
  static const uint8_t big[1025] = {0x12, 0xfe, 0x07};
  (void)state;
  send_hex(META);
  (void)call_send(&stream, big, sizeof big);
  ends_with(&stream, GRPC_STATUS_OUT_OF_RANGE,
            "decoded message length too large: found 1025 bytes, the limit is 1024 bytes");
  nothing_was_installed(1);
}

static void silent_from_the_start(void **state) {
  uint64_t before = now_ns();
  (void)state;
  ends_with(&stream, GRPC_STATUS_DEADLINE_EXCEEDED, "no meta for 1000 ms");
  assert_true(now_ns() - before > 900000000u);
  assert_true(now_ns() - before < 3000000000u);
  nothing_was_installed(0);
}

static void silent_after_a_chunk(void **state) {
  (void)state;
  send_hex(META);
  send_hex(CHUNK);
  ends_with(&stream, GRPC_STATUS_DEADLINE_EXCEEDED, "silent");
  nothing_was_installed(1);
}

/* A reset stream ends for RECV_MESSAGE as a half-close does, and must not install half a state. */
static void broken_off(void **state) {
  (void)state;
  send_hex(META);
  send_hex(CHUNK);
  fake_await(&f, &f.seen.write, 1);
  (void)grpc_call_cancel(stream.call, NULL);
  call_end(&stream, &out);
  nothing_was_installed(1);
}

static void broken_off_while_the_node_works(void **state) {
  (void)state;
  fake_park(&f);
  send_hex(META);
  fake_await(&f, &f.seen.begin, 1);
  (void)grpc_call_cancel(stream.call, NULL);
  call_end(&stream, &out);
  fake_release(&f);
  nothing_was_installed(1);
}

/* The same by the sender's deadline: the core sends a reset then. */
static void deadline_in_the_middle(void **state) {
  struct call_options options = {NULL, NULL, 100, false};
  struct call late;
  (void)state;
  call_half_close(&stream); /* this story has a stream of its own */
  ends_with(&stream, GRPC_STATUS_INVALID_ARGUMENT, "empty");
  call_start(&late, &c, RAFT "Snapshot", &options);
  stream = late;
  send_hex(META);
  ends_with(&stream, GRPC_STATUS_DEADLINE_EXCEEDED, NULL);
  nothing_was_installed(1);
}

/* The race between the last message, the end and a reset, many times: never a finish. */
static void broken_off_at_any_moment(void **state) {
  (void)state;
  call_half_close(&stream);
  ends_with(&stream, GRPC_STATUS_INVALID_ARGUMENT, "empty");
  for (int i = 0; i < 300; i++) {
    call_start(&stream, &c, RAFT "Snapshot", NULL);
    send_hex(META);
    for (int k = 0; k < i % 4; k++) send_hex(CHUNK);
    (void)grpc_call_cancel(stream.call, NULL);
    call_end(&stream, &out);
  }
  fake_await(&f, &f.seen.abort, fake_look(&f).begin);
  assert_int_equal(fake_look(&f).finish, 0);
}

int main(void) {
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)
  const struct CMUnitTest tests[] = {
      STORY(whole_snapshot),
      STORY(long_chunks_are_cut),
      STORY(not_needed),
      STORY(begin_refused),
      STORY(write_refused),
      STORY(empty_stream),
      STORY(chunk_before_meta),
      STORY(second_meta),
      STORY(neither_meta_nor_chunk),
      STORY(meta_without_vote),
      STORY(oversized_chunk),
      STORY(silent_from_the_start),
      STORY(silent_after_a_chunk),
      STORY(broken_off),
      STORY(broken_off_while_the_node_works),
      STORY(deadline_in_the_middle),
      STORY(broken_off_at_any_moment),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
