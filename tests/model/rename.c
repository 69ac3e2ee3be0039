/* rename.c: states that differ only by the names of nodes are one (model.h, E7): of all ways to
 * name them that keep who votes before and after a change, the least is taken. */
#include "model.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static uint32_t renamed_set(const struct model_naming *p, uint32_t nodes) {
  uint32_t set = 0;
  uint8_t id;
  for (id = 1; id <= MODEL_NODES; id++)
    if (nodes & 1u << id) set |= 1u << p->to[id];
  return set;
}

static void add_naming(struct model_names *n, const struct model_options *o,
                       const struct model_naming *p) {
  if (renamed_set(p, o->voters) != o->voters) return;
  if (o->changes > 0 && renamed_set(p, o->voters_after) != o->voters_after) return;
  n->namings[n->count++] = *p;
}

/* Every order of 1, 2, 3; the one that changes nothing comes first. */
void model_names_open(struct model_names *n, const struct model_options *options) {
  uint8_t a, b, c;
  memset(n, 0, sizeof *n);
  for (a = 1; a <= MODEL_NODES; a++)
    for (b = 1; b <= MODEL_NODES; b++)
      for (c = 1; c <= MODEL_NODES; c++) {
        struct model_naming p = {{0, a, b, c}};
        if (a != b && b != c && a != c) add_naming(n, options, &p);
      }
  bag_map_open(&n->messages);
  bag_map_open(&n->sets);
  bag_map_open(&n->pasts);
}

void model_names_close(struct model_names *n) {
  bag_map_close(&n->messages);
  bag_map_close(&n->sets);
  bag_map_close(&n->pasts);
  free(n->nodes);
}

uint32_t model_names_undo(const struct model_names *n, uint32_t after, uint32_t naming) {
  struct model_naming p = {{0}};
  uint8_t id;
  for (id = 1; id <= MODEL_NODES; id++) p.to[n->namings[naming].to[id]] = n->namings[after].to[id];
  for (uint32_t i = 0; i < n->count; i++)
    if (memcmp(&n->namings[i], &p, sizeof p) == 0) return i;
  assert(0 && "namings are a group");
  return 0;
}

/* ---- what names nodes ---- */

static uint8_t membership(struct model_world *w, const struct model_naming *p, uint32_t number) {
  const struct rkv_membership *from = &w->memberships[number];
  struct rkv_membership m;
  uint32_t c;
  memset(&m, 0, sizeof m);
  m.config_count = from->config_count;
  for (c = 0; c < from->config_count; c++)
    for (uint32_t i = 0; i < from->configs[c].count; i++)
      (void)rkv_config_add(&m.configs[c], p->to[from->configs[c].ids[i]]);
  for (uint32_t i = 0; i < from->node_count; i++)
    (void)rkv_membership_add_node(&m, p->to[from->nodes[i].id], from->nodes[i].addr,
                                  strlen(from->nodes[i].addr));
  return model_membership_number(w, &m);
}

static void rename_vote(const struct model_naming *p, struct model_vote *vote) {
  vote->node = p->to[vote->node];
}

static void rename_log(struct model_world *w, const struct model_naming *p, struct model_log *log) {
  uint8_t i;
  for (i = 0; i < log->count; i++)
    if (log->entries[i].kind >= MODEL_MEMBERSHIP)
      log->entries[i].kind =
          (uint8_t)(MODEL_MEMBERSHIP +
                    membership(w, p, log->entries[i].kind - (uint32_t)MODEL_MEMBERSHIP));
}

uint32_t model_rename_message(struct model_names *n, struct model_world *w, uint32_t message,
                              uint32_t naming) {
  const struct model_naming *p = &n->namings[naming];
  uint64_t key = (uint64_t)message * MODEL_NAMINGS_MAX + naming;
  uint32_t known = naming == 0 ? message : bag_map_get(&n->messages, key);
  struct model_message m;
  if (known != BAG_NONE) return known;
  m = *model_message(w, message);
  m.from = p->to[m.from];
  m.to = p->to[m.to];
  rename_vote(p, &m.vote);
  rename_vote(p, &m.answer_vote);
  rename_log(w, p, &m.tail);
  known = bag_put(&w->messages, &m, sizeof m, NULL);
  bag_map_put(&n->messages, key, known);
  return known;
}

static int by_message(const void *a, const void *b) {
  const struct model_item *x = a, *y = b;
  int high = x->message_high - y->message_high;
  return high != 0 ? high : x->message_low - y->message_low;
}

/* Held messages behind one save are in order of their numbers. */
static void rename_pending(struct model_names *n, struct model_world *w, uint32_t naming,
                           struct model_node *node) {
  uint8_t i, first;
  for (i = 0; i < node->pending_count; i++) {
    struct model_item *item = &node->pending[i];
    uint32_t message;
    rename_vote(&n->namings[naming], &item->vote);
    rename_log(w, &n->namings[naming], &item->tail);
    if (item->kind != MODEL_HELD) continue;
    message = (uint32_t)(item->message_high << 8 | item->message_low);
    message = model_rename_message(n, w, message, naming);
    item->message_high = (uint8_t)(message >> 8);
    item->message_low = (uint8_t)message;
  }
  for (i = first = 0; i <= node->pending_count; i++) {
    if (i < node->pending_count && node->pending[i].kind == MODEL_HELD) continue;
    qsort(&node->pending[first], (size_t)(i - first), sizeof node->pending[0], by_message);
    first = (uint8_t)(i + 1);
  }
}

static int by_id(const void *a, const void *b) {
  const struct model_peer *x = a, *y = b;
  return x->id - y->id;
}

static uint32_t rename_node(struct model_names *n, struct model_world *w, uint32_t number,
                            uint32_t naming) {
  const struct model_naming *p = &n->namings[naming];
  struct model_node node = *model_node(w, number);
  uint8_t i;
  node.id = p->to[node.id];
  rename_vote(p, &node.vote);
  rename_vote(p, &node.disk_vote);
  node.granted = (uint8_t)renamed_set(p, node.granted);
  if (node.effective > 0) node.effective = (uint8_t)(membership(w, p, node.effective - 1u) + 1);
  if (node.previous > 1) node.previous = (uint8_t)(membership(w, p, node.previous - 2u) + 2);
  for (i = 0; i < node.peer_count; i++) node.peers[i].id = p->to[node.peers[i].id];
  qsort(node.peers, node.peer_count, sizeof node.peers[0], by_id);
  rename_log(w, p, &node.log);
  rename_log(w, p, &node.disk);
  rename_pending(n, w, naming, &node);
  return bag_put(&w->nodes, &node, sizeof node, NULL);
}

static uint32_t node_named(struct model_names *n, struct model_world *w, uint32_t number,
                           uint32_t naming) {
  size_t at = (size_t)number * MODEL_NAMINGS_MAX + naming;
  if (naming == 0) return number;
  if (number >= n->room) {
    uint32_t room = 2 * number + 1024;
    n->nodes = bag_grow(n->nodes, (size_t)room * MODEL_NAMINGS_MAX, sizeof n->nodes[0]);
    memset(n->nodes + (size_t)n->room * MODEL_NAMINGS_MAX, 0xff,
           (size_t)(room - n->room) * MODEL_NAMINGS_MAX * sizeof n->nodes[0]);
    n->room = room;
  }
  if (n->nodes[at] == BAG_NONE) n->nodes[at] = rename_node(n, w, number, naming);
  return n->nodes[at];
}

static int by_number(const void *a, const void *b) {
  const uint16_t *x = a, *y = b;
  return *x - *y;
}

static uint32_t set_named(struct model_names *n, struct model_world *w, struct model_net *net,
                          uint32_t set, uint32_t naming) {
  uint64_t key = (uint64_t)set * MODEL_NAMINGS_MAX + naming;
  uint32_t known = naming == 0 ? set : bag_map_get(&n->sets, key);
  uint16_t all[MODEL_SET_MAX];
  size_t len;
  const void *messages;
  if (known != BAG_NONE) return known;
  messages = bag_get(&net->sets, set, &len);
  memcpy(all, messages, len);
  for (size_t i = 0; i < len / sizeof all[0]; i++)
    all[i] = (uint16_t)model_rename_message(n, w, all[i], naming);
  qsort(all, len / sizeof all[0], sizeof all[0], by_number);
  known = bag_put(&net->sets, all, len, NULL);
  bag_map_put(&n->sets, key, known);
  return known;
}

static uint32_t past_named(struct model_names *n, struct model_world *w, struct bag *pasts,
                           uint32_t number, uint32_t naming) {
  const struct model_naming *p = &n->namings[naming];
  uint64_t key = (uint64_t)number * MODEL_NAMINGS_MAX + naming;
  uint32_t known = naming == 0 ? number : bag_map_get(&n->pasts, key);
  struct model_past past, old;
  uint8_t id, term;
  if (known != BAG_NONE) return known;
  memcpy(&old, bag_get(pasts, number, NULL), sizeof old);
  past = old;
  for (term = 0; term <= MODEL_TERMS_MAX; term++) {
    past.leader[term] = p->to[old.leader[term]];
    for (id = 1; id <= MODEL_NODES; id++)
      past.voted[p->to[id] - 1][term] = p->to[old.voted[id - 1][term]];
  }
  rename_log(w, p, &past.committed);
  known = bag_put(pasts, &past, sizeof past, NULL);
  bag_map_put(&n->pasts, key, known);
  return known;
}

/* ---- the least ---- */

uint32_t model_rename(struct model_names *n, struct model_world *w, struct model_net *net,
                      struct bag *pasts, struct model_state *state) {
  struct model_state least = *state;
  uint32_t naming, best = 0;
  uint8_t i;
  for (naming = 1; naming < n->count; naming++) {
    struct model_state s = *state;
    int order;
    for (i = 0; i < MODEL_NODES; i++)
      s.nodes[n->namings[naming].to[i + 1] - 1] = node_named(n, w, state->nodes[i], naming);
    order = memcmp(s.nodes, least.nodes, sizeof s.nodes);
    if (order > 0) continue;
    s.net = set_named(n, w, net, state->net, naming);
    s.past = past_named(n, w, pasts, state->past, naming);
    if (order == 0 && (s.net > least.net || (s.net == least.net && s.past >= least.past))) continue;
    least = s;
    best = naming;
  }
  *state = least;
  return best;
}
