/* client.c: clients that write and read a few keys, one call at a time each, and the history of
 * what they were told.
 *
 * A write whose outcome is unknown (timeout, crash, lost leadership) stays open in the history; a
 * read without answer is forgotten. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define THINK_NS UINT64_C(400000000)
#define CALL_NS UINT64_C(1200000000)
#define HUGE_BYTES 40000 /* more than one append may carry */

enum { COMMAND_MAX = HUGE_BYTES + 64 };

struct sim_client {
  union {
    struct rkv_call call; /* first: what the node knows */
    struct rkv_propose_call propose;
    struct rkv_query_call query;
  } u;
  struct sim *sim;
  unsigned number;
  bool busy;
  enum { CLIENT_READ, CLIENT_LEASE_READ, CLIENT_WRITE, CLIENT_EMPTY_WRITE } what;
  rkv_node_id at, guess; /* guess: who leads, as last told */
  uint32_t key;
  uint64_t value, invoked;
  size_t op; /* of a write: its place in the history */
  uint8_t bytes[COMMAND_MAX];
};

/* Unique, growing: two events at one moment are still ordered. */
static uint64_t tick(struct sim *s) {
  return ++s->ticks;
}

static size_t put_field(uint8_t *at, uint8_t tag, const void *data, size_t len) {
  size_t n = 0, rest = len;
  at[n++] = tag;
  for (; rest >= 0x80; rest >>= 7) at[n++] = (uint8_t)(rest | 0x80);
  at[n++] = (uint8_t)rest;
  memcpy(at + n, data, len);
  return n + len;
}

size_t client_put_key(uint8_t *at, uint32_t key) {
  char text[16];
  int len = snprintf(text, sizeof text, "key-%u", key);
  return put_field(at, 0x0a, text, (size_t)len);
}

static uint64_t number_at(const uint8_t *at, const uint8_t *end) {
  uint64_t number = 0;
  for (; at < end && *at >= '0' && *at <= '9'; at++) number = number * 10 + (uint64_t)(*at - '0');
  return number;
}

/* Behind the field's tag and length. */
static const uint8_t *content(const uint8_t *field) {
  field++;
  while (*field & 0x80) field++;
  return field + 1;
}

uint64_t client_value_in(struct rkv_buf response) {
  if (response.len == 0) return 0;
  return number_at(content(response.data), response.data + response.len);
}

bool client_read_command(struct rkv_buf command, uint32_t *key, uint64_t *value) {
  static const char name[] = "key-";
  const uint8_t *end = command.data + command.len, *at;
  if (command.len < 8 || memcmp(command.data + 2, name, sizeof name - 1) != 0) return false;
  at = command.data + 2 + command.data[1];
  *key = (uint32_t)number_at(command.data + 2 + sizeof name - 1, at);
  *value = number_at(content(at), end);
  return *key < SIM_KEYS;
}

static void think(struct sim_client *c);

/* Lost leadership, time that was up, a node that ended: it may be done yet. */
static bool is_open(enum rkv_status status) {
  switch (status) {
  case RKV_ABORTED:
  case RKV_TIMEOUT:
  case RKV_CANCELLED:
  case RKV_IO:
  case RKV_NO_SPACE:
  case RKV_CORRUPT:
  case RKV_NO_MEMORY: return true;
  default: return false;
  }
}

static void end_write(struct sim_client *c, enum rkv_status status) {
  struct sim *s = c->sim;
  struct history_op *op = &s->history.ops[c->op];
  if (status == RKV_OK) {
    sim_count(s, SIM_EFFECT_ACKNOWLEDGED);
    op->returned = tick(s);
    if (client_value_in(c->u.propose.result) != c->value)
      sim_fail(s, "client %u wrote %" PRIu64 " and was told %" PRIu64, c->number, c->value,
               client_value_in(c->u.propose.result));
    rkv_buf_drop(&c->u.propose.result);
  } else if (!is_open(status)) {
    op->value = UINT64_MAX; /* surely not done: open, and never read */
  }
  rkv_buf_drop(&c->u.propose.command);
}

static void end_read(struct sim_client *c, enum rkv_status status) {
  struct sim *s = c->sim;
  if (status != RKV_OK) return;
  sim_count(s, c->what == CLIENT_READ ? SIM_EFFECT_READS : SIM_EFFECT_LEASE_READ);
  (void)history_add(&s->history,
                    (struct history_op){.invoked = c->invoked,
                                        .returned = tick(s),
                                        .key = c->key,
                                        .value = client_value_in(c->u.query.response)});
  rkv_buf_drop(&c->u.query.response);
}

static void note_refusal(struct sim *s, enum rkv_status status, const struct rkv_error *error) {
  if (status == RKV_FULL) sim_count(s, SIM_EFFECT_FULL);
  if (status == RKV_UNAVAILABLE && strstr(error->text, "takes no writes"))
    sim_count(s, SIM_EFFECT_STALLED);
}

static void on_done(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  static const char *const names[] = {"read", "lease read", "write", "empty write"};
  struct sim_client *c = (struct sim_client *)call;
  struct sim *s = c->sim;
  if (!c->busy) {
    sim_fail(s, "client %u was answered twice", c->number);
    return;
  }
  c->busy = false;
  bool read = c->what == CLIENT_READ || c->what == CLIENT_LEASE_READ;
  sim_tell(s, "client %u %s key-%u %" PRIu64 " at node %" PRIu64 ": %s %s", c->number,
           names[c->what], c->key,
           !read              ? c->value
           : status == RKV_OK ? client_value_in(c->u.query.response)
                              : 0,
           c->at, rkv_status_name(status), status ? error->text : "");
  c->guess = error && error->leader_id <= SIM_NODES ? error->leader_id : status ? 0 : c->at;
  if (status != RKV_OK) note_refusal(s, status, error);
  if (read)
    end_read(c, status);
  else if (c->what == CLIENT_WRITE)
    end_write(c, status);
  else if (status == RKV_OK)
    sim_fail(s, "an empty command was taken");
  think(c);
}

static void propose(struct sim_client *c, const struct rkv_node_api *api, struct rkv_buf command) {
  c->busy = true;
  c->u.propose.command = command;
  api->propose(api->ctx, &c->u.propose);
}

static void write_key(struct sim_client *c, const struct rkv_node_api *api) {
  struct sim *s = c->sim;
  char value[HUGE_BYTES];
  bool huge = world_random(s->w) % 20 == 0;
  memset(value, '.', sizeof value);
  c->value = s->history.count + 1;
  int len = snprintf(value, sizeof value, "%" PRIu64 " ", c->value);
  value[len] = '.';
  size_t at = client_put_key(c->bytes, c->key);
  at += put_field(c->bytes + at, 0x12, value, huge ? sizeof value : (size_t)len);
  struct rkv_host *host = &s->w->nodes[c->at].host;
  struct rkv_buf command;
  uint8_t *bytes = host->buf_alloc(host->ctx, at, &command);
  if (!bytes) { /* memory is short there */
    think(c);
    return;
  }
  memcpy(bytes, c->bytes, at);
  c->op = history_add(&s->history, (struct history_op){.invoked = c->invoked,
                                                       .returned = HISTORY_OPEN,
                                                       .key = c->key,
                                                       .write = true,
                                                       .value = c->value});
  sim_cover(s, huge ? SIM_OP_HUGE_WRITE : SIM_OP_WRITE);
  propose(c, api, command);
}

static void write_nothing(struct sim_client *c, const struct rkv_node_api *api) {
  sim_cover(c->sim, SIM_OP_EMPTY_WRITE);
  propose(c, api, rkv_buf_none());
}

static void read_key(struct sim_client *c, const struct rkv_node_api *api) {
  size_t at = client_put_key(c->bytes, c->key);
  bool lease = c->what == CLIENT_LEASE_READ;
  sim_cover(c->sim, lease ? SIM_OP_LEASE_READ : SIM_OP_READ);
  c->busy = true;
  c->u.query.request = rkv_buf_static(c->bytes, at);
  c->u.query.read = lease ? RKV_READ_LEASE : RKV_READ_LINEARIZABLE;
  api->query(api->ctx, &c->u.query);
}

static void choose(struct sim_client *c) {
  struct sim *s = c->sim;
  uint64_t dice = world_random(s->w) % 30;
  c->key = (uint32_t)(world_random(s->w) % SIM_KEYS);
  c->what = CLIENT_READ;
  if (dice < 10)
    c->what = CLIENT_WRITE;
  else if (dice == 10)
    c->what = CLIENT_EMPTY_WRITE;
  else if (s->leases && dice < 20)
    c->what = CLIENT_LEASE_READ;
}

/* A leader whose loop stands still, while another one leads (nemesis_lease.c). */
static void ask_standing(struct sim_client *c) {
  if (world_random(c->sim->w) % 2) return;
  c->at = c->sim->standing;
  c->what = CLIENT_LEASE_READ;
  sim_count(c->sim, SIM_EFFECT_STALE_QUESTION);
}

static void act(struct world *w, void *arg) {
  struct sim_client *c = arg;
  struct sim *s = c->sim;
  rkv_node_id any = sim_any_node(s);
  if (s->failed || s->healing) return;
  if (any == 0 || any == s->standing) {
    think(c);
    return;
  }
  bool guess = c->guess != 0 && c->guess != s->standing && w->nodes[c->guess].running &&
               !w->nodes[c->guess].stopping;
  c->at = guess && world_random(w) % 4 != 0 ? c->guess : any;
  choose(c);
  if (s->asks_standing && w->stalled == s->standing && s->leases) ask_standing(c);
  c->invoked = tick(s);
  memset(&c->u, 0, sizeof c->u);
  c->u.call.done = on_done;
  c->u.call.deadline_ns = world_local_ns(&w->nodes[c->at]) + CALL_NS;
  const struct rkv_node_api *api = node_api(w->nodes[c->at].node);
  switch (c->what) {
  case CLIENT_WRITE: write_key(c, api); break;
  case CLIENT_EMPTY_WRITE: write_nothing(c, api); break;
  default: read_key(c, api); break;
  }
  world_kick_last(w, c->at);
}

static void think(struct sim_client *c) {
  struct world *w = c->sim->w;
  world_at(w, w->now_ns + world_random(w) % THINK_NS, act, c);
}

void client_start(struct sim *s) {
  for (unsigned i = 0; i < SIM_CLIENTS; i++) {
    struct sim_client *c = calloc(1, sizeof *c);
    assert(c);
    c->sim = s;
    c->number = i;
    s->clients[i] = c;
    think(c);
  }
}

bool client_quiet(struct sim *s) {
  for (unsigned i = 0; i < SIM_CLIENTS; i++)
    if (s->clients[i]->busy) return false;
  return true;
}

void client_free(struct sim *s) {
  for (unsigned i = 0; i < SIM_CLIENTS; i++) free(s->clients[i]);
}
