/* broken_calls.c: outbound calls of a transport broken on purpose. A call travels as a copy, with
 * the fault put in before it leaves or before its answer is handed back. */
#include "broken_clients.h"
#include "broken_squeeze.h"

#include <stdlib.h>
#include <time.h>

enum { STREAMS_FEW = 16, ASKED_MS = 50 };

/* A copy of a call in flight. */
struct passage {
  union any_call copy; /* first: what the good plugin has */
  struct broken_peer *peer;
  union any_call *theirs;
  enum call_kind kind;
  struct rkv_entry *entries; /* with a fault */
};

static const size_t sizes[CALL_KINDS] = {
#define CALL_SIZE(name, field, function) sizeof((union any_call *)0)->field,
    TRANSPORT_CALL_LIST(CALL_SIZE)
#undef CALL_SIZE
};

/* ---- back ---- */

static void spoil_answer(struct passage *p, enum rkv_status *status) {
  struct broken_peer *peer = p->peer;
  struct rkv_append_call *append = &p->copy.append;
  struct rkv_vote vote = p->copy.vote.voter_vote;
  enum transport_fault fault = peer->b->fault;
  if (*status == RKV_OK && p->kind == CALL_VOTE && fault == FAULT_answers_crossed) {
    if (peer->votes++ > 10) p->copy.vote.voter_vote = peer->before;
    peer->before = vote;
  }
  if (*status == RKV_OK && p->kind == CALL_APPEND) {
    if (fault == FAULT_partial_is_whole && append->entry_count > 0)
      append->matched = append->entries[append->entry_count - 1].id;
    if (fault == FAULT_rejection_loses_vote) append->voter_vote.term = 0;
    if (fault == FAULT_promise_lost) append->lease_ns = 0;
    if (fault == FAULT_difference_lost) append->differs_at = 0;
    if (fault == FAULT_promise_is_own && append->lease_ns == 0) append->lease_ns = 3000000000;
  }
  if (*status == RKV_TOO_LARGE && p->kind == CALL_APPEND && fault == FAULT_one_more_matched)
    append->matched.index++;
  if (call_is_step(p->kind) && fault == FAULT_snapshot_vote_lost)
    p->copy.snapshot.voter_vote = p->copy.snapshot.vote;
  if (fault == FAULT_refusal_is_ok && *status == RKV_INVALID) *status = RKV_OK;
  if (fault == FAULT_cancel_is_unavailable && *status == RKV_CANCELLED) *status = RKV_UNAVAILABLE;
}

/* The answer, beside the caller's own head and request. */
static void hand_back(struct passage *p) {
  struct rkv_call head = p->theirs->call;
  union any_call before = {.call = head};
  memcpy(&before, p->theirs, sizes[p->kind]);
  memcpy(p->theirs, &p->copy, sizes[p->kind]);
  p->theirs->call = head;
  if (p->kind == CALL_APPEND) {
    p->theirs->append.entries = before.append.entries;
    p->theirs->append.commit = before.append.commit;
  }
  if (call_is_step(p->kind)) p->theirs->snapshot.meta = before.snapshot.meta;
}

static void passed_back(struct rkv_call *call, enum rkv_status status,
                        const struct rkv_error *error) {
  struct passage *p = (struct passage *)call;
  enum transport_fault fault = p->peer->b->fault;
  union any_call *theirs = p->theirs;
  void (*done)(struct rkv_call *, enum rkv_status, const struct rkv_error *) = theirs->call.done;
  struct rkv_error own = {.status = RKV_OK};
  bool twice, dropped = (fault == FAULT_timeout_not_told &&
                         (status == RKV_TIMEOUT || status == RKV_UNAVAILABLE)) ||
                        (fault == FAULT_cancel_not_told && status == RKV_CANCELLED);
  if (error) own = *error;
  if (fault == FAULT_leader_lost) own.leader_id = 0, own.leader_addr[0] = '\0';
  if (fault == FAULT_sulks && status == RKV_UNAVAILABLE) p->peer->sulks = true;
  spoil_answer(p, &status);
  dropped = !broken_client_back(p->peer, p->kind, &p->copy, &status, &own) || dropped;
  own.status = (uint32_t)status;
  (void)BROKEN_ERROR(fault, status, &own);
  twice =
      fault == FAULT_told_twice || (fault == FAULT_client_told_twice && call_is_clients(p->kind));
  hand_back(p);
  free(p->entries);
  free(p);
  if (dropped) return;
  done(&theirs->call, status, status == RKV_OK ? NULL : &own);
  if (twice) done(&theirs->call, status, status == RKV_OK ? NULL : &own);
  if (fault == FAULT_touched_after_done) theirs->call.kind = 1;
}

/* ---- away ---- */

static void spoil_append(struct passage *p) {
  struct rkv_append_call *append = &p->copy.append;
  enum transport_fault fault = p->peer->b->fault;
  if (fault == FAULT_commit_lost) append->commit = (struct rkv_log_id){0, 0};
  if (fault == FAULT_digest_lost) append->digest_index = 0;
  if (append->entry_count == 0 || (fault != FAULT_kind_lost && fault != FAULT_large_entry_cut &&
                                   fault != FAULT_squeezed_entry_cut))
    return;
  p->entries = calloc(append->entry_count, sizeof *p->entries);
  if (!p->entries) return;
  memcpy(p->entries, append->entries, append->entry_count * sizeof *p->entries);
  for (size_t i = 0; i < append->entry_count; i++) {
    struct rkv_entry *e = &p->entries[i];
    if (fault == FAULT_kind_lost && e->kind == RKV_ENTRY_BLANK) e->kind = RKV_ENTRY_COMMAND;
    if (fault == FAULT_squeezed_entry_cut && squeezes(e->payload)) e->payload.len--;
    if (fault == FAULT_large_entry_cut && e->payload.len > 1000000) e->payload.len--;
  }
  append->entries = p->entries;
}

static void spoil(struct passage *p) {
  struct broken *b = p->peer->b;
  enum transport_fault fault = b->fault;
  if (fault == FAULT_deadline_ignored) p->copy.call.deadline_ns += UINT64_C(60000000000);
  if (p->kind == CALL_VOTE && fault == FAULT_transfer_lost) p->copy.vote.transfer = false;
  broken_client_spoil(p->peer, p->kind, &p->copy);
  if (p->kind == CALL_APPEND) spoil_append(p);
  if (p->kind == CALL_READ_INDEX && fault == FAULT_lease_is_linearizable)
    p->copy.read_index.read = RKV_READ_LINEARIZABLE;
  if (p->kind == CALL_SNAPSHOT_BEGIN && fault == FAULT_snapshot_membership_lost)
    p->copy.snapshot.meta.membership = rkv_buf_none();
  if (p->kind == CALL_SNAPSHOT_WRITE && fault == FAULT_squeezed_chunk_cut &&
      squeezes(p->copy.snapshot.chunk))
    p->copy.snapshot.chunk.len--;
  if (p->kind == CALL_SNAPSHOT_ABORT && fault == FAULT_abort_finishes)
    p->kind = CALL_SNAPSHOT_FINISH;
}

static void send(struct passage *p) {
  const struct rkv_transport_ops *good = p->peer->b->good;
  switch (p->kind) {
#define SEND(name, field, function)                                                                \
  case CALL_##name: good->send_##function(p->peer->good, &p->copy.field); break;
    TRANSPORT_CALL_LIST(SEND)
#undef SEND
  case CALL_KINDS: break;
  }
}

/* True if another node asked this one. Before its first call it waits a moment for that. */
static bool is_asked(struct broken *b) {
  const struct timespec step = {0, 1000000};
  for (int i = 0; i < ASKED_MS && !b->waited && !atomic_load(&b->asked); i++)
    (void)nanosleep(&step, NULL);
  b->waited = true;
  return atomic_load(&b->asked);
}

/* True: the fault took the call. */
static bool is_taken(struct passage *p) {
  struct broken_peer *peer = p->peer;
  struct passage *held;
  enum transport_fault fault = peer->b->fault;
  if (fault == FAULT_sulks && peer->sulks) {
    struct rkv_error error;
    passed_back(&p->copy.call, rkv_fail(&error, RKV_UNAVAILABLE, "broken: sulks"), &error);
    return true;
  }
  if (fault == FAULT_one_way && is_asked(peer->b)) {
    struct rkv_error error;
    passed_back(&p->copy.call, rkv_fail(&error, RKV_UNAVAILABLE, "broken: it is asked"), &error);
    return true;
  }
  if (fault == FAULT_chunk_lost && p->kind == CALL_SNAPSHOT_WRITE && ++peer->writes % 50 == 3) {
    passed_back(&p->copy.call, RKV_OK, NULL);
    return true;
  }
  if (fault == FAULT_few_streams && p->kind == CALL_SNAPSHOT_BEGIN &&
      ++peer->streams > STREAMS_FEW) {
    struct rkv_error error;
    passed_back(&p->copy.call,
                rkv_fail(&error, RKV_FULL, "broken: %d streams are open", STREAMS_FEW), &error);
    return true;
  }
  if (p->kind == CALL_SNAPSHOT_FINISH || p->kind == CALL_SNAPSHOT_ABORT) peer->streams--;
  if (fault != FAULT_appends_swapped || p->kind != CALL_APPEND || p->copy.append.entry_count == 0)
    return false;
  held = peer->held;
  peer->held = held || ++peer->appends % 20 ? NULL : p;
  if (held) {
    send(p);
    send(held);
  }
  return held || peer->held;
}

static void pass(void *peer, enum call_kind kind, void *call) {
  struct passage *p = calloc(1, sizeof *p);
  struct rkv_error error;
  if (!p) {
    struct rkv_call *head = call;
    head->done(head, rkv_fail(&error, RKV_NO_MEMORY, "broken: no memory"), &error);
    return;
  }
  p->peer = peer;
  p->theirs = call;
  p->kind = kind;
  memcpy(&p->copy, call, sizes[kind]);
  p->copy.call.done = passed_back;
  spoil(p);
  if (!is_taken(p)) send(p);
}

#define PASS(name, field, function)                                                                \
  void broken_##function(void *peer, __typeof__(((union any_call *)0)->field) *call) {             \
    pass(peer, CALL_##name, call);                                                                 \
  }
TRANSPORT_CALL_LIST(PASS)
#undef PASS
