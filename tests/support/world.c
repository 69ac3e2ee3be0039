/* world.c: time, nodes and acts of a simulated cluster (world.h). */
#include "world.h"

#include <assert.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world_internal.h"

#define ACT_NS UINT64_C(30000000000)

uint64_t world_random(struct world *w) { /* splitmix64 (Steele et al., 2014) */
  uint64_t z = (w->random += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

/* ---- time: a heap of events, and one timer a node ---- */

static bool before(const struct world_event *a, const struct world_event *b) {
  return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->number < b->number;
}

static void swap(struct world_event *a, struct world_event *b) {
  struct world_event t = *a;
  *a = *b;
  *b = t;
}

void world_at(struct world *w, uint64_t at_ns, void (*run)(struct world *w, void *arg), void *arg) {
  if (w->event_count == w->event_capacity) {
    w->event_capacity = w->event_capacity ? w->event_capacity * 2 : 256;
    w->events = realloc(w->events, w->event_capacity * sizeof *w->events);
    assert(w->events);
  }
  size_t i = w->event_count++;
  w->events[i] = (struct world_event){at_ns, w->next_event++, run, arg};
  for (; i > 0 && before(&w->events[i], &w->events[(i - 1) / 2]); i = (i - 1) / 2)
    swap(&w->events[i], &w->events[(i - 1) / 2]);
}

static struct world_event pop(struct world *w) {
  struct world_event first = w->events[0];
  w->events[0] = w->events[--w->event_count];
  for (size_t i = 0;;) {
    size_t least = i;
    for (size_t c = 2 * i + 1; c <= 2 * i + 2; c++)
      if (c < w->event_count && before(&w->events[c], &w->events[least])) least = c;
    if (least == i) return first;
    swap(&w->events[i], &w->events[least]);
    i = least;
  }
}

static uint64_t due_ns(const struct world_node *wn) {
  return wn->timer_ns > wn->paused_until_ns ? wn->timer_ns : wn->paused_until_ns;
}

bool world_step(struct world *w, uint64_t until) {
  struct world_node *timer = NULL;
  for (size_t i = 1; i <= WORLD_NODES_MAX; i++)
    if (w->nodes[i].running && w->nodes[i].timer_ns != UINT64_MAX &&
        (!timer || due_ns(&w->nodes[i]) < due_ns(timer)))
      timer = &w->nodes[i];
  uint64_t timer_ns = timer ? due_ns(timer) : UINT64_MAX;
  bool by_event = w->event_count > 0 && w->events[0].at_ns <= timer_ns;
  uint64_t at = by_event ? w->events[0].at_ns : timer_ns;
  if (at > until) return false;
  if (at > w->now_ns) w->now_ns = at;
  w->acted = 0;
  if (by_event) {
    struct world_event event = pop(w);
    event.run(w, event.arg);
  } else if (timer) {
    timer->timer_ns = UINT64_MAX;
    world_kick(w, timer->id);
  }
  return true;
}

static void kick_later(struct world *w, void *arg) {
  world_kick(w, ((struct world_node *)arg)->id);
}

void world_kick(struct world *w, rkv_node_id id) {
  struct world_node *wn = &w->nodes[id];
  if (!wn->running) return;
  if (wn->paused_until_ns > w->now_ns) return world_at(w, wn->paused_until_ns, kick_later, wn);
  w->acted = id;
  node_kick(wn->node);
}

bool world_hold(struct world *w, rkv_node_id id, void (*run)(struct world *w, void *arg),
                void *arg) {
  struct world_node *wn = &w->nodes[id];
  w->acted = id;
  if (!wn->running || wn->paused_until_ns <= w->now_ns) return false;
  world_at(w, wn->paused_until_ns, run, arg);
  return true;
}

void world_pause(struct world *w, rkv_node_id id, uint64_t ns) {
  w->nodes[id].paused_until_ns = w->now_ns + ns;
}

bool world_is_cut(const struct world *w, rkv_node_id from, rkv_node_id to) {
  return w->cut[from][to];
}

struct world_faults *world_faults(struct world *w) {
  return &w->faults;
}

void world_run(struct world *w, uint64_t ns) {
  uint64_t until = w->now_ns + ns;
  while (world_step(w, until)) {
  }
  w->now_ns = until;
}

bool world_until(struct world *w, uint64_t ns, bool (*done)(struct world *w, void *arg),
                 void *arg) {
  uint64_t until = w->now_ns + ns;
  while (!done(w, arg))
    if (!world_step(w, until)) return false;
  return true;
}

uint64_t world_now(const struct world *w) {
  return w->now_ns;
}

/* ---- what a node sees of the world ---- */

#define CLOCK_EPOCH_NS UINT64_C(1000000000)

uint64_t world_local_ns(const struct world_node *wn) {
  return CLOCK_EPOCH_NS + (wn->world->now_ns - wn->start_ns) / 1000 * wn->rate;
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

static uint64_t random_number(void *ctx) {
  return world_random(((struct world_node *)ctx)->world);
}

static void set_timer(void *ctx, uint64_t deadline_ns) {
  struct world_node *wn = ctx;
  wn->timer_ns = world_global_ns(wn, deadline_ns);
}

struct posted {
  struct world_node *wn;
  struct node_job *job;
};

static void run_job(struct world *w, void *arg) {
  struct posted *posted = arg;
  if (world_hold(w, posted->wn->id, run_job, posted)) return;
  posted->wn->pending--;
  posted->job->run(posted->job);
  free(posted);
}

static void post(void *ctx, struct node_job *job) {
  struct world_node *wn = ctx;
  struct posted *posted = malloc(sizeof *posted);
  assert(posted);
  *posted = (struct posted){wn, job};
  wn->pending++;
  world_at(wn->world, wn->world->now_ns + 1000, run_job, posted);
}

static void write_log(void *ctx, enum rkv_log_level level, const char *module, const char *text) {
  struct world_node *wn = ctx;
  (void)level;
  if (getenv("WORLD_LOG"))
    (void)fprintf(stderr, "%12llu us node %llu %s %s\n",
                  (unsigned long long)(wn->world->now_ns / 1000), (unsigned long long)wn->id,
                  module, text);
}

struct buffer {
  struct rkv_buf_owner owner;
  uint8_t bytes[];
};

static void free_buffer(struct rkv_buf_owner *owner) {
  free(owner);
}

static uint8_t *buf_alloc(void *ctx, size_t len, struct rkv_buf *out) {
  struct buffer *b = malloc(sizeof *b + len);
  (void)ctx;
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
  node_fatal(wn->node, status, text);
}

static void on_fatal(void *arg) {
  struct world_node *wn = arg;
  struct rkv_error error;
  enum rkv_status status = node_fatal_status(wn->node, &error);
  if (wn->world->on_fatal) wn->world->on_fatal(wn->world, wn->id, status, error.text);
}

/* ---- nodes ---- */

static const struct rkv_plugin *load(const char *name) {
  char path[512];
  (void)snprintf(path, sizeof path, "%s/plugins/%s.so", RKV_BINARY_DIR, name);
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) (void)fprintf(stderr, "%s\n", dlerror());
  assert(library);
  const struct rkv_plugin *plugin = dlsym(library, RKV_PLUGIN_SYMBOL);
  assert(plugin);
  return plugin;
}

/* The plugin's defaults, as far as tests need them: sizes and numbers in plain digits or KiB, MiB.
 */
static struct rkv_value *defaults(const struct rkv_plugin *plugin) {
  struct rkv_value *values = calloc(plugin->option_count + 1, sizeof *values);
  assert(values);
  for (uint32_t i = 0; i < plugin->option_count; i++) {
    char *unit;
    values[i].text = plugin->options[i].default_text;
    values[i].origin = "default";
    values[i].number = strtoull(values[i].text, &unit, 10);
    if (strcmp(unit, "KiB") == 0) values[i].number *= 1024;
    if (strcmp(unit, "MiB") == 0) values[i].number *= 1024 * 1024;
  }
  return values;
}

struct world *world_new(uint64_t seed) {
  struct world *w = calloc(1, sizeof *w);
  assert(w);
  w->now_ns = UINT64_C(1000000000);
  w->random = seed;
  const struct rkv_plugin *storage = load("storage-mem"), *sm = load("sm-protobuf");
  w->storage_values = defaults(storage);
  w->sm_values = defaults(sm);
  w->storage = storage->ops;
  w->sm = sm->ops;
  w->sm_capabilities = sm->capabilities;
  w->storage_config =
      (struct rkv_config){sizeof w->storage_config, storage->option_count, w->storage_values};
  w->sm_config = (struct rkv_config){sizeof w->sm_config, sm->option_count, w->sm_values};
  w->options = (struct node_options){.heartbeat_ns = 500000000,
                                     .election_min_ns = 1500000000,
                                     .election_max_ns = 3000000000,
                                     .snapshot_after = 5000,
                                     .keep_entries = 1000,
                                     .inbox_max = 65536,
                                     .inbox_bytes_max = 256 * 1024 * 1024,
                                     .hot_tail_bytes_max = 64 * 1024 * 1024,
                                     .append_bytes_max = 1024 * 1024,
                                     .append_entries_max = 4096,
                                     .command_bytes_max = 2 * 1024 * 1024};
  return w;
}

struct node_options *world_options(struct world *w) {
  return &w->options;
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
                            .user = user};
  (void)snprintf(wn->addr, sizeof wn->addr, "node:%llu", (unsigned long long)id);
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
  wn->executor = (struct node_executor){
      .ctx = wn, .now_ns = now_ns, .random = random_number, .set_timer = set_timer, .post = post};
}

void world_start(struct world *w, rkv_node_id id) {
  struct rkv_error error = {0};
  struct world_node *wn = &w->nodes[id];
  assert(id >= 1 && id <= WORLD_NODES_MAX && !wn->running);
  make_world_node(w, wn, id);
  enum rkv_status status = w->storage->open(&wn->host, &w->storage_config, &wn->storage, &error);
  if (status == RKV_OK) status = w->sm->open(&wn->host, &w->sm_config, &wn->sm, &error);
  struct node_plugins plugins = {.host = &wn->host,
                                 .transport = &world_transport_ops,
                                 .storage = w->storage,
                                 .storage_instance = wn->storage,
                                 .sm = w->sm,
                                 .sm_instance = wn->sm,
                                 .sm_capabilities = w->sm_capabilities};
  if (status == RKV_OK) status = node_new(&w->options, &plugins, &wn->executor, &wn->node, &error);
  if (status != RKV_OK) (void)fprintf(stderr, "node %d: %s\n", (int)id, error.text);
  assert(status == RKV_OK);
  node_set_transport(wn->node, wn);
  node_on_fatal(wn->node, on_fatal, wn);
  wn->running = true;
  node_start(wn->node);
}

static bool nothing_pending(struct world *w, void *arg) {
  (void)w;
  return ((struct world_node *)arg)->pending == 0;
}

void world_stop(struct world *w, rkv_node_id id) {
  struct world_node *wn = &w->nodes[id];
  assert(wn->running && !wn->stopping);
  wn->stopping = true;
  wn->paused_until_ns = 0;
  node_abandon(wn->node);
  world_cancel_outbound(wn);
  world_break_streams(w, id);
  node_kick(wn->node);
  bool quiet = world_until(w, ACT_NS, nothing_pending, wn);
  assert(quiet);
  node_kick(wn->node);
  w->storage->close(wn->storage);
  wn->running = wn->stopping = false;
  node_free(wn->node);
  w->sm->close(wn->sm);
}

void world_free(struct world *w) {
  for (rkv_node_id id = 1; id <= WORLD_NODES_MAX; id++)
    if (w->nodes[id].running) world_stop(w, id);
  world_run(w, ACT_NS);
  assert(w->event_count == 0 && !w->streams);
  free(w->events);
  free(w->storage_values);
  free(w->sm_values);
  free(w);
}

void world_cut(struct world *w, rkv_node_id from, rkv_node_id to, bool cut) {
  w->cut[from][to] = cut;
}

void world_isolate(struct world *w, rkv_node_id id, bool cut) {
  for (rkv_node_id other = 1; other <= WORLD_NODES_MAX; other++)
    if (other != id) w->cut[id][other] = w->cut[other][id] = cut;
}
