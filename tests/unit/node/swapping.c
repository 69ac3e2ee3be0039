/* swapping.c: the storage that nodes move to, and the asking (swapping.h). */
#include "swapping.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <node/kernel/state.h>
#include <support/world_internal.h>

#define SECONDS UINT64_C(1000000000)

/* ---- the new storage: storage-mem, whose writes a story can let fail or wait ---- */

struct held {
  struct rkv_completion completion; /* first: what storage-mem knows */
  struct rkv_completion *real;
  struct held *next;
};

struct swapping_side swapping_new;
static struct held *held_first;

static void on_held(struct rkv_completion *self, enum rkv_status status,
                    const struct rkv_error *error) {
  (void)self, (void)status, (void)error;
}

static struct rkv_completion *hold(struct rkv_completion *completion) {
  struct held *h = calloc(1, sizeof *h);
  assert_non_null(h);
  *h = (struct held){{on_held}, completion, held_first};
  held_first = h;
  return &h->completion;
}

static void end_held(enum rkv_status status) {
  struct rkv_error error;
  (void)rkv_fail(&error, RKV_CANCELLED, "closed");
  while (held_first) { /* the newest first: the pair must not depend on more than is promised */
    struct held **at = &held_first, *h;
    while ((*at)->next) at = &(*at)->next;
    h = *at;
    *at = NULL;
    h->real->done(h->real, status, status == RKV_OK ? NULL : &error);
    free(h);
  }
}

void swapping_release(void) {
  end_held(RKV_OK);
}

static bool fails(struct rkv_completion *completion) {
  struct rkv_error error;
  if (swapping_new.fail == RKV_OK) return false;
  (void)rkv_fail(&error, swapping_new.fail, "the new device is broken");
  completion->done(completion, swapping_new.fail, &error);
  return true;
}

static void side_save_vote(void *storage, struct rkv_vote vote, struct rkv_completion *completion) {
  if (storage == swapping_new.storage && fails(completion)) return;
  swapping_new.mem->save_vote(
      storage, vote,
      storage == swapping_new.storage && swapping_new.hold ? hold(completion) : completion);
}

static void side_save_identity(void *storage, struct rkv_identity identity,
                               struct rkv_completion *completion) {
  bool waits = swapping_new.hold_retirement && identity.incarnation == RKV_INCARNATION_RETIRED;
  swapping_new.mem->save_identity(storage, identity, waits ? hold(completion) : completion);
}

static void side_append(void *storage, const struct rkv_entry *entries, size_t count,
                        struct rkv_completion *completion) {
  struct rkv_entry flipped[64];
  if (storage == swapping_new.storage && fails(completion)) return;
  if (storage == swapping_new.storage && swapping_new.flip && count <= 64) {
    memcpy(flipped, entries, count * sizeof *entries);
    flipped[count - 1].payload = rkv_buf_none();
    entries = flipped;
  }
  swapping_new.mem->append(storage, entries, count,
                           storage == swapping_new.storage && swapping_new.hold ? hold(completion)
                                                                                : completion);
}

static void side_close(void *storage) {
  if (storage == swapping_new.storage) end_held(RKV_CANCELLED);
  if (storage == swapping_new.storage) swapping_new.storage = NULL;
  swapping_new.mem->close(storage);
}

static enum rkv_status open_copy(struct world_node *wn, const struct node_swap_request *request,
                                 struct node_storage *out, struct rkv_error *error) {
  swapping_new.opened++;
  if (strcmp(request->plugin, "storage-none") == 0)
    return rkv_fail(error, RKV_INVALID, "no plugin storage-none");
  if (request->check) return RKV_OK;
  *out = (struct node_storage){.ops = &swapping_new.ops,
                               .capabilities = RKV_CAP_DURABLE,
                               .place = "storage-new, dir=/new",
                               .lines = "plugin = storage-new\ndir = /new"};
  enum rkv_status status =
      swapping_new.mem->open(&wn->host, &wn->world->storage_config, &out->storage, error);
  struct rkv_storage_state state = {0};
  if (status == RKV_OK) status = swapping_new.mem->load(out->storage, &state, error);
  swapping_new.storage = out->storage;
  return status;
}

static void on_swapped(struct world_node *wn, bool moved) {
  (void)wn;
  swapping_new.moved += moved;
  swapping_new.dropped += !moved;
}

/* ---- the cluster ---- */

static struct world *make_cluster(size_t nodes, uint64_t snapshot_after) {
  static const rkv_node_id ids[] = {1, 2, 3};
  struct world *w = world_new(nodes);
  memset(&swapping_new, 0, sizeof swapping_new);
  held_first = NULL;
  swapping_new.mem = w->storage;
  swapping_new.ops = *w->storage;
  swapping_new.ops.save_vote = side_save_vote;
  swapping_new.ops.save_identity = side_save_identity;
  swapping_new.ops.append = side_append;
  swapping_new.ops.close = side_close;
  w->open_copy = open_copy;
  w->on_swapped = on_swapped;
  world_options(w)->snapshot_after = snapshot_after;
  world_options(w)->keep_entries = 20;
  for (size_t i = 0; i < nodes; i++) world_start(w, ids[i]);
  assert_int_equal(world_init(w, 1, ids, nodes).status, RKV_OK);
  assert_int_not_equal(world_wait_leader(w), 0);
  assert_true(world_settle(w));
  return w;
}

struct world *swapping_cluster(size_t nodes) {
  return make_cluster(nodes, 100);
}

struct world *swapping_cluster_of_logs(size_t nodes) {
  return make_cluster(nodes, 0);
}

void swapping_write(struct world *w, rkv_node_id at, int from, int count) {
  for (int i = from; i < from + count; i++) {
    char key[32];
    (void)snprintf(key, sizeof key, "key%d", i);
    assert_int_equal(world_set(w, at, key, key).status, RKV_OK);
  }
}

void swapping_expect_all(struct world *w, rkv_node_id at, int count) {
  for (int i = 0; i < count; i++) {
    char key[32];
    (void)snprintf(key, sizeof key, "key%d", i);
    assert_string_equal(world_get(w, at, key).text, key);
  }
}

/* ---- asking ---- */

static void on_answer(struct rkv_call *call, enum rkv_status status,
                      const struct rkv_error *error) {
  struct swapping_answer *a = (struct swapping_answer *)call;
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
  return ((struct swapping_answer *)arg)->done;
}

struct swapping_answer swapping_ask(struct world *w, rkv_node_id at, enum rkv_swap_action action,
                                    const char *plugin) {
  const struct rkv_node_api *api = node_api(w->nodes[at].node);
  struct swapping_answer a = {
      .call = {.call = {.done = on_answer,
                        .abi_minor = RKV_ABI_MINOR,
                        .deadline_ns = world_local_ns(&w->nodes[at]) + 5 * SECONDS},
               .action = (uint32_t)action,
               .plugin = plugin}};
  api->swap_storage(api->ctx, &a.call);
  world_kick(w, at);
  assert_true(world_until(w, 6 * SECONDS, is_answered, &a));
  return a;
}

struct swapping_answer swapping_begin(struct world *w, rkv_node_id at) {
  struct swapping_answer a = swapping_ask(w, at, RKV_SWAP_BEGIN, "storage-new");
  assert_int_equal(a.status, RKV_OK);
  return a;
}

static bool is_over(struct world *w, void *arg) {
  struct node *n = w->nodes[*(rkv_node_id *)arg].node;
  return n->swap.running == NULL;
}

void swapping_expect_end(struct world *w, rkv_node_id at, enum rkv_swap_phase phase) {
  assert_true(world_until(w, 60 * SECONDS, is_over, &at));
  struct swapping_answer a = swapping_ask(w, at, RKV_SWAP_LOOK, NULL);
  assert_int_equal(a.status, RKV_OK);
  if (a.call.phase != (uint32_t)phase) fail_msg("phase %u: %s", a.call.phase, a.text);
  if (phase == RKV_SWAP_PHASE_MOVED) /* lines to be copied into the file */
    assert_non_null(strstr(a.text, "\n[storage]\nplugin = storage-new\ndir = /new"));
}

void swapping_expect_on_new(struct world *w, rkv_node_id at) {
  struct world_node *wn = &w->nodes[at];
  struct rkv_storage_state state = {0};
  struct rkv_error error;
  struct world_metrics metrics = world_metrics(w, at);
  assert_ptr_equal(wn->storage, swapping_new.storage);
  assert_int_equal(swapping_new.mem->load(wn->storage, &state, &error), RKV_OK);
  assert_int_equal(state.last.index, metrics.last.index);
  assert_int_equal(state.last.term, metrics.last.term);
  assert_int_equal(state.vote.term, metrics.vote.term);
  assert_int_equal(state.identity.incarnation, wn->node->identity.incarnation);
  assert_true(rkv_cluster_id_equal(state.identity.cluster, wn->node->identity.cluster));
  assert_int_equal(state.snapshot.last.index, metrics.snapshot.index);
  assert_int_equal(state.purged.index, metrics.purged.index);
  rkv_buf_drop(&state.snapshot.membership);
}
