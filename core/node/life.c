/* life.c: the life of a node: it is made, started, stopped, freed (node.h). */
#include <node/api.h>
#include <node/change.h>
#include <node/kernel/inbox.h>
#include <node/kernel/post.h>
#include <node/kernel/role.h>
#include <node/kernel/state.h>
#include <node/kernel/tail.h>
#include <node/loop.h>
#include <node/node.h>
#include <node/peers.h>
#include <node/propose.h>
#include <node/recover.h>
#include <node/save.h>

#include <assert.h>
#include <stdlib.h>

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
  pair_init(&n->pair, plugins->storage, plugins->storage_instance);
  n->plugins.storage = &pair_ops;
  n->plugins.storage_instance = &n->pair;
  n->executor = executor;
  n->timer_ns = UINT64_MAX;
  pthread_mutex_init(&n->end.lock, NULL);
  role_init(&n->role, loop_run, n);
  api_make(n);
  status = recover_all(n, error);
  if (status == RKV_OK) {
    *out = n;
    return RKV_OK;
  }
  tail_free(&n->tail);
  pair_destroy(&n->pair);
  pthread_mutex_destroy(&n->end.lock);
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
  if (n->executor->slept_ns) n->read.slept_ns = n->executor->slept_ns(n->executor->ctx);
  save_identity(n);
  change_look(n, &raft_effective(n->raft)->value);
  peer_update(n, &raft_effective(n->raft)->value);
  atomic_store(&n->started, true);
  node_kick(n);
}

void node_drain(struct node *n) {
  if (atomic_exchange(&n->end.draining, true)) return;
  atomic_store_explicit(&n->end.handing_over, true, memory_order_release);
  atomic_store_explicit(&n->end.needed, true, memory_order_release);
  node_post(n, &n->end.drain_call, NODE_DRAIN);
  node_kick(n);
}

bool node_idle(struct node *n) {
  return !atomic_load_explicit(&n->end.handing_over, memory_order_acquire) &&
         budgets_idle(&n->budgets);
}

bool node_may_go(struct node *n) {
  return !atomic_load_explicit(&n->end.needed, memory_order_acquire);
}

void node_abandon(struct node *n) {
  atomic_store(&n->end.draining, true);
  atomic_store_explicit(&n->end.abandoned, true, memory_order_release);
  node_kick(n);
}

bool node_ended(struct node *n) {
  /* a thread that was inside when node_abandon kicked has looked again */
  bool idle = role_is_idle(&n->role);
  return !atomic_load(&n->started) || (idle && atomic_load(&n->end.abandoned));
}

void node_free(struct node *n) {
  node_abandon(n);
  assert(inbox_empty(&n->inbox) && n->change.count == 0); /* (N1) */
  assert(!n->read.tickets && !n->transfer.call && !n->build.call);
  swap_free(n);
  pair_destroy(&n->pair);
  propose_free(n);
  ring_free(&n->deferred);
  save_free(n);
  tail_free(&n->tail);
  raft_free(n->raft);
  pthread_mutex_destroy(&n->end.lock);
  free(n);
}
