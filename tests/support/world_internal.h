/* world_internal.h: what world.c (time and nodes) and world_transport.c (calls) share. */
#ifndef SUPPORT_WORLD_INTERNAL_H
#define SUPPORT_WORLD_INTERNAL_H

#include "world.h"

struct world_event {
  uint64_t at_ns, number;
  void (*run)(struct world *w, void *arg);
  void *arg;
};

struct world_node {
  struct world *world;
  rkv_node_id id;
  char addr[32];
  unsigned life; /* how often it was started: what was sent to an earlier life is lost */
  bool running;
  struct rkv_host host;
  struct node_executor executor;
  struct node *node;
  void *storage, *sm;
  uint64_t timer_ns;
  size_t pending; /* its jobs and outbound calls on the way */
};

struct world {
  uint64_t now_ns, random, next_event;
  struct world_event *events; /* a binary heap by (at_ns, number) */
  size_t event_count, event_capacity;
  struct world_node nodes[WORLD_NODES_MAX + 1];
  bool cut[WORLD_NODES_MAX + 1][WORLD_NODES_MAX + 1];
  struct node_options options;
  const struct rkv_plugin *storage, *sm;
};

uint64_t world_random(struct world *w);
void world_at(struct world *w, uint64_t at_ns, void (*run)(struct world *w, void *arg), void *arg);

extern const struct rkv_transport_ops world_transport_ops;

#endif
