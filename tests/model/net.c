/* net.c: the messages that were sent and may still arrive (model.h, E1, E3, E4). */
#include "model.h"

#include <assert.h>
#include <string.h>

void model_net_open(struct model_net *net) {
  bag_open(&net->sets);
  bag_open(&net->offers);
  bag_map_open(&net->offered);
}

void model_net_close(struct model_net *net) {
  bag_close(&net->sets);
  bag_close(&net->offers);
  bag_map_close(&net->offered);
}

/* ---- what can change nothing ---- */

static bool same_vote(struct model_vote a, struct model_vote b) {
  return a.term == b.term && a.node == b.node && a.committed == b.committed;
}

static bool is_answer(const struct model_message *m) {
  return m->kind == MODEL_VOTE_ANSWER || m->kind == MODEL_APPEND_ANSWER;
}

/* The asker still waits for answers to this vote: candidate or leader by it. A vote that a node
 * leaves is never its candidacy or leadership again. */
static bool asks_by(const struct model_node *asker, struct model_vote vote) {
  return (asker->role == RAFT_CANDIDATE || asker->role == RAFT_LEADER) &&
         same_vote(asker->vote, vote);
}

/* What is on disk outlives everything: a lesser vote is refused for ever. */
static bool refused_for_ever(const struct model_node *n, struct model_vote vote) {
  struct rkv_vote theirs = {vote.term, vote.node, vote.committed};
  struct rkv_vote mine = {n->disk_vote.term, n->disk_vote.node, n->disk_vote.committed};
  return !rkv_vote_accepts(mine, theirs);
}

static bool all_refuse(const struct model_world *w, const struct model_message *m,
                       const uint32_t nodes[MODEL_NODES]) {
  for (uint32_t i = 0; i < MODEL_NODES; i++)
    if (i + 1 != m->from && !refused_for_ever(model_node(w, nodes[i]), m->vote)) return false;
  return true;
}

/* A vote request whose grant would come too late, and whose refusal would teach nothing. */
static bool vote_is_dead(const struct model_node *asker, const struct model_node *voter,
                         const struct model_message *m) {
  if (!refused_for_ever(voter, m->vote)) return false;
  return !asks_by(asker, m->vote) || voter->disk_vote.term <= m->vote.term;
}

/* (E4) An answer that nobody waits for, or that teaches nothing new (a refusal teaches a greater
 * term, a grant counts once, of acknowledgements the furthest); a request that will be refused, the
 * refusal being such an answer. */
static bool is_dead(const struct model_world *w, const struct model_message *m,
                    const uint32_t nodes[MODEL_NODES]) {
  const struct model_node *asker = model_node(w, nodes[(is_answer(m) ? m->to : m->from) - 1]);
  bool asks = asks_by(asker, m->vote);
  if (m->kind == MODEL_VOTE) return vote_is_dead(asker, model_node(w, nodes[m->to - 1]), m);
  if (m->kind == MODEL_LEADS) return !asks && all_refuse(w, m, nodes);
  if (!asks) return true;
  if (m->kind == MODEL_VOTE_ANSWER && m->result)
    return asker->role == RAFT_LEADER || (asker->granted >> m->from & 1) != 0;
  return (m->kind == MODEL_VOTE_ANSWER || m->result == RKV_APPEND_REJECTED) &&
         m->answer_vote.term <= m->vote.term;
}

/* A leader's log only grows, and so does what a peer acknowledges to it. */
static bool is_behind(const struct model_message *m, const struct model_message *other) {
  if (m->kind != other->kind || m->from != other->from || m->to != other->to ||
      !same_vote(m->vote, other->vote))
    return false;
  if (m->kind == MODEL_LEADS)
    return m->tail.count < other->tail.count || m->commit.index < other->commit.index;
  return m->kind == MODEL_APPEND_ANSWER && m->result == RKV_APPEND_SUCCESS &&
         other->result == RKV_APPEND_SUCCESS && m->matched.index < other->matched.index;
}

/* ---- sets ---- */

static size_t insert(uint16_t *all, size_t count, uint16_t number) {
  size_t at = count;
  while (at > 0 && all[at - 1] > number) at--;
  if (at > 0 && all[at - 1] == number) return count;
  assert(count < MODEL_SET_MAX);
  memmove(&all[at + 1], &all[at], (count - at) * sizeof all[0]);
  all[at] = number;
  return count + 1;
}

/* True if nothing that is_dead looks at changed, and nothing new was sent. */
static bool stays(const uint16_t *all, size_t n, const uint32_t *add, uint32_t count,
                  const struct model_node *a, const struct model_node *b) {
  for (uint32_t i = 0; i < count; i++) {
    size_t at = 0;
    while (at < n && all[at] != add[i]) at++;
    if (at == n) return false;
  }
  return a->role == b->role && a->granted == b->granted && same_vote(a->vote, b->vote) &&
         same_vote(a->disk_vote, b->disk_vote);
}

uint32_t model_net_next(struct model_net *net, const struct model_world *w, uint32_t set,
                        const uint32_t *add, uint32_t count, uint32_t who,
                        const uint32_t before[MODEL_NODES], const uint32_t nodes[MODEL_NODES]) {
  uint16_t all[MODEL_SET_MAX];
  size_t len, n, i, j, kept = 0;
  const uint16_t *old = bag_get(&net->sets, set, &len);
  n = len / sizeof all[0];
  if (stays(old, n, add, count, model_node(w, before[who]), model_node(w, nodes[who]))) return set;
  memcpy(all, old, len);
  for (i = 0; i < count; i++) n = insert(all, n, (uint16_t)add[i]);
  for (i = 0; i < n; i++) {
    const struct model_message *m = model_message(w, all[i]);
    bool gone = is_dead(w, m, nodes);
    for (j = 0; j < n && !gone; j++) gone = is_behind(m, model_message(w, all[j]));
    if (!gone) all[kept++] = all[i];
  }
  return bag_put(&net->sets, all, kept * sizeof all[0], NULL);
}

/* ---- what can arrive ---- */

static struct model_id id_at(const struct model_log *log, uint8_t index) {
  struct model_id id = {0, index};
  if (index > 0) id.term = log->entries[index - 1].term;
  return id;
}

/* The first entry is on every disk: nothing is sent before it. */
size_t model_net_parts(struct model_world *w, uint32_t leads, uint32_t parts[MODEL_SET_MAX]) {
  const struct model_message m = *model_message(w, leads);
  size_t count = 0;
  uint8_t to, prev, last, commit;
  for (to = 1; to <= MODEL_NODES; to++) {
    if (to == m.from || !(w->members & 1u << to)) continue;
    for (prev = 1; prev <= m.tail.count; prev++)
      for (last = prev; last <= m.tail.count; last++)
        for (commit = 0; commit <= m.commit.index; commit++) {
          struct model_message part;
          memset(&part, 0, sizeof part);
          part.kind = MODEL_APPENDS;
          part.from = m.from;
          part.to = to;
          part.vote = m.vote;
          part.at = id_at(&m.tail, prev);
          part.commit = id_at(&m.tail, commit);
          part.tail.count = (uint8_t)(last - prev);
          memcpy(part.tail.entries, &m.tail.entries[prev],
                 part.tail.count * sizeof part.tail.entries[0]);
          assert(count < MODEL_SET_MAX);
          parts[count++] = bag_put(&w->messages, &part, sizeof part, NULL);
        }
  }
  return count;
}

static uint32_t list_offers(struct model_net *net, struct model_world *w, uint32_t set) {
  uint32_t list[MODEL_SET_MAX], parts[MODEL_SET_MAX];
  uint16_t all[MODEL_SET_MAX];
  size_t len, i, n, count = 0;
  const void *messages = bag_get(&net->sets, set, &len);
  memcpy(all, messages, len);
  for (i = 0; i < len / sizeof all[0]; i++) {
    parts[0] = all[i];
    n = model_message(w, all[i])->kind == MODEL_LEADS ? model_net_parts(w, all[i], parts) : 1;
    assert(count + n <= MODEL_SET_MAX);
    memcpy(&list[count], parts, n * sizeof parts[0]);
    count += n;
  }
  return bag_put(&net->offers, list, count * sizeof list[0], NULL);
}

const uint32_t *model_net_offers(struct model_net *net, struct model_world *w, uint32_t set,
                                 size_t *count) {
  uint32_t list = bag_map_get(&net->offered, set);
  const uint32_t *numbers;
  if (list == BAG_NONE) {
    list = list_offers(net, w, set);
    bag_map_put(&net->offered, set, list);
  }
  numbers = bag_get(&net->offers, list, count);
  *count /= sizeof numbers[0];
  return numbers;
}
