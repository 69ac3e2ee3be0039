/* world_acts.c: the acts of clients in a simulated cluster, and what can be seen of it
 * (world.h). */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"
#include "world_internal.h"

#define ACT_NS UINT64_C(30000000000)
#define WAIT_NS (3 * ACT_NS) /* longer than an act: clocks run apart, nodes are paused */

union act_call {
  struct rkv_call call;
  struct rkv_propose_call propose;
  struct rkv_init_call init;
  struct rkv_membership_call membership;
  struct rkv_metrics_call metrics;
  struct rkv_query_call query;
  struct rkv_transfer_call transfer;
};

/* One act that waits for its answer. */
struct act {
  union act_call call; /* first: what the node knows */
  bool done;
  struct world_answer answer;
};

static void act_done(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct act *act = (struct act *)call;
  assert(!act->done);
  act->done = true;
  act->answer.status = status;
  if (error) act->answer.error = *error;
}

static bool is_done(struct world *w, void *arg) {
  (void)w;
  return ((struct act *)arg)->done;
}

static struct act *act_new(struct world *w, rkv_node_id at) {
  struct act *act = calloc(1, sizeof *act);
  assert(act);
  act->call.call.done = act_done;
  act->call.call.deadline_ns = world_local_ns(&w->nodes[at]) + ACT_NS;
  return act;
}

/* Kicks the node and waits for the answer, which is copied out. */
static struct world_answer finish(struct world *w, rkv_node_id at, struct act *act) {
  world_kick(w, at);
  bool in_time = world_until(w, WAIT_NS, is_done, act);
  assert(in_time); /* every call ends, at the latest by its deadline */
  struct world_answer answer = act->answer;
  free(act);
  return answer;
}

static const struct rkv_node_api *api_of(struct world *w, rkv_node_id at) {
  assert(w->nodes[at].running);
  return node_api(w->nodes[at].node);
}

struct world_answer world_init(struct world *w, rkv_node_id at, const rkv_node_id *ids,
                               size_t count) {
  struct act *act = act_new(w, at);
  struct rkv_membership *m = calloc(1, sizeof *m);
  assert(m);
  m->config_count = 1;
  for (size_t i = 0; i < count; i++) {
    char addr[32];
    (void)snprintf(addr, sizeof addr, "node:%" PRIu64, ids[i]);
    (void)rkv_config_add(&m->configs[0], ids[i]);
    (void)rkv_membership_add_node(m, ids[i], addr, strlen(addr));
  }
  act->call.init.membership = m;
  api_of(w, at)->init(api_of(w, at)->ctx, &act->call.init);
  struct world_answer answer = finish(w, at, act);
  free(m);
  return answer;
}

static struct world_answer finish_change(struct world *w, rkv_node_id at, struct act *act) {
  world_kick(w, at);
  bool in_time = world_until(w, WAIT_NS, is_done, act);
  assert(in_time);
  act->answer.id = act->call.membership.id;
  rkv_buf_drop(&act->call.membership.membership);
  return finish(w, at, act);
}

struct world_answer world_add_learner(struct world *w, rkv_node_id at, rkv_node_id learner) {
  struct act *act = act_new(w, at);
  act->call.membership.learner.id = learner;
  (void)snprintf(act->call.membership.learner.addr, RKV_ADDR_MAX, "node:%" PRIu64, learner);
  api_of(w, at)->add_learner(api_of(w, at)->ctx, &act->call.membership);
  return finish_change(w, at, act);
}

struct world_answer world_change(struct world *w, rkv_node_id at, const rkv_node_id *ids,
                                 size_t count, bool retain) {
  struct act *act = act_new(w, at);
  for (size_t i = 0; i < count; i++) (void)rkv_config_add(&act->call.membership.voters, ids[i]);
  act->call.membership.retain = retain;
  api_of(w, at)->change_membership(api_of(w, at)->ctx, &act->call.membership);
  return finish_change(w, at, act);
}

/* One length-delimited protobuf field. */
static size_t put_field(uint8_t *at, uint8_t tag, const char *text) {
  size_t len = strlen(text), n = 0;
  at[n++] = tag;
  size_t rest = len;
  for (; rest >= 0x80; rest >>= 7) at[n++] = (uint8_t)(rest | 0x80);
  at[n++] = (uint8_t)rest;
  memcpy(at + n, text, len);
  return n + len;
}

/* A Set's bytes; the caller drops the reference. */
static struct rkv_buf command_of(struct world *w, rkv_node_id at, const char *key,
                                 const char *value) {
  struct rkv_buf command;
  struct rkv_host *host = &w->nodes[at].host;
  uint8_t *bytes = host->buf_alloc(host->ctx, strlen(key) + strlen(value) + 16, &command);
  assert(bytes);
  command.len = put_field(bytes, 0x0a, key);
  command.len += put_field(bytes + command.len, 0x12, value);
  return command;
}

struct world_answer world_set(struct world *w, rkv_node_id at, const char *key, const char *value) {
  struct act *act = act_new(w, at);
  struct rkv_buf command = command_of(w, at, key, value);
  act->call.propose.command = command;
  api_of(w, at)->propose(api_of(w, at)->ctx, &act->call.propose);
  world_kick(w, at);
  bool in_time = world_until(w, WAIT_NS, is_done, act);
  assert(in_time);
  act->answer.id = act->call.propose.id;
  rkv_buf_drop(&act->call.propose.result);
  rkv_buf_drop(&command);
  return finish(w, at, act);
}

size_t world_burst(struct world *w, rkv_node_id at, size_t count, enum rkv_status wanted) {
  struct act **acts = calloc(count, sizeof(struct act *));
  struct rkv_buf command = command_of(w, at, "burst", "value");
  size_t matched = 0;
  assert(acts);
  for (size_t i = 0; i < count; i++) {
    acts[i] = act_new(w, at);
    acts[i]->call.propose.command = command;
    api_of(w, at)->propose(api_of(w, at)->ctx, &acts[i]->call.propose);
  }
  world_kick(w, at);
  for (size_t i = 0; i < count; i++) {
    bool in_time = world_until(w, WAIT_NS, is_done, acts[i]);
    assert(in_time);
    rkv_buf_drop(&acts[i]->call.propose.result);
    if (acts[i]->answer.status == wanted) matched++;
    free(acts[i]);
  }
  free(acts);
  rkv_buf_drop(&command);
  return matched;
}

/* The value in a Response's bytes. */
static void take_value(struct world_answer *answer, struct rkv_buf response) {
  size_t skip = 1;
  if (response.len == 0) {
    answer->status = RKV_NOT_FOUND;
    return;
  }
  while (response.data[skip] & 0x80) skip++;
  (void)snprintf(answer->text, sizeof answer->text, "%.*s", (int)(response.len - skip - 1),
                 (const char *)response.data + skip + 1);
}

struct world_answer world_get(struct world *w, rkv_node_id at, const char *key) {
  struct world_answer answer = {0};
  uint8_t request[256];
  struct rkv_buf response = rkv_buf_none();
  size_t len = put_field(request, 0x0a, key);
  answer.status =
      w->sm->query(w->nodes[at].sm, rkv_buf_static(request, len), &response, &answer.error);
  if (answer.status == RKV_OK) take_value(&answer, response);
  rkv_buf_drop(&response);
  return answer;
}

struct world_answer world_read(struct world *w, rkv_node_id at, const char *key,
                               enum rkv_read how) {
  struct act *act = act_new(w, at);
  uint8_t request[256];
  act->call.query.request = rkv_buf_static(request, put_field(request, 0x0a, key));
  act->call.query.read = (uint32_t)how;
  api_of(w, at)->query(api_of(w, at)->ctx, &act->call.query);
  world_kick(w, at);
  bool in_time = world_until(w, WAIT_NS, is_done, act);
  assert(in_time);
  if (act->answer.status == RKV_OK) take_value(&act->answer, act->call.query.response);
  rkv_buf_drop(&act->call.query.response);
  return finish(w, at, act);
}

struct world_answer world_transfer(struct world *w, rkv_node_id at, rkv_node_id target) {
  struct act *act = act_new(w, at);
  act->call.transfer.target = target;
  api_of(w, at)->transfer(api_of(w, at)->ctx, &act->call.transfer);
  return finish(w, at, act);
}

struct world_metrics world_metrics(struct world *w, rkv_node_id at) {
  struct world_metrics metrics = {0};
  if (w->stalled == at) {
    (void)snprintf(metrics.state, sizeof metrics.state, "stands still");
    return metrics;
  }
  struct act *act = act_new(w, at);
  api_of(w, at)->metrics(api_of(w, at)->ctx, &act->call.metrics);
  node_kick(w->nodes[at].node); /* also while the node is paused: this is a look from outside */
  assert(act->done);            /* every node answers metrics at once */
  bool fatal = node_fatal_status(w->nodes[at].node, NULL) != RKV_OK;
  if (fatal || act->answer.status == RKV_FULL || act->answer.status == RKV_NO_MEMORY) {
    /* the node became fatal after the answer, in the same batch */
    if (act->answer.status == RKV_OK) {
      rkv_buf_drop(&act->call.metrics.text);
      rkv_buf_drop(&act->call.metrics.membership);
    }
    (void)snprintf(metrics.state, sizeof metrics.state, fatal ? "fatal" : "short of room");
    free(act);
    return metrics;
  }
  assert(act->answer.status == RKV_OK);
  struct rkv_metrics_call *m = &act->call.metrics;
  (void)snprintf(metrics.state, sizeof metrics.state, "%s", m->state);
  metrics.leader = m->leader;
  metrics.vote = m->vote;
  metrics.last = m->last;
  metrics.committed = m->committed;
  metrics.applied = m->applied;
  metrics.snapshot = m->snapshot;
  metrics.purged = m->purged;
  if (m->membership.len > 0) {
    enum rkv_status status = rkv_membership_decode(m->membership.data, m->membership.len,
                                                   &metrics.membership, &act->answer.error);
    assert(status == RKV_OK);
  }
  rkv_buf_drop(&m->membership);
  rkv_buf_drop(&m->text);
  free(act);
  return metrics;
}

rkv_node_id world_leader(struct world *w) {
  rkv_node_id leader = 0;
  rkv_term term = 0;
  for (rkv_node_id id = 1; id <= WORLD_NODES_MAX; id++) {
    if (!w->nodes[id].running) continue;
    struct world_metrics m = world_metrics(w, id);
    if (strcmp(m.state, "leader") == 0 && m.vote.term >= term) leader = id, term = m.vote.term;
  }
  return leader;
}

static bool has_leader(struct world *w, void *arg) {
  (void)arg;
  return world_leader(w) != 0;
}

rkv_node_id world_wait_leader(struct world *w) {
  return world_until(w, ACT_NS, has_leader, NULL) ? world_leader(w) : 0;
}

static bool all_applied(struct world *w, void *arg) {
  (void)arg;
  rkv_node_id leader = world_leader(w);
  if (!leader) return false;
  struct world_metrics want = world_metrics(w, leader);
  if (!rkv_log_id_equal(want.last, want.applied)) return false;
  for (rkv_node_id id = 1; id <= WORLD_NODES_MAX; id++) {
    if (!w->nodes[id].running || !rkv_membership_find(&want.membership, id)) continue;
    if (!rkv_log_id_equal(world_metrics(w, id).applied, want.applied)) return false;
  }
  return true;
}

bool world_settle(struct world *w) {
  return world_until(w, ACT_NS, all_applied, NULL);
}
