/* executor.c: threads and clocks of a production node (executor.h).
 *
 * (X1) `running` is set only between start and stop; a node starts once.
 * (X2) Each job that was posted is run once: none is left in the end. */
#include <node/kernel/executor.h>

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>

#define NS_PER_S UINT64_C(1000000000)
#define WORKER_NICE 15 /* of 19: a thirtieth of a busy processor, all of an idle one */
#define CHANCE_STEP UINT64_C(0x9e3779b97f4a7c15)

struct threads {
  struct node_executor base; /* first: the public handle is a pointer to it */
  struct node *node;
  pthread_t timer_thread, worker_thread;
  pthread_mutex_t lock;
  pthread_cond_t timer_wake, worker_wake;
  uint64_t deadline_ns;
  uint64_t chance; /* state of the random numbers; the runner's */
  struct node_job *first, **last;
  bool running, stopping, inline_runs; /* inline_runs: a thread that posted runs the jobs */
};

static uint64_t read_clock(clockid_t clock) {
  struct timespec ts;
  (void)clock_gettime(clock, &ts);
  return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static uint64_t now_ns(void *ctx) {
  (void)ctx;
  return read_clock(CLOCK_MONOTONIC);
}

/* CLOCK_BOOTTIME is CLOCK_MONOTONIC and the time that the machine slept. */
static uint64_t slept_ns(void *ctx) {
  uint64_t awake = now_ns(ctx);
  return read_clock(CLOCK_BOOTTIME) - awake;
}

/* splitmix64, seeded by the kernel: it is needed several times per write, too often for a system
 * call. Its numbers spread timeouts and name clusters; they keep no secrets. Only the runner draws,
 * so no locked addition is needed. */
static uint64_t random_number(void *ctx) {
  struct threads *t = ctx;
  uint64_t n = t->chance;
  t->chance += CHANCE_STEP;
  n = (n ^ n >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  n = (n ^ n >> 27) * UINT64_C(0x94d049bb133111eb);
  return n ^ n >> 31;
}

static uint64_t random_seed(void) {
  uint64_t seed;
  if (getrandom(&seed, sizeof seed, 0) == (ssize_t)sizeof seed) return seed;
  return now_ns(NULL) * CHANCE_STEP; /* no entropy yet: spread is all that is needed */
}

static void set_timer(void *ctx, uint64_t deadline_ns) {
  struct threads *t = ctx;
  pthread_mutex_lock(&t->lock);
  bool earlier = deadline_ns < t->deadline_ns;
  t->deadline_ns = deadline_ns;
  if (earlier) pthread_cond_signal(&t->timer_wake);
  pthread_mutex_unlock(&t->lock);
}

/* Runs the jobs that wait, and those that they post. Called with the lock held; it is free while a
 * job runs. */
static void run_jobs(struct threads *t) {
  while (t->first) {
    struct node_job *job = t->first;
    t->first = job->next;
    if (!t->first) t->last = &t->first;
    pthread_mutex_unlock(&t->lock);
    job->run(job);
    pthread_mutex_lock(&t->lock);
  }
}

/* Without a worker the posting thread runs the job, then the jobs that it posts, one after the
 * other: a job that posts itself again would otherwise recurse. */
static void post(void *ctx, struct node_job *job) {
  struct threads *t = ctx;
  job->next = NULL;
  pthread_mutex_lock(&t->lock);
  *t->last = job;
  t->last = &job->next;
  if (t->running) {
    pthread_cond_signal(&t->worker_wake);
  } else if (!t->inline_runs) {
    t->inline_runs = true;
    run_jobs(t);
    t->inline_runs = false;
  }
  pthread_mutex_unlock(&t->lock);
}

static void *run_timer(void *arg) {
  struct threads *t = arg;
  pthread_mutex_lock(&t->lock);
  while (!t->stopping) {
    uint64_t deadline = t->deadline_ns;
    if (deadline == UINT64_MAX) {
      pthread_cond_wait(&t->timer_wake, &t->lock);
    } else if (now_ns(t) < deadline) {
      struct timespec until = {.tv_sec = (time_t)(deadline / NS_PER_S),
                               .tv_nsec = (long)(deadline % NS_PER_S)};
      pthread_cond_timedwait(&t->timer_wake, &t->lock, &until);
    } else {
      t->deadline_ns = UINT64_MAX;
      pthread_mutex_unlock(&t->lock);
      node_kick(t->node);
      pthread_mutex_lock(&t->lock);
    }
  }
  pthread_mutex_unlock(&t->lock);
  return NULL;
}

/* Gives way to the loop, which answers clients. On Linux priorities belong to threads, and 0 is the
 * calling one. */
static void step_back(void) {
  (void)setpriority(PRIO_PROCESS, 0, WORKER_NICE);
}

static void *run_worker(void *arg) {
  struct threads *t = arg;
  step_back();
  pthread_mutex_lock(&t->lock);
  while (t->first || !t->stopping) {
    if (!t->first) pthread_cond_wait(&t->worker_wake, &t->lock);
    run_jobs(t);
  }
  t->running = false;
  pthread_mutex_unlock(&t->lock);
  return NULL;
}

enum rkv_status node_executor_new(struct node_executor **out, struct rkv_error *error) {
  struct threads *t = calloc(1, sizeof *t);
  if (!t) return rkv_fail(error, RKV_NO_MEMORY, "executor: out of memory");
  pthread_condattr_t attr;
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_mutex_init(&t->lock, NULL);
  pthread_cond_init(&t->timer_wake, &attr);
  pthread_cond_init(&t->worker_wake, &attr);
  pthread_condattr_destroy(&attr);
  t->deadline_ns = UINT64_MAX;
  t->last = &t->first;
  t->chance = random_seed();
  t->base = (struct node_executor){.ctx = t,
                                   .now_ns = now_ns,
                                   .slept_ns = slept_ns,
                                   .random = random_number,
                                   .set_timer = set_timer,
                                   .post = post};
  *out = &t->base;
  return RKV_OK;
}

enum rkv_status node_executor_start(struct node_executor *executor, struct node *node,
                                    struct rkv_error *error) {
  struct threads *t = executor->ctx;
  assert(!t->running && !t->stopping); /* (X1) */
  t->node = node;
  t->running = true;
  int code = pthread_create(&t->timer_thread, NULL, run_timer, t);
  if (code != 0) {
    t->running = false;
    return rkv_fail(error, RKV_BROKEN, "executor: no timer thread: %s", strerror(code));
  }
  code = pthread_create(&t->worker_thread, NULL, run_worker, t);
  if (code == 0) return RKV_OK;
  pthread_mutex_lock(&t->lock);
  t->running = false;
  t->stopping = true;
  pthread_cond_signal(&t->timer_wake);
  pthread_mutex_unlock(&t->lock);
  pthread_join(t->timer_thread, NULL);
  return rkv_fail(error, RKV_BROKEN, "executor: no worker thread: %s", strerror(code));
}

void node_executor_stop(struct node_executor *executor) {
  struct threads *t = executor->ctx;
  pthread_mutex_lock(&t->lock);
  bool running = t->running;
  t->stopping = true;
  pthread_cond_signal(&t->timer_wake);
  pthread_cond_signal(&t->worker_wake);
  pthread_mutex_unlock(&t->lock);
  if (!running) return;
  pthread_join(t->timer_thread, NULL);
  pthread_join(t->worker_thread, NULL);
}

void node_executor_free(struct node_executor *executor) {
  struct threads *t = executor->ctx;
  assert(!t->running); /* (X1) */
  assert(!t->first);   /* (X2) */
  pthread_cond_destroy(&t->worker_wake);
  pthread_cond_destroy(&t->timer_wake);
  pthread_mutex_destroy(&t->lock);
  free(t);
}
