/* calls_transport.c: the operations of a transport, each noted while it runs. */
#include "calls.h"

static const struct rkv_transport_ops *real; /* the plugin's */

#define SENDS(X, name, type) X(CALLS_NOTHING, name, (void *peer, struct type *call), (peer, call))

/* X(how it answers, name, parameters, arguments). */
#define TRANSPORT_CALLS(X)                                                                         \
  X(CALLS_STATUS, open,                                                                            \
    (const struct rkv_host *host, const struct rkv_config *config,                                 \
     const struct rkv_node_api *node, void **transport, struct rkv_error *error),                  \
    (host, config, node, transport, error))                                                        \
  X(CALLS_STATUS, start, (void *transport, struct rkv_error *error), (transport, error))           \
  X(CALLS_NOTHING, stop, (void *transport, uint64_t grace_ns), (transport, grace_ns))              \
  X(CALLS_NOTHING, close, (void *transport), (transport))                                          \
  X(CALLS_STATUS, peer_open,                                                                       \
    (void *transport, const struct rkv_peer_info *info, void **peer, struct rkv_error *error),     \
    (transport, info, peer, error))                                                                \
  X(CALLS_NOTHING, peer_close, (void *peer), (peer))                                               \
  SENDS(X, send_vote, rkv_vote_call)                                                               \
  SENDS(X, send_append, rkv_append_call)                                                           \
  SENDS(X, send_snapshot_begin, rkv_snapshot_call)                                                 \
  SENDS(X, send_snapshot_write, rkv_snapshot_call)                                                 \
  SENDS(X, send_snapshot_finish, rkv_snapshot_call)                                                \
  SENDS(X, send_snapshot_abort, rkv_snapshot_call)                                                 \
  SENDS(X, send_pre_vote, rkv_vote_call)                                                           \
  SENDS(X, send_timeout_now, rkv_timeout_now_call)                                                 \
  SENDS(X, send_read_index, rkv_read_index_call)                                                   \
  SENDS(X, send_hello, rkv_hello_call)                                                             \
  SENDS(X, send_propose, rkv_propose_call)                                                         \
  SENDS(X, send_query, rkv_query_call)                                                             \
  SENDS(X, send_init, rkv_init_call)                                                               \
  SENDS(X, send_add_learner, rkv_membership_call)                                                  \
  SENDS(X, send_change_membership, rkv_membership_call)                                            \
  SENDS(X, send_remove, rkv_membership_call)                                                       \
  SENDS(X, send_set_address, rkv_membership_call)                                                  \
  SENDS(X, send_transfer, rkv_transfer_call)                                                       \
  SENDS(X, send_snapshot_now, rkv_snapshot_now_call)                                               \
  SENDS(X, send_metrics, rkv_metrics_call)                                                         \
  SENDS(X, send_admin, rkv_admin_call)

#define WRAPPER(answer, name, params, args) answer(name, params, args)
TRANSPORT_CALLS(WRAPPER)
CALLS_ALL(TRANSPORT_CALLS, rkv_transport_ops);

const void *calls_transport(const void *ops) {
  static struct rkv_transport_ops noted; /* of this process, which is one law */
  real = ops;
  noted = *real;
#define PUT(answer, name, params, args)                                                            \
  if (noted.name) noted.name = note_##name;
  TRANSPORT_CALLS(PUT)
#undef PUT
  return &noted;
}
