/* world.c: nodes and messages by number, and what an input does to a node, worked out once. */
#include "model.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_FIRST 4096

void model_first(struct model_world *w, uint8_t id, struct model_node *node) {
  struct raft *r;
  memset(node, 0, sizeof *node);
  node->id = id;
  node->disk.count = 1;
  node->disk.entries[0] = (struct model_entry){0, MODEL_MEMBERSHIP};
  node->log = node->disk;
  r = model_boot(w, node);
  model_store(w, r, node);
  raft_free(r);
}

void model_world_open(struct model_world *w, const struct model_options *options) {
  struct rkv_membership first;
  struct model_node node;
  uint8_t id;
  memset(w, 0, sizeof *w);
  memset(&first, 0, sizeof first);
  w->options = *options;
  bag_open(&w->nodes);
  bag_open(&w->messages);
  bag_map_open(&w->known);
  w->step_room = STEPS_FIRST;
  w->steps = bag_grow(NULL, w->step_room, sizeof *w->steps);
  first.config_count = 1;
  w->members = options->voters | options->voters_after;
  for (id = 1; id <= MODEL_NODES; id++) {
    if (w->members & 1u << id) (void)rkv_membership_add_node(&first, id, "a", 1);
    if (options->voters & 1u << id) (void)rkv_config_add(&first.configs[0], id);
  }
  (void)model_membership_number(w, &first);
  memset(&node, 0, sizeof node);
  node.id = 1;
  w->raft = model_boot(w, &node);
}

void model_world_close(struct model_world *w) {
  raft_free(w->raft);
  bag_close(&w->nodes);
  bag_close(&w->messages);
  bag_map_close(&w->known);
  free(w->steps);
}

const struct model_step *model_step(struct model_world *w, uint32_t number, uint32_t input) {
  uint64_t key = (uint64_t)number * MODEL_INPUTS_MAX + input;
  uint32_t at = bag_map_get(&w->known, key);
  struct model_step *step;
  struct model_node node;
  if (at != BAG_NONE) return &w->steps[at];
  assert(input < MODEL_INPUTS_MAX);
  if (w->step_count == w->step_room) {
    w->step_room *= 2;
    w->steps = bag_grow(w->steps, w->step_room, sizeof *w->steps);
  }
  step = &w->steps[w->step_count];
  memset(step, 0, sizeof *step);
  step->node = BAG_NONE;
  node = *model_node(w, number);
  model_load(w, &node, w->raft);
  if (model_take(w, &w->raft, &node, input, step)) {
    model_store(w, w->raft, &node);
    step->node = bag_put(&w->nodes, &node, sizeof node, NULL);
  }
  bag_map_put(&w->known, key, w->step_count++);
  return step;
}
