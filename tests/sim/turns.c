/* turns.c: a storage's threads as fibres in virtual time (turns.h).
 *
 * (T1) A thread that can go on has one event that counts; events of earlier turns are void.
 * (T2) The world's own thread gives turns only while it waits for a mutex or for a thread's end. */
#include "turns.h"

#include "fibre.h"

#include <assert.h>
#include <stdlib.h>

#define WAKE_NS_MAX 20000 /* between a signal and the turn of the thread that waited for it */
#define LOCK_NS 1000      /* between two tries of a thread to lock a mutex */
#define NS_OF_MS UINT64_C(1000000)
#define ROUNDS_MAX 10000 /* of turns for one end: more is a thread that never ends */

struct thread {
  struct thread *next;
  struct turns *turns;
  struct fibre *fibre;
  void *(*run)(void *arg);
  void *arg;
  pthread_cond_t *on; /* what it waits for; NULL: nothing, it can go on */
  bool limited;       /* it waits for so long at most */
  bool timed_out;
  uint64_t number; /* of the event that counts; 0: none */
};

struct turns {
  struct threads table;
  struct world *world;
  rkv_node_id id;
  struct thread *threads; /* the oldest first */
  uint64_t next_number;
  void (*after)(void *arg);
  void *arg;
};

struct event {
  struct turns *turns;
  uint64_t number;
};

static struct thread *current; /* whose turn it is */
static bool by_event;          /* an event gave it */

bool turns_outside(void) {
  return !current;
}

bool turns_by_event(void) {
  return current && by_event;
}

/* ---- turns ---- */

static void on_event(struct world *w, void *arg);

static void later(struct thread *th, uint64_t ns) {
  struct turns *t = th->turns;
  struct event *event = malloc(sizeof *event);
  assert(event);
  th->number = ++t->next_number;
  *event = (struct event){t, th->number};
  world_at(t->world, t->world->now_ns + ns, on_event, event);
}

static void give_turn(struct thread *th) {
  assert(!current);
  th->number = 0;
  th->on = NULL;
  th->limited = false;
  current = th;
  fibre_resume(th->fibre);
  current = NULL;
}

static struct thread *awaits(struct turns *t, uint64_t number) {
  struct thread *th = t->threads;
  while (th && th->number != number) th = th->next;
  return th;
}

/* The thread's event, unless that is void (T1). */
static void on_event(struct world *w, void *arg) {
  struct event *event = arg;
  struct turns *t = event->turns;
  struct thread *th = awaits(t, event->number);
  if (th && world_hold(w, t->id, on_event, event)) return;
  free(event);
  if (!th) return;
  th->timed_out = th->on != NULL;
  by_event = true;
  give_turn(th);
  by_event = false;
  t->after(t->arg);
}

static void yield(void) {
  struct thread *self = current;
  fibre_yield();
  assert(current == self);
}

void turns_sleep(struct turns *t, uint64_t ns) {
  if (!current) return;
  assert(current->turns == t);
  later(current, ns);
  yield();
}

/* ---- the world's own thread waits ---- */

static bool can_go_on(const struct thread *th) {
  return !fibre_has_ended(th->fibre) && !th->on;
}

/* Each that can go on has a turn; false: none could. */
static bool run_others(struct turns *t) {
  bool any = false;
  for (struct thread *th = t->threads; th; th = th->next) {
    if (!can_go_on(th)) continue;
    any = true;
    give_turn(th);
  }
  return any;
}

/* Nobody can go on: the time of those that wait for a limited one is over. */
static bool run_late(struct turns *t) {
  bool any = false;
  for (struct thread *th = t->threads; th; th = th->next) {
    if (fibre_has_ended(th->fibre) || !th->limited) continue;
    any = true;
    th->timed_out = true;
    give_turn(th);
  }
  return any;
}

/* ---- the table ---- */

static void run(void *arg) {
  struct thread *th = arg;
  (void)th->run(th->arg);
}

static int start(void *ctx, struct thread **thread, void *(*run_)(void *arg), void *arg) {
  struct turns *t = ctx;
  struct thread *th = calloc(1, sizeof *th), **end = &t->threads;
  assert(th);
  *th = (struct thread){.turns = t, .run = run_, .arg = arg};
  th->fibre = fibre_new(run, th);
  while (*end) end = &(*end)->next;
  *end = th;
  later(th, world_random(t->world) % WAKE_NS_MAX);
  *thread = th;
  return 0;
}

static void join(void *ctx, struct thread *th) {
  struct turns *t = ctx;
  struct thread **at = &t->threads;
  assert(!current);
  for (unsigned rounds = 0; !fibre_has_ended(th->fibre); rounds++) {
    bool going = run_others(t) || run_late(t);
    assert(going && rounds < ROUNDS_MAX);
  }
  while (*at != th) at = &(*at)->next;
  *at = th->next;
  fibre_free(th->fibre);
  free(th);
}

static void lock(void *ctx, pthread_mutex_t *mutex) {
  struct turns *t = ctx;
  while (pthread_mutex_trylock(mutex) != 0) {
    if (current) {
      turns_sleep(t, LOCK_NS);
    } else {
      bool going = run_others(t);
      assert(going);
    }
  }
}

/* False: the time was over. The mutex, which another may hold, is had again in either case. */
static bool park(struct turns *t, pthread_cond_t *condition, pthread_mutex_t *mutex) {
  struct thread *self = current;
  bool called;
  self->on = condition;
  self->timed_out = false;
  (void)pthread_mutex_unlock(mutex);
  yield();
  called = !self->timed_out;
  lock(t, mutex);
  return called;
}

static void wait(void *ctx, pthread_cond_t *condition, pthread_mutex_t *mutex) {
  assert(current);
  (void)park(ctx, condition, mutex);
}

static bool wait_ms(void *ctx, pthread_cond_t *condition, pthread_mutex_t *mutex, unsigned ms) {
  struct thread *self = current;
  assert(self);
  self->limited = true;
  later(self, ms * NS_OF_MS);
  return park(ctx, condition, mutex);
}

static void signal_one(void *ctx, pthread_cond_t *condition) {
  struct turns *t = ctx;
  struct thread *th = t->threads;
  while (th && th->on != condition) th = th->next;
  if (!th) return;
  th->on = NULL;
  th->limited = false;
  later(th, world_random(t->world) % WAKE_NS_MAX);
}

/* ---- life ---- */

struct turns *turns_new(struct world *w, rkv_node_id id, void (*after)(void *arg), void *arg) {
  struct turns *t = calloc(1, sizeof *t);
  assert(t);
  *t = (struct turns){.world = w, .id = id, .after = after, .arg = arg, .table.ctx = t};
  t->table.start = start;
  t->table.join = join;
  t->table.lock = lock;
  t->table.wait = wait;
  t->table.wait_ms = wait_ms;
  t->table.signal = signal_one;
  return t;
}

void turns_free(struct turns *t) {
  assert(!t->threads);
  free(t);
}

const struct threads *turns_table(const struct turns *t) {
  return &t->table;
}
