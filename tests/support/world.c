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
    world_kick_last(w, timer->id);
  }
  if (w->on_step) w->on_step(w);
  return true;
}

static void kick_later(struct world *w, void *arg) {
  world_kick(w, ((struct world_node *)arg)->id);
}

void world_kick(struct world *w, rkv_node_id id) {
  struct world_node *wn = &w->nodes[id];
  if (!wn->running) return;
  if (wn->paused_until_ns > w->now_ns) {
    world_at(w, wn->paused_until_ns, kick_later, wn);
    return;
  }
  w->acted = id;
  node_kick(wn->node);
}

void world_kick_last(struct world *w, rkv_node_id id) {
  w->may_stall = w->stalled == 0;
  world_kick(w, id);
  w->may_stall = false;
}

void world_maybe_stall(struct world *w, rkv_node_id id) {
  rkv_node_id acted = w->acted;
  if (!w->may_stall || acted != id || w->nodes[id].stopping) return;
  w->may_stall = false;
  bool told = w->to_stall == id;
  if (!told && !world_chance(w, w->faults.stall_ppm)) return;
  if (told) w->to_stall = 0;
  w->fault_count[WORLD_FAULT_STALL]++;
  w->stalled = id;
  w->stall_is_over = false;
  uint64_t until = w->now_ns + (told ? w->to_stall_ns : world_tail(w, w->faults.stall_max_ns));
  while (!w->stall_is_over && world_step(w, until)) {
  }
  w->nodes[id].stall_end_ns = w->now_ns;
  w->stalled = 0;
  w->acted = acted;
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

void world_run(struct world *w, uint64_t ns) {
  uint64_t until = w->now_ns + ns;
  while (world_step(w, until)) {
  }
  /* not earlier: a loop that stood still may have passed it */
  if (until > w->now_ns) w->now_ns = until;
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

/* ---- the world ---- */

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

/* Fills in a plugin's defaults, as far as tests need them: sizes and numbers in plain digits, KiB
 * or MiB. */
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
  w->transport = &world_transport_ops;
  w->sm_capabilities = sm->capabilities;
  w->storage_capabilities = storage->capabilities;
  w->transport_abi_minor = RKV_ABI_MINOR;
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
                                     .command_bytes_max = 2 * 1024 * 1024,
                                     .append_window = 1,
                                     .purge_hold_entries = 1000,
                                     .clock_drift_ppm = 100000,
                                     .pre_vote = true,
                                     .check_quorum = true};
  return w;
}

struct node_options *world_options(struct world *w) {
  return &w->options;
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
