/* transport_fields.c: laws of what arrives: every field of votes, appends and questions. */
#include <inttypes.h>
#include <stdio.h>

#include "sm.h"
#include "transport.h"

void transport_law_vote_arrives(struct contract *c);
void transport_law_append_arrives(struct contract *c);
void transport_law_append_answers(struct contract *c);
void transport_law_questions_arrive(struct contract *c);
void transport_law_refusals_arrive(struct contract *c);
void transport_law_envelope_arrives(struct contract *c);

/* What the asker sent, which it keeps unchanged, and what the node answers. */
struct expected {
  const union any_call *sent;
  union any_call reply;
  const struct rkv_envelope *envelope; /* NULL: not looked at */
  size_t seen;
  enum rkv_status status;
  struct rkv_error error;
};

struct pair {
  struct side a, b; /* a asks b */
  void *peer;
  struct expected e;
  uint64_t seed;
};

static void vote_same(struct contract *c, struct rkv_vote is, struct rkv_vote must,
                      const char *what) {
  CONTRACT_REQUIRE(
      c, is.term == must.term && is.node_id == must.node_id && is.committed == must.committed,
      "%s is {%" PRIu64 ", %" PRIu64 ", %d} and must be {%" PRIu64 ", %" PRIu64 ", %d}", what,
      is.term, is.node_id, is.committed, must.term, must.node_id, must.committed);
}

static void id_same(struct contract *c, struct rkv_log_id is, struct rkv_log_id must,
                    const char *what) {
  CONTRACT_REQUIRE(c, rkv_log_id_equal(is, must),
                   "%s is %" PRIu64 ".%" PRIu64 " and must be %" PRIu64 ".%" PRIu64, what, is.term,
                   is.index, must.term, must.index);
}

static void entries_same(struct contract *c, const struct rkv_append_call *is,
                         const struct rkv_append_call *must) {
  CONTRACT_REQUIRE(c, is->entry_count == must->entry_count, "%zu entries came instead of %zu",
                   is->entry_count, must->entry_count);
  for (size_t i = 0; i < is->entry_count; i++) {
    const struct rkv_entry *one = &is->entries[i], *two = &must->entries[i];
    id_same(c, one->id, two->id, "an entry's id");
    CONTRACT_REQUIRE(c, one->kind == two->kind, "an entry of kind %u came as kind %u", two->kind,
                     one->kind);
    CONTRACT_REQUIRE(c, rkv_buf_equal(one->payload, two->payload),
                     "an entry of kind %u with %zu bytes came with %zu, or others", two->kind,
                     two->payload.len, one->payload.len);
  }
}

static void request_same(struct side *s, enum call_kind kind, const union any_call *is,
                         const union any_call *must) {
  struct contract *c = s->c;
  switch (kind) {
  case CALL_VOTE:
  case CALL_PRE_VOTE:
    vote_same(c, is->vote.vote, must->vote.vote, "the candidate's vote");
    id_same(c, is->vote.last, must->vote.last, "the candidate's last log id");
    CONTRACT_REQUIRE(c, kind == CALL_PRE_VOTE || is->vote.transfer == must->vote.transfer,
                     "`transfer` is %d and must be %d", is->vote.transfer, must->vote.transfer);
    break;
  case CALL_APPEND:
    vote_same(c, is->append.vote, must->append.vote, "the leader's vote");
    id_same(c, is->append.prev, must->append.prev, "prev");
    id_same(c, is->append.commit, must->append.commit, "commit");
    entries_same(c, &is->append, &must->append);
    break;
  case CALL_TIMEOUT_NOW:
    vote_same(c, is->timeout_now.vote, must->timeout_now.vote, "the leader's vote");
    id_same(c, is->timeout_now.last, must->timeout_now.last, "the leader's last log id");
    break;
  case CALL_READ_INDEX:
    CONTRACT_REQUIRE(c, is->read_index.read == must->read_index.read, "`read` is %u and must be %u",
                     is->read_index.read, must->read_index.read);
    break;
  default: break;
  }
}

static void envelope_same(struct side *s, enum call_kind kind, const struct rkv_envelope *is,
                          const struct rkv_envelope *must) {
  if (kind == CALL_HELLO && !is) return;
  CONTRACT_REQUIRE(s->c, is, "a request (%s) came without its envelope", call_names[kind]);
  CONTRACT_REQUIRE(s->c,
                   is->to == must->to && is->incarnation == must->incarnation &&
                       rkv_cluster_id_equal(is->cluster, must->cluster),
                   "the envelope of a request (%s) says cluster %" PRIu64 ".%" PRIu64 " to %" PRIu64
                   " incarnation %" PRIu64,
                   call_names[kind], is->cluster.high, is->cluster.low, is->to, is->incarnation);
}

/* The node under test compares what came with what was sent, and answers as it is told. */
static enum rkv_status expect_on(struct side *s, enum call_kind kind, union any_call *call,
                                 struct rkv_error *error) {
  struct expected *e = s->arg;
  struct rkv_call head = call->call;
  e->seen++;
  if (e->envelope) envelope_same(s, kind, head.envelope, e->envelope);
  if (kind >= CALL_SNAPSHOT_BEGIN) return follower_on(s, kind, call, error);
  if (e->sent) request_same(s, kind, call, e->sent);
  *error = e->error;
  switch (kind) {
  case CALL_VOTE:
  case CALL_PRE_VOTE:
    call->vote.granted = e->reply.vote.granted;
    call->vote.voter_vote = e->reply.vote.voter_vote;
    call->vote.voter_last = e->reply.vote.voter_last;
    break;
  case CALL_APPEND:
    call->append.result = e->reply.append.result;
    call->append.matched = e->reply.append.matched;
    call->append.voter_vote = e->reply.append.voter_vote;
    break;
  case CALL_READ_INDEX: call->read_index.index = e->reply.read_index.index; break;
  case CALL_HELLO: return follower_on(s, kind, call, error);
  default: break;
  }
  return e->status;
}

static void pair_begin(struct pair *p, struct contract *c) {
  memset(p, 0, sizeof *p);
  side_begin(&p->a, c, 1);
  side_init(&p->b, c, 2);
  p->b.on = expect_on;
  p->b.arg = &p->e;
  side_open(&p->b);
  side_start(&p->b);
  p->peer = side_peer(&p->a, &p->b, 1);
  p->seed = c->seed;
  ask_hello(&p->a, p->peer);
}

static void pair_end(struct pair *p) {
  p->a.ops->peer_close(p->peer);
  side_end(&p->a);
  side_end(&p->b);
}

/* Small, medium and huge ones; never 0. */
static uint64_t some_number(uint64_t *seed) {
  uint64_t bits = contract_between(seed, 1, 62);
  return (contract_random(seed) >> (64 - bits)) + 1;
}

static struct rkv_log_id some_id(uint64_t *seed) {
  struct rkv_log_id none = {0, 0};
  if (contract_random(seed) % 4 == 0) return none;
  return (struct rkv_log_id){some_number(seed), some_number(seed)};
}

static struct rkv_vote some_vote(uint64_t *seed, bool committed) {
  return (struct rkv_vote){some_number(seed), some_number(seed), committed};
}

static bool coin(uint64_t *seed) {
  return contract_random(seed) % 2 == 0;
}

void transport_law_vote_arrives(struct contract *c) {
  uint64_t rounds = contract_amount(c, 400, 400, 20000);
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
  uint64_t rounds = contract_amount(c, 300, 300, 10000);
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

void transport_law_append_answers(struct contract *c) {
  uint64_t rounds = contract_amount(c, 200, 200, 5000);
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
    append_ask(&p, &a);
    if (reply->result == RKV_APPEND_SUCCESS)
      id_same(c, a.call.append.matched, reply->matched, "`matched` of a partial success");
    if (reply->result == RKV_APPEND_REJECTED)
      vote_same(c, a.call.append.voter_vote, reply->voter_vote, "the vote of a rejection");
    entries_free((struct rkv_entry *)(uintptr_t)a.call.append.entries, a.call.append.entry_count);
  }
  contract_note(c, "%" PRIu64 " answers", rounds);
  pair_end(&p);
}

/* ---- questions ---- */

void transport_law_questions_arrive(struct contract *c) {
  static const enum call_kind kinds[] = {CALL_TIMEOUT_NOW, CALL_READ_INDEX, CALL_HELLO};
  uint64_t rounds = contract_amount(c, 300, 300, 10000), unknown = 0;
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
      CONTRACT_REQUIRE(c, a.error.leader_id == 7 && strcmp(a.error.leader_addr, "10.0.0.7:7") == 0,
                       "NOT_LEADER lost who leads: %llu at \"%s\"",
                       (unsigned long long)a.error.leader_id, a.error.leader_addr);
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
  for (int i = 0; i < 20; i++) {
    struct rkv_envelope must = {
        {some_number(&p.seed), some_number(&p.seed)}, some_number(&p.seed), some_number(&p.seed)};
    struct rkv_peer_info info = {.addr = p.b.addr};
    struct rkv_error error;
    void *peer;
    if (i % 4 == 0) must.incarnation = 0;
    if (i % 5 == 0) must.cluster = (struct rkv_cluster_id){0, 0};
    info.id = must.to, info.cluster = must.cluster, info.incarnation = must.incarnation;
    CONTRACT_REQUIRE(c, p.a.ops->peer_open(p.a.it, &info, &peer, &error) == RKV_OK, "peer_open: %s",
                     error.text);
    p.e.envelope = &must;
    ask_each(&p, peer);
    p.e.envelope = NULL;
    p.a.ops->peer_close(peer);
  }
  pair_end(&p);
}
