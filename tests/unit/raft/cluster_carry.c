/* cluster_carry.c: carries the outputs of raft out: disk queue, network, answers (cluster.h). */
#include "cluster.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct raft_now node_now(const struct cluster *c, struct test_node *n) {
  if (c->random_moves) n->random = n->random * UINT64_C(6364136223846793005) + n->id;
  return (struct raft_now){c->now_ns, c->random_moves ? n->random >> 16 : n->random};
}

const struct raft_membership *keep_membership(struct cluster *c, const struct raft_membership *m) {
  struct raft_membership *copy = malloc(sizeof *copy);
  assert(copy);
  *copy = *m;
  c->memberships =
      realloc(c->memberships, (c->membership_count + 1) * sizeof(struct raft_membership *));
  assert(c->memberships);
  c->memberships[c->membership_count++] = copy;
  return copy;
}

/* ---- messages ---- */

static struct message *message_new(enum message_type type, rkv_node_id from, rkv_node_id to) {
  struct message *m = calloc(1, sizeof *m);
  assert(m);
  m->type = type;
  m->from = from;
  m->to = to;
  return m;
}

void message_free(struct message *m) {
  free(m->entries);
  free(m);
}

void message_send(struct cluster *c, struct message *m) {
  m->next = NULL;
  *c->net_end = m;
  c->net_end = &m->next;
}

void message_lost(struct cluster *c, struct message *m) {
  bool answer =
      m->type == MESSAGE_APPENDED || m->type == MESSAGE_INSTALLED || m->type == MESSAGE_TIMED_OUT;
  struct test_node *n = &c->nodes[answer ? m->to : m->from];
  rkv_node_id peer = answer ? m->from : m->to;
  if (n->r && (m->type == MESSAGE_APPEND || m->type == MESSAGE_APPENDED))
    raft_on_append_failed(n->r, node_now(c, n), peer, &m->plan, m->prev.index + m->count, false,
                          (struct rkv_log_id){0, 0});
  if (n->r && (m->type == MESSAGE_SNAPSHOT || m->type == MESSAGE_INSTALLED))
    raft_on_snapshot_sent(n->r, node_now(c, n), peer, false, (struct rkv_log_id){0, 0},
                          (struct rkv_vote){0, 0, false});
  if (n->r && (m->type == MESSAGE_TIMEOUT_NOW || m->type == MESSAGE_TIMED_OUT))
    raft_on_timeout_now_failed(n->r, node_now(c, n), peer);
  message_free(m);
  carry_out(c, n);
}

/* The request becomes its own answer. */
static void turn_round(struct message *m, enum message_type type) {
  rkv_node_id from = m->from;
  m->type = type;
  m->from = m->to;
  m->to = from;
}

static void handle_append(struct cluster *c, struct test_node *n, struct message *m) {
  struct raft_entry *entries = calloc(m->count + 1, sizeof *entries);
  struct rkv_error error;
  enum rkv_status status;
  assert(entries);
  for (size_t i = 0; i < m->count; i++) {
    entries[i].id = m->entries[i].id;
    entries[i].kind = m->entries[i].kind;
    entries[i].membership = m->entries[i].membership ? &m->entries[i].membership->value : NULL;
  }
  n->handled = m;
  status = raft_on_append_request(n->r, node_now(c, n), m->vote, m->prev, m->commit, entries,
                                  m->count, m, &error);
  assert(status == RKV_OK);
  carry_out(c, n);
  free(entries);
}

static void handle_snapshot(struct cluster *c, struct test_node *n, struct message *m) {
  enum raft_offer offer = raft_on_snapshot_offer(n->r, node_now(c, n), m->vote, m->last);
  carry_out(c, n);
  cluster_write(c, n->id, SIZE_MAX);
  if (offer == RAFT_OFFER_TAKE) {
    n->disk.snapshot = m->snapshot;
    n->applied = m->last.index;
    raft_on_snapshot_installed(n->r, node_now(c, n), m->last, m->snapshot.membership);
    carry_out(c, n);
    cluster_write(c, n->id, SIZE_MAX);
  }
  m->ok = offer != RAFT_OFFER_REJECT;
  m->answered = cluster_view(c, n->id).vote;
  turn_round(m, MESSAGE_INSTALLED);
  message_send(c, m);
}

/* What an old node does not know it says so. */
static void handle_pre_vote(struct cluster *c, struct test_node *n, struct message *m) {
  if (!n->old) {
    raft_on_pre_vote_request(n->r, node_now(c, n), m->vote, m->last, m);
    return;
  }
  turn_round(m, MESSAGE_PRE_VOTED);
  m->unknown = true;
  message_send(c, m);
}

static void handle_timeout_now(struct cluster *c, struct test_node *n, struct message *m) {
  m->ok = !n->old && raft_on_timeout_now(n->r, node_now(c, n), m->vote, m->last, NULL) == RKV_OK;
  turn_round(m, MESSAGE_TIMED_OUT);
  message_send(c, m);
}

static void handle_answer(struct test_node *n, struct raft_now now, const struct message *m) {
  if (m->type == MESSAGE_VOTED)
    raft_on_vote_answer(n->r, now, m->from, m->vote, m->granted, m->answered, m->last);
  else if (m->type == MESSAGE_PRE_VOTED)
    raft_on_pre_vote_answer(n->r, now, m->from, m->vote, m->unknown, m->granted, m->answered,
                            m->last);
  else if (m->type == MESSAGE_APPENDED)
    raft_on_append_answer(n->r, now, m->from, &m->plan, m->prev.index + m->count, m->result,
                          m->matched, m->answered, m->lease_ns);
  else if (m->type == MESSAGE_INSTALLED)
    raft_on_snapshot_sent(n->r, now, m->from, m->ok, m->last, m->answered);
  else if (!m->ok)
    raft_on_timeout_now_failed(n->r, now, m->from);
}

void message_handle(struct cluster *c, struct message *m) {
  struct test_node *n = &c->nodes[m->to];
  struct raft_now now = node_now(c, n);
  switch (m->type) {
  case MESSAGE_VOTE: /* the raft holds the message as cookie */
    raft_on_vote_request(n->r, now, m->vote, m->last, m->transfer, m);
    break;
  case MESSAGE_APPEND: handle_append(c, n, m); return;
  case MESSAGE_SNAPSHOT: handle_snapshot(c, n, m); return;
  case MESSAGE_PRE_VOTE: handle_pre_vote(c, n, m); break;
  case MESSAGE_TIMEOUT_NOW: handle_timeout_now(c, n, m); break;
  case MESSAGE_VOTED:
  case MESSAGE_PRE_VOTED:
  case MESSAGE_APPENDED:
  case MESSAGE_INSTALLED:
  case MESSAGE_TIMED_OUT:
    handle_answer(n, now, m);
    message_free(m);
    break;
  }
  carry_out(c, n);
}

/* ---- outputs ---- */

struct write *write_add(struct test_node *n, enum write_type type) {
  struct write *w = calloc(1, sizeof *w);
  assert(w);
  w->type = type;
  *n->writes_end = w;
  n->writes_end = &w->next;
  return w;
}

static void write_entry(struct test_node *n, struct test_entry entry) {
  log_push(&n->log, entry);
  write_add(n, WRITE_ENTRY)->entry = entry;
}

/* SAVED outputs wait behind what is to be written. */
static void leave(struct cluster *c, struct test_node *n, const struct raft_output *out,
                  struct message *m) {
  if (raft_output_waits(out->type) && n->writes)
    write_add(n, WRITE_SEND)->message = m;
  else
    message_send(c, m);
}

static void carry_append(struct cluster *c, struct test_node *n, const struct raft_output *out) {
  if (out->type == RAFT_OUT_APPEND_OWN) {
    struct test_entry entry = {out->id, out->kind, NULL, ++c->values};
    if (out->kind == RKV_ENTRY_MEMBERSHIP) entry.membership = keep_membership(c, out->membership);
    if (out->id.term == 0) entry.value = 0; /* all nodes init with one content */
    write_entry(n, entry);
    return;
  }
  for (size_t i = out->skip; i < out->skip + out->count; i++)
    write_entry(n, n->handled->entries[i]);
}

static void carry_request(struct cluster *c, struct test_node *n, const struct raft_output *out,
                          enum message_type type) {
  struct message *m = message_new(type, n->id, out->peer);
  m->vote = out->vote;
  m->last = out->id;
  m->transfer = out->transfer;
  if (type == MESSAGE_SNAPSHOT) {
    m->vote = cluster_view(c, n->id).vote;
    m->snapshot = n->disk.snapshot;
    m->last = m->snapshot.last;
  }
  leave(c, n, out, m);
}

static void carry_answer(struct cluster *c, struct test_node *n, const struct raft_output *out,
                         enum message_type type) {
  struct message *m = out->cookie;
  turn_round(m, type);
  m->granted = out->granted;
  m->answered = out->vote;
  m->lease_ns = out->lease_ns;
  m->result = out->result;
  if (type != MESSAGE_APPENDED) m->last = out->id;
  m->matched = out->id;
  leave(c, n, out, m);
}

static void carry_one(struct cluster *c, struct test_node *n, const struct raft_output *out) {
  trace_output(c, n, out);
  switch (out->type) {
  case RAFT_OUT_SAVE_VOTE: write_add(n, WRITE_VOTE)->vote = out->vote; break;
  case RAFT_OUT_TRUNCATE:
    log_cut(&n->log, out->id.index);
    write_add(n, WRITE_TRUNCATE)->id = out->id;
    break;
  case RAFT_OUT_PURGE:
    log_purge(&n->log, out->id);
    write_add(n, WRITE_PURGE)->id = out->id;
    break;
  case RAFT_OUT_APPEND_OWN:
  case RAFT_OUT_APPEND_RECEIVED: carry_append(c, n, out); break;
  case RAFT_OUT_SEND_VOTE: carry_request(c, n, out, MESSAGE_VOTE); break;
  case RAFT_OUT_SEND_PRE_VOTE: carry_request(c, n, out, MESSAGE_PRE_VOTE); break;
  case RAFT_OUT_SEND_TIMEOUT_NOW: carry_request(c, n, out, MESSAGE_TIMEOUT_NOW); break;
  case RAFT_OUT_SEND_SNAPSHOT: carry_request(c, n, out, MESSAGE_SNAPSHOT); break;
  case RAFT_OUT_ANSWER_VOTE: carry_answer(c, n, out, MESSAGE_VOTED); break;
  case RAFT_OUT_ANSWER_PRE_VOTE: carry_answer(c, n, out, MESSAGE_PRE_VOTED); break;
  case RAFT_OUT_ANSWER_APPEND: carry_answer(c, n, out, MESSAGE_APPENDED); break;
  case RAFT_OUT_COMMIT:
    law_committed(c, n, out->id);
    n->commits = out->id;
    n->applied = out->id.index;
    break;
  case RAFT_OUT_DROP_PROPOSALS: n->dropped = out->id.index; break;
  case RAFT_OUT_CHANGE_DONE:
    n->done = (struct change_done){n->done.count + 1, out->cookie, out->status, out->id};
    assert(out->membership && (out->status == RKV_OK) == (out->text == NULL));
    break;
  case RAFT_OUT_TRANSFER_DONE:
    assert(n->transferring && (out->status == RKV_OK) == (out->text == NULL));
    n->transferring = false;
    n->transferred = (struct transfer_done){n->transferred.count + 1, out->status};
    break;
  case RAFT_OUT_READ_READY:
    law_read_ended(n, out);
    n->read.ready++;
    n->read.ticket = out->ticket;
    n->read.id = out->id;
    break;
  case RAFT_OUT_READ_FAILED:
    law_read_ended(n, out);
    n->read.failed++;
    break;
  case RAFT_OUT_BUILD_SNAPSHOT: n->building = true; break;
  case RAFT_OUT_ROLE:
  case RAFT_OUT_MEMBERSHIP: break;
  }
}

static bool send_next(struct cluster *c, struct test_node *n, rkv_node_id peer) {
  struct raft_append_plan plan;
  struct message *m;
  rkv_index i;
  if (!raft_next_append(n->r, node_now(c, n), peer, &plan)) return false;
  trace_plan(c, n, peer, &plan);
  m = message_new(MESSAGE_APPEND, n->id, peer);
  m->plan = plan;
  m->vote = plan.vote;
  m->prev = plan.prev;
  m->commit = plan.commit;
  if (plan.to >= plan.from) {
    m->entries = calloc((size_t)(plan.to - plan.prev.index), sizeof *m->entries);
    assert(m->entries);
  }
  for (i = plan.from; i <= plan.to; i++) {
    assert(log_at(&n->log, i));
    m->entries[m->count++] = *log_at(&n->log, i);
  }
  raft_append_sent(n->r, peer, &plan, plan.to > plan.prev.index ? plan.to : plan.prev.index);
  message_send(c, m);
  return true;
}

static bool send_appends(struct cluster *c, struct test_node *n) {
  bool any = false;
  rkv_node_id peer;
  for (peer = 1; peer < NODES_MAX; peer++)
    while (send_next(c, n, peer)) any = true;
  return any;
}

/* An input of the disk or the state machine that is due; false: none. */
static bool next_input(struct cluster *c, struct test_node *n) {
  struct rkv_log_id id = n->commits;
  if (id.index > 0) {
    n->commits = (struct rkv_log_id){0, 0};
    raft_on_applied(n->r, node_now(c, n), id);
    return true;
  }
  if (c->sync && n->building) {
    cluster_built(c, n->id);
    return true;
  }
  if (!c->sync || !n->writes) return false;
  cluster_write(c, n->id, 1);
  return true;
}

void carry_out(struct cluster *c, struct test_node *n) {
  bool more = n->r != NULL;
  while (more) {
    struct raft_output out;
    while (raft_take(n->r, &out)) carry_one(c, n, &out);
    n->handled = NULL;
    law_leader(c, n);
    assert(!raft_failed(n->r));
    more = next_input(c, n) || send_appends(c, n);
  }
}
