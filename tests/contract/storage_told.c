/* storage_told.c: laws 21 to 25: completions. */
#include "storage.h"
#include "storage_laws.h"

#include <inttypes.h>
#include <stdlib.h>

STORAGE_LAWS_TOLD(STORAGE_LAW_PROTOTYPE)

enum { CALLS = 300 };

/* A completion that notes when it was called. */
struct turn {
  struct rkv_completion completion;
  struct contract *c;
  atomic_int *clock;
  atomic_int times, at; /* at: what the clock said */
  enum rkv_status status;
};

static void turn_done(struct rkv_completion *self, enum rkv_status status,
                      const struct rkv_error *error) {
  struct turn *turn = (struct turn *)self;
  if (status != RKV_OK) contract_text_ok(turn->c, status, error, "an operation");
  turn->status = status;
  atomic_store(&turn->at, atomic_fetch_add(turn->clock, 1));
  (void)atomic_fetch_add(&turn->times, 1);
}

struct turns {
  struct storage s;
  struct model *m;
  struct turn *turns;
  atomic_int clock;
};

/* Hands in votes and appends, with cuts between them, and waits for none. */
static struct turns *hand_in(struct contract *c) {
  struct turns *t = calloc(1, sizeof *t);
  CONTRACT_REQUIRE(c, t && (t->turns = calloc(CALLS, sizeof *t->turns)), "no memory");
  t->m = model_new(c);
  storage_init(&t->s, c);
  storage_open(&t->s);
  for (int i = 0; i < CALLS; i++) {
    struct step step = i % 4 == 1 ? step_vote(5 + (unsigned)i, 1, false)
                                  : step_append(t->m, 1 + (unsigned)i % 7, 300);
    t->turns[i] = (struct turn){{turn_done}, c, &t->clock, 0, 0, RKV_OK};
    storage_issue(&t->s, &step, &t->turns[i].completion);
    model_step(c, t->m, &step);
    if (i % 9 == 8) {
      step = i % 2 ? step_truncate(t->m->last.index - 1) : step_purge(t->m, t->m->last.index - 3);
      storage_issue(&t->s, &step, NULL);
      model_step(c, t->m, &step);
    }
  }
  return t;
}

static void turns_end(struct turns *t) {
  model_free(t->m);
  free(t->turns);
  free(t);
}

static void await_all(struct turns *t) {
  struct contract *c = t->s.c;
  uint64_t until = contract_now_ms() + UINT64_C(1000) * c->wait_s * c->slow;
  while (atomic_load(&t->clock) < CALLS) {
    CONTRACT_REQUIRE(c, contract_now_ms() < until, "of %d completions %d were called within %u s",
                     CALLS, atomic_load(&t->clock), c->wait_s * c->slow);
    contract_pause_ms(1);
  }
}

void storage_law_completions_come_once(struct contract *c) {
  struct turns *t = hand_in(c);
  await_all(t);
  storage_holds(&t->s, t->m);
  storage_close(&t->s); /* close calls no completion a second time */
  for (int i = 0; i < CALLS; i++)
    CONTRACT_REQUIRE(c, atomic_load(&t->turns[i].times) == 1,
                     "the completion of call %d was called %d times", i + 1,
                     atomic_load(&t->turns[i].times));
  turns_end(t);
}

void storage_law_completions_come_in_order(struct contract *c) {
  struct turns *t = hand_in(c);
  await_all(t);
  for (int i = 0; i < CALLS; i++)
    CONTRACT_REQUIRE(c, atomic_load(&t->turns[i].at) == i && t->turns[i].status == RKV_OK,
                     "the completion of call %d came as number %d, with %s", i + 1,
                     atomic_load(&t->turns[i].at) + 1, rkv_status_name(t->turns[i].status));
  storage_close(&t->s);
  turns_end(t);
}

/* ---- calls from inside ---- */

enum { DEPTH = 50 };

struct chain {
  struct rkv_completion completion;
  struct storage s;
  struct model *m;
  pthread_mutex_t lock; /* the model, between the thread that began and those that complete */
  atomic_int depth;
};

/* The acts from inside: one that is told, some that are not, a read. */
static void chain_next(struct chain *chain) {
  int depth = atomic_fetch_add(&chain->depth, 1) + 1;
  struct contract *c = chain->s.c;
  struct step cut = step_purge(chain->m, chain->m->last.index > 4 ? chain->m->last.index - 4 : 0);
  struct step next;
  size_t count;
  if (depth % 6 == 5) cut = step_truncate(chain->m->last.index - 1);
  storage_issue(&chain->s, &cut, NULL);
  model_step(c, chain->m, &cut);
  (void)storage_read(&chain->s, chain->m, chain->m->purged.index + 1, chain->m->last.index,
                     UINT64_MAX, 8, &count);
  if (depth >= DEPTH) return;
  next = depth % 3 ? step_append(chain->m, 2, 100) : step_vote(100 + (unsigned)depth, 2, false);
  model_step(c, chain->m, &next);
  storage_issue(&chain->s, &next, &chain->completion);
}

static void chain_done(struct rkv_completion *self, enum rkv_status status,
                       const struct rkv_error *error) {
  struct chain *chain = (struct chain *)self;
  CONTRACT_REQUIRE(chain->s.c, status == RKV_OK, "%s", error ? error->text : "failed");
  (void)pthread_mutex_lock(&chain->lock);
  chain_next(chain);
  (void)pthread_mutex_unlock(&chain->lock);
}

void storage_law_completions_may_call_in(struct contract *c) {
  struct chain *chain = calloc(1, sizeof *chain);
  struct step first;
  pthread_mutexattr_t recursive; /* a completion may come before its operation returns */
  uint64_t until = contract_now_ms() + UINT64_C(1000) * c->wait_s * c->slow;
  CONTRACT_REQUIRE(c, chain, "no memory");
  chain->completion.done = chain_done;
  chain->m = model_new(c);
  (void)pthread_mutexattr_init(&recursive);
  (void)pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
  (void)pthread_mutex_init(&chain->lock, &recursive);
  storage_init(&chain->s, c);
  storage_open(&chain->s);
  first = step_append(chain->m, 3, 100);
  (void)pthread_mutex_lock(&chain->lock);
  model_step(c, chain->m, &first);
  storage_issue(&chain->s, &first, &chain->completion);
  (void)pthread_mutex_unlock(&chain->lock);
  while (atomic_load(&chain->depth) < DEPTH) {
    CONTRACT_REQUIRE(c, contract_now_ms() < until,
                     "it stopped after %d calls from inside completions: a deadlock?",
                     atomic_load(&chain->depth));
    contract_pause_ms(1);
  }
  (void)pthread_mutex_lock(&chain->lock); /* the last completion has ended */
  (void)pthread_mutex_unlock(&chain->lock);
  storage_holds(&chain->s, chain->m);
  storage_close(&chain->s);
  model_free(chain->m);
  free(chain);
}

/* ---- freed inside ---- */

struct freed {
  struct rkv_completion completion;
  atomic_int *left;
};

static void freed_done(struct rkv_completion *self, enum rkv_status status,
                       const struct rkv_error *error) {
  struct freed *freed = (struct freed *)self;
  atomic_int *left = freed->left;
  (void)status, (void)error;
  memset(freed, 0xff, sizeof *freed); /* a second call of this completion crashes, in any build */
  free(freed);
  (void)atomic_fetch_sub(left, 1);
}

void storage_law_completions_may_free(struct contract *c) {
  struct storage s;
  struct model *m = model_new(c);
  atomic_int left = CALLS;
  storage_init(&s, c);
  storage_open(&s);
  for (int i = 0; i < CALLS; i++) {
    struct freed *freed = calloc(1, sizeof *freed);
    struct step step = i % 5 ? step_append(m, 1, 50) : step_vote(5 + (unsigned)i, 1, false);
    CONTRACT_REQUIRE(c, freed, "no memory");
    *freed = (struct freed){{freed_done}, &left};
    storage_issue(&s, &step, &freed->completion);
    model_step(c, m, &step);
  }
  storage_close(&s);
  CONTRACT_REQUIRE(c, atomic_load(&left) == 0, "%d completions were not called before close ended",
                   atomic_load(&left));
  model_free(m);
}

/* ---- close ---- */

void storage_law_close_completes_everything(struct contract *c) {
  struct turns *t = hand_in(c);
  int good = CALLS;
  storage_close(&t->s);
  for (int i = 0; i < CALLS; i++) {
    struct turn *turn = &t->turns[i];
    CONTRACT_REQUIRE(c, atomic_load(&turn->times) == 1,
                     "when close returned the completion of call %d had been called %d times",
                     i + 1, atomic_load(&turn->times));
    CONTRACT_REQUIRE(c, turn->status == RKV_OK || turn->status == RKV_CANCELLED,
                     "close ended call %d with %s", i + 1, rkv_status_name(turn->status));
    if (turn->status != RKV_OK && good == CALLS) good = i;
    CONTRACT_REQUIRE(c, turn->status != RKV_OK || i < good,
                     "call %d was cancelled, the later call %d was not", good + 1, i + 1);
  }
  if (storage_durable(c) && good == CALLS) {
    char text[RKV_ERROR_TEXT_MAX];
    storage_open(&t->s);
    CONTRACT_REQUIRE(c, storage_same(&t->s, t->m, text), "after close and open: %s", text);
    storage_close(&t->s);
  }
  turns_end(t);
}
