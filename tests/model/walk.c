/* walk.c: real nodes beside their summaries on random paths (model.h, E6). A field of struct raft
 * that matters and that summary.c does not know makes them differ. */
#include "model.h"

#include <inttypes.h>
#include <string.h>

#define SENT_KEPT 256 /* messages of a path that may arrive */

struct walker {
  struct raft *r;
  struct model_node node;
  uint32_t number;
};

struct walk {
  struct model_world *w;
  uint64_t random;
  struct walker walkers[MODEL_NODES];
  uint32_t messages[SENT_KEPT], count;
};

static uint32_t pick(struct walk *k, uint32_t below) {
  k->random ^= k->random << 13;
  k->random ^= k->random >> 7;
  k->random ^= k->random << 17;
  return (uint32_t)(k->random >> 16) % below;
}

/* One input for both; false: they differ. *sent: what left. */
static bool both(struct walk *k, uint32_t who, uint32_t input, struct model_step *sent) {
  struct walker *walker = &k->walkers[who];
  const struct model_step *known;
  bool done;
  memset(sent, 0, sizeof *sent);
  done = model_take(k->w, &walker->r, &walker->node, input, sent);
  model_forget(walker->r);
  model_store(k->w, walker->r, &walker->node);
  known = model_step(k->w, walker->number, input);
  if (done != (known->node != BAG_NONE)) return false;
  if (!done) return true;
  walker->number = known->node;
  return memcmp(model_node(k->w, walker->number), &walker->node, sizeof walker->node) == 0 &&
         known->sent_count == sent->sent_count &&
         memcmp(known->sent, sent->sent, sent->sent_count * sizeof sent->sent[0]) == 0;
}

static void keep(struct walk *k, const struct model_step *sent) {
  for (uint32_t i = 0; i < sent->sent_count; i++)
    k->messages[k->count < SENT_KEPT ? k->count++ : pick(k, SENT_KEPT)] = sent->sent[i];
}

static bool step(struct walk *k) {
  struct model_step sent;
  uint32_t who = pick(k, MODEL_NODES), input = pick(k, MODEL_ACTS), parts[MODEL_SET_MAX];
  bool same;
  if (input == MODEL_CRASH && pick(k, 16) != 0) return true;
  if (k->count > 0 && pick(k, 2) == 0) {
    uint32_t m = k->messages[pick(k, k->count)];
    if (model_message(k->w, m)->kind == MODEL_LEADS)
      m = parts[pick(k, (uint32_t)model_net_parts(k->w, m, parts))];
    who = model_message(k->w, m)->to - 1u;
    input = MODEL_INPUT_MESSAGE(m);
  }
  same = both(k, who, input, &sent);
  keep(k, &sent);
  return same;
}

static bool path(struct walk *k, uint32_t steps) {
  bool same = true;
  uint8_t i;
  k->count = 0;
  for (i = 0; i < MODEL_NODES; i++) {
    struct walker *walker = &k->walkers[i];
    model_first(k->w, (uint8_t)(i + 1), &walker->node);
    walker->number = bag_put(&k->w->nodes, &walker->node, sizeof walker->node, NULL);
    walker->r = model_boot(k->w, &walker->node);
    model_forget(walker->r);
  }
  while (same && steps-- > 0) same = step(k);
  for (i = 0; i < MODEL_NODES; i++) raft_free(k->walkers[i].r);
  return same;
}

bool model_walk(struct model_world *w, uint64_t seed, uint32_t paths, uint32_t steps) {
  struct walk k = {.w = w, .random = seed * 2 + 1};
  for (uint32_t i = 0; i < paths; i++)
    if (!path(&k, steps)) {
      fprintf(stderr, "model: a real node and its summary differ (path %u of seed %" PRIu64 ")\n",
              i, seed);
      return false;
    }
  return true;
}
