/* laws.c: what must hold in every state and of every step.
 *
 * (L1) one leader per term                      (L2) one vote per term and node
 * (L3) nothing leaves a node before what it promises is durable
 * (L4) a leader commits entries of its own term, durable at a quorum of every config in force
 * (L5) committed entries never change           (L6) a leader never rewrites its log
 * (L7) log matching                             (L8) leader completeness
 * (L9) leader completeness one election ahead: no node without a committed entry could gather the
 *      votes of a quorum, judged by the logs as they are
 * (L10) the membership in force is the last one of the log, committed or not */
#include "model.h"

#include <assert.h>
#include <string.h>

static bool same_entry(struct model_entry a, struct model_entry b) {
  return a.term == b.term && a.kind == b.kind;
}

static struct model_id last_id(const struct model_log *log) {
  struct model_id id = {0, log->count};
  if (log->count > 0) id.term = log->entries[log->count - 1].term;
  return id;
}

/* True if the second log may not be passed over by the first. */
static bool at_least(const struct model_log *a, const struct model_log *b) {
  struct model_id x = last_id(a), y = last_id(b);
  return x.term != y.term ? x.term > y.term : x.index >= y.index;
}

static bool begins_with(const struct model_log *log, const struct model_log *prefix) {
  return log->count >= prefix->count &&
         memcmp(log->entries, prefix->entries, prefix->count * sizeof log->entries[0]) == 0;
}

/* A majority of every config; counted here on its own, not by what is tested. */
static bool is_quorum(const struct rkv_membership *m, uint32_t nodes) {
  uint32_t c;
  for (c = 0; c < m->config_count; c++) {
    uint32_t have = 0;
    for (uint32_t i = 0; i < m->configs[c].count; i++) have += nodes >> m->configs[c].ids[i] & 1u;
    if (2 * have <= m->configs[c].count) return false;
  }
  return m->config_count > 0;
}

static bool may_campaign(const struct model_world *w, const struct model_node *n) {
  if (n->effective > 0 && rkv_membership_is_voter(&w->memberships[n->effective - 1], n->id))
    return true;
  return n->previous > 1 && n->effective_id.index > n->committed.index &&
         rkv_membership_is_voter(&w->memberships[n->previous - 2], n->id);
}

/* ---- steps ---- */

static const char *voted(struct model_past *past, uint8_t node, struct model_vote vote) {
  uint8_t *held = &past->voted[node - 1][vote.term];
  if (*held != 0 && *held != vote.node) return "L2: a node voted twice in one term";
  *held = vote.node;
  return NULL;
}

/* `n` after the step, in which `m` left. */
static const char *message_left(const struct model_node *n, const struct model_message *m,
                                struct model_past *past) {
  struct rkv_vote disk = {n->disk_vote.term, n->disk_vote.node, n->disk_vote.committed};
  struct rkv_vote vote = {m->vote.term, m->vote.node, m->vote.committed};
  enum rkv_order order = rkv_vote_compare(disk, vote);
  bool durable = order == RKV_EQUAL || order == RKV_GREATER;
  if (m->kind == MODEL_VOTE || (m->kind == MODEL_VOTE_ANSWER && m->result)) {
    if (!durable) return "L3: a vote left before it was durable";
    return voted(past, n->id, m->vote);
  }
  if (m->kind == MODEL_APPEND_ANSWER && m->result == RKV_APPEND_SUCCESS) {
    uint8_t index = m->matched.index;
    if (!durable) return "L3: an append was accepted before its vote was durable";
    if (index > n->disk.count || n->disk.entries[index - 1].term != m->matched.term)
      return "L3: an append was acknowledged before it was durable";
  }
  return NULL;
}

static uint32_t durable_at(const struct model_world *w, const uint32_t nodes[MODEL_NODES],
                           const struct model_log *log, uint8_t index) {
  uint32_t who = 0, i;
  for (i = 0; i < MODEL_NODES; i++) {
    const struct model_log *disk = &model_node(w, nodes[i])->disk;
    if (disk->count >= index && same_entry(disk->entries[index - 1], log->entries[index - 1]))
      who |= 1u << (i + 1);
  }
  return who;
}

static const char *committed_more(const struct model_world *w, const uint32_t nodes[MODEL_NODES],
                                  const struct model_node *before, const struct model_node *n,
                                  struct model_past *past) {
  uint8_t i, known = past->committed.count, end = n->committed.index;
  struct model_log prefix = past->committed;
  if (end > n->log.count) return "L5: more committed than held";
  if (prefix.count > end) prefix.count = end;
  if (!begins_with(&n->log, &prefix)) return "L5: a committed entry changed";
  if (end <= known) return NULL;
  if (n->role != RAFT_LEADER) return "L5: a follower committed what no leader did";
  if (n->committed.term != n->vote.term)
    return "L4: an entry of an older term was committed by counting (Figure 8)";
  if (before->effective == 0 ||
      !is_quorum(&w->memberships[before->effective - 1], durable_at(w, nodes, &n->log, end)))
    return "L4: committed, but not durable at a quorum of every config";
  for (i = known; i < end; i++) {
    past->committed.entries[i] = n->log.entries[i];
    past->committed_in[i] = n->vote.term;
  }
  past->committed.count = end;
  return NULL;
}

const char *model_laws_step(const struct model_world *w, const uint32_t before[MODEL_NODES],
                            const uint32_t nodes[MODEL_NODES], uint32_t who,
                            const struct model_step *step, struct model_past *past) {
  const struct model_node *old = model_node(w, before[who]), *n = model_node(w, nodes[who]);
  const char *broken = NULL;
  for (uint32_t i = 0; i < step->sent_count && !broken; i++)
    broken = message_left(n, model_message(w, step->sent[i]), past);
  if (broken) return broken;
  if (n->role == RAFT_LEADER) {
    uint8_t *leader = &past->leader[n->vote.term];
    if (*leader != 0 && *leader != n->id) return "L1: two leaders in one term";
    *leader = n->id;
    if (old->role == RAFT_LEADER && old->vote.term == n->vote.term &&
        !begins_with(&n->log, &old->log))
      return "L6: a leader rewrote its log";
  }
  if (n->committed.index > old->committed.index) return committed_more(w, nodes, old, n, past);
  return NULL;
}

/* ---- states ---- */

/* If two logs hold the same id, they are the same up to it. */
static const char *matching(const struct model_log *a, const struct model_log *b) {
  uint8_t i = a->count < b->count ? a->count : b->count;
  while (i > 0 && a->entries[i - 1].term != b->entries[i - 1].term) i--;
  return memcmp(a->entries, b->entries, i * sizeof a->entries[0]) == 0
             ? NULL
             : "L7: two logs hold the same id after different entries";
}

static const char *complete(const struct model_node *n, const struct model_past *past) {
  struct model_log known = past->committed;
  if (n->role != RAFT_LEADER) return NULL;
  while (known.count > 0 && past->committed_in[known.count - 1] > n->vote.term) known.count--;
  return begins_with(&n->log, &known) ? NULL : "L8: a leader lacks a committed entry";
}

static const char *in_force(const struct model_node *n) {
  uint8_t i = n->log.count;
  while (i > 0 && n->log.entries[i - 1].kind < MODEL_MEMBERSHIP) i--;
  if (n->effective_id.index == i &&
      (i == 0 || n->effective == n->log.entries[i - 1].kind - MODEL_MEMBERSHIP + 1))
    return NULL;
  return "L10: a membership is in force that is not the last of the log";
}

static const char *electable(const struct model_world *w, const struct model_node *n,
                             const uint32_t nodes[MODEL_NODES], const struct model_past *past) {
  uint32_t voters = 1u << n->id, i;
  if (begins_with(&n->log, &past->committed) || !may_campaign(w, n)) return NULL;
  for (i = 0; i < MODEL_NODES; i++) {
    const struct model_node *voter = model_node(w, nodes[i]);
    if (at_least(&n->log, &voter->disk) || at_least(&n->log, &voter->log)) voters |= 1u << (i + 1);
  }
  return n->effective > 0 && is_quorum(&w->memberships[n->effective - 1], voters)
             ? "L9: a node that lacks a committed entry could be elected"
             : NULL;
}

const char *model_laws_state(const struct model_world *w, const uint32_t nodes[MODEL_NODES],
                             const struct model_past *past) {
  const char *broken = NULL;
  for (uint32_t i = 0; i < MODEL_NODES && !broken; i++) {
    const struct model_node *n = model_node(w, nodes[i]);
    for (uint32_t j = 0; j < i && !broken; j++) {
      const struct model_node *other = model_node(w, nodes[j]);
      broken = matching(&n->log, &other->log);
      if (!broken) broken = matching(&n->disk, &other->disk);
      if (!broken) broken = matching(&n->log, &other->disk);
      if (!broken) broken = matching(&n->disk, &other->log);
    }
    if (!broken) broken = in_force(n);
    if (!broken) broken = complete(n, past);
    if (!broken) broken = electable(w, n, nodes, past);
  }
  return broken;
}
