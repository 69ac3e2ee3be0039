/* transport_ask.c: calls of a side's node to a peer, and how they end. */
#include "transport.h"

#include <stdio.h>
#include <time.h>

enum { LATE_MS = 2000 /* "not long after" a deadline, times c->slow */ };

static void told(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct asked *a = (struct asked *)call;
  CONTRACT_REQUIRE(a->s->c, atomic_load(&a->times) == 0, "done of a call (%s) was called twice",
                   call_names[a->kind]);
  CONTRACT_REQUIRE(a->s->c, (status == RKV_OK) == (error == NULL),
                   "done of a call (%s) got %s %s an error", call_names[a->kind],
                   rkv_status_name(status), error ? "with" : "without");
  meet(a->s->c);
  a->status = status;
  if (error) a->error = *error;
  if (error) contract_text_ok(a->s->c, status, error, call_names[a->kind]);
  a->told_ms = contract_now_ms();
  atomic_fetch_add(&a->s->told, 1);
  atomic_store(&a->times, 1);
}

void ask_init(struct asked *a, struct side *s, void *peer, enum call_kind kind) {
  struct rkv_vote leads = {5, s->id, true};
  memset(a, 0, sizeof *a);
  a->s = s;
  a->peer = peer;
  a->kind = kind;
  a->call.call.done = told;
  switch (kind) {
  case CALL_VOTE:
  case CALL_PRE_VOTE: a->call.vote.vote = (struct rkv_vote){6, s->id, false}; break;
  case CALL_APPEND: a->call.append.vote = leads; break;
  case CALL_TIMEOUT_NOW: a->call.timeout_now.vote = leads; break;
  case CALL_READ_INDEX: a->call.read_index.read = RKV_READ_LINEARIZABLE; break;
  case CALL_ADMIN: a->call.admin.method = "suite"; break;
  case CALL_SNAPSHOT_BEGIN:
    a->call.snapshot.vote = leads;
    a->call.snapshot.meta.last = (struct rkv_log_id){4, 100};
    (void)snprintf(a->call.snapshot.meta.id, sizeof a->call.snapshot.meta.id, "4-100-1");
    break;
  default: break;
  }
}

static unsigned patience_of(const struct asked *a) {
  return a->patience_ms ? a->patience_ms : 1000u * CONTRACT_WAIT_S * a->s->c->slow;
}

bool ask_carries(const struct side *s, enum call_kind kind) {
  switch (kind) {
#define CARRIES(name, field, function)                                                             \
  case CALL_##name: return s->ops->send_##function != NULL;
    TRANSPORT_CALL_LIST(CARRIES)
#undef CARRIES
  case CALL_KINDS: break;
  }
  return false;
}

void ask(struct asked *a) {
  const struct rkv_host *host = &a->s->host.host;
  atomic_store(&a->times, 0);
  meet(a->s->c);
  a->asked_ms = contract_now_ms();
  a->call.call.deadline_ns = host->now_ns(host->ctx) + (uint64_t)patience_of(a) * 1000000;
  switch (a->kind) {
#define ASK(name, field, function)                                                                 \
  case CALL_##name: a->s->ops->send_##function(a->peer, &a->call.field); break;
    TRANSPORT_CALL_LIST(ASK)
#undef ASK
  case CALL_KINDS: break;
  }
}

bool ask_told(const struct asked *a) {
  return atomic_load(&a->times) > 0;
}

enum rkv_status ask_wait(struct asked *a) {
  uint64_t until = a->asked_ms + patience_of(a) + (uint64_t)LATE_MS * a->s->c->slow;
  for (unsigned turn = 0; !ask_told(a); turn++) {
    CONTRACT_REQUIRE(a->s->c, contract_now_ms() < until,
                     "done of a call (%s) was not called %d ms after its deadline",
                     call_names[a->kind], LATE_MS * (int)a->s->c->slow);
    if (turn > 0) (void)nanosleep(&(struct timespec){0, turn < 200 ? 50000 : 1000000}, NULL);
  }
  return a->status;
}

void ask_ok(struct asked *a) {
  enum rkv_status status = ask_wait(a);
  CONTRACT_REQUIRE(a->s->c, status == RKV_OK, "a call (%s) ended with %s: %s", call_names[a->kind],
                   rkv_status_name(status), a->error.text);
}

void ask_unanswered(struct asked *a, const char *what) {
  enum rkv_status status = ask_wait(a);
  CONTRACT_REQUIRE(a->s->c, status == RKV_UNAVAILABLE || status == RKV_TIMEOUT,
                   "a call (%s) to %s ended with %s instead of UNAVAILABLE or TIMEOUT: %s",
                   call_names[a->kind], what, rkv_status_name(status),
                   status == RKV_OK ? "" : a->error.text);
}

/* Again and again: a transport may be waiting before it dials anew. */
void ask_hello(struct side *s, void *peer) {
  struct asked a;
  uint64_t until = contract_now_ms() + UINT64_C(1000) * CONTRACT_WAIT_S * s->c->slow;
  do {
    ask_init(&a, s, peer, CALL_VOTE);
    a.patience_ms = 1000 * s->c->slow;
    ask(&a);
    if (ask_wait(&a) == RKV_OK) return;
    contract_pause_ms(20);
  } while (contract_now_ms() < until);
  contract_fail(s->c, "a peer that serves is not reached: %s: %s", rkv_status_name(a.status),
                a.error.text);
}

/* ---- snapshots ---- */

void ask_write(struct asked *a, const uint8_t *bytes, size_t len) {
  struct rkv_buf chunk = contract_bytes(a->s->c, bytes, len);
  a->kind = CALL_SNAPSHOT_WRITE;
  a->call.snapshot.chunk = chunk;
  ask(a);
  (void)ask_wait(a);
  rkv_buf_drop(&chunk);
  a->call.snapshot.chunk = rkv_buf_none();
}

enum rkv_status ask_snapshot(struct asked *a, const uint8_t *bytes, size_t len, size_t chunk) {
  a->kind = CALL_SNAPSHOT_BEGIN;
  ask(a);
  if (ask_wait(a) != RKV_OK || a->call.snapshot.finished) return a->status;
  for (size_t at = 0; at < len;) {
    size_t n = len - at;
    CONTRACT_REQUIRE(a->s->c, a->call.snapshot.chunk_max > 0, "chunk_max is 0 in a stream");
    if (n > chunk) n = chunk;
    if (n > a->call.snapshot.chunk_max) n = a->call.snapshot.chunk_max;
    ask_write(a, bytes + at, n);
    if (a->status != RKV_OK) return a->status;
    at += n;
  }
  a->kind = CALL_SNAPSHOT_FINISH;
  ask(a);
  return ask_wait(a);
}
