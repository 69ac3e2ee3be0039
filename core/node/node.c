/* node.c: life of a node: made, started, failed, stopped (node.h). */
#include <node/internal.h>

#include <assert.h>
#include <stdlib.h>

enum rkv_status node_encode_membership(struct node *n, const struct rkv_membership *membership,
                                       struct rkv_buf *out) {
  size_t size = rkv_membership_encoded_size(membership);
  uint8_t *bytes = n->plugins.host->buf_alloc(n->plugins.host->ctx, size, out);
  if (!bytes) return RKV_NO_MEMORY;
  rkv_membership_encode(membership, bytes);
  return RKV_OK;
}

static enum rkv_status check_options(const struct node_options *o, struct rkv_error *error) {
  if (o->inbox_max == 0 || o->inbox_bytes_max == 0)
    return rkv_fail(error, RKV_INVALID, "node.inbox_max and inbox_bytes_max must be above 0");
  if (o->append_entries_max == 0 || o->append_entries_max > UINT32_MAX || o->append_bytes_max == 0)
    return rkv_fail(error, RKV_INVALID,
                    "node.append_entries_max and append_bytes_max must be "
                    "above 0");
  if (o->command_bytes_max == 0)
    return rkv_fail(error, RKV_INVALID, "node.command_bytes_max must be above 0");
  return RKV_OK;
}

enum rkv_status node_new(const struct node_options *options, const struct node_plugins *plugins,
                         const struct node_executor *executor, struct node **out,
                         struct rkv_error *error) {
  enum rkv_status status = check_options(options, error);
  if (status != RKV_OK) return status;
  struct node *n = calloc(1, sizeof *n);
  if (!n) return rkv_fail(error, RKV_NO_MEMORY, "out of memory for a node");
  n->options = *options;
  n->plugins = *plugins;
  n->plugins.transport_instance = NULL;
  n->executor = executor;
  n->timer_ns = UINT64_MAX;
  pthread_mutex_init(&n->fatal_lock, NULL);
  api_make(n);
  status = recover_all(n, error);
  if (status == RKV_OK) {
    *out = n;
    return RKV_OK;
  }
  tail_free(&n->tail);
  pthread_mutex_destroy(&n->fatal_lock);
  free(n);
  return status;
}

const struct rkv_node_api *node_api(struct node *n) {
  return &n->api;
}

void node_set_transport(struct node *n, void *transport_instance) {
  assert(!n->plugins.transport_instance && transport_instance);
  n->plugins.transport_instance = transport_instance;
}

void node_start(struct node *n) {
  assert(n->plugins.transport_instance);
  n->now_ns = n->executor->now_ns(n->executor->ctx);
  if (n->executor->slept_ns) n->slept_ns = n->executor->slept_ns(n->executor->ctx);
  if (n->identity_is_new) save_identity(n);
  change_look(n, &raft_effective(n->raft)->value);
  peer_update(n, &raft_effective(n->raft)->value);
  atomic_store(&n->started, true);
  node_kick(n);
}

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

void node_drain(struct node *n) {
  if (atomic_exchange(&n->draining, true)) return;
  atomic_store_explicit(&n->handing_over, true, memory_order_release);
  loop_post(n, &n->drain_call, NODE_DRAIN);
  node_kick(n);
}

bool node_idle(struct node *n) {
  return !atomic_load_explicit(&n->handing_over, memory_order_acquire) && budgets_idle(&n->budgets);
}

void node_abandon(struct node *n) {
  atomic_store(&n->draining, true);
  atomic_store_explicit(&n->abandoned, true, memory_order_release);
  node_kick(n);
}

bool node_ended(struct node *n) {
  bool idle = atomic_load(&n->role) == NODE_IDLE; /* whoever was in the loop has seen the rest */
  return !atomic_load(&n->started) || (idle && atomic_load(&n->abandoned));
}

void node_free(struct node *n) {
  node_abandon(n);
  assert(inbox_empty(&n->inbox) && n->change_count == 0);
  propose_free(n);
  free(n->deferred.ring);
  tail_free(&n->tail);
  raft_free(n->raft);
  pthread_mutex_destroy(&n->fatal_lock);
  free(n);
}
