/* fatal.c: a node that ends because a promise cannot be kept (N4), or because it was told to. */
#include <node/kernel/fatal.h>

#include <node/kernel/state.h>

#include <assert.h>

void node_fatal(struct node *n, enum rkv_status status, const char *text) {
  assert(status != RKV_OK);
  pthread_mutex_lock(&n->fatal_lock);
  bool first = n->fatal_error.status == RKV_OK;
  if (first) (void)rkv_fail(&n->fatal_error, status, "%s", text);
  atomic_store_explicit(&n->fatal, true, memory_order_release);
  pthread_mutex_unlock(&n->fatal_lock);
  if (!first) return;
  rkv_log(n->plugins.host, RKV_LOG_ERROR, NODE_LOG, "stops: %s: %s", rkv_status_name(status), text);
  if (n->fatal_notify) n->fatal_notify(n->fatal_arg);
}

enum rkv_status node_fatal_status(struct node *n, struct rkv_error *error) {
  if (!atomic_load_explicit(&n->fatal, memory_order_acquire)) return RKV_OK;
  pthread_mutex_lock(&n->fatal_lock);
  if (error) *error = n->fatal_error;
  enum rkv_status status = (enum rkv_status)n->fatal_error.status;
  pthread_mutex_unlock(&n->fatal_lock);
  return status;
}

void node_on_fatal(struct node *n, void (*notify)(void *arg), void *arg) {
  n->fatal_notify = notify;
  n->fatal_arg = arg;
}

bool node_ending(struct node *n) {
  return atomic_load_explicit(&n->fatal, memory_order_acquire) ||
         atomic_load_explicit(&n->abandoned, memory_order_acquire);
}

void node_end_error(struct node *n, struct rkv_error *error) {
  if (node_fatal_status(n, error) == RKV_OK)
    (void)rkv_fail(error, RKV_CANCELLED, "node %llu is stopping",
                   (unsigned long long)n->plugins.host->node_id);
}
