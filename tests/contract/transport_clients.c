/* transport_clients.c: laws of what clients ask through a transport: every call, every field, both
 * ways. */
#include <inttypes.h>
#include <stdio.h>

#include "transport_client.h"

void transport_law_commands_arrive(struct contract *c);
void transport_law_reads_arrive(struct contract *c);
void transport_law_changes_arrive(struct contract *c);
void transport_law_operators_arrive(struct contract *c);

/* Asks one call of random content, and compares both ends. */
static void exchange(struct pair *p, struct client_stock *stock, enum call_kind kind, size_t len) {
  struct asked a;
  ask_init(&a, &p->a, p->peer, kind);
  client_fill(&a, &p->e.reply, stock, len, &p->seed);
  p->e.sent = &a.call;
  ask(&a);
  ask_ok(&a);
  client_answer_same(p->a.c, kind, &a.call, &p->e.reply);
  p->e.sent = NULL;
}

/* Payloads of a few bytes, none at all, and those at the edges of what fits. */
static size_t some_len(struct contract *c, uint64_t round, uint64_t *seed) {
  /* a slow (sanitized) build looks at threads and memory, not at sizes */
  const size_t most = c->slow > 1 ? CLIENT_BYTES_MAX / 64 : CLIENT_BYTES_MAX;
  const size_t edges[] = {0, 1, most, most - 1, 1u << 14, (1u << 16) + 1};
  if (round < sizeof edges / sizeof edges[0]) return edges[round];
  return contract_between(seed, 0, round % 16 ? 300 : 70000);
}

/* Each round one call of each kind that the transport carries. */
static void exchange_each(struct contract *c, const enum call_kind *kinds, size_t count,
                          uint64_t rounds, bool sized) {
  struct client_stock stock = {.bytes = rkv_buf_none()};
  uint64_t calls = 0;
  struct pair p;
  client_skip_without(c, kinds, count);
  pair_begin(&p, c);
  for (uint64_t i = 0; i < rounds; i++)
    for (size_t k = 0; k < count; k++) {
      if (!ask_carries(&p.a, kinds[k])) continue;
      exchange(&p, &stock, kinds[k], sized ? some_len(c, i, &p.seed) : i % 300);
      calls++;
    }
  for (size_t k = 0; k < count; k++)
    if (ask_carries(&p.a, kinds[k]))
      CONTRACT_REQUIRE(c, side_handed(&p.b, kinds[k]) == rounds,
                       "%" PRIu64 " calls (%s) were handed in as %zu", rounds, call_names[kinds[k]],
                       side_handed(&p.b, kinds[k]));
  client_stock_drop(&stock);
  contract_note(c, "%" PRIu64 " calls", calls);
  pair_end(&p);
  contract_no_buffers(c);
}

void transport_law_commands_arrive(struct contract *c) {
  static const enum call_kind kinds[] = {CALL_PROPOSE};
  exchange_each(c, kinds, 1, lighter(c, contract_amount(c, 200, 200, 5000)), true);
}

void transport_law_reads_arrive(struct contract *c) {
  static const enum call_kind kinds[] = {CALL_QUERY};
  exchange_each(c, kinds, 1, lighter(c, contract_amount(c, 200, 200, 5000)), true);
}

void transport_law_changes_arrive(struct contract *c) {
  static const enum call_kind kinds[] = {CALL_INIT, CALL_ADD_LEARNER, CALL_CHANGE_MEMBERSHIP,
                                         CALL_REMOVE, CALL_SET_ADDRESS};
  exchange_each(c, kinds, sizeof kinds / sizeof kinds[0],
                lighter(c, contract_amount(c, 100, 100, 3000)), false);
}

void transport_law_operators_arrive(struct contract *c) {
  static const enum call_kind kinds[] = {CALL_TRANSFER, CALL_SNAPSHOT_NOW, CALL_METRICS,
                                         CALL_ADMIN};
  exchange_each(c, kinds, sizeof kinds / sizeof kinds[0],
                lighter(c, contract_amount(c, 100, 100, 3000)), false);
}
