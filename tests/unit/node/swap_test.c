/* swap_test.c: production nodes in virtual time that move to another storage while they serve. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <node/kernel/state.h>
#include <support/world.h>
#include <support/world_internal.h>

#define SECONDS UINT64_C(1000000000)
#define MS UINT64_C(1000000)

/* ---- the new storage: storage-mem, whose writes a story can let fail or wait ---- */

struct held {
  struct rkv_completion completion; /* first: what storage-mem knows */
  struct rkv_completion *real;
  struct held *next;
};

static struct {
  const struct rkv_storage_ops *mem;
  struct rkv_storage_ops ops;
  void *storage;        /* the new one, while it is open */
  enum rkv_status fail; /* of its appends and votes */
  bool hold;            /* they do not end */
  bool flip;            /* it keeps other bytes than it was given */
  struct held *first;
  unsigned opened, dropped, moved;
} side;

static void on_held(struct rkv_completion *self, enum rkv_status status,
                    const struct rkv_error *error) {
  (void)self, (void)status, (void)error;
}

static struct rkv_completion *hold(struct rkv_completion *completion) {
  struct held *h = calloc(1, sizeof *h);
  assert_non_null(h);
  *h = (struct held){{on_held}, completion, side.first};
  side.first = h;
  return &h->completion;
}

static void end_held(enum rkv_status status) {
  struct rkv_error error;
  (void)rkv_fail(&error, RKV_CANCELLED, "closed");
  while (side.first) { /* the newest first: the pair must not depend on more than is promised */
    struct held **at = &side.first, *h;
    while ((*at)->next) at = &(*at)->next;
    h = *at;
    *at = NULL;
    h->real->done(h->real, status, status == RKV_OK ? NULL : &error);
    free(h);
  }
}

static bool fails(struct rkv_completion *completion) {
  struct rkv_error error;
  if (side.fail == RKV_OK) return false;
  (void)rkv_fail(&error, side.fail, "the new device is broken");
  completion->done(completion, side.fail, &error);
  return true;
}

static void side_save_vote(void *storage, struct rkv_vote vote, struct rkv_completion *completion) {
  if (storage == side.storage && fails(completion)) return;
  side.mem->save_vote(storage, vote,
                      storage == side.storage && side.hold ? hold(completion) : completion);
}

static void side_append(void *storage, const struct rkv_entry *entries, size_t count,
                        struct rkv_completion *completion) {
  struct rkv_entry flipped[64];
  if (storage == side.storage && fails(completion)) return;
  if (storage == side.storage && side.flip && count <= 64) {
    memcpy(flipped, entries, count * sizeof *entries);
    flipped[count - 1].payload = rkv_buf_none();
    entries = flipped;
  }
  side.mem->append(storage, entries, count,
                   storage == side.storage && side.hold ? hold(completion) : completion);
}

static void side_close(void *storage) {
  if (storage == side.storage) end_held(RKV_CANCELLED);
  if (storage == side.storage) side.storage = NULL;
  side.mem->close(storage);
}

static enum rkv_status open_copy(struct world_node *wn, const struct node_swap_request *request,
                                 struct node_storage *out, struct rkv_error *error) {
  side.opened++;
  if (strcmp(request->plugin, "storage-none") == 0)
    return rkv_fail(error, RKV_INVALID, "no plugin storage-none");
  if (request->check) return RKV_OK;
  *out = (struct node_storage){.ops = &side.ops,
                               .capabilities = RKV_CAP_DURABLE,
                               .place = "storage-new, dir=/new",
                               .lines = "plugin = storage-new\ndir = /new"};
  enum rkv_status status =
      side.mem->open(&wn->host, &wn->world->storage_config, &out->storage, error);
  struct rkv_storage_state state = {0};
  if (status == RKV_OK) status = side.mem->load(out->storage, &state, error);
  side.storage = out->storage;
  return status;
}

static void on_swapped(struct world_node *wn, bool moved) {
  (void)wn;
  side.moved += moved;
  side.dropped += !moved;
}

/* ---- the cluster ---- */

static struct world *cluster(size_t nodes) {
  static const rkv_node_id ids[] = {1, 2, 3};
  struct world *w = world_new(nodes);
  memset(&side, 0, sizeof side);
  side.mem = w->storage;
  side.ops = *w->storage;
  side.ops.save_vote = side_save_vote;
  side.ops.append = side_append;
  side.ops.close = side_close;
  w->open_copy = open_copy;
  w->on_swapped = on_swapped;
  world_options(w)->snapshot_after = 100;
  world_options(w)->keep_entries = 20;
  for (size_t i = 0; i < nodes; i++) world_start(w, ids[i]);
  assert_int_equal(world_init(w, 1, ids, nodes).status, RKV_OK);
  assert_int_not_equal(world_wait_leader(w), 0);
  assert_true(world_settle(w));
  return w;
}

static void write_some(struct world *w, rkv_node_id at, int from, int count) {
  for (int i = from; i < from + count; i++) {
    char key[32];
    (void)snprintf(key, sizeof key, "key%d", i);
    assert_int_equal(world_set(w, at, key, key).status, RKV_OK);
  }
}

static void expect_all(struct world *w, rkv_node_id at, int count) {
  for (int i = 0; i < count; i++) {
    char key[32];
    (void)snprintf(key, sizeof key, "key%d", i);
    assert_string_equal(world_get(w, at, key).text, key);
  }
}

/* ---- asking ---- */

struct ask {
  struct rkv_swap_call call; /* first: what the node knows */
  bool done;
  enum rkv_status status;
  struct rkv_error error;
  char text[SWAP_TEXT_MAX];
};

static void on_answer(struct rkv_call *call, enum rkv_status status,
                      const struct rkv_error *error) {
  struct ask *a = (struct ask *)call;
  a->done = true;
  a->status = status;
  if (error) a->error = *error;
  if (status != RKV_OK) return;
  assert_true(a->call.text.len < sizeof a->text);
  if (a->call.text.len > 0) memcpy(a->text, a->call.text.data, a->call.text.len);
  rkv_buf_drop(&a->call.text);
}

static bool is_answered(struct world *w, void *arg) {
  (void)w;
  return ((struct ask *)arg)->done;
}

static struct ask ask_of(struct world *w, rkv_node_id at, enum rkv_swap_action action,
                         const char *plugin) {
  const struct rkv_node_api *api = node_api(w->nodes[at].node);
  struct ask a = {.call = {.call = {.done = on_answer,
                                    .abi_minor = RKV_ABI_MINOR,
                                    .deadline_ns = world_local_ns(&w->nodes[at]) + 5 * SECONDS},
                           .action = (uint32_t)action,
                           .plugin = plugin}};
  api->swap_storage(api->ctx, &a.call);
  world_kick(w, at);
  assert_true(world_until(w, 6 * SECONDS, is_answered, &a));
  return a;
}

static struct ask begin(struct world *w, rkv_node_id at) {
  struct ask a = ask_of(w, at, RKV_SWAP_BEGIN, "storage-new");
  assert_int_equal(a.status, RKV_OK);
  return a;
}

static bool is_over(struct world *w, void *arg) {
  struct node *n = w->nodes[*(rkv_node_id *)arg].node;
  return n->swap.running == NULL;
}

static void expect_end(struct world *w, rkv_node_id at, enum rkv_swap_phase phase) {
  assert_true(world_until(w, 60 * SECONDS, is_over, &at));
  struct ask a = ask_of(w, at, RKV_SWAP_LOOK, NULL);
  assert_int_equal(a.status, RKV_OK);
  if (a.call.phase != (uint32_t)phase) fail_msg("phase %u: %s", a.call.phase, a.text);
  if (phase == RKV_SWAP_PHASE_MOVED) /* lines to be copied into the file */
    assert_non_null(strstr(a.text, "\n[storage]\nplugin = storage-new\ndir = /new"));
}

/* The node stands on the new storage, which has its log, its vote and its identity. */
static void expect_on_new(struct world *w, rkv_node_id at) {
  struct world_node *wn = &w->nodes[at];
  struct rkv_storage_state state = {0};
  struct rkv_error error;
  struct world_metrics metrics = world_metrics(w, at);
  assert_ptr_equal(wn->storage, side.storage);
  assert_int_equal(side.mem->load(wn->storage, &state, &error), RKV_OK);
  assert_int_equal(state.last.index, metrics.last.index);
  assert_int_equal(state.last.term, metrics.last.term);
  assert_int_equal(state.vote.term, metrics.vote.term);
  assert_int_equal(state.identity.incarnation, wn->node->identity.incarnation);
  assert_true(rkv_cluster_id_equal(state.identity.cluster, wn->node->identity.cluster));
  assert_int_equal(state.snapshot.last.index, metrics.snapshot.index);
  assert_int_equal(state.purged.index, metrics.purged.index);
  rkv_buf_drop(&state.snapshot.membership);
}

/* ---- stories ---- */

/* The node, leader or follower, moves while clients write: it misses nothing, votes and leads. */
static void move_while_writing(rkv_node_id (*choose)(struct world *w)) {
  struct world *w = cluster(3);
  rkv_node_id leader = world_leader(w), at = choose(w);
  int count = 0;
  write_some(w, leader, 0, 250);
  for (count = 250, begin(w, at); w->nodes[at].node->swap.running; count++)
    write_some(w, leader, count, 1);
  expect_end(w, at, RKV_SWAP_PHASE_MOVED);
  write_some(w, leader, count, 150); /* with snapshots on the new storage */
  assert_true(world_settle(w));
  expect_on_new(w, at);
  expect_all(w, at, count + 150);
  assert_int_equal(side.moved, 1);
  assert_int_equal(side.dropped, 0);
  world_free(w);
}

static rkv_node_id the_leader(struct world *w) {
  return world_leader(w);
}

static rkv_node_id a_follower(struct world *w) {
  return world_leader(w) == 1 ? 2 : 1;
}

static void a_leader_moves(void **state) {
  (void)state;
  move_while_writing(the_leader);
}

static void a_follower_moves(void **state) {
  (void)state;
  move_while_writing(a_follower);
}

/* An empty log, and one node alone; and once more from there. */
static void it_moves_again(void **state) {
  struct world *w = cluster(1);
  (void)state;
  for (int i = 0; i < 3; i++) {
    begin(w, 1);
    expect_end(w, 1, RKV_SWAP_PHASE_MOVED);
    write_some(w, 1, 60 * i, 60);
    expect_on_new(w, 1);
    side.storage = NULL; /* it is an old one from here on */
  }
  expect_all(w, 1, 180);
  assert_int_equal(side.moved, 3);
  world_free(w);
}

/* A follower that is sent a snapshot while its log is copied: the copy begins anew. */
static void a_snapshot_of_the_leader_arrives(void **state) {
  struct world *w = cluster(3);
  rkv_node_id leader = world_leader(w), at = a_follower(w);
  (void)state;
  write_some(w, leader, 0, 50);
  assert_true(world_settle(w));
  world_faults(w)->slow_worker = at;
  world_faults(w)->slow_job_max_ns = 2 * SECONDS;
  world_options(w)->purge_hold_entries = 10;
  world_isolate(w, at, true);
  write_some(w, leader, 50, 2500);
  begin(w, at);
  world_isolate(w, at, false);
  expect_end(w, at, RKV_SWAP_PHASE_MOVED);
  assert_true(world_settle(w));
  expect_on_new(w, at);
  expect_all(w, at, 2550);
  world_free(w);
}

/* It is asked for what it cannot do. */
static void it_refuses(void **state) {
  struct world *w = cluster(1);
  struct ask a;
  (void)state;
  a = ask_of(w, 1, RKV_SWAP_LOOK, NULL);
  assert_int_equal(a.call.phase, RKV_SWAP_PHASE_NONE);
  a = ask_of(w, 1, RKV_SWAP_CANCEL, NULL);
  assert_int_equal(a.status, RKV_PRECONDITION);
  a = ask_of(w, 1, RKV_SWAP_BEGIN, "");
  assert_int_equal(a.status, RKV_INVALID);
  a = ask_of(w, 1, (enum rkv_swap_action)9, "storage-new");
  assert_int_equal(a.status, RKV_INVALID);
  a = ask_of(w, 1, RKV_SWAP_BEGIN, "storage-none");
  assert_int_equal(a.status, RKV_INVALID);
  assert_string_equal(a.error.text, "no plugin storage-none");
  a = ask_of(w, 1, RKV_SWAP_CHECK, "storage-new");
  assert_int_equal(a.status, RKV_OK);
  assert_null(side.storage);
  a = ask_of(w, 1, RKV_SWAP_LOOK, NULL);
  assert_int_equal(a.call.phase, RKV_SWAP_PHASE_NONE);
  world_free(w);
}

/* A node whose host does not offer it. */
static void it_is_not_allowed(void **state) {
  struct world *w = world_new(1);
  struct ask a;
  (void)state;
  world_start(w, 1);
  a = ask_of(w, 1, RKV_SWAP_BEGIN, "storage-new");
  assert_int_equal(a.status, RKV_PRECONDITION);
  assert_non_null(strstr(a.error.text, "swap_storage = true"));
  world_free(w);
}

/* Starts a swap that stands still once the copy is joined: a write waits for the copy. */
static struct world *joined_and_held(void) {
  struct world *w = cluster(1);
  write_some(w, 1, 0, 10);
  world_faults(w)->slow_worker = 1;
  world_faults(w)->slow_job_max_ns = 4 * SECONDS;
  begin(w, 1);
  while (w->nodes[1].node->pair.phase != PAIR_JOINED) world_run(w, MS);
  return w;
}

/* Only one; an operator can give it up. */
static void it_is_cancelled(void **state) {
  struct world *w = joined_and_held();
  struct ask a = ask_of(w, 1, RKV_SWAP_BEGIN, "storage-new");
  (void)state;
  assert_int_equal(a.status, RKV_PRECONDITION);
  a = ask_of(w, 1, RKV_SWAP_CANCEL, NULL);
  assert_int_equal(a.status, RKV_OK);
  expect_end(w, 1, RKV_SWAP_PHASE_FAILED);
  assert_null(side.storage);
  assert_int_equal(side.dropped, 1);
  write_some(w, 1, 10, 10);
  expect_all(w, 1, 20);
  world_free(w);
}

/* The new storage fails: no write fails for it. */
static void the_copy_fails(void **state) {
  struct world *w = joined_and_held();
  (void)state;
  side.fail = RKV_IO;
  write_some(w, 1, 10, 1);
  expect_end(w, 1, RKV_SWAP_PHASE_FAILED);
  struct ask a = ask_of(w, 1, RKV_SWAP_LOOK, NULL);
  assert_non_null(strstr(a.text, "the new device is broken"));
  assert_int_equal(side.dropped, 1);
  side.fail = RKV_OK;
  write_some(w, 1, 11, 5);
  world_faults(w)->slow_worker = 0;
  begin(w, 1);
  expect_end(w, 1, RKV_SWAP_PHASE_MOVED);
  expect_all(w, 1, 16);
  world_free(w);
}

/* The new storage takes no writes: they wait for a second at most, and the swap is given up. */
static void the_copy_is_too_slow(void **state) {
  struct world *w = joined_and_held();
  (void)state;
  side.hold = true;
  uint64_t before = world_now(w);
  write_some(w, 1, 10, 1);
  assert_true(world_now(w) - before >= SECONDS);
  assert_true(world_now(w) - before < SECONDS + SECONDS / 2);
  expect_end(w, 1, RKV_SWAP_PHASE_FAILED);
  side.hold = false;
  expect_all(w, 1, 11);
  world_free(w);
}

/* What the new storage keeps is not what it was given. */
static void the_copy_differs(void **state) {
  struct world *w = cluster(1);
  (void)state;
  write_some(w, 1, 0, 10);
  side.flip = true;
  begin(w, 1);
  expect_end(w, 1, RKV_SWAP_PHASE_FAILED);
  struct ask a = ask_of(w, 1, RKV_SWAP_LOOK, NULL);
  assert_non_null(strstr(a.text, "differs from its source: entry"));
  write_some(w, 1, 10, 10);
  expect_all(w, 1, 20);
  world_free(w);
}

/* The node ends in the midst of it. */
static void the_node_stops_meanwhile(void **state) {
  (void)state;
  for (uint64_t ms = 0; ms < 40; ms++) {
    struct world *w = cluster(1);
    world_faults(w)->slow_worker = 1;
    world_faults(w)->slow_job_max_ns = 4 * MS;
    write_some(w, 1, 0, 250);
    begin(w, 1);
    world_run(w, ms * MS);
    world_stop(w, 1);
    assert_null(side.storage);
    world_free(w);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_leader_moves),
      cmocka_unit_test(a_follower_moves),
      cmocka_unit_test(it_moves_again),
      cmocka_unit_test(a_snapshot_of_the_leader_arrives),
      cmocka_unit_test(it_refuses),
      cmocka_unit_test(it_is_not_allowed),
      cmocka_unit_test(it_is_cancelled),
      cmocka_unit_test(the_copy_fails),
      cmocka_unit_test(the_copy_is_too_slow),
      cmocka_unit_test(the_copy_differs),
      cmocka_unit_test(the_node_stops_meanwhile),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
