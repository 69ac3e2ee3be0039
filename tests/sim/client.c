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
#define HUGE_BYTES 20000

enum { COMMAND_MAX = HUGE_BYTES + 64 };

struct sim_client {
  union {
    struct rkv_call call; /* first: what the node knows */
    struct rkv_propose_call propose;
    struct rkv_query_call query;
  } u;
  struct sim *sim;
  unsigned number;
  bool busy, write;
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

static size_t put_key(struct sim_client *c) {
  char key[16];
  int len = snprintf(key, sizeof key, "key-%u", c->key);
  return put_field(c->bytes, 0x0a, key, (size_t)len);
}

/* The number at the start of a Response's value; 0 if there is none. */
static uint64_t value_in(struct rkv_buf response) {
  char text[24] = {0};
  size_t at = 1;
  if (response.len == 0) return 0;
  while (response.data[at] & 0x80) at++;
  at++;
  for (size_t i = 0; i + 1 < sizeof text && at + i < response.len; i++)
    text[i] = (char)response.data[at + i];
  return strtoull(text, NULL, 10);
}

static void think(struct sim_client *c);

static void end_write(struct sim_client *c, enum rkv_status status) {
  struct sim *s = c->sim;
  struct history_op *op = &s->history.ops[c->op];
  if (status == RKV_OK) {
    s->coverage->acknowledged++;
    op->returned = tick(s);
    if (value_in(c->u.propose.result) != c->value)
      sim_fail(s, "client %u wrote %" PRIu64 " and was told %" PRIu64, c->number, c->value,
               value_in(c->u.propose.result));
    rkv_buf_drop(&c->u.propose.result);
  } else if (status != RKV_ABORTED && status != RKV_TIMEOUT && status != RKV_CANCELLED &&
             status != RKV_IO) {
    op->value = UINT64_MAX; /* surely not done: open, and never read */
  }
  rkv_buf_drop(&c->u.propose.command);
}

static void end_read(struct sim_client *c, enum rkv_status status) {
  struct sim *s = c->sim;
  if (status != RKV_OK) return;
  s->coverage->reads++;
  (void)history_add(&s->history, (struct history_op){.invoked = c->invoked,
                                                     .returned = tick(s),
                                                     .key = c->key,
                                                     .value = value_in(c->u.query.response)});
  rkv_buf_drop(&c->u.query.response);
}

static void on_done(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct sim_client *c = (struct sim_client *)call;
  if (!c->busy) return sim_fail(c->sim, "client %u was answered twice", c->number);
  c->busy = false;
  sim_tell(c->sim, "client %u %s key-%u %" PRIu64 " at node %" PRIu64 ": %s", c->number,
           c->write ? "write" : "read", c->key,
           c->write           ? c->value
           : status == RKV_OK ? value_in(c->u.query.response)
                              : 0,
           c->at, rkv_status_name(status));
  c->guess = error && error->leader_id <= SIM_NODES ? error->leader_id : status ? 0 : c->at;
  if (c->write)
    end_write(c, status);
  else
    end_read(c, status);
  think(c);
}

static void write_key(struct sim_client *c, const struct rkv_node_api *api) {
  struct sim *s = c->sim;
  char value[HUGE_BYTES];
  bool huge = world_random(s->w) % 20 == 0;
  memset(value, '.', sizeof value);
  c->value = s->history.count + 1;
  int len = snprintf(value, sizeof value, "%" PRIu64 " ", c->value);
  value[len] = '.';
  size_t at = put_key(c);
  at += put_field(c->bytes + at, 0x12, value, huge ? sizeof value : (size_t)len);
  c->op = history_add(&s->history, (struct history_op){.invoked = c->invoked,
                                                       .returned = HISTORY_OPEN,
                                                       .key = c->key,
                                                       .write = true,
                                                       .value = c->value});
  sim_cover(s, huge ? SIM_OP_HUGE_WRITE : SIM_OP_WRITE);
  struct rkv_host *host = &s->w->nodes[c->at].host;
  struct rkv_buf command;
  uint8_t *bytes = host->buf_alloc(host->ctx, at, &command);
  assert(bytes);
  memcpy(bytes, c->bytes, at);
  c->u.propose.command = command;
  api->propose(api->ctx, &c->u.propose);
}

static void read_key(struct sim_client *c, const struct rkv_node_api *api) {
  size_t at = put_key(c);
  sim_cover(c->sim, SIM_OP_READ);
  c->u.query.request = rkv_buf_static(c->bytes, at);
  c->u.query.read = RKV_READ_LINEARIZABLE;
  api->query(api->ctx, &c->u.query);
}

static void act(struct world *w, void *arg) {
  struct sim_client *c = arg;
  struct sim *s = c->sim;
  rkv_node_id any = sim_any_node(s);
  if (s->failed || s->healing) return;
  if (any == 0) return think(c);
  bool guess = c->guess != 0 && w->nodes[c->guess].running && !w->nodes[c->guess].stopping;
  c->at = guess && world_random(w) % 4 != 0 ? c->guess : any;
  c->key = (uint32_t)(world_random(w) % SIM_KEYS);
  c->write = world_random(w) % 3 == 0;
  c->invoked = tick(s);
  memset(&c->u, 0, sizeof c->u);
  c->u.call.done = on_done;
  c->u.call.deadline_ns = world_local_ns(&w->nodes[c->at]) + CALL_NS;
  c->busy = true;
  const struct rkv_node_api *api = node_api(w->nodes[c->at].node);
  if (c->write)
    write_key(c, api);
  else
    read_key(c, api);
  world_kick(w, c->at);
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
