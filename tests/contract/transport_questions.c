/* transport_questions.c: laws of the smaller calls, of refusals and of envelopes. */
#include <inttypes.h>
#include <stdio.h>

#include "transport_pair.h"

void transport_law_questions_arrive(struct contract *c);
void transport_law_refusals_arrive(struct contract *c);
void transport_law_envelope_arrives(struct contract *c);

void transport_law_questions_arrive(struct contract *c) {
  static const enum call_kind kinds[] = {CALL_TIMEOUT_NOW, CALL_READ_INDEX, CALL_HELLO};
  uint64_t rounds = lighter(c, contract_amount(c, 300, 300, 10000)), unknown = 0;
  struct pair p;
  pair_begin(&p, c);
  for (uint64_t i = 0; i < rounds; i++) {
    struct asked a;
    ask_init(&a, &p.a, p.peer, kinds[i % 3]);
    if (a.kind == CALL_TIMEOUT_NOW) {
      a.call.timeout_now.vote = some_vote(&p.seed, true);
      a.call.timeout_now.last = some_id(&p.seed);
    }
    if (a.kind == CALL_READ_INDEX)
      a.call.read_index.read = coin(&p.seed) ? RKV_READ_LEASE : RKV_READ_LINEARIZABLE;
    p.e.reply.read_index.index = some_id(&p.seed);
    p.e.sent = &a.call;
    ask(&a);
    if (ask_wait(&a) == RKV_UNIMPLEMENTED) {
      unknown++;
      continue;
    }
    ask_ok(&a);
    if (a.kind == CALL_READ_INDEX)
      id_same(c, a.call.read_index.index, p.e.reply.read_index.index, "the read index");
    if (a.kind != CALL_HELLO) continue;
    CONTRACT_REQUIRE(c,
                     a.call.hello.id == 2 && a.call.hello.incarnation == 1002 &&
                         a.call.hello.cluster.high == 2 && a.call.hello.cluster.low == 77,
                     "hello's answer is not what the node said");
    CONTRACT_REQUIRE(c,
                     c->plugin->abi_minor < 2 ||
                         (a.call.hello.membership.term == 2 &&
                          a.call.hello.membership.index == 78 && a.call.hello.names_asker == 1),
                     "hello's answer lost what the node said of the membership and the asker");
  }
  contract_note(c, "%" PRIu64 " calls, %" PRIu64 " UNIMPLEMENTED", rounds, unknown);
  pair_end(&p);
}

void transport_law_refusals_arrive(struct contract *c) {
  struct pair p;
  pair_begin(&p, c);
  for (int kind = 0; kind < CALL_HELLO; kind++)
    for (int status = RKV_INVALID; status <= RKV_BROKEN; status++) {
      bool exact = (kind == CALL_READ_INDEX && status == RKV_NOT_LEADER) ||
                   (kind == CALL_TIMEOUT_NOW && status == RKV_PRECONDITION) ||
                   status == RKV_INVALID;
      struct asked a;
      if (kind == CALL_APPEND && status == RKV_TOO_LARGE) continue; /* the transport's own word */
      ask_init(&a, &p.a, p.peer, (enum call_kind)kind);
      p.e.sent = &a.call;
      p.e.status = (enum rkv_status)status;
      (void)rkv_fail(&p.e.error, p.e.status, "refused by the suite");
      p.e.error.leader_id = 7;
      (void)snprintf(p.e.error.leader_addr, sizeof p.e.error.leader_addr, "10.0.0.7:7");
      ask(&a);
      (void)ask_wait(&a);
      CONTRACT_REQUIRE(c, a.status != RKV_OK, "a call (%s) that the node refused ended with OK",
                       call_names[kind]);
      if (a.status == RKV_UNIMPLEMENTED) continue;
      CONTRACT_REQUIRE(c, !exact || a.status == p.e.status,
                       "a call (%s) refused with %s ended with %s: %s", call_names[kind],
                       rkv_status_name(p.e.status), rkv_status_name(a.status), a.error.text);
      if (kind != CALL_READ_INDEX || status != RKV_NOT_LEADER) continue;
      CONTRACT_REQUIRE(c,
                       (a.error.leader_id == 7 || a.error.leader_id == 0) &&
                           strcmp(a.error.leader_addr, "10.0.0.7:7") == 0,
                       "NOT_LEADER lost who leads: %" PRIu64 " at \"%s\"", a.error.leader_id,
                       a.error.leader_addr);
    }
  p.e.status = RKV_OK;
  p.e.sent = NULL;
  ask_hello(&p.a, p.peer);
  pair_end(&p);
}

/* ---- envelopes ---- */

/* One of each kind over a connection of its own. */
static void ask_each(struct pair *p, void *peer) {
  static const uint8_t bytes[100];
  struct asked a;
  for (int kind = 0; kind <= CALL_SNAPSHOT_BEGIN; kind++) {
    size_t before = p->e.seen;
    ask_init(&a, &p->a, peer, (enum call_kind)kind);
    p->e.reply.append.result = RKV_APPEND_SUCCESS;
    if (kind == CALL_SNAPSHOT_BEGIN)
      (void)ask_snapshot(&a, bytes, sizeof bytes, 40);
    else
      ask(&a);
    if (ask_wait(&a) == RKV_UNIMPLEMENTED) continue;
    ask_ok(&a);
    CONTRACT_REQUIRE(p->a.c, p->e.seen > before, "a call (%s) was answered by nobody",
                     call_names[kind]);
  }
}

void transport_law_envelope_arrives(struct contract *c) {
  struct pair p;
  pair_begin(&p, c);
  for (uint64_t i = 0; i < lighter(c, 20); i++) {
    struct rkv_envelope must = {.cluster = {some_number(&p.seed), some_number(&p.seed)},
                                .to = some_number(&p.seed),
                                .incarnation = some_number(&p.seed),
                                .from = p.a.id,
                                .from_incarnation = some_number(&p.seed)};
    struct rkv_peer_info info = {.addr = p.b.addr};
    struct rkv_error error;
    void *peer;
    if (i % 4 == 0) must.incarnation = 0;
    if (i % 3 == 0) must.from_incarnation = 0;
    if (i % 2 == 0) must.to = UINT64_MAX - i;
    if (i % 5 == 0) must.cluster = (struct rkv_cluster_id){0, 0};
    info.id = must.to, info.cluster = must.cluster, info.incarnation = must.incarnation;
    info.from_incarnation = must.from_incarnation;
    CONTRACT_REQUIRE(c, p.a.ops->peer_open(p.a.it, &info, &peer, &error) == RKV_OK, "peer_open: %s",
                     error.text);
    p.e.envelope = &must;
    ask_each(&p, peer);
    p.e.envelope = NULL;
    p.a.ops->peer_close(peer);
  }
  pair_end(&p);
}
