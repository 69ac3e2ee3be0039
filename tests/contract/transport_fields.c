/* transport_fields.c: laws of what arrives: every field of votes and appends. */
#include <inttypes.h>
#include <stdio.h>

#include "transport_pair.h"

void transport_law_vote_arrives(struct contract *c);
void transport_law_append_arrives(struct contract *c);
void transport_law_append_answers(struct contract *c);

void transport_law_vote_arrives(struct contract *c) {
  uint64_t rounds = lighter(c, contract_amount(c, 400, 400, 20000));
  struct pair p;
  pair_begin(&p, c);
  for (uint64_t i = 0; i < rounds; i++) {
    struct rkv_vote_call *must = &p.e.reply.vote;
    struct asked a;
    ask_init(&a, &p.a, p.peer, i % 2 ? CALL_PRE_VOTE : CALL_VOTE);
    a.call.vote.vote = some_vote(&p.seed, false);
    a.call.vote.last = some_id(&p.seed);
    a.call.vote.transfer = coin(&p.seed);
    must->granted = coin(&p.seed);
    must->voter_vote =
        i % 8 < 2 ? (struct rkv_vote){0, 0, false} : some_vote(&p.seed, coin(&p.seed));
    must->voter_last = some_id(&p.seed);
    p.e.sent = &a.call;
    ask(&a);
    if (a.kind == CALL_PRE_VOTE && ask_wait(&a) == RKV_UNIMPLEMENTED) continue;
    ask_ok(&a);
    CONTRACT_REQUIRE(c, a.call.vote.granted == must->granted,
                     "`granted` was not what was answered");
    vote_same(c, a.call.vote.voter_vote, must->voter_vote, "the voter's vote");
    id_same(c, a.call.vote.voter_last, must->voter_last, "the voter's last log id");
  }
  p.e.sent = NULL;
  contract_note(c, "%" PRIu64 " calls", rounds);
  pair_end(&p);
}

/* ---- appends ---- */

/* An append of 0 to 20 entries of every kind; free them. */
static void some_append(struct pair *p, struct rkv_append_call *call) {
  uint64_t *seed = &p->seed;
  rkv_index first = coin(seed) ? 1 : some_number(seed);
  size_t count = contract_random(seed) % 4 ? contract_between(seed, 1, 20) : 0;
  struct rkv_entry *entries = entries_make(p->a.c, first, count, 300, contract_random(seed));
  rkv_term term = some_number(seed);
  for (size_t i = 0; i < count; i++) entries[i].id.term = first + i == 1 ? 0 : term + i / 5;
  call->prev = (struct rkv_log_id){0, 0};
  if (first > 1) call->prev = (struct rkv_log_id){first == 2 ? 0 : term, first - 1};
  call->vote = (struct rkv_vote){term + 10, some_number(seed), true};
  call->commit = some_id(seed);
  if (call->commit.term > call->vote.term) call->commit.term = call->vote.term;
  call->entries = entries;
  call->entry_count = count;
  call->digest_index = coin(seed) ? 1 + some_number(seed) / 2 : 0;
  call->digest = some_number(seed);
}

static struct rkv_log_id last_of(const struct rkv_append_call *call) {
  return call->entry_count > 0 ? call->entries[call->entry_count - 1].id : call->prev;
}

static void append_ask(struct pair *p, struct asked *a) {
  p->e.sent = &a->call;
  ask(a);
  ask_ok(a);
  CONTRACT_REQUIRE(p->a.c, a->call.append.result == p->e.reply.append.result,
                   "an append answered with result %u came back as %u", p->e.reply.append.result,
                   a->call.append.result);
}

void transport_law_append_arrives(struct contract *c) {
  uint64_t rounds = lighter(c, contract_amount(c, 300, 300, 10000));
  struct pair p;
  pair_begin(&p, c);
  for (uint64_t i = 0; i < rounds; i++) {
    struct asked a;
    ask_init(&a, &p.a, p.peer, CALL_APPEND);
    some_append(&p, &a.call.append);
    p.e.reply.append.result = RKV_APPEND_SUCCESS;
    p.e.reply.append.matched = last_of(&a.call.append);
    append_ask(&p, &a);
    id_same(c, a.call.append.matched, p.e.reply.append.matched, "`matched` of a full success");
    entries_free((struct rkv_entry *)(uintptr_t)a.call.append.entries, a.call.append.entry_count);
  }
  contract_note(c, "%" PRIu64 " appends", rounds);
  pair_end(&p);
}

/* A transport of before ABI 1.1 does not know of it, and then nothing is promised. */
static void promise_same(struct contract *c, const struct rkv_append_call *is,
                         const struct rkv_append_call *must) {
  const uint64_t lease_ns = c->plugin->abi_minor >= 1 ? must->lease_ns : 0;
  CONTRACT_REQUIRE(c, must->result == RKV_APPEND_REJECTED || is->lease_ns == lease_ns,
                   "a promise of %" PRIu64 " ns came back as %" PRIu64 " ns", lease_ns,
                   is->lease_ns);
}

/* Likewise of ABI 1.5. */
static void difference_same(struct contract *c, const struct rkv_append_call *is,
                            const struct rkv_append_call *must) {
  const rkv_index differs_at = c->plugin->abi_minor >= 5 ? must->differs_at : 0;
  CONTRACT_REQUIRE(c, must->result == RKV_APPEND_REJECTED || is->differs_at == differs_at,
                   "a difference at index %" PRIu64 " came back as one at %" PRIu64, differs_at,
                   is->differs_at);
}

void transport_law_append_answers(struct contract *c) {
  uint64_t rounds = lighter(c, contract_amount(c, 200, 200, 5000));
  struct pair p;
  pair_begin(&p, c);
  for (uint64_t i = 0; i < rounds; i++) {
    struct rkv_append_call *reply = &p.e.reply.append;
    struct asked a;
    ask_init(&a, &p.a, p.peer, CALL_APPEND);
    do {
      if (a.call.append.entries)
        entries_free((struct rkv_entry *)(uintptr_t)a.call.append.entries,
                     a.call.append.entry_count);
      some_append(&p, &a.call.append);
    } while (a.call.append.entry_count < 2);
    memset(reply, 0, sizeof *reply);
    reply->result = (uint32_t)(i % 3);
    reply->matched = a.call.append.entries[(a.call.append.entry_count - 1) / 2].id;
    reply->voter_vote = some_vote(&p.seed, coin(&p.seed));
    reply->voter_vote.term += a.call.append.vote.term;
    if (i % 4) reply->lease_ns = some_number(&p.seed);
    if (i % 5 == 0) reply->differs_at = 1 + some_number(&p.seed) / 2;
    append_ask(&p, &a);
    promise_same(c, &a.call.append, reply);
    difference_same(c, &a.call.append, reply);
    if (reply->result == RKV_APPEND_SUCCESS)
      id_same(c, a.call.append.matched, reply->matched, "`matched` of a partial success");
    if (reply->result == RKV_APPEND_REJECTED)
      vote_same(c, a.call.append.voter_vote, reply->voter_vote, "the vote of a rejection");
    entries_free((struct rkv_entry *)(uintptr_t)a.call.append.entries, a.call.append.entry_count);
  }
  contract_note(c, "%" PRIu64 " answers", rounds);
  pair_end(&p);
}
