/* peer_early_test.c: early ends: a call that times out before it is made, a handle that is closed
 * before the transport's thread has seen that a message left. */
#include <dlfcn.h>
#include <time.h>

#include "peer_pipe.h"

#define SHORT_MS 60 /* a deadline that is meant to pass before the call exists */

/* ---- calls that are made late ---- */

static atomic_uint late_ms; /* how long the next call to a peer takes to be made; then 0 again */

/* Stands before the core's own, for the plugin too: this program exports it. */
__attribute__((visibility("default"))) grpc_call *
grpc_channel_create_registered_call(grpc_channel *channel, grpc_call *parent, uint32_t mask,
                                    grpc_completion_queue *cq, void *registered,
                                    gpr_timespec deadline, void *reserved) {
  static grpc_call *(*make)(grpc_channel *, grpc_call *, uint32_t, grpc_completion_queue *, void *,
                            gpr_timespec, void *);
  const unsigned wait_ms = atomic_exchange(&late_ms, 0);
  struct timespec wait = {.tv_nsec = (long)wait_ms * 1000000};
  if (wait_ms > 0) (void)nanosleep(&wait, NULL); /* the call is made late: nothing to await */
  if (!make) *(void **)&make = dlsym(RTLD_NEXT, "grpc_channel_create_registered_call");
  assert_non_null(make);
  return make(channel, parent, mask, cq, registered, deadline, reserved);
}

static void make_the_next_call_late(void) {
  atomic_store(&late_ms, 5 * SHORT_MS); /* some ticks behind the deadline */
}

/* The stream is given up, not the peer. */
static void appends_go_on_behind_a_stream_that_came_too_late(void **state) {
  struct rkv_entry *entries = make_entries(1, 1, 100);
  struct asked asked;
  (void)state;
  start(PEER_HEAD);
  make_the_next_call_late();
  ask_append(&rig, &asked, entries, 1, 0, SHORT_MS);
  await_end(&asked, RKV_TIMEOUT);
  ask_append(&rig, &asked, entries, 1, 0, LONG_MS);
  await_result(&asked, RKV_APPEND_SUCCESS);
  stop();
  free_entries(entries, 1);
}

static void begin_snapshot(struct asked *asked, unsigned timeout_ms) {
  memset(asked, 0, sizeof *asked);
  asked->snapshot.vote = (struct rkv_vote){3, 1, true};
  asked->snapshot.meta.last = (struct rkv_log_id){3, 100};
  ask_step(&rig, asked, rig.fake.ops->send_snapshot_begin, timeout_ms);
}

/* To a peer that is silent: without its deadline the step would last for ever. */
static void a_snapshot_that_came_too_late_ends(void **state) {
  struct asked asked;
  (void)state;
  start(PEER_HEAD);
  make_the_next_call_late();
  begin_snapshot(&asked, SHORT_MS);
  await_end(&asked, RKV_TIMEOUT);
  assert_null(asked.snapshot.stream);
  stop();
}

/* A vote has its deadline from the core. */
static void a_vote_that_came_too_late_ends(void **state) {
  struct asked asked;
  (void)state;
  start(PEER_HEAD);
  make_the_next_call_late();
  ask_vote(&rig, &asked, SHORT_MS);
  await_end(&asked, RKV_TIMEOUT);
  ask_vote(&rig, &asked, 5000);
  await_end(&asked, RKV_OK);
  stop();
}

/* ---- handles that are closed early ---- */

static void close_peer(void) {
  rig.fake.ops->peer_close(rig.peer);
  rig.peer = NULL;
}

/* The chunk has left and nobody has told the node yet: no step will follow, so this one's end is
 * the stream's, and with it go the peer and its connection (asan). */
static void closing_behind_a_chunk_that_left(void **state) {
  struct asked asked;
  (void)state;
  start(PEER_HEAD);
  begin_snapshot(&asked, 0);
  await_end(&asked, RKV_OK);
  fake_hold(&rig.fake);
  asked.snapshot.chunk = rkv_buf_static("half", 4);
  ask_step(&rig, &asked, rig.fake.ops->send_snapshot_write, 0);
  close_peer();
  fake_go(&rig.fake);
  await_end(&asked, RKV_CANCELLED);
  assert_null(asked.snapshot.stream);
  stop();
}

/* Likewise behind the snapshot's meta. */
static void closing_behind_a_meta_that_left(void **state) {
  struct asked asked;
  (void)state;
  start(PEER_HEAD);
  ask_vote(&rig, &asked, 5000); /* connects */
  await_end(&asked, RKV_OK);
  fake_hold(&rig.fake);
  begin_snapshot(&asked, 0);
  close_peer();
  fake_go(&rig.fake);
  await_end(&asked, RKV_CANCELLED);
  assert_null(asked.snapshot.stream);
  stop();
}

/* And behind an append that has left: by stream, and by a unary call. */
static void closing_behind_an_append_that_left(void **state) {
  static const enum peer_dialect dialects[] = {PEER_HEAD, PEER_D6};
  struct rkv_entry *entries = make_entries(1, 2, 100);
  (void)state;
  for (size_t i = 0; i < 2; i++) {
    struct asked asked;
    start(dialects[i]);
    ask_append(&rig, &asked, entries, 1, 0, LONG_MS);
    await_result(&asked, RKV_APPEND_SUCCESS);
    peer_fake_set(&peer, (struct peer_manner){.hang = true});
    fake_hold(&rig.fake);
    ask_append(&rig, &asked, entries + 1, 1, 1, LONG_MS);
    close_peer();
    fake_go(&rig.fake);
    await_end(&asked, RKV_CANCELLED);
    stop();
  }
  free_entries(entries, 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(appends_go_on_behind_a_stream_that_came_too_late),
      cmocka_unit_test(a_snapshot_that_came_too_late_ends),
      cmocka_unit_test(a_vote_that_came_too_late_ends),
      cmocka_unit_test(closing_behind_a_chunk_that_left),
      cmocka_unit_test(closing_behind_a_meta_that_left),
      cmocka_unit_test(closing_behind_an_append_that_left),
  };
  return cmocka_run_group_tests_name("transport peer: early ends", tests, NULL, NULL);
}
