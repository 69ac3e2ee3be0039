/* fatal.c: a node that ends because a promise cannot be kept (N4), or because it was told to. */
#include <node/kernel/fatal.h>

#include <node/kernel/state.h>

#include <assert.h>
#include <inttypes.h>

void node_fatal(struct node *n, enum rkv_status status, const char *text) {
  assert(status != RKV_OK);
  pthread_mutex_lock(&n->end.lock);
  bool first = n->end.error.status == RKV_OK;
  if (first) (void)rkv_fail(&n->end.error, status, "%s", text);
  atomic_store_explicit(&n->end.fatal, true, memory_order_release);
  pthread_mutex_unlock(&n->end.lock);
  if (!first) return;
  rkv_log(n->plugins.host, RKV_LOG_ERROR, NODE_LOG, "stops: %s: %s", rkv_status_name(status), text);
  if (n->end.notify) n->end.notify(n->end.notify_arg);
}

enum rkv_status node_fatal_status(struct node *n, struct rkv_error *error) {
  if (!atomic_load_explicit(&n->end.fatal, memory_order_acquire)) return RKV_OK;
  pthread_mutex_lock(&n->end.lock);
  if (error) *error = n->end.error;
  enum rkv_status status = (enum rkv_status)n->end.error.status;
  pthread_mutex_unlock(&n->end.lock);
  assert(status != RKV_OK); /* (N4) */
  return status;
}

void node_on_fatal(struct node *n, void (*notify)(void *arg), void *arg) {
  n->end.notify = notify;
  n->end.notify_arg = arg;
}

void node_end_error(struct node *n, struct rkv_error *error) {
  if (node_fatal_status(n, error) == RKV_OK)
    (void)rkv_fail(error, RKV_CANCELLED, "node %" PRIu64 " is stopping", n->plugins.host->node_id);
}
