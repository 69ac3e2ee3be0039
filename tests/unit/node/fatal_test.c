/* fatal_test.c: production nodes in virtual time: after node_fatal no success leaves a node (N4),
 * whatever was asked, and whenever the end comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <node/kernel/state.h>
#include <support/world.h>
#include <support/world_internal.h>

#define SECONDS UINT64_C(1000000000)
#define REASON "the device is broken"

enum { KINDS = 20, WRITES = 5 };

static const uint8_t command[] = {0x0a, 1, 'w', 0x12, 1, '1'}, question[] = {0x0a, 1, 'w'};

/* A call and how it ended. */
struct asked {
  union {
    struct rkv_call call; /* first: what the node knows */
    struct rkv_vote_call vote;
    struct rkv_append_call append;
    struct rkv_snapshot_call snapshot;
    struct rkv_timeout_now_call timeout_now;
    struct rkv_read_index_call read_index;
    struct rkv_hello_call hello;
    struct rkv_propose_call propose;
    struct rkv_query_call query;
    struct rkv_init_call init;
    struct rkv_membership_call membership;
    struct rkv_transfer_call transfer;
    struct rkv_snapshot_now_call snapshot_now;
    struct rkv_swap_call swap;
    struct rkv_metrics_call metrics;
  } of;
  struct node *ends; /* its node is fatal as soon as it is answered */
  unsigned times;
  enum rkv_status status;
  struct rkv_error error;
};

static void on_done(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct asked *a = (struct asked *)call;
  a->times++;
  a->status = status;
  if (error) a->error = *error;
  if (a->ends) node_fatal(a->ends, RKV_IO, REASON);
}

static void refused(const struct asked *a, enum rkv_status status, const char *text) {
  assert_int_equal(a->times, 1);
  assert_int_equal(a->status, status);
  assert_int_equal(a->error.status, status);
  assert_string_equal(a->error.text, text);
}

static struct world *cluster(void) {
  static const rkv_node_id three[] = {1, 2, 3};
  struct world *w = world_new(1);
  for (rkv_node_id id = 1; id <= 4; id++) world_start(w, id);
  assert_int_equal(world_init(w, 1, three, 3).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), 1);
  assert_int_equal(world_set(w, 1, "w", "0").status, RKV_OK);
  assert_true(world_settle(w));
  return w;
}

/* ---- whatever is asked ---- */

/* One call of each kind that is not a step of a stream. */
static void ask_everything(const struct rkv_node_api *api, struct asked all[KINDS]) {
  static struct rkv_membership one;
  struct asked *a = all;
  one.config_count = 1;
  for (size_t i = 0; i < KINDS; i++) all[i].of.call.done = on_done;
  a->of.propose.command = rkv_buf_static(command, sizeof command);
  api->propose(api->ctx, &a++->of.propose);
  for (uint32_t how = RKV_READ_LOCAL; how <= RKV_READ_LINEARIZABLE; how++) {
    a->of.query.request = rkv_buf_static(question, sizeof question);
    a->of.query.read = how;
    api->query(api->ctx, &a++->of.query);
  }
  a->of.init.membership = &one;
  api->init(api->ctx, &a++->of.init);
  api->add_learner(api->ctx, &a++->of.membership);
  api->change_membership(api->ctx, &a++->of.membership);
  api->remove(api->ctx, &a++->of.membership);
  api->set_address(api->ctx, &a++->of.membership);
  api->swap_storage(api->ctx, &a++->of.swap);
  api->metrics(api->ctx, &a++->of.metrics);
  api->transfer(api->ctx, &a++->of.transfer);
  api->snapshot_now(api->ctx, &a++->of.snapshot_now);
  api->vote(api->ctx, &a++->of.vote);
  api->pre_vote(api->ctx, &a++->of.vote);
  api->append(api->ctx, &a++->of.append);
  api->timeout_now(api->ctx, &a++->of.timeout_now);
  api->read_index(api->ctx, &a++->of.read_index);
  api->hello(api->ctx, &a++->of.hello);
  api->snapshot_begin(api->ctx, &a++->of.snapshot);
  assert_ptr_equal(a, all + KINDS);
}

static void every_call_learns_the_reason(void **state) {
  struct world *w = cluster();
  (void)state;
  for (rkv_node_id id = 1; id <= 2; id++) { /* a leader, a follower */
    struct asked all[KINDS];
    struct node *n = w->nodes[id].node;
    memset(all, 0, sizeof all);
    node_fatal(n, RKV_IO, REASON);
    ask_everything(node_api(n), all);
    world_kick(w, id);
    for (size_t i = 0; i < KINDS; i++) refused(&all[i], RKV_IO, REASON);
    for (size_t budget = 0; budget < NODE_BUDGETS; budget++)
      assert_int_equal(n->budgets.calls[budget], 0);
  }
  world_free(w);
}

/* ---- in the middle of a batch ---- */

/* The end comes with the answer to the first write, as another thread could bring it: the others
 * were applied, and are told no success. */
static void answers_of_one_batch_stop_at_the_end(void **state) {
  struct world *w = cluster();
  struct asked all[WRITES + 1];
  struct node *n = w->nodes[1].node;
  const struct rkv_node_api *api = node_api(n);
  (void)state;
  memset(all, 0, sizeof all);
  for (size_t i = 0; i <= WRITES; i++) all[i].of.call.done = on_done;
  for (size_t i = 0; i < WRITES; i++) {
    all[i].of.propose.command = rkv_buf_static(command, sizeof command);
    api->propose(api->ctx, &all[i].of.propose);
  }
  all[0].ends = n;
  world_kick(w, 1);
  all[WRITES].of.query.request = rkv_buf_static(question, sizeof question);
  all[WRITES].of.query.read = RKV_READ_LINEARIZABLE; /* it waits for the writes or a round */
  api->query(api->ctx, &all[WRITES].of.query);
  world_kick(w, 1);
  world_run(w, SECONDS);
  assert_int_equal(all[0].status, RKV_OK);
  rkv_buf_drop(&all[0].of.propose.result);
  for (size_t i = 1; i < WRITES; i++) {
    refused(&all[i], RKV_ABORTED, "it may or may not be done: " REASON);
    assert_int_equal(all[i].of.propose.result.len, 0);
  }
  refused(&all[WRITES], RKV_IO, REASON);
  world_free(w);
}

/* ---- snapshots ---- */

static struct {
  const struct rkv_storage_ops *mem;
  struct rkv_storage_ops ops;
  struct node *ends; /* is fatal while its storage works */
} device;            /* operations have no other way to it */

static enum rkv_status write_chunk(void *writer, struct rkv_buf chunk, struct rkv_error *error) {
  if (device.ends) node_fatal(device.ends, RKV_IO, REASON);
  return device.mem->snapshot_write(writer, chunk, error);
}

static enum rkv_status commit(void *writer, struct rkv_error *error) {
  if (device.ends) node_fatal(device.ends, RKV_IO, REASON);
  return device.mem->snapshot_commit(writer, error);
}

static struct world *cluster_with_device(void) {
  struct world *w = cluster();
  device.mem = w->storage;
  device.ops = *w->storage;
  device.ops.snapshot_write = write_chunk;
  device.ops.snapshot_commit = commit;
  device.ends = NULL;
  world_stop(w, 4);
  w->storage = &device.ops;
  world_start(w, 4);
  return w;
}

typedef void step(void *ctx, struct rkv_snapshot_call *call);

/* One step of a stream to node 4, by itself. */
static void make_step(struct world *w, struct asked *a, step *of) {
  a->times = 0;
  a->of.call.done = on_done;
  of(node_api(w->nodes[4].node)->ctx, &a->of.snapshot);
  world_kick(w, 4);
  world_run(w, SECONDS / 10);
  assert_int_equal(a->times, 1);
}

/* A stream of node 1's state that node 4 has taken on; its one chunk. */
static struct rkv_buf begin_stream(struct world *w, struct asked *a) {
  struct rkv_error error;
  struct rkv_buf chunk = rkv_buf_none();
  void *view;
  assert_int_equal(w->sm->snapshot_begin(w->nodes[1].sm, &view, &a->of.snapshot.meta, &error),
                   RKV_OK);
  assert_int_equal(w->sm->snapshot_read(view, 1 << 20, &chunk, &error), RKV_OK);
  w->sm->snapshot_end(view);
  (void)snprintf(a->of.snapshot.meta.id, sizeof a->of.snapshot.meta.id, "of-the-test");
  a->of.snapshot.vote = world_metrics(w, 1).vote;
  make_step(w, a, node_api(w->nodes[4].node)->snapshot_begin);
  assert_int_equal(a->status, RKV_OK);
  a->of.snapshot.chunk = chunk;
  return chunk;
}

static void end_stream(struct world *w, struct asked *a, struct rkv_buf *chunk) {
  assert_null(w->nodes[4].node->receive.all); /* the stream is gone */
  rkv_buf_drop(chunk);
  rkv_buf_drop(&a->of.snapshot.meta.membership);
  world_free(w);
}

static void a_chunk_is_not_taken_after_the_end(void **state) {
  struct world *w = cluster_with_device();
  struct asked a = {.times = 0};
  struct rkv_buf chunk = begin_stream(w, &a);
  (void)state;
  node_fatal(w->nodes[4].node, RKV_IO, REASON);
  make_step(w, &a, node_api(w->nodes[4].node)->snapshot_write);
  refused(&a, RKV_IO, REASON); /* certain: nothing is installed */
  end_stream(w, &a, &chunk);
}

static void a_chunk_is_not_taken_if_the_end_comes_meanwhile(void **state) {
  struct world *w = cluster_with_device();
  struct asked a = {.times = 0};
  struct rkv_buf chunk = begin_stream(w, &a);
  (void)state;
  device.ends = w->nodes[4].node;
  make_step(w, &a, node_api(w->nodes[4].node)->snapshot_write);
  refused(&a, RKV_ABORTED, "it may or may not be done: " REASON);
  end_stream(w, &a, &chunk);
}

static void a_snapshot_is_not_installed_if_the_end_comes_meanwhile(void **state) {
  struct world *w = cluster_with_device();
  struct asked a = {.times = 0};
  struct rkv_buf chunk = begin_stream(w, &a);
  (void)state;
  make_step(w, &a, node_api(w->nodes[4].node)->snapshot_write);
  assert_int_equal(a.status, RKV_OK);
  device.ends = w->nodes[4].node;
  make_step(w, &a, node_api(w->nodes[4].node)->snapshot_finish);
  refused(&a, RKV_IO, REASON);
  assert_int_equal(w->nodes[4].node->count.snapshots_installed, 0);
  end_stream(w, &a, &chunk);
}

static void a_stream_is_not_given_up_with_success_after_the_end(void **state) {
  struct world *w = cluster_with_device();
  struct asked a = {.times = 0};
  struct rkv_buf chunk = begin_stream(w, &a);
  (void)state;
  node_fatal(w->nodes[4].node, RKV_IO, REASON);
  make_step(w, &a, node_api(w->nodes[4].node)->snapshot_abort);
  refused(&a, RKV_ABORTED, "it may or may not be done: " REASON);
  end_stream(w, &a, &chunk);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_call_learns_the_reason),
      cmocka_unit_test(answers_of_one_batch_stop_at_the_end),
      cmocka_unit_test(a_chunk_is_not_taken_after_the_end),
      cmocka_unit_test(a_chunk_is_not_taken_if_the_end_comes_meanwhile),
      cmocka_unit_test(a_snapshot_is_not_installed_if_the_end_comes_meanwhile),
      cmocka_unit_test(a_stream_is_not_given_up_with_success_after_the_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
