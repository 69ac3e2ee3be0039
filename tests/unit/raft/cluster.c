/* cluster.c: life of a test cluster and its inputs (cluster.h). */
#include "cluster.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct cluster *cluster_new(void) {
  struct cluster *c = calloc(1, sizeof *c);
  rkv_node_id id;
  assert(c);
  c->sync = true;
  c->net_end = &c->net;
  c->now_ns = 1000 * MS;
  c->config = (struct raft_config){.heartbeat_ns = 500 * MS,
                                   .election_min_ns = 1500 * MS,
                                   .election_max_ns = 3000 * MS,
                                   .commit_notice_ns = 50 * MS,
                                   .removed_linger_ns = 150 * MS,
                                   .retry_ns = 200 * MS,
                                   .stuck_retry_ns = 5000 * MS,
                                   .learner_lag_max = 5,
                                   .lease_promise_max_ns = 3000 * MS,
                                   .lease_drift_ppm = RAFT_LEASE_OFF,
                                   .append_entries_max = 300,
                                   .append_window = 4};
  for (id = 1; id < NODES_MAX; id++) {
    struct test_node *n = &c->nodes[id];
    n->id = id;
    n->random = id * 100 * MS; /* distinct in every interval timers are drawn from */
    n->writes_end = &n->writes;
    n->dropped = UINT64_MAX;
  }
  return c;
}

void cluster_free(struct cluster *c) {
  rkv_node_id id;
  for (id = 1; id < NODES_MAX; id++) cluster_crash(c, id);
  while (c->net) {
    struct message *m = c->net;
    c->net = m->next;
    message_free(m);
  }
  for (id = 1; id < NODES_MAX; id++) {
    free(c->nodes[id].log.entries);
    free(c->nodes[id].disk.log.entries);
  }
  for (size_t i = 0; i < c->membership_count; i++) free(c->memberships[i]);
  free(c->memberships);
  free(c);
}

/* ---- start and crash ---- */

/* The last two memberships that the disk knows; in a log that contradicts the snapshot, too: raft
 * has to see that. */
static size_t find_memberships(const struct test_node *n, struct raft_membership *two) {
  const struct test_snapshot *s = &n->disk.snapshot;
  const struct test_log *log = &n->disk.log;
  size_t i, count = 0;
  if (s->membership) two[count++] = *s->membership;
  for (i = 0; i < log->count; i++) {
    const struct test_entry *e = &log->entries[i];
    if (!e->membership || (s->membership && e->id.index <= s->membership->id.index)) continue;
    if (count == 2) two[0] = two[1], count = 1;
    two[count++] = *e->membership;
  }
  return count;
}

void cluster_start(struct cluster *c, rkv_node_id id) {
  struct test_node *n = &c->nodes[id];
  struct raft_membership *two = calloc(2, sizeof *two);
  struct rkv_log_id *terms = calloc(n->disk.log.count + 1, sizeof *terms);
  struct raft_start start = {0};
  struct rkv_error error;
  assert(!n->r && two && terms);
  start.vote = n->disk.vote;
  start.purged = n->disk.log.purged;
  start.last = log_last(&n->disk.log);
  start.snapshot = n->disk.snapshot.last;
  start.applied = start.snapshot;
  start.terms = terms;
  for (size_t i = 0; i < n->disk.log.count; i++)
    if (i == 0 || n->disk.log.entries[i].id.term != n->disk.log.entries[i - 1].id.term)
      terms[start.term_count++] = n->disk.log.entries[i].id;
  start.memberships = two;
  start.membership_count = find_memberships(n, two);
  c->config.id = id;
  log_copy(&n->log, &n->disk.log);
  n->applied = start.applied.index;
  if (raft_new(&c->config, &start, node_now(c, n), &n->r, &error) != RKV_OK) {
    fprintf(stderr, "raft_new: %s\n", error.text);
    abort();
  }
  carry_out(c, n);
  free(two);
  free(terms);
}

void cluster_set_log(struct cluster *c, rkv_node_id id, const rkv_term *terms, size_t count,
                     const rkv_node_id *voters, rkv_term term) {
  struct test_node *n = &c->nodes[id];
  struct raft_membership m = {.id = {terms[0], 1}, .value = cluster_membership(voters)};
  assert(!n->r && n->disk.log.count == 0);
  for (size_t i = 0; i < count; i++) {
    /* The same (term, index) is the same entry on every node. */
    struct test_entry e = {{terms[i], i + 1}, RKV_ENTRY_COMMAND, NULL, terms[i] * 1000 + i};
    if (i == 0) {
      e.kind = RKV_ENTRY_MEMBERSHIP;
      e.membership = keep_membership(c, &m);
    }
    log_push(&n->disk.log, e);
  }
  n->disk.vote = (struct rkv_vote){term, 0, false};
  cluster_start(c, id);
}

void cluster_crash(struct cluster *c, rkv_node_id id) {
  struct test_node *n = &c->nodes[id];
  raft_free(n->r);
  n->r = NULL;
  n->building = false;
  n->transferring = false;
  n->read_count = 0;
  n->commits = (struct rkv_log_id){0, 0};
  while (n->writes) {
    struct write *w = n->writes;
    n->writes = w->next;
    if (!n->writes) n->writes_end = &n->writes;
    if (w->type == WRITE_SEND) message_lost(c, w->message);
    free(w);
  }
}

void cluster_wipe(struct cluster *c, rkv_node_id id) {
  struct test_node *n = &c->nodes[id];
  size_t term;
  assert(!n->r);
  n->disk.log.count = 0;
  n->disk.log.purged = (struct rkv_log_id){0, 0};
  memset(&n->disk.vote, 0, sizeof n->disk.vote);
  memset(&n->disk.snapshot, 0, sizeof n->disk.snapshot);
  log_copy(&n->log, &n->disk.log);
  for (term = 0; term < TERMS_MAX; term++) c->voted[id][term] = 0; /* a second vote is right */
}

/* ---- disk ---- */

static void write_one(struct cluster *c, struct test_node *n, const struct write *w) {
  switch (w->type) {
  case WRITE_VOTE:
    law_vote(c, n, w->vote);
    n->disk.vote = w->vote;
    raft_on_vote_saved(n->r, node_now(c, n), w->vote);
    break;
  case WRITE_ENTRY:
    log_push(&n->disk.log, w->entry);
    raft_on_log_saved(n->r, node_now(c, n), w->entry.id);
    break;
  case WRITE_TRUNCATE: log_cut(&n->disk.log, w->id.index); break;
  case WRITE_PURGE: log_purge(&n->disk.log, w->id); break;
  case WRITE_SEND: message_send(c, w->message); break;
  }
}

void cluster_write(struct cluster *c, rkv_node_id id, size_t steps) {
  struct test_node *n = &c->nodes[id];
  while (steps-- > 0 && n->r && n->writes) {
    struct write *w = n->writes;
    n->writes = w->next;
    if (!n->writes) n->writes_end = &n->writes;
    write_one(c, n, w);
    free(w);
    carry_out(c, n);
  }
}

void cluster_built(struct cluster *c, rkv_node_id id) {
  struct test_node *n = &c->nodes[id];
  struct rkv_log_id last = cluster_view(c, id).applied;
  rkv_index i;
  assert(n->building);
  n->building = false;
  for (i = n->disk.snapshot.last.index + 1; i <= last.index; i++) {
    const struct test_entry *e = log_at(&n->log, i);
    if (e && e->membership) n->disk.snapshot.membership = e->membership;
  }
  n->disk.snapshot.last = last;
  raft_on_snapshot_built(n->r, node_now(c, n), last);
  carry_out(c, n);
}

/* ---- time ---- */

void cluster_time_one(struct cluster *c, rkv_node_id id) {
  struct test_node *n = &c->nodes[id];
  rkv_index purged = cluster_view(c, id).purged.index;
  raft_on_time(n->r, node_now(c, n));
  carry_out(c, n);
  /* No busy timer, but for the steps of a purge. */
  assert(raft_deadline(n->r) > c->now_ns || cluster_view(c, id).purged.index > purged);
}

static bool run_timer(struct cluster *c, uint64_t until) {
  rkv_node_id id, first = 0;
  for (id = 1; id < NODES_MAX; id++)
    if (c->nodes[id].r && raft_deadline(c->nodes[id].r) <= until &&
        (first == 0 || raft_deadline(c->nodes[id].r) < raft_deadline(c->nodes[first].r)))
      first = id;
  if (first == 0) return false;
  if (raft_deadline(c->nodes[first].r) > c->now_ns) c->now_ns = raft_deadline(c->nodes[first].r);
  cluster_time_one(c, first);
  return true;
}

void cluster_advance(struct cluster *c, uint64_t ns) {
  uint64_t until = c->now_ns + ns;
  while (run_timer(c, until)) continue;
  c->now_ns = until;
}

void cluster_run(struct cluster *c, uint64_t ns) {
  uint64_t until = c->now_ns + ns;
  do cluster_deliver_all(c);
  while (run_timer(c, until));
  c->now_ns = until;
}

/* ---- network ---- */

static struct message *take_message(struct cluster *c, rkv_node_id from, rkv_node_id to) {
  struct message **at = &c->net, *m;
  while (*at && ((from && (*at)->from != from) || (to && (*at)->to != to))) at = &(*at)->next;
  m = *at;
  if (!m) return NULL;
  *at = m->next;
  if (!m->next) c->net_end = at;
  return m;
}

bool cluster_deliver(struct cluster *c, rkv_node_id from, rkv_node_id to) {
  struct message *m = take_message(c, from, to);
  if (!m) return false;
  if (!c->nodes[m->to].r || c->nodes[m->from].cut || c->nodes[m->to].cut) {
    trace_message(c, "lost", m);
    message_lost(c, m);
  } else {
    trace_message(c, "deliver", m);
    message_handle(c, m);
  }
  return true;
}

bool cluster_drop(struct cluster *c, rkv_node_id from, rkv_node_id to) {
  struct message *m = take_message(c, from, to);
  if (!m) return false;
  trace_message(c, "lost", m);
  message_lost(c, m);
  return true;
}

void cluster_reorder(struct cluster *c) {
  struct message *m = take_message(c, 0, 0);
  if (m) message_send(c, m);
}

void cluster_deliver_all(struct cluster *c) {
  size_t left = 100000; /* a conversation that never ends is a defect */
  while (cluster_deliver(c, 0, 0)) assert(--left > 0);
}

size_t cluster_in_flight(const struct cluster *c, rkv_node_id from, rkv_node_id to) {
  const struct message *m;
  size_t count = 0;
  for (m = c->net; m; m = m->next)
    if ((!from || m->from == from) && (!to || m->to == to)) count++;
  return count;
}
