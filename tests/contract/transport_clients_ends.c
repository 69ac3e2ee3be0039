/* transport_clients_ends.c: laws of how a client's calls end: refused, late, given up, many at
 * once. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "transport_client.h"

void transport_law_client_statuses(struct contract *c);
void transport_law_client_answers_match(struct contract *c);
void transport_law_client_deadlines(struct contract *c);
void transport_law_client_calls_are_given_up(struct contract *c);

enum { IN_FLIGHT = 400, PATIENCE_MS = 700, CONNECTIONS = 2 };

/* All kinds of a client, those first that a small transport carries. */
static const enum call_kind all_kinds[] = {
#define CLIENT_KIND(name, field, function) CALL_##name,
    TRANSPORT_CLIENT_LIST(CLIENT_KIND)
#undef CLIENT_KIND
};
enum { KINDS = sizeof all_kinds / sizeof all_kinds[0] };

/* ---- statuses ---- */

/* "Surely not done", as a client takes it. */
static bool says_not_done(enum rkv_status status) {
  switch (status) {
  case RKV_ABORTED:
  case RKV_TIMEOUT:
  case RKV_CANCELLED:
  case RKV_IO:
  case RKV_NO_SPACE:
  case RKV_CORRUPT:
  case RKV_BROKEN: return false;
  default: return true;
  }
}

/* Those that must arrive as they are (rkv/transport.h). */
static bool is_exact(enum rkv_status status) {
  return status <= RKV_TIMEOUT || status == RKV_UNIMPLEMENTED;
}

static void refused_ask(struct pair *p, struct client_stock *stock, enum call_kind kind,
                        enum rkv_status status) {
  struct contract *c = p->a.c;
  struct asked a;
  ask_init(&a, &p->a, p->peer, kind);
  client_fill(&a, &p->e.reply, stock, 10, &p->seed);
  p->e.status = status;
  (void)rkv_fail(&p->e.error, status, "refused by the suite");
  if (status == RKV_NOT_LEADER) {
    p->e.error.leader_id = 7;
    (void)snprintf(p->e.error.leader_addr, sizeof p->e.error.leader_addr, "10.0.0.7:7");
  }
  ask(&a);
  (void)ask_wait(&a);
  CONTRACT_REQUIRE(c, a.status != RKV_OK,
                   "a client's call (%s) that the node refused is told as OK", call_names[kind]);
  CONTRACT_REQUIRE(c, a.status == status || !is_exact(status),
                   "a client's call (%s) that the node ended with %s is told as %s: %s",
                   call_names[kind], rkv_status_name(status), rkv_status_name(a.status),
                   a.error.text);
  CONTRACT_REQUIRE(c, says_not_done(status) || !says_not_done(a.status),
                   "a client's call (%s) that the node ended with %s is told as %s, which says "
                   "that nothing was done",
                   call_names[kind], rkv_status_name(status), rkv_status_name(a.status));
  CONTRACT_REQUIRE(c, status == RKV_NOT_LEADER || strstr(a.error.text, "refused by the suite"),
                   "a client's call (%s) lost the node's text: %s", call_names[kind], a.error.text);
  if (status != RKV_NOT_LEADER) return;
  CONTRACT_REQUIRE(c,
                   (a.error.leader_id == 7 || a.error.leader_id == 0) &&
                       strcmp(a.error.leader_addr, "10.0.0.7:7") == 0,
                   "a client's call (%s) lost who leads: %" PRIu64 " at \"%s\"", call_names[kind],
                   a.error.leader_id, a.error.leader_addr);
}

void transport_law_client_statuses(struct contract *c) {
  struct client_stock stock = {.bytes = rkv_buf_none()};
  struct pair p;
  client_skip_without(c, all_kinds, KINDS);
  pair_begin(&p, c);
  for (size_t k = 0; k < KINDS; k++)
    for (int status = RKV_INVALID; status <= RKV_BROKEN && ask_carries(&p.a, all_kinds[k]);
         status++)
      refused_ask(&p, &stock, all_kinds[k], (enum rkv_status)status);
  p.e.status = RKV_OK;
  client_stock_drop(&stock);
  ask_hello(&p.a, p.peer);
  pair_end(&p);
  contract_no_buffers(c);
}

/* ---- many at once ---- */

/* One of many calls in flight: its answer shows its question. */
struct numbered {
  struct asked a;
  struct rkv_buf bytes;
};

/* A node that answers a command, a query and an operator with what was asked, turned round. */
static enum rkv_status echo_on(struct side *s, enum call_kind kind, union any_call *call,
                               struct rkv_error *error) {
  struct rkv_buf asked, *out;
  uint8_t *bytes;
  if (kind == CALL_PROPOSE)
    asked = call->propose.command, out = &call->propose.result;
  else if (kind == CALL_QUERY)
    asked = call->query.request, out = &call->query.response;
  else if (kind == CALL_ADMIN)
    asked = call->admin.request, out = &call->admin.answer;
  else
    return follower_on(s, kind, call, error);
  if (kind == CALL_PROPOSE) call->propose.id = (struct rkv_log_id){0, 0};
  *out = contract_bytes(s->c, NULL, asked.len);
  bytes = (uint8_t *)(uintptr_t)out->data;
  for (size_t i = 0; i < asked.len; i++) bytes[i] = asked.data[asked.len - 1 - i];
  return RKV_OK;
}

static const enum call_kind echoed[] = {CALL_PROPOSE, CALL_QUERY, CALL_ADMIN};

static struct rkv_buf *answer_of(struct numbered *n) {
  if (n->a.kind == CALL_PROPOSE) return &n->a.call.propose.result;
  return n->a.kind == CALL_QUERY ? &n->a.call.query.response : &n->a.call.admin.answer;
}

static void ask_number(struct numbered *n, struct side *s, void *peer, size_t number) {
  enum call_kind kind = echoed[number % 3];
  char text[64];
  if (!ask_carries(s, kind)) kind = ask_carries(s, CALL_PROPOSE) ? CALL_PROPOSE : CALL_QUERY;
  ask_init(&n->a, s, peer, kind);
  (void)snprintf(text, sizeof text, "question %zu of its own kind %d", number, (int)kind);
  n->bytes = contract_bytes(s->c, text, strlen(text));
  if (kind == CALL_PROPOSE) n->a.call.propose.command = n->bytes;
  if (kind == CALL_QUERY) n->a.call.query.request = n->bytes;
  if (kind == CALL_ADMIN) n->a.call.admin.request = n->bytes;
  ask(&n->a);
}

static void number_ok(struct contract *c, struct numbered *n) {
  struct rkv_buf *is = answer_of(n);
  bool same;
  ask_ok(&n->a);
  same = is->len == n->bytes.len;
  for (size_t i = 0; same && i < is->len; i++) same = is->data[i] == n->bytes.data[is->len - 1 - i];
  CONTRACT_REQUIRE(c, same, "a client's call (%s: %.*s) got the answer of another",
                   call_names[n->a.kind], (int)n->bytes.len, (const char *)n->bytes.data);
  rkv_buf_drop(is);
  rkv_buf_drop(&n->bytes);
}

void transport_law_client_answers_match(struct contract *c) {
  const size_t count = lighter(c, IN_FLIGHT);
  struct numbered *all = calloc(count, sizeof *all);
  const uint64_t until = contract_now_ms() + UINT64_C(1000) * CONTRACT_WAIT_S * c->slow;
  uint64_t seed = c->seed;
  void *peers[CONNECTIONS];
  struct side a, b;
  CONTRACT_REQUIRE(c, all, "the suite has no memory");
  client_skip_without(c, echoed, 2);
  side_begin(&a, c, 1);
  side_init(&b, c, 2);
  b.on = echo_on;
  side_open(&b);
  side_start(&b);
  for (size_t i = 0; i < CONNECTIONS; i++) {
    peers[i] = side_peer(&a, &b, 1);
    ask_hello(&a, peers[i]);
  }
  side_hold(&b, true);
  for (size_t i = 0; i < count; i++) ask_number(&all[i], &a, peers[i % CONNECTIONS], i);
  for (size_t told = 0, before = SIZE_MAX; told < count;) {
    const bool idle = told == before;
    before = told;
    side_release(&b, &seed, idle ? 0 : 40); /* some stay, so that later ones overtake them */
    contract_pause_ms(2);
    for (told = 0; told < count && ask_told(&all[told].a);) told++;
    CONTRACT_REQUIRE(c, contract_now_ms() < until, "%zu of %zu calls of clients were answered",
                     told, count);
  }
  side_hold(&b, false);
  for (size_t i = 0; i < count; i++) number_ok(c, &all[i]);
  contract_note(c, "%zu calls over %d connections", count, CONNECTIONS);
  for (size_t i = 0; i < CONNECTIONS; i++) a.ops->peer_close(peers[i]);
  side_end(&a);
  side_end(&b);
  free(all);
  contract_no_buffers(c);
}

/* ---- many that wait ---- */

/* A call of each kind that the transport carries, and what it points to. */
struct crowd {
  struct asked all[KINDS];
  struct client_stock stocks[KINDS];
  size_t count;
};

static struct crowd *crowd_new(struct contract *c) {
  struct crowd *crowd = calloc(1, sizeof *crowd);
  CONTRACT_REQUIRE(c, crowd, "the suite has no memory");
  return crowd;
}

static void crowd_free(struct crowd *crowd) {
  for (size_t i = 0; i < KINDS; i++) client_stock_drop(&crowd->stocks[i]);
  free(crowd);
}

static void crowd_ask(struct crowd *crowd, struct pair *p, void *peer, unsigned patience_ms) {
  union any_call reply;
  crowd->count = 0;
  for (size_t k = 0; k < KINDS; k++) {
    struct asked *a = &crowd->all[crowd->count];
    if (!ask_carries(&p->a, all_kinds[k])) continue;
    ask_init(a, &p->a, peer, all_kinds[k]);
    a->patience_ms = patience_ms;
    client_fill(a, &reply, &crowd->stocks[crowd->count++], 10, &p->seed);
    ask(a);
  }
}

/* Asks a node that holds all of it back. */
static void crowd_ask_held(struct crowd *crowd, struct pair *p, unsigned patience_ms) {
  side_hold(&p->b, true);
  crowd_ask(crowd, p, p->peer, patience_ms);
  SIDE_AWAIT(p->a.c, side_held(&p->b) == crowd->count, "%zu of %zu calls of clients arrived",
             side_held(&p->b), crowd->count);
}

/* The node answers after all: nobody hears it. */
static void answer_late(struct pair *p) {
  side_hold(&p->b, false);
  side_release(&p->b, &p->seed, 0);
}

/* ---- late ---- */

void transport_law_client_deadlines(struct contract *c) {
  struct crowd *crowd = crowd_new(c);
  char nobody[RKV_ADDR_MAX];
  struct pair p;
  void *away;
  client_skip_without(c, all_kinds, KINDS);
  pair_begin(&p, c);
  crowd_ask_held(crowd, &p, PATIENCE_MS * c->slow);
  for (size_t i = 0; i < crowd->count; i++) {
    const enum rkv_status status = ask_wait(&crowd->all[i]);
    CONTRACT_REQUIRE(c, status == RKV_TIMEOUT || status == RKV_ABORTED,
                     "a client's call (%s) that the node has, and does not answer, ended with %s "
                     "instead of TIMEOUT or ABORTED",
                     call_names[crowd->all[i].kind], rkv_status_name(status));
  }
  answer_late(&p);
  free_addr(c, nobody);
  away = side_dial(&p.a, nobody);
  crowd_ask(crowd, &p, away, PATIENCE_MS * c->slow);
  for (size_t i = 0; i < crowd->count; i++) {
    const enum rkv_status status = ask_wait(&crowd->all[i]);
    CONTRACT_REQUIRE(c, status == RKV_TIMEOUT || status == RKV_ABORTED || status == RKV_UNAVAILABLE,
                     "a client's call (%s) to an address where nobody listens ended with %s",
                     call_names[crowd->all[i].kind], rkv_status_name(status));
  }
  p.a.ops->peer_close(away);
  ask_hello(&p.a, p.peer);
  crowd_free(crowd);
  pair_end(&p);
}

/* ---- given up ---- */

static void all_given_up(struct contract *c, struct crowd *crowd, const char *how) {
  for (size_t i = 0; i < crowd->count; i++)
    CONTRACT_REQUIRE(c, ask_wait(&crowd->all[i]) == RKV_CANCELLED,
                     "a client's call (%s) in flight at %s ended with %s",
                     call_names[crowd->all[i].kind], how, rkv_status_name(crowd->all[i].status));
}

void transport_law_client_calls_are_given_up(struct contract *c) {
  struct crowd *crowd = crowd_new(c);
  struct pair p;
  client_skip_without(c, all_kinds, KINDS);
  pair_begin(&p, c);
  crowd_ask_held(crowd, &p, 0);
  p.a.ops->peer_close(p.peer);
  all_given_up(c, crowd, "peer_close");
  answer_late(&p);
  p.peer = side_peer(&p.a, &p.b, 1);
  ask_hello(&p.a, p.peer);
  crowd_ask_held(crowd, &p, 0);
  side_stop(&p.a, 0);
  for (size_t i = 0; i < crowd->count; i++)
    CONTRACT_REQUIRE(c, ask_told(&crowd->all[i]),
                     "stop has returned, but a client's call (%s) is open",
                     call_names[crowd->all[i].kind]);
  all_given_up(c, crowd, "stop");
  answer_late(&p);
  crowd_free(crowd);
  pair_end(&p);
}
