/* transport_through.c: the smallest stacked transport: it hands every operation on to the one that
 * it is built over, which calls the node itself. What that one does not carry it refuses. */
#include <rkv/rkv.h>

#include <stdlib.h>

static const struct rkv_option options[] = {
    {.name = "mark",
     .default_text = "none",
     .help = "a word that is never looked at",
     .type = RKV_OPTION_STRING},
};

struct through {
  const struct rkv_host *host;
  const struct rkv_transport_ops *ops; /* of the one under it */
  void *it;
  struct peer *peers; /* that are open */
};

struct peer {
  const struct rkv_transport_ops *ops;
  void *it;
  struct through *t;
  struct peer *next;
};

static enum rkv_status through_open(const struct rkv_host *host, const struct rkv_config *config,
                                    const struct rkv_node_api *node, void **transport,
                                    struct rkv_error *error) {
  struct through *t = calloc(1, sizeof *t);
  struct rkv_under under = {.struct_size = sizeof under};
  enum rkv_status status;
  (void)config;
  if (!t) return rkv_fail(error, RKV_NO_MEMORY, "no memory");
  status = host->open_under(host->ctx, RKV_KIND_TRANSPORT, node, &under, error);
  if (status != RKV_OK) {
    free(t);
    return status;
  }
  *t = (struct through){.host = host, .ops = under.ops, .it = under.instance};
  rkv_log(host, RKV_LOG_WARN, "transport-through", "open over %s", under.name);
  *transport = t;
  return RKV_OK;
}

static enum rkv_status through_start(void *transport, struct rkv_error *error) {
  struct through *t = transport;
  return t->ops->start(t->it, error);
}

static void through_stop(void *transport, uint64_t grace_ns) {
  struct through *t = transport;
  t->ops->stop(t->it, grace_ns);
}

/* ---- peers ---- */

static void through_peer_close(void *peer) {
  struct peer *p = peer, **at = &p->t->peers;
  while (*at != p) at = &(*at)->next;
  *at = p->next;
  p->ops->peer_close(p->it);
  free(p);
}

static void through_close(void *transport) {
  struct through *t = transport;
  while (t->peers) through_peer_close(t->peers);
  t->ops->close(t->it);
  rkv_log(t->host, RKV_LOG_WARN, "transport-through", "closed");
  free(t);
}

static enum rkv_status through_peer_open(void *transport, const struct rkv_peer_info *info,
                                         void **peer, struct rkv_error *error) {
  struct through *t = transport;
  struct peer *p = calloc(1, sizeof *p);
  enum rkv_status status;
  if (!p) return rkv_fail(error, RKV_NO_MEMORY, "no memory");
  *p = (struct peer){.ops = t->ops, .t = t, .next = t->peers};
  status = t->ops->peer_open(t->it, info, &p->it, error);
  *peer = status == RKV_OK ? p : NULL;
  if (status == RKV_OK)
    t->peers = p;
  else
    free(p);
  return status;
}

static void refuse(struct rkv_call *call) {
  struct rkv_error error;
  (void)rkv_fail(&error, RKV_UNIMPLEMENTED, "the transport under this one does not carry it");
  call->done(call, RKV_UNIMPLEMENTED, &error);
}

/* X(operation, its call). */
#define SENDS(X)                                                                                   \
  X(send_vote, rkv_vote_call)                                                                      \
  X(send_append, rkv_append_call)                                                                  \
  X(send_snapshot_begin, rkv_snapshot_call)                                                        \
  X(send_snapshot_write, rkv_snapshot_call)                                                        \
  X(send_snapshot_finish, rkv_snapshot_call)                                                       \
  X(send_snapshot_abort, rkv_snapshot_call)                                                        \
  X(send_pre_vote, rkv_vote_call)                                                                  \
  X(send_timeout_now, rkv_timeout_now_call)                                                        \
  X(send_read_index, rkv_read_index_call)                                                          \
  X(send_hello, rkv_hello_call)                                                                    \
  X(send_propose, rkv_propose_call)                                                                \
  X(send_query, rkv_query_call)                                                                    \
  X(send_init, rkv_init_call)                                                                      \
  X(send_add_learner, rkv_membership_call)                                                         \
  X(send_change_membership, rkv_membership_call)                                                   \
  X(send_remove, rkv_membership_call)                                                              \
  X(send_set_address, rkv_membership_call)                                                         \
  X(send_transfer, rkv_transfer_call)                                                              \
  X(send_snapshot_now, rkv_snapshot_now_call)                                                      \
  X(send_metrics, rkv_metrics_call)                                                                \
  X(send_admin, rkv_admin_call)

#define SEND(name, type)                                                                           \
  static void through_##name(void *peer, struct type *call) {                                      \
    struct peer *p = peer;                                                                         \
    if (p->ops->name)                                                                              \
      p->ops->name(p->it, call);                                                                   \
    else                                                                                           \
      refuse(&call->call);                                                                         \
  }
SENDS(SEND)

#define SEND_ROW(name, type) .name = through_##name,
static const struct rkv_transport_ops ops = {.open = through_open,
                                             .start = through_start,
                                             .stop = through_stop,
                                             .close = through_close,
                                             .peer_open = through_peer_open,
                                             .peer_close = through_peer_close,
                                             SENDS(SEND_ROW)};

RKV_PLUGIN(TRANSPORT, "transport-through", "1",
           "hands everything on to the transport that it is built over",
           RKV_CAP_STACKED | RKV_CAP_STREAMING, RKV_OPTIONS(options), ops);
