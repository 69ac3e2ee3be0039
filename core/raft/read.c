/* read.c: which index a linearizable read must have seen (dissertation 6.4).
 *
 * Every append carries the number of the present ROUND. A ticket waits until a quorum has answered
 * appends of its round, all of which were made after its reads came in: nobody else led by then.
 *
 * (D1) reads[] ascend by ticket and by round; every round is at most r->round.
 * (D2) while round_unsent no append carries r->round yet: reads that come now may share it. */
#include <raft/read.h>

#include <raft/peers.h>
#include <raft/role.h>
#include <raft/transfer.h>

#include <string.h>

#define PPM 1000000

/* 6.4: "if the leader has not yet marked an entry from its current term committed, it waits until
 * it has done so": only then is its commit index at least as large as any that was. */
static bool knows_commits(const struct raft *r) {
  assert(r->role == RAFT_LEADER);
  return r->committed.term == r->vote.term;
}

/* ---- rounds ---- */

static uint64_t acked_round(const void *ctx, rkv_node_id id) {
  const struct raft *r = ctx;
  const struct raft_progress *p = raft_peek_peer(r, id);
  if (id == r->config.id) return r->round;
  return p ? p->acked_round : 0;
}

struct asked {
  const struct raft *r;
  const struct raft_progress *last;
};

static bool sooner(const struct raft_progress *p, const struct raft_progress *than) {
  return p->answer_ns < than->answer_ns || (p->answer_ns == than->answer_ns && p->id < than->id);
}

/* For raft_quorum_index: up to which round this voter is taken to answer. A voter that answers
 * sooner than `last` counts with the round that it was sent or, if it can be sent one now, with any
 * round; a slower voter counts only with the round that it answered. */
static uint64_t asked_round(const void *ctx, rkv_node_id id) {
  const struct asked *a = ctx;
  const struct raft_progress *p = raft_peek_peer(a->r, id);
  if (id == a->r->config.id) return RAFT_NEVER;
  if (!p) return 0;
  if (!p->reached || p->mode == RAFT_PROBE || sooner(a->last, p)) return p->acked_round;
  return p != a->last && p->heartbeats_in_flight == 0 ? RAFT_NEVER : p->sent_round;
}

/* While a quorum has been asked for the oldest round, no other peer is, and the next round waits:
 * reads that come meanwhile share it. If one of that quorum does not answer, the heartbeats ask the
 * other peers. */
bool raft_reads_want(const struct raft *r, const struct raft_progress *p) {
  const struct asked asked = {r, p};
  if (r->read_count == 0 || p->sent_round >= r->reads[r->read_count - 1].round ||
      !rkv_membership_is_voter(&r->effective->value, p->id))
    return false;
  return raft_quorum_index(&r->effective->value, asked_round, &asked) < r->reads[0].round;
}

/* (D1) */
static bool tickets_ascend(const struct raft *r) {
  for (size_t i = 1; i < r->read_count; i++)
    if (r->reads[i].ticket <= r->reads[i - 1].ticket || r->reads[i].round < r->reads[i - 1].round)
      return false;
  return r->read_count == 0 || r->reads[r->read_count - 1].round <= r->round;
}

/* (D2) */
static bool round_is_unsent(const struct raft *r) {
  for (size_t i = 0; i < r->peer_count; i++)
    if (r->peers[i].sent_round >= r->round) return false;
  return true;
}

static void ready(struct raft *r, uint64_t ticket, struct rkv_log_id index) {
  struct raft_output *out = raft_push(r, RAFT_OUT_READ_READY);
  assert(knows_commits(r) && index.index <= r->committed.index);
  out->ticket = ticket;
  out->id = index;
}

void raft_reads_advance(struct raft *r) {
  uint64_t confirmed;
  size_t done = 0;
  if (r->read_count == 0 || !knows_commits(r)) return;
  confirmed = raft_quorum_index(&r->effective->value, acked_round, r);
  for (; done < r->read_count && r->reads[done].round <= confirmed; done++) {
    const struct raft_ticket *t = &r->reads[done];
    ready(r, t->ticket, t->index.index > 0 ? t->index : r->committed);
  }
  r->read_count -= done;
  memmove(r->reads, r->reads + done, r->read_count * sizeof r->reads[0]);
  assert(tickets_ascend(r)); /* (D1) */
}

void raft_reads_abort(struct raft *r) {
  assert(r->role != RAFT_LEADER);
  for (size_t i = 0; i < r->read_count; i++)
    raft_push(r, RAFT_OUT_READ_FAILED)->ticket = r->reads[i].ticket;
  r->read_count = 0;
}

/* ---- the lease (6.4.1) ---- */

uint64_t raft_promise_ns(const struct raft *r) {
  const uint64_t mine = r->config.election_max_ns, most = r->config.lease_promise_max_ns;
  return mine < most ? mine : most;
}

/* The peer's clock may run faster than this leader's: the promise ends earlier by the drift. */
void raft_take_promise(struct raft *r, struct raft_progress *p, uint64_t at_ns, uint64_t lease_ns) {
  const uint64_t ppm = r->config.lease_drift_ppm;
  uint64_t drift, until;
  if (ppm == RAFT_LEASE_OFF || at_ns < r->lease_from_ns || lease_ns > RAFT_LEASE_MAX_NS) return;
  assert(ppm <= PPM);
  drift = lease_ns / PPM * ppm + lease_ns % PPM * ppm / PPM + 1;
  until = drift < lease_ns ? at_ns + lease_ns - drift : 0;
  if (until > p->kept_until_ns) p->kept_until_ns = until;
}

void raft_on_clock_stood(struct raft *r, struct raft_now now) {
  r->lease_from_ns = now.ns;
  for (size_t i = 0; i < r->peer_count; i++) r->peers[i].kept_until_ns = 0;
}

static uint64_t kept_until_ns(const void *ctx, rkv_node_id id) {
  const struct raft *r = ctx;
  const struct raft_progress *p = raft_peek_peer(r, id);
  if (id == r->config.id) return RAFT_NEVER; /* this leader stays with itself */
  return p ? p->kept_until_ns : 0;
}

/* The lease lasts while the promises of a quorum do: each voter promised by its own settings. A
 * leader that votes no longer keeps no lease: the only voter left elects itself when it pleases. */
bool raft_lease_holds(const struct raft *r, struct raft_now now) {
  assert(r->role == RAFT_LEADER && r->config.lease_drift_ppm <= PPM);
  if (r->lease_void || !rkv_membership_is_voter(&r->effective->value, r->config.id)) return false;
  return now.ns < raft_quorum_index(&r->effective->value, kept_until_ns, r);
}

/* ---- the call ---- */

/* A ticket that only appends made from now on confirm. The newest ticket is used again while no
 * append carries its round, or if there is no room: its earlier reads wait a round more then. */
static struct raft_ticket *ticket_of_round(struct raft *r) {
  bool shared = r->read_count == RAFT_READS_MAX || (r->read_count > 0 && r->round_unsent &&
                                                    r->reads[r->read_count - 1].round == r->round);
  struct raft_ticket *t;
  assert(!r->round_unsent || round_is_unsent(r)); /* (D2) */
  if (!r->round_unsent) r->round++;
  r->round_unsent = true;
  if (!shared) {
    t = &r->reads[r->read_count++];
    t->ticket = ++r->last_ticket;
  } else {
    t = &r->reads[r->read_count - 1];
  }
  t->round = r->round;
  t->index = knows_commits(r) ? r->committed : (struct rkv_log_id){0, 0};
  assert(tickets_ascend(r)); /* (D1) */
  return t;
}

enum rkv_status raft_read(struct raft *r, struct raft_now now, bool lease, uint64_t *ticket,
                          struct rkv_error *error) {
  if (lease && r->config.lease_drift_ppm == RAFT_LEASE_OFF)
    return rkv_fail(error, RKV_PRECONDITION,
                    "lease reads are off (no bound on clock drift is set)");
  if (r->role != RAFT_LEADER) return raft_refuse_not_leader(r, error);
  if (r->transfer.target != 0) return raft_refuse_transferring(r, error);
  if (lease && knows_commits(r) && raft_lease_holds(r, now)) {
    *ticket = ++r->last_ticket;
    ready(r, *ticket, r->committed);
    return RKV_OK;
  }
  *ticket = ticket_of_round(r)->ticket;
  raft_reads_advance(r); /* a lone voter needs nobody */
  return RKV_OK;
}
