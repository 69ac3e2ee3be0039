/* act.c: the inputs of a node: messages that arrive, timers, saves, crashes, calls of clients. */
#include "model.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NOW_NS (UINT64_C(1) << 40) /* later than every timer (E2) */

struct raft_now model_now(void) {
  return (struct raft_now){NOW_NS, 0};
}

static struct rkv_log_id id_from(struct model_id id) {
  return (struct rkv_log_id){id.term, id.index};
}

static struct rkv_vote vote_from(struct model_vote vote) {
  return (struct rkv_vote){vote.term, vote.node, vote.committed};
}

/* ---- messages ---- */

static void take_append(const struct model_world *w, struct raft *r, struct model_message *m) {
  struct raft_entry entries[MODEL_LOG_MAX];
  struct rkv_error error;
  enum rkv_status status;
  uint8_t i;
  for (i = 0; i < m->tail.count; i++) {
    struct model_entry e = m->tail.entries[i];
    bool membership = e.kind >= MODEL_MEMBERSHIP;
    entries[i].id = (struct rkv_log_id){e.term, m->at.index + 1u + i};
    entries[i].kind = membership ? RKV_ENTRY_MEMBERSHIP : (enum rkv_entry_kind)e.kind;
    entries[i].membership = membership ? &w->memberships[e.kind - MODEL_MEMBERSHIP] : NULL;
  }
  status = raft_on_append_request(r, model_now(), vote_from(m->vote), id_from(m->at),
                                  id_from(m->commit), entries, m->tail.count, m, &error);
  if (status != RKV_OK) fprintf(stderr, "model: an append was refused: %s\n", error.text);
  assert(status == RKV_OK); /* what a leader sends is never invalid */
}

static void take_append_answer(struct raft *r, const struct model_message *m) {
  struct raft_append_plan plan = {.vote = vote_from(m->vote), .prev = id_from(m->matched)};
  raft_on_append_answer(r, model_now(), m->from, &plan, m->matched.index,
                        (enum rkv_append_result)m->result, id_from(m->matched),
                        vote_from(m->answer_vote), 0);
}

static void receive(const struct model_world *w, struct raft *r, struct model_message *m) {
  const struct rkv_log_id none = {0, 0}; /* a voter's last id moves timers only */
  switch (m->kind) {
  case MODEL_VOTE:
    raft_on_vote_request(r, model_now(), vote_from(m->vote), id_from(m->at), m->transfer, m);
    break;
  case MODEL_VOTE_ANSWER:
    raft_on_vote_answer(r, model_now(), m->from, vote_from(m->vote), m->result,
                        vote_from(m->answer_vote), none);
    break;
  case MODEL_APPENDS: take_append(w, r, m); break;
  case MODEL_APPEND_ANSWER: take_append_answer(r, m); break;
  default: assert(0 && "a message that cannot arrive"); break;
  }
}

/* ---- acts ---- */

/* The oldest save is durable. */
static bool save(struct raft *r, struct model_node *node) {
  struct model_item item = node->pending[0];
  uint8_t i;
  if (node->pending_count == 0) return false;
  assert(item.kind != MODEL_HELD);
  node->pending_count--;
  memmove(&node->pending[0], &node->pending[1], node->pending_count * sizeof item);
  memset(&node->pending[node->pending_count], 0, sizeof item);
  if (item.kind == MODEL_SAVE_VOTE) {
    node->disk_vote = item.vote;
    raft_on_vote_saved(r, model_now(), vote_from(item.vote));
  } else if (item.kind == MODEL_TRUNCATE) {
    model_log_cut(&node->disk, item.after);
  } else {
    struct rkv_log_id last = {item.tail.entries[item.tail.count - 1].term,
                              (rkv_index)item.after + item.tail.count};
    assert(item.after == node->disk.count);
    for (i = 0; i < item.tail.count; i++) model_log_add(&node->disk, item.tail.entries[i]);
    raft_on_log_saved(r, model_now(), last);
  }
  return true;
}

static struct raft_config config_of(uint8_t id, bool check_quorum) {
  return (struct raft_config){.id = id,
                              .heartbeat_ns = 1,
                              .election_min_ns = 10,
                              .election_max_ns = 20,
                              .commit_notice_ns = 1,
                              .removed_linger_ns = 1,
                              .retry_ns = 1,
                              .stuck_retry_ns = 1,
                              .keep_entries = MODEL_LOG_MAX,
                              .purge_hold_max = MODEL_LOG_MAX,
                              .lease_drift_ppm = RAFT_LEASE_OFF,
                              .check_quorum = check_quorum,
                              .append_entries_max = MODEL_LOG_MAX,
                              .append_window = 1};
}

struct raft *model_boot(const struct model_world *w, const struct model_node *node) {
  struct raft_config config = config_of(node->id, w->options.steps_down);
  struct rkv_log_id terms[MODEL_LOG_MAX];
  struct raft_membership *memberships = bag_grow(NULL, 2, sizeof *memberships);
  struct raft_start start = {
      .vote = vote_from(node->disk_vote), .terms = terms, .memberships = memberships};
  struct rkv_error error;
  struct raft *r = NULL;
  enum rkv_status status;
  uint8_t i;
  for (i = 0; i < node->disk.count; i++) {
    struct model_entry e = node->disk.entries[i];
    start.last = (struct rkv_log_id){e.term, i + 1u};
    if (i == 0 || e.term != node->disk.entries[i - 1].term) terms[start.term_count++] = start.last;
    if (e.kind < MODEL_MEMBERSHIP) continue;
    if (start.membership_count == 2) memberships[0] = memberships[1];
    if (start.membership_count < 2) start.membership_count++;
    memberships[start.membership_count - 1].id = start.last;
    memberships[start.membership_count - 1].value = w->memberships[e.kind - MODEL_MEMBERSHIP];
  }
  status = raft_new(&config, &start, model_now(), &r, &error);
  if (status != RKV_OK) fprintf(stderr, "model: a node does not start: %s\n", error.text);
  assert(status == RKV_OK);
  free(memberships);
  return r;
}

static void crash(const struct model_world *w, struct raft **r, struct model_node *node) {
  struct model_node left;
  memset(&left, 0, sizeof left);
  left.id = node->id;
  left.log = left.disk = node->disk;
  left.disk_vote = node->disk_vote;
  *node = left;
  raft_free(*r);
  *r = model_boot(w, node);
}

static bool propose(const struct model_world *w, struct raft *r, struct model_node *node) {
  struct model_item *item;
  struct rkv_log_id first;
  struct model_entry entry = {node->vote.term, MODEL_COMMAND};
  if (node->role != RAFT_LEADER || node->log.count >= w->options.entries) return false;
  if (raft_propose(r, model_now(), 1, &first, NULL) != RKV_OK) return false;
  item = model_hold(node, MODEL_APPEND);
  item->after = node->log.count;
  model_log_add(&item->tail, entry);
  model_log_add(&node->log, entry);
  return true;
}

static bool change(const struct model_world *w, struct raft *r, const struct model_node *node) {
  struct rkv_config_set voters;
  uint8_t i;
  memset(&voters, 0, sizeof voters);
  for (i = 1; i <= MODEL_NODES; i++)
    if (w->options.voters_after & 1u << i) (void)rkv_config_add(&voters, i);
  if (node->role != RAFT_LEADER) return false;
  return raft_change_membership(r, model_now(), &voters, false, NULL, NULL) == RKV_OK;
}

/* A leader whose time is up has heard no quorum, or removed itself: it steps down. */
static bool time_out(const struct model_world *w, struct raft *r, const struct model_node *node) {
  bool leads = node->role == RAFT_LEADER;
  if (leads && !node->resigns && !w->options.steps_down) return false;
  if (!leads && node->vote.term >= w->options.terms) return false;
  if (raft_deadline(r) > model_now().ns) return false;
  raft_on_time(r, model_now());
  return true;
}

static bool act(const struct model_world *w, struct raft **r, struct model_node *node,
                enum model_act what) {
  switch (what) {
  case MODEL_TIMEOUT: return time_out(w, *r, node);
  case MODEL_SAVED: return save(*r, node);
  case MODEL_CRASH: crash(w, r, node); return true;
  case MODEL_PROPOSE: return propose(w, *r, node);
  case MODEL_CHANGE: return change(w, *r, node);
  }
  return false;
}

bool model_take(struct model_world *w, struct raft **r, struct model_node *node, uint32_t input,
                struct model_step *step) {
  struct model_message request; /* a copy: the bag may move meanwhile */
  bool arrives = input >= MODEL_INPUT_MESSAGE(0);
  if (arrives) {
    request = *model_message(w, input - MODEL_INPUT_MESSAGE(0));
    assert(request.to == node->id);
    receive(w, *r, &request);
  } else if (!act(w, r, node, (enum model_act)input)) {
    return false;
  }
  model_drain(w, *r, node, arrives ? &request : NULL, step);
  return true;
}
