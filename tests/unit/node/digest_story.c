/* digest_story.c: clusters whose state machines may go astray. */
#include "digest_story.h"

static const rkv_node_id three[] = {1, 2, 3};

struct machines machines;

static rkv_node_id owner_of(const void *sm) {
  rkv_node_id id = 1;
  while (id <= WORLD_NODES_MAX && machines.w->nodes[id].sm != sm) id++;
  assert_true(id <= WORLD_NODES_MAX);
  return id;
}

static enum rkv_status digest(void *sm, uint64_t *value, struct rkv_error *error) {
  const rkv_node_id id = owner_of(sm);
  const rkv_index at = machines.w->nodes[id].node->applied.index;
  assert_true(at > machines.asked_at[id]); /* once for each state */
  machines.asked_at[id] = at;
  machines.asked[id]++;
  machines.agreed[id] += at % NODE_DIGEST_EVERY == 0;
  if (machines.fails) return rkv_fail(error, RKV_IO, "the sum cannot be read");
  enum rkv_status status = machines.real->digest(sm, value, error);
  if (machines.astray_at[id] > 0 && at >= machines.astray_at[id]) *value ^= 1;
  return status;
}

struct world *world_of_three(uint64_t seed) {
  struct world *w = world_new(seed);
  memset(&machines, 0, sizeof machines);
  machines.w = w;
  machines.real = w->sm;
  machines.ops = *w->sm;
  machines.ops.digest = digest;
  w->sm = &machines.ops;
  return w;
}

void begin(struct world *w) {
  for (rkv_node_id id = 1; id <= 3; id++) world_start(w, id);
  assert_int_equal(world_init(w, 1, three, 3).status, RKV_OK);
  assert_int_equal(world_wait_leader(w), 1);
  assert_true(world_settle(w));
  world_run(w, 2 * SECOND); /* the leader asks its peers who they are */
}

void write_some(struct world *w, size_t count) {
  assert_int_equal(world_burst(w, world_leader(w), count, RKV_OK), count);
  assert_true(world_settle(w));
}

const struct digesting *digest_of(struct world *w, rkv_node_id id) {
  return &w->nodes[id].node->digest;
}

rkv_index applied(struct world *w, rkv_node_id id) {
  return w->nodes[id].node->applied.index;
}

rkv_index said_by(struct world *w, rkv_node_id id, rkv_node_id peer) {
  struct node *n = w->nodes[id].node;
  for (size_t i = 0; i < n->peers.count; i++)
    if (n->peers.list[i].id == peer) return n->peers.list[i].digest.differs_at;
  fail_msg("node %d has no such peer", (int)id);
  return 0;
}

void astray_from_now_on(struct world *w, rkv_node_id id) {
  machines.astray_at[id] = applied(w, id) + 1;
}

struct asked {
  struct rkv_metrics_call call; /* first */
  bool done;
};

static void metrics_done(struct rkv_call *call, enum rkv_status status,
                         const struct rkv_error *error) {
  (void)error;
  assert_int_equal(status, RKV_OK);
  ((struct asked *)call)->done = true;
}

bool metrics_say(struct world *w, rkv_node_id id, const char *words) {
  struct asked asked = {.call = {.call = {.done = metrics_done, .abi_minor = RKV_ABI_MINOR}}};
  const struct rkv_node_api *api = node_api(w->nodes[id].node);
  char text[8192];
  api->metrics(api->ctx, &asked.call);
  node_kick(w->nodes[id].node);
  assert_true(asked.done);
  (void)snprintf(text, sizeof text, "%.*s", (int)asked.call.text.len,
                 (const char *)asked.call.text.data);
  rkv_buf_drop(&asked.call.text);
  rkv_buf_drop(&asked.call.membership);
  return strstr(text, words);
}
