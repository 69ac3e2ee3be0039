/* world_node.c: one node of the simulated world: its clock, its executor, its start and its end. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "world_internal.h"

/* ---- what a node sees of the world ---- */

#define CLOCK_EPOCH_NS UINT64_C(1000000000)

uint64_t world_local_ns(const struct world_node *wn) {
  return CLOCK_EPOCH_NS + (wn->world->now_ns - wn->start_ns) / 1000 * wn->rate;
}

uint64_t world_patience_ns(const struct world_node *wn, const struct rkv_call *call) {
  uint64_t now = world_local_ns(wn);
  if (call->deadline_ns == 0) return 0;
  return call->deadline_ns > now ? call->deadline_ns - now : 1;
}

uint64_t world_global_ns(const struct world_node *wn, uint64_t local_ns) {
  if (local_ns == UINT64_MAX) return UINT64_MAX;
  uint64_t since = local_ns > CLOCK_EPOCH_NS ? local_ns - CLOCK_EPOCH_NS : 0;
  uint64_t global = wn->start_ns + (since / wn->rate + 1) * 1000;
  return global > wn->world->now_ns ? global : wn->world->now_ns + 1;
}

static uint64_t now_ns(void *ctx) {
  return world_local_ns(ctx);
}

/* The node's clock. The loop reads it with its inbox: the thread may stand still after that. */
static uint64_t loop_now_ns(void *ctx) {
  struct world_node *wn = ctx;
  uint64_t ns = world_local_ns(wn);
  world_maybe_stall(wn->world, wn->id);
  return ns;
}

static uint64_t random_number(void *ctx) {
  return world_random(((struct world_node *)ctx)->world);
}

static void set_timer(void *ctx, uint64_t deadline_ns) {
  struct world_node *wn = ctx;
  wn->timer_ns = world_global_ns(wn, deadline_ns);
}

static void write_log(void *ctx, enum rkv_log_level level, const char *module, const char *text) {
  struct world_node *wn = ctx;
  (void)level;
  if (getenv("WORLD_LOG"))
    (void)fprintf(stderr, "%12" PRIu64 " us node %" PRIu64 " %s %s\n", (wn->world->now_ns / 1000),
                  wn->id, module, text);
}

struct buffer {
  struct rkv_buf_owner owner;
  uint8_t bytes[];
};

static void free_buffer(struct rkv_buf_owner *owner) {
  free(owner);
}

static uint8_t *buf_alloc(void *ctx, size_t len, struct rkv_buf *out) {
  struct world *w = ((struct world_node *)ctx)->world;
  struct buffer *b = w->alloc_fails && w->alloc_fails(w) ? NULL : malloc(sizeof *b + len);
  if (!b) return NULL;
  b->owner = (struct rkv_buf_owner){.refs = 1, .free = free_buffer};
  *out = (struct rkv_buf){.data = b->bytes, .len = len, .owner = &b->owner};
  return b->bytes;
}

static enum rkv_status metric_register(void *ctx, const struct rkv_metric *metric,
                                       struct rkv_error *error) {
  (void)ctx, (void)metric, (void)error;
  return RKV_OK;
}

static void fatal(void *ctx, enum rkv_status status, const char *text) {
  struct world_node *wn = ctx;
  if (wn->node) node_fatal(wn->node, status, text); /* else its start has failed already */
}

static void on_fatal(void *arg) {
  struct world_node *wn = arg;
  struct rkv_error error;
  enum rkv_status status = node_fatal_status(wn->node, &error);
  if (wn->world->on_fatal) wn->world->on_fatal(wn->world, wn->id, status, error.text);
}

static void make_world_node(struct world *w, struct world_node *wn, rkv_node_id id) {
  unsigned life = wn->life + 1;
  uint64_t rate = wn->rate ? wn->rate : 1000;
  void *user = wn->user;
  *wn = (struct world_node){.world = w,
                            .id = id,
                            .life = life,
                            .timer_ns = UINT64_MAX,
                            .start_ns = w->now_ns,
                            .rate = rate,
                            .jobs_end = &wn->jobs,
                            .user = user};
  (void)snprintf(wn->addr, sizeof wn->addr, "node:%" PRIu64, id);
  wn->host = (struct rkv_host){.struct_size = sizeof wn->host,
                               .log_level = getenv("WORLD_LOG") ? RKV_LOG_DEBUG : RKV_LOG_INFO,
                               .ctx = wn,
                               .node_id = id,
                               .node_addr = wn->addr,
                               .log = write_log,
                               .now_ns = now_ns,
                               .buf_alloc = buf_alloc,
                               .metric_register = metric_register,
                               .fatal = fatal};
  wn->executor = (struct node_executor){.ctx = wn,
                                        .now_ns = loop_now_ns,
                                        .random = random_number,
                                        .set_timer = set_timer,
                                        .post = world_post};
}

enum rkv_status world_try_start(struct world *w, rkv_node_id id, struct rkv_error *error) {
  struct world_node *wn = &w->nodes[id];
  assert(id >= 1 && id <= WORLD_NODES_MAX && !wn->running);
  make_world_node(w, wn, id);
  enum rkv_status status = w->storage->open(&wn->host, &w->storage_config, &wn->storage, error);
  if (status != RKV_OK) return status;
  wn->storage_ops = w->storage;
  world_make_storages(wn);
  status = w->sm->open(&wn->host, &w->sm_config, &wn->sm, error);
  struct node_plugins plugins = {.host = &wn->host,
                                 .transport_abi_minor = w->transport_abi_minor,
                                 .transport = w->transport,
                                 .storage = w->storage,
                                 .storage_instance = wn->storage,
                                 .sm = w->sm,
                                 .sm_instance = wn->sm,
                                 .sm_capabilities = w->sm_capabilities,
                                 .storage_capabilities = w->storage_capabilities,
                                 .storages = w->open_copy ? &wn->storages : NULL};
  if (status == RKV_OK) {
    status = node_new(&w->options, &plugins, &wn->executor, &wn->node, error);
    if (status != RKV_OK) w->sm->close(wn->sm);
  }
  if (status != RKV_OK) {
    world_close_storages(wn);
    return status;
  }
  node_set_transport(wn->node, wn);
  node_on_fatal(wn->node, on_fatal, wn);
  wn->running = true;
  node_start(wn->node);
  return RKV_OK;
}

void world_start(struct world *w, rkv_node_id id) {
  struct rkv_error error = {0};
  enum rkv_status status = world_try_start(w, id, &error);
  if (status != RKV_OK) (void)fprintf(stderr, "node %d: %s\n", (int)id, error.text);
  assert(status == RKV_OK);
}

void world_stop(struct world *w, rkv_node_id id) {
  struct world_node *wn = &w->nodes[id];
  assert(wn->running && !wn->stopping && w->stalled != id);
  wn->stopping = true;
  wn->paused_until_ns = 0;
  node_abandon(wn->node);
  world_cancel_outbound(wn);
  world_break_streams(w, id);
  do {
    node_kick(wn->node);
    world_flush_jobs(wn);
    node_kick(wn->node);
  } while (wn->jobs);
  world_close_storages(wn);
  wn->running = wn->stopping = false;
  node_free(wn->node);
  w->sm->close(wn->sm);
}
