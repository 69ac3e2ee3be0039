/* unsent_test.c: production nodes in virtual time: a snapshot that was not sent, because its
 * receiver knew a newer leader or its sender stopped, is logged with the reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <support/world_internal.h>

#define SECONDS UINT64_C(1000000000)
#define LINE "snapshot not sent"

enum { WRITES = 30, KEY_MAX = 16 };

static struct {
  const struct rkv_transport_ops *transport;
  struct rkv_transport_ops ops;
  bool stopping; /* the receiver takes its time, and the sender stops meanwhile */
  struct rkv_snapshot_call *open;
  unsigned lines;
} unsent; /* operations have no other way to it */

static void send_begin(void *peer, struct rkv_snapshot_call *call) {
  (void)peer;
  unsent.open = call;
  if (unsent.stopping) return;
  call->finished = true;
  call->voter_vote = (struct rkv_vote){call->vote.term + 1, 3, false};
  call->call.done(&call->call, RKV_OK, NULL);
}

static void on_log(void *ctx, enum rkv_log_level level, const char *module, const char *text) {
  (void)ctx, (void)level, (void)module;
  if (strncmp(text, LINE, sizeof LINE - 1) != 0) return;
  unsent.lines++;
  const char *reason = strstr(text, ": ");
  if (!reason || strlen(reason + 2) == 0) fail_msg("no reason in \"%s\"", text);
}

static bool is_asked(struct world *w, void *arg) {
  (void)w, (void)arg;
  return unsent.open;
}

/* A leader whose log begins behind a snapshot, and a learner that needs it. */
static struct world *begin(bool stopping) {
  static const rkv_node_id one[] = {1};
  struct world *w = world_new(1);
  char key[KEY_MAX];
  memset(&unsent, 0, sizeof unsent);
  unsent.stopping = stopping;
  unsent.transport = w->transport;
  unsent.ops = *w->transport;
  unsent.ops.send_snapshot_begin = send_begin;
  w->transport = &unsent.ops;
  world_options(w)->keep_entries = 0;
  world_options(w)->snapshot_after = WRITES / 3;
  for (rkv_node_id id = 1; id <= 2; id++) world_start(w, id);
  w->nodes[1].host.log = on_log;
  assert_int_equal(world_init(w, 1, one, 1).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), 1);
  for (int i = 0; i < WRITES; i++) {
    (void)snprintf(key, sizeof key, "key-%d", i);
    assert_int_equal(world_set(w, 1, key, "value").status, RKV_OK);
  }
  (void)world_add_learner(w, 1, 2);
  assert_true(world_until(w, 10 * SECONDS, is_asked, NULL));
  return w;
}

static void a_newer_leader_is_named(void **state) {
  struct world *w = begin(false);
  (void)state;
  world_run(w, SECONDS);
  assert_true(unsent.lines > 0);
  world_free(w);
}

static void a_stop_is_named(void **state) {
  struct world *w = begin(true);
  (void)state;
  node_fatal(w->nodes[1].node, RKV_IO, "the test ends it");
  unsent.open->call.done(&unsent.open->call, RKV_OK, NULL);
  world_run(w, SECONDS);
  assert_true(unsent.lines > 0);
  world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_newer_leader_is_named),
      cmocka_unit_test(a_stop_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
