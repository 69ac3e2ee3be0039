/* short_test.c: production nodes in virtual time under transports of older ABIs, whose calls and
 * envelopes are shorter; a transport of 1.0 may leave anything where `abi_minor` is now. The node
 * touches nothing behind their ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <node/kernel/state.h>
#include <support/edge.h>
#include <support/world.h>
#include <support/world_internal.h>

#define SECONDS UINT64_C(1000000000)
#define STRANGER 7 /* a node that is not there */

/* Bytes, by minor: as abi-1.0.txt and abi-1.1.txt have them. */
static const struct {
  size_t envelope, append, init, membership, hello;
} lengths[] = {{32, 176, 64, 904, 88}, {48, 184, 64, 904, 88}};

union any {
  struct rkv_call call;
  struct rkv_vote_call vote;
  struct rkv_append_call append;
  struct rkv_init_call init;
  struct rkv_membership_call membership;
  struct rkv_hello_call hello;
};

/* A call is told of by its address alone. */
static struct {
  struct world *w;
  const struct rkv_node_api *api;
  struct edge call, envelope;
  uint32_t minor;     /* of the transport */
  uint32_t abi_minor; /* what its calls say */
  bool done;
  enum rkv_status status;
} old;

static void on_done(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  (void)call, (void)error;
  old.done = true;
  old.status = status;
}

static bool is_done(struct world *w, void *arg) {
  (void)w, (void)arg;
  return old.done;
}

/* The call as that transport hands it in: `size` bytes. */
static void *short_call(union any *call, size_t size, bool from_peer) {
  struct rkv_envelope envelope = {
      .cluster = old.w->nodes[1].node->identity.cluster, .to = 1, .from = STRANGER};
  call->call.done = on_done;
  call->call.abi_minor = old.abi_minor;
  if (from_peer)
    call->call.envelope = edge_put(&old.envelope, &envelope, lengths[old.minor].envelope);
  old.done = false;
  return edge_put(&old.call, call, size);
}

static enum rkv_status outcome(void) {
  world_kick(old.w, 1);
  assert_true(world_until(old.w, 60 * SECONDS, is_done, NULL));
  return old.status;
}

/* ---- the calls that have grown ---- */

static void init(void) {
  static struct rkv_membership m;
  const struct rkv_config_set voters = {.count = 1, .ids = {1}};
  union any call = {.init = {.membership = &m}};
  m = (struct rkv_membership){.config_count = 1, .configs = {voters}, .node_count = 1};
  m.nodes[0].id = 1;
  memcpy(m.nodes[0].addr, "node:1", 7);
  old.api->init(old.api->ctx, short_call(&call, lengths[old.minor].init, false));
  assert_int_equal(outcome(), RKV_OK);
}

/* `answering` is not asked for: a node that is not there is added, and left out again. */
static void membership(void) {
  struct rkv_member stranger = {.id = STRANGER, .addr = "node:7"};
  union any call = {.membership = {.learner = stranger}};
  call.call.deadline_ns = world_now(old.w) + SECONDS;
  old.api->add_learner(old.api->ctx, short_call(&call, lengths[old.minor].membership, false));
  assert_int_equal(outcome(), RKV_TIMEOUT); /* the stranger does not catch up */
  call = (union any){.membership = {.voters = {.count = 1, .ids = {1}}}};
  struct rkv_membership_call *given = short_call(&call, lengths[old.minor].membership, false);
  old.api->change_membership(old.api->ctx, given);
  assert_int_equal(outcome(), RKV_OK);
  rkv_buf_drop(&given->membership);
}

static void hello(void) {
  union any call = {.hello = {.id = 0}};
  const struct rkv_hello_call *given = short_call(&call, lengths[old.minor].hello, true);
  old.api->hello(old.api->ctx, (struct rkv_hello_call *)(uintptr_t)given);
  assert_int_equal(outcome(), RKV_OK);
  assert_int_equal(given->id, 1);
  assert_int_equal(given->incarnation, old.w->nodes[1].node->identity.incarnation);
}

static void vote(void) {
  union any call = {.vote = {.vote = {1, STRANGER, false}}};
  struct rkv_vote_call *given = short_call(&call, sizeof call.vote, true);
  old.api->pre_vote(old.api->ctx, given);
  assert_int_equal(outcome(), RKV_OK);
  assert_false(given->granted);
}

/* Whatever the answer is, a promise would be written behind the call's end. */
static void append(void) {
  const struct rkv_vote now = world_metrics(old.w, 1).vote;
  union any call = {.append = {.vote = {now.term + 1, STRANGER, true}}};
  struct rkv_append_call *given = short_call(&call, lengths[old.minor].append, true);
  old.api->append(old.api->ctx, given);
  assert_int_equal(outcome(), RKV_OK);
  assert_int_equal(given->result, RKV_APPEND_SUCCESS);
  call.append.vote = (struct rkv_vote){1, STRANGER, true};
  given = short_call(&call, lengths[old.minor].append, true);
  old.api->append(old.api->ctx, given);
  assert_int_equal(outcome(), RKV_OK);
  assert_int_equal(given->result, RKV_APPEND_REJECTED);
}

static void nothing_is_touched_behind_a_call(uint32_t minor, uint32_t abi_minor) {
  old.w = world_new(1);
  old.w->transport_abi_minor = minor;
  world_start(old.w, 1);
  old.api = node_api(old.w->nodes[1].node);
  old.call = edge_begin();
  old.envelope = edge_begin();
  old.minor = minor;
  old.abi_minor = abi_minor;
  init();
  assert_int_equal(world_wait_leader(old.w), 1);
  membership();
  hello();
  vote();
  append();
  edge_end(&old.call);
  edge_end(&old.envelope);
  world_free(old.w);
}

static void calls_of_1_0(void **state) {
  (void)state;
  nothing_is_touched_behind_a_call(0, 0);
}

static void calls_of_1_0_with_anything_in_what_was_reserved(void **state) {
  (void)state;
  nothing_is_touched_behind_a_call(0, 2);
  nothing_is_touched_behind_a_call(0, UINT32_MAX);
}

static void calls_of_1_1(void **state) {
  (void)state;
  nothing_is_touched_behind_a_call(1, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(calls_of_1_0),
      cmocka_unit_test(calls_of_1_1),
      cmocka_unit_test(calls_of_1_0_with_anything_in_what_was_reserved),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
