/* pollers.c: who polls, who stands by, and who is missed; invariants in pollers.h. */
#include "pollers.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include "server.h"

/* After the begin of a burst: who polls is missed. */
#define LATE_NS (TRANSPORT_TICK_NS + POLLERS_LATE_NS)
#define LOOK_NS (25 * MS) /* who stands by looks again after this, before it goes on */
#define STANDING 2        /* threads at the start: one polls, one stands by */
#define NOBODY POLLERS_MAX

struct poller {
  struct pollers *all;
  pthread_t thread;
  atomic_uint rounds; /* begun and ended: an odd number inside one */
};

struct pollers {
  struct transport *t;
  pthread_mutex_t role;           /* (Q1) */
  uint64_t tick_at;               /* under role */
  bool works;                     /* under role: somebody is at a tag, a tick or a kick */
  atomic_uint turn;               /* index of the thread that polls; written under mutex */
  atomic_uint_least64_t begun_ns; /* its present burst */

  pthread_mutex_t mutex; /* guards all below */
  pthread_cond_t changed;
  struct poller threads[POLLERS_MAX];
  unsigned count; /* of threads */
  unsigned idle;  /* of these stand by */
  unsigned watch; /* the one of these that looks after the one who polls */
  bool over;      /* the queue is drained */
};

/* ---- one round ---- */

static void take_role(struct pollers *p) {
  pthread_mutex_lock(&p->role);
  assert(!p->works); /* (Q1) */
  p->works = true;
}

static void leave_role(struct pollers *p) {
  assert(p->works); /* (Q1) */
  p->works = false;
  pthread_mutex_unlock(&p->role);
}

static void handle(struct pollers *p, struct tag *tag, bool ok) {
  take_role(p);
  (void)atomic_load_explicit(&tag->handed, memory_order_acquire);
  tag->fn(tag, ok);
  leave_role(p);
}

unsigned pollers_burst(struct pollers *p, gpr_timespec until, bool *shutdown) {
  unsigned events = 0;
  *shutdown = false;
  while (events < TRANSPORT_BURST) {
    grpc_event event = grpc_completion_queue_next(p->t->cq, until, NULL);
    if (event.type == GRPC_QUEUE_SHUTDOWN) *shutdown = true;
    if (event.type != GRPC_OP_COMPLETE) break;
    handle(p, event.tag, event.success != 0);
    events++;
    until = gpr_inf_past(GPR_CLOCK_MONOTONIC);
  }
  return events;
}

static gpr_timespec next_tick(void) {
  const gpr_timespec tick = gpr_time_from_nanos((int64_t)TRANSPORT_TICK_NS, GPR_TIMESPAN);
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), tick);
}

static bool is_busy(struct transport *t) {
  const size_t awaited = atomic_load_explicit(&t->awaited, memory_order_relaxed);
  return awaited > 0 && awaited <= TRANSPORT_BUSY_CALLS_MAX;
}

/* Looks again and again for as long as option busy_poll says. Waking a thread that sleeps takes as
 * long as a peer takes to answer: 100us make a lone writer 13 % faster (3,644 sets/s against 3,213,
 * bench/RESULTS.md), and cost a core while somebody writes, so it is off by default. */
static unsigned look(struct pollers *p, bool *shutdown) {
  struct transport *t = p->t;
  unsigned events = 0;
  uint64_t end;
  *shutdown = false;
  if (t->options.busy_poll == 0 || !is_busy(t)) return 0;
  end = transport_now(t) + t->options.busy_poll;
  while (events == 0 && !*shutdown && transport_now(t) < end)
    events = pollers_burst(p, gpr_inf_past(GPR_CLOCK_MONOTONIC), shutdown);
  return events;
}

static void run_after_kick(struct transport *t) {
  while (t->after_kick) {
    struct tag *tag = t->after_kick;
    t->after_kick = tag->next;
    tag->fn(tag, true);
  }
}

/* The end of a burst: the node's turn. */
static void finish(struct pollers *p, bool work) {
  struct transport *t = p->t;
  uint64_t now;
  take_role(p);
  now = transport_now(t);
  if (now >= p->tick_at) {
    p->tick_at = now + TRANSPORT_TICK_NS;
    for (struct tick *tick = t->ticks; tick; tick = tick->next) tick->fn(tick, now);
    work = true; /* what has timed out was answered */
  }
  if (work) t->node->kick(t->node->ctx);
  run_after_kick(t);
  leave_role(p);
}

/* False: the queue is drained. */
static bool take_round(struct pollers *p) {
  bool shutdown, work;
  atomic_store_explicit(&p->begun_ns, transport_now(p->t), memory_order_relaxed);
  work = look(p, &shutdown) > 0;
  if (!work && !shutdown) work = pollers_burst(p, next_tick(), &shutdown) > 0;
  finish(p, work);
  return !shutdown;
}

/* ---- whose turn it is, under the mutex ---- */

static void *poller_main(void *arg);

static int add_thread(struct pollers *p) {
  struct poller *poller = &p->threads[p->count];
  int code;
  if (p->count == POLLERS_MAX) return EAGAIN;
  poller->all = p;
  code = pthread_create(&poller->thread, NULL, poller_main, poller);
  if (code == 0) p->count++;
  return code;
}

/* Nobody works on what came; else whoever does so is not kept by the core. */
static bool is_role_free(struct pollers *p) {
  if (pthread_mutex_trylock(&p->role) != 0) return false;
  pthread_mutex_unlock(&p->role);
  return true;
}

/* Who polls should have come back long ago, and that it had not was seen by the last look too: else
 * the whole machine may have stood still. *wait_ns: until the next look. */
static bool is_missed(struct pollers *p, uint64_t *suspect_ns, uint64_t *wait_ns) {
  const uint64_t begun = atomic_load_explicit(&p->begun_ns, memory_order_relaxed);
  const uint64_t now = transport_now(p->t);
  const bool late = now - begun >= LATE_NS, again = begun == *suspect_ns;
  *suspect_ns = late ? begun : 0;
  *wait_ns = late || now - begun > LATE_NS - LOOK_NS ? LOOK_NS : LATE_NS - (now - begun);
  return late && again && is_role_free(p);
}

static void relieve(struct pollers *p, unsigned me) {
  atomic_store_explicit(&p->begun_ns, transport_now(p->t), memory_order_relaxed);
  atomic_store(&p->turn, me);
  p->watch = NOBODY;
  if (p->idle > 1)
    pthread_cond_broadcast(&p->changed);
  else
    (void)add_thread(p); /* without another one this one polls alone */
  server_ended(p->t, ENDED_RELIEVED);
}

/* False: the end. */
static bool await_turn(struct pollers *p, unsigned me) {
  uint64_t suspect_ns = 0, wait_ns = LATE_NS;
  bool more;
  if (atomic_load_explicit(&p->turn, memory_order_relaxed) == me) return true;
  pthread_mutex_lock(&p->mutex);
  p->idle++;
  while (!p->over && atomic_load(&p->turn) != me) {
    if (p->watch == NOBODY) p->watch = me;
    if (p->watch == me)
      transport_wait(&p->changed, &p->mutex, wait_ns); /* looks anyway */
    else
      pthread_cond_wait(&p->changed, &p->mutex);
    if (!p->over && p->watch == me && is_missed(p, &suspect_ns, &wait_ns)) relieve(p, me);
  }
  assert(p->idle > 0 && p->idle <= p->count);
  p->idle--;
  more = !p->over;
  pthread_mutex_unlock(&p->mutex);
  return more;
}

/* The queue is drained, or another thread has said so. */
static void end(struct pollers *p) {
  pthread_mutex_lock(&p->mutex);
  p->over = true;
  pthread_cond_broadcast(&p->changed);
  pthread_mutex_unlock(&p->mutex);
}

static void *poller_main(void *arg) {
  struct poller *self = arg;
  struct pollers *p = self->all;
  const unsigned me = (unsigned)(self - p->threads);
  for (bool more = true; more && await_turn(p, me);) {
    (void)atomic_fetch_add(&self->rounds, 1);
    more = take_round(p);
    (void)atomic_fetch_add(&self->rounds, 1);
  }
  end(p);
  return NULL;
}

/* ---- the rounds ---- */

void pollers_mark(struct pollers *p, struct pollers_mark *mark) {
  for (size_t i = 0; i < POLLERS_MAX; i++) mark->rounds[i] = atomic_load(&p->threads[i].rounds);
}

bool pollers_passed(struct pollers *p, const struct pollers_mark *mark) {
  for (size_t i = 0; i < POLLERS_MAX; i++)
    if (mark->rounds[i] % 2 != 0 && atomic_load(&p->threads[i].rounds) == mark->rounds[i])
      return false;
  return true;
}

/* ---- life ---- */

struct pollers *pollers_new(struct transport *t) {
  struct pollers *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  if (!transport_cond_make(&p->changed)) {
    free(p);
    return NULL;
  }
  pthread_mutex_init(&p->mutex, NULL); /* cannot fail in glibc, nor the other */
  pthread_mutex_init(&p->role, NULL);
  p->t = t;
  p->watch = NOBODY;
  return p;
}

void pollers_free(struct pollers *p) {
  if (!p) return;
  pthread_cond_destroy(&p->changed);
  pthread_mutex_destroy(&p->mutex);
  pthread_mutex_destroy(&p->role);
  free(p);
}

enum rkv_status pollers_start(struct pollers *p, struct rkv_error *error) {
  int code = 0;
  atomic_store(&p->begun_ns, transport_now(p->t));
  p->tick_at = transport_now(p->t) + TRANSPORT_TICK_NS;
  pthread_mutex_lock(&p->mutex);
  for (int i = 0; i < STANDING && code == 0; i++) code = add_thread(p);
  pthread_mutex_unlock(&p->mutex);
  if (code == 0) return RKV_OK;
  return rkv_fail(error, RKV_NO_MEMORY, "transport-grpc: no thread to be had (errno %d)", code);
}

void pollers_join(struct pollers *p) {
  for (unsigned i = 0;; i++) {
    bool more;
    pthread_mutex_lock(&p->mutex);
    more = i < p->count;
    pthread_mutex_unlock(&p->mutex);
    if (!more) return;
    pthread_join(p->threads[i].thread, NULL);
  }
}
