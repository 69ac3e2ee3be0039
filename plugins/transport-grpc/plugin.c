/* plugin.c: the descriptor of transport-grpc: options and operations. */
#include "options.h"
#include "peer.h"
#include "runtime.h"

static const struct rkv_option option_table[] = {
#define OPTION_ROW(name, type, default_, min, max, help)                                           \
  {#name, default_, help, NULL, min, max, RKV_OPTION_##type, 0},
    TRANSPORT_OPTION_LIST(OPTION_ROW)
#undef OPTION_ROW
};

static const struct rkv_transport_ops operations = {
    .open = transport_open,
    .start = transport_start,
    .stop = transport_stop,
    .close = transport_close,
    .peer_open = peer_open,
    .peer_close = peer_close,
    .send_vote = peer_send_vote,
    .send_append = peer_send_append,
    .send_snapshot_begin = peer_send_snapshot_begin,
    .send_snapshot_write = peer_send_snapshot_write,
    .send_snapshot_finish = peer_send_snapshot_finish,
    .send_snapshot_abort = peer_send_snapshot_abort,
    .send_pre_vote = peer_send_pre_vote,
    .send_timeout_now = peer_send_timeout_now,
    .send_read_index = peer_send_read_index,
    .send_hello = peer_send_hello,
    .send_propose = peer_send_propose,
    .send_query = peer_send_query,
    .send_init = peer_send_init,
    .send_add_learner = peer_send_add_learner,
    .send_change_membership = peer_send_change_membership,
    .send_remove = peer_send_remove,
    .send_set_address = peer_send_set_address,
    .send_transfer = peer_send_transfer,
    .send_snapshot_now = peer_send_snapshot_now,
    .send_metrics = peer_send_metrics,
    .send_admin = peer_send_admin,
};

RKV_PLUGIN(TRANSPORT, "transport-grpc", RKV_VERSION,
           "gRPC over TCP, the wire of OpenRaft's key-value example", RKV_CAP_STREAMING,
           RKV_OPTIONS(option_table), operations);
