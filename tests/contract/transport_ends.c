/* transport_ends.c: laws of ends: peer_close and stop with calls in flight, and who owns a call
 * afterwards. */
#include <stdio.h>
#include <stdlib.h>

#include "transport.h"

void transport_law_peer_close_cancels(struct contract *c);
void transport_law_stop_cancels(struct contract *c);
void transport_law_stop_waits(struct contract *c);
void transport_law_hands_off(struct contract *c);

enum { CALLS = 120, KINDS = CALL_HELLO + 1, GRACE_MS = 300 };

/* Calls of every kind to a peer whose node holds them back. */
struct flight {
  struct side a, b;
  void *peer;
  struct rkv_entry *entries;
  struct asked *all;
};

static struct flight *take_off(struct contract *c) {
  struct flight *f = calloc(1, sizeof *f);
  CONTRACT_REQUIRE(c, f, "the suite has no memory");
  f->all = calloc(CALLS, sizeof *f->all);
  CONTRACT_REQUIRE(c, f->all, "the suite has no memory");
  f->entries = entries_make(c, 1, CALLS, 100, c->seed);
  side_begin(&f->a, c, 1);
  side_begin(&f->b, c, 2);
  f->peer = side_peer(&f->a, &f->b, 1);
  ask_hello(&f->a, f->peer);
  side_hold(&f->b, true);
  for (size_t i = 0; i < CALLS; i++) {
    struct asked *a = &f->all[i];
    ask_init(a, &f->a, f->peer, (enum call_kind)(i % KINDS));
    if (a->kind == CALL_APPEND) {
      a->call.append.entries = f->entries + i / KINDS;
      a->call.append.entry_count = 1;
      if (i >= KINDS) a->call.append.prev = f->entries[i / KINDS - 1].id;
      a->call.append.vote.term = 1000;
    }
    ask(a);
  }
  SIDE_AWAIT(c, side_held(&f->b) >= CALLS / 4, "only %zu of %d calls arrived", side_held(&f->b),
             (int)CALLS);
  return f;
}

/* Each ended as CANCELLED or `or`, or (UNIMPLEMENTED) the other transport did not know it. */
static void all_ended(struct flight *f, enum rkv_status or, const char *how) {
  for (size_t i = 0; i < CALLS; i++) {
    enum rkv_status status = ask_wait(&f->all[i]);
    CONTRACT_REQUIRE(f->a.c, status == RKV_CANCELLED || status == or || status == RKV_UNIMPLEMENTED,
                     "a call (%s) in flight at %s ended with %s: %s", call_names[f->all[i].kind],
                     how, rkv_status_name(status), status == RKV_OK ? "" : f->all[i].error.text);
  }
}

static void land(struct flight *f) {
  uint64_t seed = f->a.c->seed;
  side_hold(&f->b, false);
  side_release(&f->b, &seed, 0);
  if (f->peer) f->a.ops->peer_close(f->peer);
  side_end(&f->a);
  side_end(&f->b);
  entries_free(f->entries, CALLS);
  free(f->all);
  free(f);
}

void transport_law_peer_close_cancels(struct contract *c) {
  struct flight *f = take_off(c);
  f->a.ops->peer_close(f->peer);
  all_ended(f, RKV_CANCELLED, "peer_close");
  f->peer = side_peer(&f->a, &f->b, 1);
  side_hold(&f->b, false);
  ask_hello(&f->a, f->peer);
  land(f);
}

void transport_law_stop_cancels(struct contract *c) {
  struct flight *f = take_off(c);
  side_stop(&f->a, 0);
  for (size_t i = 0; i < CALLS; i++)
    CONTRACT_REQUIRE(c, ask_told(&f->all[i]), "stop has returned, but a call (%s) is open",
                     call_names[f->all[i].kind]);
  all_ended(f, RKV_UNAVAILABLE, "stop");
  land(f);
}

/* ---- inbound ---- */

struct stopper {
  struct side *s;
  pthread_t thread;
  atomic_bool stopped;
};

static void *stop_it(void *arg) {
  struct stopper *stopper = arg;
  /* the node answers behind the grace, so stop may take as long as that */
  stopper->s->ops->stop(stopper->s->it, (uint64_t)GRACE_MS * 1000000);
  atomic_store(&stopper->stopped, true);
  return NULL;
}

/* Stops the asked side while its node holds calls back, and answers them after `ms`. */
static void stop_with_open(struct flight *f, unsigned ms) {
  struct stopper stopper = {.s = &f->b};
  uint64_t seed = f->a.c->seed;
  struct contract *c = f->a.c;
  CONTRACT_REQUIRE(c, pthread_create(&stopper.thread, NULL, stop_it, &stopper) == 0,
                   "the suite gets no thread");
  contract_pause_ms(ms);
  CONTRACT_REQUIRE(c, !atomic_load(&stopper.stopped), "stop returned while the node had %zu calls",
                   side_held(&f->b));
  side_hold(&f->b, false);
  side_release(&f->b, &seed, 0);
  (void)pthread_join(stopper.thread, NULL);
  (void)pthread_mutex_lock(&f->b.lock);
  f->b.served = false;
  CONTRACT_REQUIRE(c, f->b.open == 0, "stop has returned, but %zu inbound calls are open",
                   f->b.open);
  (void)pthread_mutex_unlock(&f->b.lock);
}

void transport_law_stop_waits(struct contract *c) {
  struct flight *f = take_off(c);
  size_t answered = 0;
  SIDE_AWAIT(c, side_held(&f->b) > 0, "no call arrived");
  stop_with_open(f, GRACE_MS / 6); /* within the grace: the answers reach the asker */
  for (size_t i = 0; i < CALLS; i++) answered += ask_wait(&f->all[i]) == RKV_OK;
  CONTRACT_REQUIRE(c, answered > 0, "no call that was answered within the grace got its answer");
  land(f);
  f = take_off(c);
  stop_with_open(f, GRACE_MS * 3); /* done comes after the grace, and is awaited all the same */
  for (size_t i = 0; i < CALLS; i++) (void)ask_wait(&f->all[i]);
  contract_note(c, "%zu of %d calls answered within the grace", answered, (int)CALLS);
  land(f);
}

/* ---- whose a call is ---- */

/* Calls that are the asker's again when done is called: it fills them with a pattern at once. */
struct mine {
  union any_call call; /* first */
  atomic_int times;
};

static void claim(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct mine *mine = (struct mine *)call;
  (void)status, (void)error;
  memset(&mine->call, 0xdd, sizeof mine->call);
  atomic_fetch_add(&mine->times, 1);
}

static void untouched(struct contract *c, const struct mine *mine, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const uint8_t *bytes = (const uint8_t *)&mine[i].call;
    CONTRACT_REQUIRE(c, atomic_load(&mine[i].times) == 1, "done of a call was called %d times",
                     atomic_load(&mine[i].times));
    for (size_t k = 0; k < sizeof mine[i].call; k++)
      CONTRACT_REQUIRE(c, bytes[k] == 0xdd, "byte %zu of a call was written after its done", k);
  }
}

void transport_law_hands_off(struct contract *c) {
  struct mine *mine = calloc(CALLS, sizeof *mine);
  struct side a, b;
  void *peer;
  CONTRACT_REQUIRE(c, mine, "the suite has no memory");
  side_begin(&a, c, 1);
  side_begin(&b, c, 2);
  peer = side_peer(&a, &b, 1);
  ask_hello(&a, peer);
  for (size_t i = 0; i < CALLS; i++) {
    struct asked plain;
    ask_init(&plain, &a, peer, i % 2 ? CALL_VOTE : CALL_APPEND);
    mine[i].call = plain.call;
    mine[i].call.call.done = claim;
    mine[i].call.call.deadline_ns =
        a.host.host.now_ns(a.host.host.ctx) + UINT64_C(1000000000) * CONTRACT_WAIT_S * c->slow;
    if (i % 2)
      a.ops->send_vote(peer, &mine[i].call.vote);
    else
      a.ops->send_append(peer, &mine[i].call.append);
  }
  for (size_t i = 0; i < CALLS; i++)
    SIDE_AWAIT(c, atomic_load(&mine[i].times) > 0, "a call was never answered");
  ask_hello(&a, peer);
  a.ops->peer_close(peer);
  side_end(&a);
  untouched(c, mine, CALLS);
  side_end(&b);
  free(mine);
}
