/* transport_pair.c: compares what arrives with what was sent, and answers as its law asks. */
#include "transport_client.h"

#include <inttypes.h>
#include <stdio.h>

void vote_same(struct contract *c, struct rkv_vote is, struct rkv_vote must, const char *what) {
  CONTRACT_REQUIRE(
      c, is.term == must.term && is.node_id == must.node_id && is.committed == must.committed,
      "%s is {%" PRIu64 ", %" PRIu64 ", %d} and must be {%" PRIu64 ", %" PRIu64 ", %d}", what,
      is.term, is.node_id, is.committed, must.term, must.node_id, must.committed);
}

void id_same(struct contract *c, struct rkv_log_id is, struct rkv_log_id must, const char *what) {
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

/* Transports of before ABI 1.5 cannot say it, and then none must be named. */
static void digest_same(struct contract *c, const struct rkv_append_call *is,
                        const struct rkv_append_call *must) {
  uint64_t digest = 0;
  const rkv_index index = rkv_append_digest(is, &digest);
  const rkv_index wanted = c->plugin->abi_minor >= 5 ? must->digest_index : 0;
  CONTRACT_REQUIRE(c, index == wanted && (index == 0 || digest == must->digest),
                   "an append names the digest %" PRIu64 " of index %" PRIu64 ", and must name "
                   "%" PRIu64 " of %" PRIu64,
                   digest, index, must->digest, wanted);
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
    digest_same(c, &is->append, &must->append);
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
  if (kind == CALL_HELLO && !is && s->c->plugin->abi_minor < 2) return;
  CONTRACT_REQUIRE(s->c, is, "a request (%s) came without its envelope", call_names[kind]);
  CONTRACT_REQUIRE(s->c,
                   is->to == must->to && is->incarnation == must->incarnation &&
                       rkv_cluster_id_equal(is->cluster, must->cluster),
                   "the envelope of a request (%s) says cluster %" PRIu64 ".%" PRIu64 " to %" PRIu64
                   " incarnation %" PRIu64,
                   call_names[kind], is->cluster.high, is->cluster.low, is->to, is->incarnation);
}

/* Transports of before ABI 1.1 cannot say it, and then it must read as unknown. */
static void sender_same(struct side *s, enum call_kind kind, const struct rkv_call *head,
                        const struct rkv_envelope *must) {
  const struct rkv_sender is = rkv_call_sender(head);
  const bool can = s->c->plugin->abi_minor >= 1 && head->envelope;
  CONTRACT_REQUIRE(
      s->c, is.id == (can ? must->from : 0) && is.incarnation == (can ? must->from_incarnation : 0),
      "a request (%s) came from node %" PRIu64 " of incarnation %" PRIu64
      ", said it came from %" PRIu64 " of incarnation %" PRIu64,
      call_names[kind], must->from, must->from_incarnation, is.id, is.incarnation);
}

/* The node under test compares what came with what was sent, and answers as it is told. */
static enum rkv_status expect_on(struct side *s, enum call_kind kind, union any_call *call,
                                 struct rkv_error *error) {
  struct expected *e = s->arg;
  struct rkv_call head = call->call;
  e->seen++;
  if (e->envelope) {
    envelope_same(s, kind, head.envelope, e->envelope);
    sender_same(s, kind, &head, e->envelope);
  }
  if (call_is_step(kind)) return follower_on(s, kind, call, error);
  if (e->sent && call_is_clients(kind)) client_request_same(s->c, kind, call, e->sent);
  if (e->sent) request_same(s, kind, call, e->sent);
  *error = e->error;
  if (call_is_clients(kind)) {
    if (e->status == RKV_OK) client_reply(kind, call, &e->reply);
    return e->status;
  }
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
    rkv_append_promise(&call->append, e->reply.append.lease_ns);
    rkv_append_differs(&call->append, e->reply.append.differs_at);
    break;
  case CALL_READ_INDEX: call->read_index.index = e->reply.read_index.index; break;
  case CALL_HELLO: return follower_on(s, kind, call, error);
  default: break;
  }
  return e->status;
}

void pair_begin(struct pair *p, struct contract *c) {
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

void pair_end(struct pair *p) {
  p->a.ops->peer_close(p->peer);
  side_end(&p->a);
  side_end(&p->b);
}

uint64_t some_number(uint64_t *seed) {
  uint64_t bits = contract_between(seed, 1, 62);
  return (contract_random(seed) >> (64 - bits)) + 1;
}

struct rkv_log_id some_id(uint64_t *seed) {
  struct rkv_log_id none = {0, 0};
  if (contract_random(seed) % 4 == 0) return none;
  return (struct rkv_log_id){some_number(seed), some_number(seed)};
}

struct rkv_vote some_vote(uint64_t *seed, bool committed) {
  return (struct rkv_vote){some_number(seed), some_number(seed), committed};
}

bool coin(uint64_t *seed) {
  return contract_random(seed) % 2 == 0;
}
