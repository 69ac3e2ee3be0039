/* drive.c: carries out what core/raft puts out, in order, as raft.h wants it. What is to be saved
 * waits, and behind it what may leave only then. */
#include "model.h"

#include <assert.h>
#include <string.h>

static uint8_t byte(uint64_t number) {
  assert(number <= MODEL_NUMBER_MAX);
  return (uint8_t)number;
}

static struct model_id id_of(struct rkv_log_id id) {
  return (struct model_id){byte(id.term), byte(id.index)};
}

static struct model_vote vote_of(struct rkv_vote vote) {
  return (struct model_vote){byte(vote.term), byte(vote.node_id), vote.committed};
}

void model_log_cut(struct model_log *log, uint8_t after) {
  assert(after <= log->count);
  memset(&log->entries[after], 0, (size_t)(log->count - after) * sizeof log->entries[0]);
  log->count = after;
}

void model_log_add(struct model_log *log, struct model_entry entry) {
  assert(log->count < MODEL_LOG_MAX);
  log->entries[log->count++] = entry;
}

/* ---- messages ---- */

struct model_item *model_hold(struct model_node *node, enum model_item_kind kind) {
  struct model_item *item = &node->pending[node->pending_count++];
  assert(node->pending_count <= MODEL_PENDING_MAX);
  item->kind = (uint8_t)kind;
  return item;
}

static void drop(struct model_node *node, uint8_t at) {
  assert(at < node->pending_count);
  node->pending_count--;
  memmove(&node->pending[at], &node->pending[at + 1],
          (size_t)(node->pending_count - at) * sizeof node->pending[0]);
  memset(&node->pending[node->pending_count], 0, sizeof node->pending[0]);
}

static uint32_t message_of(const struct model_item *item) {
  return (uint32_t)(item->message_high << 8 | item->message_low);
}

static void leave(struct model_step *step, uint32_t message) {
  uint32_t i = 0;
  while (i < step->sent_count && step->sent[i] != message) i++;
  assert(i < MODEL_SENT_MAX);
  if (i == step->sent_count) step->sent[step->sent_count++] = message;
}

/* True if holding `m` is no use while `held` is held, which leaves no later: the same, or a further
 * acknowledgement (E4). */
static bool covers(const struct model_message *held, const struct model_message *m) {
  struct model_message same = *held;
  if (held->kind != MODEL_APPEND_ANSWER || held->result != RKV_APPEND_SUCCESS ||
      held->matched.index < m->matched.index)
    return memcmp(held, m, sizeof *m) == 0;
  same.matched = m->matched;
  return memcmp(&same, m, sizeof same) == 0;
}

/* What is held behind one save is a set, kept in order. */
static void hold_message(struct model_world *w, struct model_node *node, uint32_t number) {
  const struct model_message *m = model_message(w, number);
  struct model_item item;
  uint8_t at;
  for (at = 0; at < node->pending_count; at++)
    if (node->pending[at].kind == MODEL_HELD &&
        covers(model_message(w, message_of(&node->pending[at])), m))
      return;
  for (; at > 0 && node->pending[at - 1].kind == MODEL_HELD; at--)
    if (covers(m, model_message(w, message_of(&node->pending[at - 1])))) drop(node, at - 1);
  at = node->pending_count;
  (void)model_hold(node, MODEL_HELD);
  memset(&item, 0, sizeof item);
  item.kind = MODEL_HELD;
  item.message_high = (uint8_t)(number >> 8);
  item.message_low = (uint8_t)number;
  for (; at > 0 && node->pending[at - 1].kind == MODEL_HELD &&
         message_of(&node->pending[at - 1]) > number;
       at--)
    node->pending[at] = node->pending[at - 1];
  node->pending[at] = item;
}

static void post(struct model_world *w, struct model_node *node, bool waits,
                 const struct model_message *message, struct model_step *step) {
  uint32_t number = bag_put(&w->messages, message, sizeof *message, NULL);
  assert(number <= UINT16_MAX);
  if (waits)
    hold_message(w, node, number);
  else
    leave(step, number);
}

/* What nothing has to become durable for any more. A truncation is no reason to wait: it is durable
 * not later than the next append. */
static void release(struct model_node *node, struct model_step *step) {
  uint8_t at = 0;
  while (at < node->pending_count &&
         (node->pending[at].kind == MODEL_HELD || node->pending[at].kind == MODEL_TRUNCATE)) {
    if (node->pending[at].kind == MODEL_TRUNCATE) {
      at++;
      continue;
    }
    leave(step, message_of(&node->pending[at]));
    drop(node, at);
  }
}

/* ---- outputs ---- */

static void append_own(struct model_world *w, struct model_node *node,
                       const struct raft_output *out) {
  struct model_item *item = model_hold(node, MODEL_APPEND);
  struct model_entry entry = {byte(out->id.term), MODEL_BLANK};
  assert(out->id.index == node->log.count + 1u);
  if (out->kind == RKV_ENTRY_MEMBERSHIP)
    entry.kind = byte(MODEL_MEMBERSHIP + model_membership_number(w, &out->membership->value));
  item->after = node->log.count;
  model_log_add(&item->tail, entry);
  model_log_add(&node->log, entry);
}

static void append_received(struct model_node *node, const struct raft_output *out,
                            const struct model_message *request) {
  struct model_item *item = model_hold(node, MODEL_APPEND);
  assert(request && request->at.index + out->skip == node->log.count);
  item->after = node->log.count;
  for (size_t i = out->skip; i < out->skip + out->count; i++) {
    model_log_add(&item->tail, request->tail.entries[i]);
    model_log_add(&node->log, request->tail.entries[i]);
  }
}

/* A CONFLICT (E3); a refusal without a greater term (E4). */
static bool teaches_nothing(const struct model_message *request, const struct raft_output *out) {
  if (out->type == RAFT_OUT_ANSWER_APPEND && out->result != RKV_APPEND_REJECTED)
    return out->result == RKV_APPEND_CONFLICT;
  return !(out->type == RAFT_OUT_ANSWER_VOTE && out->granted) &&
         out->vote.term <= request->vote.term;
}

static void answer(struct model_world *w, struct model_node *node, const struct raft_output *out,
                   struct model_step *step) {
  const struct model_message *request = out->cookie;
  struct model_message m;
  assert(request);
  if (teaches_nothing(request, out)) return;
  memset(&m, 0, sizeof m);
  m.kind = out->type == RAFT_OUT_ANSWER_VOTE ? MODEL_VOTE_ANSWER : MODEL_APPEND_ANSWER;
  m.from = node->id;
  m.to = request->from;
  m.vote = request->vote;
  m.result = out->type == RAFT_OUT_ANSWER_VOTE ? out->granted : (uint8_t)out->result;
  m.answer_vote = vote_of(out->vote);
  if (out->type == RAFT_OUT_ANSWER_APPEND) m.matched = id_of(out->id);
  post(w, node, raft_output_waits(out->type), &m, step);
}

static void ask_vote(struct model_world *w, struct model_node *node, const struct raft_output *out,
                     struct model_step *step) {
  struct model_message m;
  memset(&m, 0, sizeof m);
  m.kind = MODEL_VOTE;
  m.from = node->id;
  m.to = byte(out->peer);
  m.vote = vote_of(out->vote);
  m.at = id_of(out->id);
  m.transfer = out->transfer;
  post(w, node, raft_output_waits(out->type), &m, step);
}

static void carry_out(struct model_world *w, struct model_node *node, const struct raft_output *out,
                      const struct model_message *request, struct model_step *step) {
  switch (out->type) {
  case RAFT_OUT_SAVE_VOTE: model_hold(node, MODEL_SAVE_VOTE)->vote = vote_of(out->vote); break;
  case RAFT_OUT_TRUNCATE:
    model_hold(node, MODEL_TRUNCATE)->after = byte(out->id.index);
    model_log_cut(&node->log, byte(out->id.index));
    break;
  case RAFT_OUT_APPEND_OWN: append_own(w, node, out); break;
  case RAFT_OUT_APPEND_RECEIVED: append_received(node, out, request); break;
  case RAFT_OUT_SEND_VOTE: ask_vote(w, node, out, step); break;
  case RAFT_OUT_ANSWER_VOTE:
  case RAFT_OUT_ANSWER_APPEND: answer(w, node, out, step); break;
  case RAFT_OUT_COMMIT:
  case RAFT_OUT_ROLE:
  case RAFT_OUT_MEMBERSHIP:
  case RAFT_OUT_DROP_PROPOSALS:
  case RAFT_OUT_CHANGE_DONE: break;
  default: assert(0 && "an output that this model does not know"); break;
  }
}

/* A leader shows what it may send. */
static void lead(struct model_world *w, struct model_node *node, const struct raft_view *view,
                 struct model_step *step) {
  struct model_message m;
  memset(&m, 0, sizeof m);
  m.kind = MODEL_LEADS;
  m.from = node->id;
  m.vote = vote_of(view->vote);
  m.commit = id_of(view->committed);
  m.tail = node->log;
  post(w, node, false, &m, step);
}

/* What is committed is applied at once: no law asks when. */
void model_drain(struct model_world *w, struct raft *r, struct model_node *node,
                 const struct model_message *request, struct model_step *step) {
  struct raft_view view;
  struct raft_output out;
  bool again;
  do {
    while (raft_take(r, &out)) carry_out(w, node, &out, request, step);
    raft_view(r, &view);
    again = view.applied.index < view.committed.index;
    if (again) raft_on_applied(r, model_now(), view.committed);
  } while (again);
  release(node, step);
  if (view.role == RAFT_LEADER) lead(w, node, &view, step);
}
