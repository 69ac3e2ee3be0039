/* server_life_test.c: open, stop and close: addresses, several instances, calls that are still
 * open. */
#include "server_client.h"
#include "server_harness.h"

#include <setjmp.h>
#include <cmocka.h>

#define SET "0a03666f6f1203626172"
#define GRACE_NS 100000000u
#define LONG_GRACE_NS 10000000000u

static struct fake f, g;
static struct client c;
static struct outcome out;

static void start_set(struct call *call) {
  uint8_t set[64];
  size_t len = from_hex(SET, set);
  call_start(call, &c, APP "Set", NULL);
  assert_true(call_send(call, set, len));
  call_half_close(call);
}

/* A port that another instance serves: which one, and what to do. */
static void address_in_use(void **state) {
  struct rkv_error error;
  (void)state;
  fake_serve(&f, NULL);
  fake_make(&g);
  memcpy(g.addr, f.addr, sizeof g.addr);
  assert_int_equal(fake_open(&g, NULL, &error), RKV_ADDRESS);
  assert_non_null(strstr(error.text, f.addr));
  assert_non_null(strstr(error.text, "in use"));
  assert_non_null(strstr(error.text, "another address"));
  assert_null(g.instance);
  fake_free(&g);
  client_open(&c, f.addr, false);
  ask_hex(&c, APP "Set", SET, GRPC_STATUS_OK, &out); /* the first instance serves on */
  client_close(&c);
  fake_stop(&f, 0);
  fake_free(&f);
}

static void addresses_that_are_none(void **state) {
  static const char *const wrong[] = {
      "",         "here",      "127.0.0.1",   "127.0.0.1:",  ":21001",
      "[]:21001", "::1:21001", "127.0.0.1:0", "h:65536",     "h:21001x",
      "h:-1",     "a b:21001", "h/x:21001",   "h:000021001", "unix:/tmp/s:1"};
  struct rkv_error error;
  (void)state;
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    fake_make(&f);
    (void)snprintf(f.addr, sizeof f.addr, "%s", wrong[i]);
    assert_int_equal(fake_open(&f, NULL, &error), RKV_INVALID);
    assert_non_null(strstr(error.text, "HOST:PORT"));
    fake_free(&f);
  }
}

static void addresses_of_others(void **state) {
  struct rkv_error error;
  (void)state;
  fake_make(&f);
  (void)snprintf(f.addr, sizeof f.addr, "192.0.2.1:21001"); /* TEST-NET-1: nobody's */
  assert_int_equal(fake_open(&f, NULL, &error), RKV_ADDRESS);
  assert_non_null(strstr(error.text, "not of this machine"));
  fake_free(&f);
}

/* What no single option can be checked for. */
static void options_that_contradict(void **state) {
  static const char *const set[] = {"reconnect_backoff_min=5s", "reconnect_backoff_max=1s", NULL};
  struct rkv_error error;
  (void)state;
  fake_make(&f);
  assert_int_equal(fake_open(&f, set, &error), RKV_INVALID);
  assert_non_null(strstr(error.text, "reconnect_backoff_min"));
  fake_free(&f);
}

/* close instead of start gives the port back. */
static void never_started(void **state) {
  struct rkv_error error;
  (void)state;
  fake_make(&f);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(fake_open(&f, NULL, &error), RKV_OK);
    f.ops->close(f.instance);
    f.instance = NULL;
    f.metric_count = 0;
  }
  assert_int_equal(f.seen.kick, 0);
  fake_free(&f);
}

/* Nothing is global: two nodes in one process, each with its own node behind it. */
static void two_instances(void **state) {
  struct client d;
  (void)state;
  fake_serve(&f, NULL);
  fake_serve(&g, NULL);
  client_open(&c, f.addr, false);
  client_open(&d, g.addr, false);
  ask_hex(&c, APP "Set", SET, GRPC_STATUS_OK, &out);
  ask_hex(&d, APP "Set", SET, GRPC_STATUS_OK, &out);
  ask_hex(&d, APP "Get", "", GRPC_STATUS_OK, &out);
  client_close(&c);
  fake_stop(&f, 0);
  fake_free(&f); /* the other instance serves on */
  ask_hex(&d, APP "Get", "", GRPC_STATUS_OK, &out);
  assert_int_equal(fake_look(&g).query, 2);
  assert_int_equal(fake_metric(&g, "requests"), 3);
  client_close(&d);
  fake_stop(&g, 0);
  fake_free(&g);
}

/* ---- stop, with what is open ---- */

struct stopper {
  pthread_t thread;
  uint64_t grace_ns, took_ns;
};

static void *stop_main(void *arg) {
  struct stopper *s = arg;
  uint64_t before = now_ns();
  fake_stop(&f, s->grace_ns);
  s->took_ns = now_ns() - before;
  return NULL;
}

static void stop_begin(struct stopper *s, uint64_t grace_ns) {
  s->grace_ns = grace_ns;
  assert_int_equal(pthread_create(&s->thread, NULL, stop_main, s), 0);
}

/* Until a new call is refused; the words tell that it is the drain that refuses. */
static void await_drain(void) {
  for (int i = 0; i < PATIENCE_MS; i++) {
    uint8_t set[64];
    size_t len = from_hex(SET, set);
    struct call_options soon = {NULL, NULL, 200, false};
    ask(&c, APP "Set", set, len, &soon, &out);
    if (out.code == GRPC_STATUS_UNAVAILABLE) break;
  }
  assert_int_equal(out.code, GRPC_STATUS_UNAVAILABLE);
  assert_non_null(strstr(out.text, "is stopping"));
}

/* In the grace: what waits for the node gets its answer, what is new is sent elsewhere. */
static void stop_lets_waiting_calls_end(void **state) {
  struct stopper stopper;
  struct call call;
  (void)state;
  fake_serve(&f, NULL);
  client_open(&c, f.addr, false);
  fake_park(&f);
  start_set(&call);
  fake_await(&f, &f.seen.propose, 1);
  stop_begin(&stopper, LONG_GRACE_NS);
  await_drain();
  fake_release(&f);
  call_end(&call, &out);
  assert_int_equal(out.code, GRPC_STATUS_OK);
  pthread_join(stopper.thread, NULL);
  assert_true(stopper.took_ns < LONG_GRACE_NS);
  client_close(&c);
  fake_free(&f);
}

/* After the grace the client is told, but the node's done is still awaited. */
static void stop_breaks_off_after_the_grace(void **state) {
  struct stopper stopper;
  struct call call;
  (void)state;
  fake_serve(&f, NULL);
  client_open(&c, f.addr, false);
  fake_park(&f);
  start_set(&call);
  fake_await(&f, &f.seen.propose, 1);
  stop_begin(&stopper, GRACE_NS);
  call_end(&call, &out); /* answered although the node said nothing */
  assert_int_equal(out.code, GRPC_STATUS_UNAVAILABLE);
  fake_release(&f);
  pthread_join(stopper.thread, NULL);
  assert_true(stopper.took_ns >= GRACE_NS);
  client_close(&c);
  fake_free(&f);
}

/* An idle node stops at once, also with clients connected, and its port is free then. */
static void stop_when_idle(void **state) {
  struct rkv_error error;
  uint64_t before;
  (void)state;
  fake_serve(&f, NULL);
  client_open(&c, f.addr, false);
  ask_hex(&c, APP "Set", SET, GRPC_STATUS_OK, &out);
  before = now_ns();
  fake_stop(&f, LONG_GRACE_NS);
  assert_true(now_ns() - before < 3000000000u);
  f.ops->close(f.instance);
  f.metric_count = 0;
  assert_int_equal(fake_open(&f, NULL, &error), RKV_OK);
  assert_int_equal(f.ops->start(f.instance, &error), RKV_OK);
  client_close(&c);
  client_open(&c, f.addr, false);
  ask_hex(&c, APP "Set", SET, GRPC_STATUS_OK, &out);
  client_close(&c);
  fake_stop(&f, 0);
  fake_free(&f);
}

/* An open snapshot stream does not hold the node up; nothing is installed. */
static void stop_with_a_snapshot_stream(void **state) {
  static const uint8_t meta[] = {0x0a, 0x10, 0x0a, 8,    0x0a, 4, 8, 1,  16,
                                 1,    16,   1,    0x12, 4,    8, 1, 16, 5};
  struct stopper stopper;
  struct call call;
  (void)state;
  fake_serve(&f, NULL);
  client_open(&c, f.addr, false);
  call_start(&call, &c, RAFT "Snapshot", NULL);
  assert_true(call_send(&call, meta, sizeof meta));
  fake_await(&f, &f.seen.begin, 1);
  stop_begin(&stopper, LONG_GRACE_NS);
  call_end(&call, &out);
  assert_int_equal(out.code, GRPC_STATUS_UNAVAILABLE);
  pthread_join(stopper.thread, NULL);
  assert_true(stopper.took_ns < LONG_GRACE_NS);
  assert_int_equal(fake_look(&f).abort, 1);
  assert_int_equal(fake_look(&f).finish, 0);
  client_close(&c);
  fake_free(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(address_in_use),
      cmocka_unit_test(addresses_that_are_none),
      cmocka_unit_test(addresses_of_others),
      cmocka_unit_test(options_that_contradict),
      cmocka_unit_test(never_started),
      cmocka_unit_test(two_instances),
      cmocka_unit_test(stop_lets_waiting_calls_end),
      cmocka_unit_test(stop_breaks_off_after_the_grace),
      cmocka_unit_test(stop_when_idle),
      cmocka_unit_test(stop_with_a_snapshot_stream),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
