/* clients.c: closed-loop clients (clients.h).
 *
 * A thread hands in the commands of all its ready clients, and kicks once. Then it takes up the
 * clients whose commands were answered meanwhile, inside the kick or by another thread. It sleeps
 * only while no client is ready. */
#include "clients.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct worker;

struct client {
  struct worker *worker;
  struct client *next; /* in the list of ready clients */
  uint64_t rounds;     /* still to do */
  atomic_uint open;    /* commands not answered yet */
};

struct command {
  struct rkv_propose_call call; /* first: what the node knows */
  struct client *client;
};

struct worker {
  const struct clients_plan *plan;
  struct client *clients;
  struct command *commands; /* plan->batch of each client */
  unsigned count;
  _Atomic(struct client *) ready; /* a stack, taken whole */
  atomic_bool sleeping, refused;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  pthread_t thread;
  struct rkv_error error; /* under lock: the first refusal; status RKV_OK: none */
};

static double seconds(clockid_t clock) {
  struct timespec t;
  (void)clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- answers: any thread ---- */

static void note_refusal(struct worker *w, const struct rkv_error *error) {
  (void)pthread_mutex_lock(&w->lock);
  if (w->error.status == RKV_OK) w->error = *error;
  (void)pthread_mutex_unlock(&w->lock);
  atomic_store(&w->refused, true);
}

static void push_ready(struct worker *w, struct client *client) {
  client->next = atomic_load_explicit(&w->ready, memory_order_relaxed);
  while (!atomic_compare_exchange_weak(&w->ready, &client->next, client)) {
  }
  if (!atomic_load(&w->sleeping)) return;
  (void)pthread_mutex_lock(&w->lock);
  (void)pthread_cond_signal(&w->wake);
  (void)pthread_mutex_unlock(&w->lock);
}

static void on_done(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct command *command = (struct command *)call;
  struct client *client = command->client;
  if (status != RKV_OK) note_refusal(client->worker, error);
  rkv_buf_drop(&command->call.result);
  if (atomic_fetch_sub_explicit(&client->open, 1, memory_order_acq_rel) == 1)
    push_ready(client->worker, client);
}

/* ---- a thread's round ---- */

static struct client *take_ready(struct worker *w) {
  struct client *ready = atomic_exchange(&w->ready, NULL);
  if (ready) return ready;
  (void)pthread_mutex_lock(&w->lock);
  atomic_store(&w->sleeping, true);
  while (!(ready = atomic_exchange(&w->ready, NULL))) (void)pthread_cond_wait(&w->wake, &w->lock);
  atomic_store(&w->sleeping, false);
  (void)pthread_mutex_unlock(&w->lock);
  return ready;
}

static void hand_in(struct worker *w, struct client *client) {
  const struct clients_plan *plan = w->plan;
  struct command *commands = &w->commands[(size_t)(client - w->clients) * plan->batch];
  client->rounds--;
  atomic_store_explicit(&client->open, plan->batch, memory_order_relaxed);
  for (unsigned i = 0; i < plan->batch; i++) {
    commands[i].call.call.deadline_ns = 0;
    plan->node->propose(plan->node->ctx, &commands[i].call);
  }
}

static void *run(void *arg) {
  struct worker *w = arg;
  unsigned busy = w->count;
  while (busy > 0) {
    struct client *next;
    for (struct client *client = take_ready(w); client; client = next) {
      next = client->next; /* read first: once handed in, the client may be ready again */
      if (client->rounds == 0 || atomic_load_explicit(&w->refused, memory_order_relaxed))
        busy--;
      else
        hand_in(w, client);
    }
    if (busy > 0) w->plan->node->kick(w->plan->node->ctx);
  }
  return NULL;
}

/* ---- the run ---- */

static enum rkv_status open_worker(struct worker *w, const struct clients_plan *plan,
                                   unsigned count, uint64_t rounds, struct rkv_error *error) {
  w->plan = plan;
  w->count = count;
  (void)pthread_mutex_init(&w->lock, NULL);
  (void)pthread_cond_init(&w->wake, NULL);
  w->clients = calloc(count, sizeof *w->clients);
  w->commands = calloc((size_t)count * plan->batch, sizeof *w->commands);
  if (!w->clients || !w->commands) return rkv_fail(error, RKV_NO_MEMORY, "no memory for clients");
  for (unsigned i = 0; i < count; i++) {
    struct client *client = &w->clients[i];
    client->worker = w;
    client->rounds = rounds;
    for (unsigned k = 0; k < plan->batch; k++) {
      struct command *command = &w->commands[(size_t)i * plan->batch + k];
      command->client = client;
      command->call.call.done = on_done;
    }
    push_ready(w, client);
  }
  return RKV_OK;
}

static void close_worker(struct worker *w) {
  free(w->clients);
  free(w->commands);
  (void)pthread_cond_destroy(&w->wake);
  (void)pthread_mutex_destroy(&w->lock);
}

enum rkv_status clients_run(const struct clients_plan *plan, struct clients_result *result,
                            struct rkv_error *error) {
  uint64_t per_round = (uint64_t)plan->clients * plan->batch;
  uint64_t rounds = (plan->commands + per_round - 1) / per_round;
  struct worker *workers = calloc(plan->threads, sizeof *workers);
  enum rkv_status status = workers ? RKV_OK : rkv_fail(error, RKV_NO_MEMORY, "no memory");
  unsigned opened = 0, started = 0;
  for (; status == RKV_OK && opened < plan->threads; opened++) {
    unsigned count = plan->clients / plan->threads + (opened < plan->clients % plan->threads);
    status = open_worker(&workers[opened], plan, count, rounds, error);
  }
  double began = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
  for (; status == RKV_OK && started < opened; started++)
    if (pthread_create(&workers[started].thread, NULL, run, &workers[started]) != 0) {
      status = rkv_fail(error, RKV_BROKEN, "no thread for clients");
      break;
    }
  for (unsigned i = 0; i < started; i++) {
    (void)pthread_join(workers[i].thread, NULL);
    if (status != RKV_OK || workers[i].error.status == RKV_OK) continue;
    *error = workers[i].error;
    status = (enum rkv_status)error->status;
  }
  result->seconds = seconds(CLOCK_MONOTONIC) - began;
  result->cpu_seconds = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  result->commands = rounds * per_round;
  for (unsigned i = 0; i < opened; i++) close_worker(&workers[i]);
  free(workers);
  return status;
}
