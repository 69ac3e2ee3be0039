/* pending.c: counts completions. */
#include <host/storage/pending.h>

#include <node/kernel/outcome.h>

#include <assert.h>
#include <stdlib.h>
#include <time.h>

enum { MS_OF_S = 1000, NS_OF_MS = 1000000, NS_OF_S = 1000000000 };

struct pending_operation {
  struct rkv_completion completion; /* the first member */
  struct pending *pending;
};

void pending_init(struct pending *p) {
  pthread_condattr_t clock;
  (void)pthread_mutex_init(&p->lock, NULL);
  (void)pthread_condattr_init(&clock);
  (void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
  (void)pthread_cond_init(&p->changed, &clock);
  (void)pthread_condattr_destroy(&clock);
  p->count = 0;
  p->error = (struct rkv_error){0};
}

void pending_destroy(struct pending *p) {
  assert(p->count == 0);
  (void)pthread_cond_destroy(&p->changed);
  (void)pthread_mutex_destroy(&p->lock);
}

static void end(struct rkv_completion *self, enum rkv_status status,
                const struct rkv_error *error) {
  struct pending_operation *operation = (struct pending_operation *)self;
  struct pending *p = operation->pending;
  struct rkv_error told = {0};
  status = outcome_of_done(status, error, "the storage's completion", &told);
  (void)pthread_mutex_lock(&p->lock);
  if (status != RKV_OK && p->error.status == RKV_OK) p->error = told;
  p->count--;
  (void)pthread_cond_signal(&p->changed);
  (void)pthread_mutex_unlock(&p->lock);
  free(operation);
}

struct rkv_completion *pending_add(struct pending *p) {
  struct pending_operation *operation = malloc(sizeof *operation);
  (void)pthread_mutex_lock(&p->lock);
  if (operation)
    p->count++;
  else
    (void)rkv_fail(&p->error, RKV_NO_MEMORY, "out of memory");
  (void)pthread_mutex_unlock(&p->lock);
  if (!operation) return NULL;
  *operation = (struct pending_operation){{end}, p};
  return &operation->completion;
}

/* `until` NULL: without a limit. */
static enum rkv_status wait_until(struct pending *p, size_t count, const struct timespec *until,
                                  struct rkv_error *error) {
  enum rkv_status status;
  int code = 0;
  (void)pthread_mutex_lock(&p->lock);
  while (p->count > count && p->error.status == RKV_OK && code == 0)
    code = until ? pthread_cond_timedwait(&p->changed, &p->lock, until)
                 : pthread_cond_wait(&p->changed, &p->lock);
  status = (enum rkv_status)p->error.status;
  if (status != RKV_OK)
    *error = p->error;
  else if (p->count > count)
    status = rkv_fail(error, RKV_UNAVAILABLE, "it is not done in time");
  (void)pthread_mutex_unlock(&p->lock);
  return status;
}

enum rkv_status pending_wait(struct pending *p, size_t count, struct rkv_error *error) {
  return wait_until(p, count, NULL, error);
}

enum rkv_status pending_wait_ms(struct pending *p, size_t count, unsigned ms,
                                struct rkv_error *error) {
  struct timespec until;
  (void)clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += ms / MS_OF_S;
  until.tv_nsec += (long)(ms % MS_OF_S) * NS_OF_MS;
  if (until.tv_nsec >= NS_OF_S) {
    until.tv_nsec -= NS_OF_S;
    until.tv_sec++;
  }
  return wait_until(p, count, &until, error);
}
