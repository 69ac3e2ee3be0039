/* explore.c: every state that can be reached, breadth first (model.h). */
#include "model.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define STATES_FIRST 4096
#define LATELY (1u << 18)
#define PATH_MAX_STEPS 4096

/* How a state was reached first. */
struct origin {
  uint32_t parent, input;
  uint8_t who, naming; /* of the parent's nodes; that was applied to what came of it */
};

struct search {
  struct model_world *w;
  struct model_net net;
  struct model_names names;
  struct bag states, pasts;
  struct origin *origins;
  uint32_t origin_room;
  struct model_state *lately; /* states met before they got other names: most come again soon */
  FILE *out;
  struct model_result result;
};

static struct model_state state_at(const struct search *s, uint32_t number) {
  struct model_state state;
  memcpy(&state, bag_get(&s->states, number, NULL), sizeof state);
  return state;
}

static struct model_past past_of(const struct search *s, const struct model_state *state) {
  struct model_past past;
  memcpy(&past, bag_get(&s->pasts, state->past, NULL), sizeof past);
  return past;
}

/* ---- telling ---- */

/* `names`: what nodes of the state are called in the story. */
static void tell_step(struct search *s, uint32_t names, uint32_t who, uint32_t input) {
  if (input >= MODEL_INPUT_MESSAGE(0))
    input = MODEL_INPUT_MESSAGE(
        model_rename_message(&s->names, s->w, input - MODEL_INPUT_MESSAGE(0), names));
  model_tell_input(s->w, s->out, s->names.namings[names].to[who + 1], input);
}

static void tell(struct search *s, const struct model_state *last, uint32_t parent, uint32_t who,
                 uint32_t input) {
  uint32_t path[PATH_MAX_STEPS], count = 0, names = 0, i;
  for (i = parent; i != 0 && count < PATH_MAX_STEPS; i = s->origins[i].parent) path[count++] = i;
  while (count-- > 0) {
    const struct origin *o = &s->origins[path[count]];
    tell_step(s, names, o->who, o->input);
    names = model_names_undo(&s->names, names, o->naming);
  }
  tell_step(s, names, who, input);
  fprintf(s->out, "  in the end, node N being called");
  for (i = 1; i <= MODEL_NODES; i++) fprintf(s->out, " %u", s->names.namings[names].to[i]);
  fprintf(s->out, ":\n");
  for (i = 0; i < MODEL_NODES; i++) model_tell_node(s->w, s->out, last->nodes[i]);
}

/* ---- steps ---- */

static void enter(struct search *s, struct model_state next, uint32_t parent, uint32_t who,
                  uint32_t input) {
  uint32_t naming, number;
  struct model_past past;
  bool fresh;
  struct model_state *lately = &s->lately[(next.nodes[0] * 31 + next.nodes[1] * 1009 +
                                           next.nodes[2] * 77003 + next.net * 17) %
                                          LATELY];
  if (memcmp(lately, &next, sizeof next) == 0) return;
  *lately = next;
  naming = model_rename(&s->names, s->w, &s->net, &s->pasts, &next);
  number = bag_put(&s->states, &next, sizeof next, &fresh);
  if (!fresh) return;
  if (number == s->origin_room) {
    s->origin_room *= 2;
    s->origins = bag_grow(s->origins, s->origin_room, sizeof *s->origins);
  }
  s->origins[number] = (struct origin){parent, input, (uint8_t)who, (uint8_t)naming};
  past = past_of(s, &next);
  s->result.broken = model_laws_state(s->w, next.nodes, &past);
}

/* True if `input` is possible within the bounds, and then *past counts it. */
static bool within(const struct model_options *o, uint32_t input, struct model_past *past) {
  if (input == MODEL_CRASH) return past->crashes++ < o->crashes;
  if (input == MODEL_CHANGE) return past->changes++ < o->changes;
  return true;
}

static void take(struct search *s, uint32_t number, const struct model_state *state, uint32_t who,
                 uint32_t input) {
  struct model_past past;
  const struct model_step *step;
  struct model_state next = *state;
  if (s->result.broken) return;
  past = past_of(s, state);
  if (!within(&s->w->options, input, &past)) return;
  step = model_step(s->w, state->nodes[who], input);
  if (step->node == BAG_NONE) return;
  s->result.transitions++;
  next.nodes[who] = step->node;
  s->result.broken = model_laws_step(s->w, state->nodes, next.nodes, who, step, &past);
  next.net = model_net_next(&s->net, s->w, state->net, step->sent, step->sent_count, who,
                            state->nodes, next.nodes);
  if (memcmp(&past, bag_get(&s->pasts, state->past, NULL), sizeof past) != 0)
    next.past = bag_put(&s->pasts, &past, sizeof past, NULL);
  if (!s->result.broken && memcmp(&next, state, sizeof next) != 0)
    enter(s, next, number, who, input);
  if (!s->result.broken) return;
  fprintf(s->out, "model: broken: %s\n", s->result.broken);
  tell(s, &next, number, who, input);
}

/* A node that saves does nothing else, and what the others do meanwhile they can do after it. */
static bool expand_saves(struct search *s, uint32_t number, const struct model_state *state) {
  uint32_t who;
  for (who = 0; who < MODEL_NODES; who++)
    if (model_node(s->w, state->nodes[who])->pending_count > 0) {
      take(s, number, state, who, MODEL_SAVED);
      take(s, number, state, who, MODEL_CRASH);
      return true;
    }
  return false;
}

static uint32_t saves_in_hand(const struct model_node *n) {
  uint32_t saves = 0;
  uint8_t i;
  for (i = 0; i < n->pending_count; i++)
    if (n->pending[i].kind == MODEL_SAVE_VOTE || n->pending[i].kind == MODEL_APPEND) saves++;
  return saves;
}

static void expand(struct search *s, uint32_t number) {
  struct model_state state = state_at(s, number);
  const uint32_t *offers;
  size_t count;
  uint32_t who, act;
  bool busy[MODEL_NODES];
  if (s->w->options.saves == 1 && expand_saves(s, number, &state)) return;
  for (who = 0; who < MODEL_NODES; who++) {
    busy[who] = saves_in_hand(model_node(s->w, state.nodes[who])) >= s->w->options.saves;
    for (act = 0; act < MODEL_ACTS; act++)
      if (!busy[who] || act == MODEL_SAVED || act == MODEL_CRASH) take(s, number, &state, who, act);
  }
  offers = model_net_offers(&s->net, s->w, state.net, &count);
  for (size_t i = 0; i < count; i++) {
    who = model_message(s->w, offers[i])->to - 1u;
    if (!busy[who]) take(s, number, &state, who, MODEL_INPUT_MESSAGE(offers[i]));
  }
}

static void begin(struct search *s) {
  struct model_past past;
  struct model_state first;
  uint8_t id;
  memset(&past, 0, sizeof past);
  first.net = bag_put(&s->net.sets, "", 0, NULL);
  first.past = bag_put(&s->pasts, &past, sizeof past, NULL);
  for (id = 1; id <= MODEL_NODES; id++) {
    struct model_node node;
    model_first(s->w, id, &node);
    first.nodes[id - 1] = bag_put(&s->w->nodes, &node, sizeof node, NULL);
  }
  s->origins[0] = (struct origin){0};
  (void)bag_put(&s->states, &first, sizeof first, NULL);
}

struct model_result model_explore(struct model_world *w, FILE *out) {
  struct search s;
  uint32_t next, level_end = 1;
  memset(&s, 0, sizeof s);
  s.w = w;
  s.out = out;
  model_net_open(&s.net);
  model_names_open(&s.names, &w->options);
  bag_open(&s.states);
  bag_open(&s.pasts);
  s.origin_room = STATES_FIRST;
  s.origins = bag_grow(NULL, s.origin_room, sizeof *s.origins);
  s.lately = bag_grow(NULL, LATELY, sizeof *s.lately);
  memset(s.lately, 0xff, LATELY * sizeof *s.lately);
  begin(&s);
  for (next = 0; next < s.states.count && !s.result.broken; next++) {
    if (next == level_end) {
      s.result.depth++;
      level_end = s.states.count;
    }
    if (s.states.count >= w->options.states_max) break;
    expand(&s, next);
  }
  s.result.complete = next == s.states.count;
  s.result.states = s.states.count;
  s.result.nodes = w->nodes.count;
  s.result.messages = w->messages.count;
  model_net_close(&s.net);
  model_names_close(&s.names);
  bag_close(&s.states);
  bag_close(&s.pasts);
  free(s.lately);
  free(s.origins);
  return s.result;
}
