/* pending.c: counts completions. */
#include <host/storage/pending.h>

#include <node/kernel/outcome.h>

#include <assert.h>
#include <stdlib.h>

struct pending_operation {
  struct rkv_completion completion; /* the first member */
  struct pending *pending;
};

void pending_init(struct pending *p) {
  (void)pthread_mutex_init(&p->lock, NULL);
  (void)pthread_cond_init(&p->changed, NULL);
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

enum rkv_status pending_wait(struct pending *p, size_t count, struct rkv_error *error) {
  enum rkv_status status;
  (void)pthread_mutex_lock(&p->lock);
  while (p->count > count && p->error.status == RKV_OK)
    (void)pthread_cond_wait(&p->changed, &p->lock);
  status = (enum rkv_status)p->error.status;
  if (status != RKV_OK) *error = p->error;
  (void)pthread_mutex_unlock(&p->lock);
  return status;
}
