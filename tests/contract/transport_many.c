/* transport_many.c: laws of many calls, many peers, many connections at once. */
#include <stdio.h>
#include <stdlib.h>

#include "transport.h"

void transport_law_answers_match(struct contract *c);
void transport_law_appends_in_order(struct contract *c);
void transport_law_kicks(struct contract *c);
void transport_law_both_ways(struct contract *c);
void transport_law_connections_are_apart(struct contract *c);
void transport_law_many_peers(struct contract *c);

enum { IN_FLIGHT = 1000, PEERS = 16, APPENDS = 500 };

static struct asked *asked_new(struct contract *c, size_t count) {
  struct asked *a = calloc(count, sizeof *a);
  CONTRACT_REQUIRE(c, a, "the suite has no memory");
  return a;
}

/* A question whose answer shows it. */
static void ask_numbered(struct asked *a, struct side *s, void *peer, uint64_t number) {
  ask_init(a, s, peer, number % 3 == 2 ? CALL_PRE_VOTE : CALL_VOTE);
  a->call.vote.vote.term = 10 + number;
  a->call.vote.last = (struct rkv_log_id){1 + number, 1 + 7 * number};
  ask(a);
}

static void numbered_ok(struct asked *a, rkv_node_id from) {
  const struct rkv_vote_call *v = &a->call.vote;
  if (ask_wait(a) == RKV_UNIMPLEMENTED && a->kind == CALL_PRE_VOTE) return;
  ask_ok(a);
  CONTRACT_REQUIRE(a->s->c,
                   v->voter_vote.term == 2 * v->vote.term + 1 && v->voter_vote.node_id == from &&
                       v->voter_vote.committed == (a->kind == CALL_VOTE) &&
                       v->granted == (v->vote.term % 3 == 0) &&
                       v->voter_last.term == v->last.term &&
                       v->voter_last.index == v->last.index + 3,
                   "a call (%s of term %" PRIu64 ") got the answer of another", call_names[a->kind],
                   v->vote.term);
}

void transport_law_answers_match(struct contract *c) {
  uint64_t seed = c->seed, rounds = c->slow > 1 ? 1 : contract_amount(c, 2, 2, 20);
  size_t in_flight = lighter(c, IN_FLIGHT);
  struct asked *all = asked_new(c, in_flight);
  struct side a, b;
  void *peer;
  side_begin(&a, c, 1);
  side_begin(&b, c, 2);
  peer = side_peer(&a, &b, 1);
  side_hold(&b, true);
  for (uint64_t round = 0; round < rounds; round++) {
    uint64_t until = contract_now_ms() + UINT64_C(1000) * CONTRACT_WAIT_S * c->slow;
    size_t told = 0;
    for (size_t i = 0; i < in_flight; i++) ask_numbered(&all[i], &a, peer, round * in_flight + i);
    for (bool idle = false; told < in_flight; idle = told == 0) {
      side_release(&b, &seed, idle ? 0 : 40); /* some stay, so that later ones overtake them */
      contract_pause_ms(2);
      for (told = 0; told < in_flight && ask_told(&all[told]);) told++;
      if (contract_now_ms() > until || told < in_flight) side_release(&b, &seed, 0);
      if (contract_now_ms() > until) break;
    }
    for (size_t i = 0; i < in_flight; i++) numbered_ok(&all[i], 2);
  }
  side_hold(&b, false);
  side_release(&b, &seed, 0);
  contract_note(c, "%" PRIu64 " calls", rounds * in_flight);
  a.ops->peer_close(peer);
  side_end(&a);
  side_end(&b);
  free(all);
}

/* ---- appends ---- */

/* Entries [from, from + count) as one call behind the one before; none: a heartbeat, whose prev is
 * known to be stored, [stored - 1]. */
static void ask_append(struct asked *a, struct side *s, void *peer, const struct rkv_entry *entries,
                       size_t from, size_t count, size_t stored) {
  size_t prev = count > 0 ? from : stored;
  ask_init(a, s, peer, CALL_APPEND);
  a->call.append.vote.term = 1000000;
  if (prev > 0) a->call.append.prev = entries[prev - 1].id;
  a->call.append.entries = entries + from;
  a->call.append.entry_count = count;
  ask(a);
}

void transport_law_appends_in_order(struct contract *c) {
  uint64_t seed = c->seed, rounds = c->slow > 1 ? 1 : contract_amount(c, 4, 4, 100);
  size_t count = 0, from = 0, stored = 0;
  struct asked *all = asked_new(c, APPENDS);
  struct rkv_entry *entries = entries_make(c, 1, APPENDS * 3 * rounds, 100, c->seed);
  struct side a, b;
  void *peer;
  side_begin(&a, c, 1);
  side_begin(&b, c, 2);
  peer = side_peer(&a, &b, 1);
  for (uint64_t round = 0; round < rounds; round++) {
    for (size_t i = 0; i < APPENDS; i++, from += count) {
      count = contract_between(&seed, 0, 3);
      ask_append(&all[i], &a, peer, entries, from, count, stored);
    }
    count = 0;
    for (size_t i = 0; i < APPENDS; i++) {
      const struct rkv_append_call *call = &all[i].call.append;
      struct rkv_log_id last =
          call->entry_count ? call->entries[call->entry_count - 1].id : call->prev;
      ask_ok(&all[i]);
      CONTRACT_REQUIRE(c, call->result == RKV_APPEND_SUCCESS,
                       "append %zu of %d did not follow the one before it at the peer", i + 1,
                       (int)APPENDS);
      CONTRACT_REQUIRE(c, rkv_log_id_equal(call->matched, last),
                       "append %zu matched up to %" PRIu64 " instead of %" PRIu64, i + 1,
                       call->matched.index, last.index);
    }
    stored = from;
  }
  CONTRACT_REQUIRE(c, b.f.conflicts == 0, "%zu appends arrived before their predecessors",
                   b.f.conflicts);
  follower_holds(&b, entries, from);
  contract_note(c, "%" PRIu64 " appends of %zu entries", rounds * APPENDS, from);
  a.ops->peer_close(peer);
  side_end(&a);
  side_end(&b);
  entries_free(entries, APPENDS * 3 * rounds);
  free(all);
}

/* ---- kicks ---- */

void transport_law_kicks(struct contract *c) {
  struct side a, b;
  void *peer;
  side_begin(&a, c, 1);
  side_begin(&b, c, 2);
  peer = side_peer(&a, &b, 1);
  for (int round = 0; round < 100; round++) {
    struct asked asked;
    side_at_once(&b, round >= 50);
    ask_numbered(&asked, &a, peer, (uint64_t)round * 3);
    numbered_ok(&asked, 2);
    SIDE_AWAIT(c, atomic_load(&a.kicked_told) == atomic_load(&a.told),
               "nobody kicked the asking node after its call was answered");
  }
  a.ops->peer_close(peer);
  side_end(&a);
  side_end(&b);
}

/* ---- several ---- */

void transport_law_both_ways(struct contract *c) {
  size_t in_flight = lighter(c, IN_FLIGHT);
  struct asked *all = asked_new(c, in_flight);
  struct side a, b;
  void *to_b, *to_a;
  side_begin(&a, c, 1);
  side_begin(&b, c, 2);
  to_b = side_peer(&a, &b, 1);
  to_a = side_peer(&b, &a, 1);
  for (size_t i = 0; i < in_flight; i += 2) {
    ask_numbered(&all[i], &a, to_b, i);
    ask_numbered(&all[i + 1], &b, to_a, i);
  }
  for (size_t i = 0; i < in_flight; i++) numbered_ok(&all[i], i % 2 ? 1 : 2);
  a.ops->peer_close(to_b);
  b.ops->peer_close(to_a);
  side_end(&a);
  side_end(&b);
  free(all);
}

void transport_law_connections_are_apart(struct contract *c) {
  enum { CONNECTIONS = 4, CALLS = 100 };
  struct asked *all = asked_new(c, CONNECTIONS * CALLS);
  void *peers[CONNECTIONS];
  struct side a, b;
  uint64_t seed = c->seed;
  side_begin(&a, c, 1);
  side_begin(&b, c, 2);
  for (size_t i = 0; i < CONNECTIONS; i++) {
    peers[i] = side_peer(&a, &b, i);
    ask_hello(&a, peers[i]);
  }
  side_hold(&b, true);
  for (size_t i = 0; i < CONNECTIONS * CALLS; i++)
    ask_numbered(&all[i], &a, peers[i % CONNECTIONS], i * 3);
  SIDE_AWAIT(c, side_held(&b) == CONNECTIONS * CALLS, "%zu of %d calls over %d connections arrived",
             side_held(&b), CONNECTIONS * CALLS, CONNECTIONS);
  a.ops->peer_close(peers[0]);
  side_hold(&b, false);
  side_release(&b, &seed, 0);
  for (size_t i = 0; i < CONNECTIONS * CALLS; i++) {
    if (i % CONNECTIONS != 0) numbered_ok(&all[i], 2);
    (void)ask_wait(&all[i]);
  }
  for (size_t i = 1; i < CONNECTIONS; i++) {
    ask_hello(&a, peers[i]);
    a.ops->peer_close(peers[i]);
  }
  side_end(&a);
  side_end(&b);
  free(all);
}

void transport_law_many_peers(struct contract *c) {
  enum { CALLS = 20 };
  struct side a, *peers = calloc(PEERS, sizeof *peers);
  struct asked *all = asked_new(c, PEERS * CALLS);
  void *handles[PEERS];
  CONTRACT_REQUIRE(c, peers, "the suite has no memory");
  side_begin(&a, c, 1);
  for (size_t i = 0; i < PEERS; i++) {
    side_begin(&peers[i], c, 2 + i);
    handles[i] = side_peer(&a, &peers[i], 1);
  }
  for (size_t i = 0; i < PEERS * CALLS; i++) ask_numbered(&all[i], &a, handles[i % PEERS], i);
  for (size_t i = 0; i < PEERS * CALLS; i++) numbered_ok(&all[i], 2 + i % PEERS);
  for (size_t i = 0; i < PEERS; i++) {
    struct rkv_entry *entries = entries_make(c, 1, 20, 100, c->seed + i);
    (void)lead(&a, handles[i], entries, 0, 20);
    follower_holds(&peers[i], entries, 20);
    entries_free(entries, 20);
  }
  for (size_t i = 0; i < PEERS; i++) {
    a.ops->peer_close(handles[i]);
    side_end(&peers[i]);
  }
  side_end(&a);
  free(peers);
  free(all);
}
