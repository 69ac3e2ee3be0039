/* plugin_host.c: what a transport is offered by a program that is no node. */
#include "plugin_parts.h"

#include <stdlib.h>
#include <time.h>

/* ---- the host ---- */

/* As the gRPC core's own lines: a command says by itself what went wrong. */
static void drop_line(void *ctx, enum rkv_log_level level, const char *module, const char *text) {
  (void)ctx, (void)level, (void)module, (void)text;
}

static uint64_t clock_ns(void *ctx) {
  struct timespec now;
  (void)ctx;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static void free_owner(struct rkv_buf_owner *owner) {
  free(owner);
}

static uint8_t *alloc_bytes(void *ctx, size_t len, struct rkv_buf *out) {
  struct rkv_buf_owner *owner =
      len <= SIZE_MAX - sizeof *owner ? malloc(sizeof *owner + len) : NULL;
  (void)ctx;
  *out = rkv_buf_none();
  if (!owner) return NULL;
  *owner = (struct rkv_buf_owner){.refs = 1, .free = free_owner};
  *out = (struct rkv_buf){(uint8_t *)(owner + 1), len, owner};
  return (uint8_t *)(owner + 1);
}

static enum rkv_status take_metric(void *ctx, const struct rkv_metric *metric,
                                   struct rkv_error *error) {
  (void)ctx, (void)metric, (void)error; /* nobody asks this program for metrics */
  return RKV_OK;
}

static void tell_fatal(void *ctx, enum rkv_status status, const char *text) {
  const struct plugin_client *p = ctx;
  (void)fprintf(stderr, "rkvctl: %s gives up: %s: %s\n", p->way.name, rkv_status_name(status),
                text);
}

/* ---- the node ---- */

static void refuse(struct rkv_call *call) {
  struct rkv_error error;
  call->done(call,
             rkv_fail(&error, RKV_UNAVAILABLE,
                      "no node is here: rkvctl asks, and answers "
                      "nobody"),
             &error);
}

/* X(function, type): the whole table but kick. */
#define NODE_LIST(X)                                                                               \
  X(vote, rkv_vote_call)                                                                           \
  X(append, rkv_append_call)                                                                       \
  X(snapshot_begin, rkv_snapshot_call)                                                             \
  X(snapshot_write, rkv_snapshot_call)                                                             \
  X(snapshot_finish, rkv_snapshot_call)                                                            \
  X(snapshot_abort, rkv_snapshot_call)                                                             \
  X(propose, rkv_propose_call)                                                                     \
  X(query, rkv_query_call)                                                                         \
  X(init, rkv_init_call)                                                                           \
  X(add_learner, rkv_membership_call)                                                              \
  X(change_membership, rkv_membership_call)                                                        \
  X(metrics, rkv_metrics_call)                                                                     \
  X(pre_vote, rkv_vote_call)                                                                       \
  X(timeout_now, rkv_timeout_now_call)                                                             \
  X(read_index, rkv_read_index_call)                                                               \
  X(transfer, rkv_transfer_call)                                                                   \
  X(snapshot_now, rkv_snapshot_now_call)                                                           \
  X(hello, rkv_hello_call)                                                                         \
  X(remove, rkv_membership_call)                                                                   \
  X(set_address, rkv_membership_call)                                                              \
  X(swap_storage, rkv_swap_call)                                                                   \
  X(admin, rkv_admin_call)

#define NODE_FUNCTION(function, type)                                                              \
  static void refuse_##function(void *ctx, struct type *call) {                                    \
    (void)ctx;                                                                                     \
    refuse(&call->call);                                                                           \
  }
NODE_LIST(NODE_FUNCTION)
#undef NODE_FUNCTION

static void no_loop(void *ctx) {
  (void)ctx;
}

void plugin_host_make(struct plugin_client *p) {
  p->host = (struct rkv_host){.struct_size = sizeof p->host,
                              .log_level = RKV_LOG_ERROR,
                              .ctx = p,
                              .node_addr = p->addr,
                              .log = drop_line,
                              .now_ns = clock_ns,
                              .buf_alloc = alloc_bytes,
                              .metric_register = take_metric,
                              .fatal = tell_fatal};
  p->node = (struct rkv_node_api){.struct_size = sizeof p->node,
                                  .ctx = p,
                                  .kick = no_loop,
#define NODE_FIELD(function, type) .function = refuse_##function,
                                  NODE_LIST(NODE_FIELD)
#undef NODE_FIELD
  };
}
