/* direct.c: a transport without a wire (direct.h). */
#include "direct.h"

#include <stdlib.h>

struct direct_peer {
  const struct rkv_node_api *node;
  struct rkv_envelope envelope;
  struct direct_peer *next;
};

/* ---- life ---- */

static enum rkv_status direct_open(const struct rkv_host *host, const struct rkv_config *config,
                                   const struct rkv_node_api *node, void **transport,
                                   struct rkv_error *error) {
  (void)host, (void)config, (void)node, (void)transport;
  return rkv_fail(error, RKV_UNIMPLEMENTED, "the bench makes its transport itself");
}

static enum rkv_status direct_start(void *transport, struct rkv_error *error) {
  (void)transport, (void)error;
  return RKV_OK;
}

static void direct_stop(void *transport, uint64_t grace_ns) {
  (void)transport, (void)grace_ns;
}

static void direct_close(void *transport) {
  (void)transport;
}

static enum rkv_status direct_peer_open(void *transport, const struct rkv_peer_info *info,
                                        void **peer, struct rkv_error *error) {
  struct direct *d = transport;
  if (info->id == 0 || info->id > DIRECT_NODES_MAX || !d->net->nodes[info->id])
    return rkv_fail(error, RKV_INVALID, "no such node");
  struct direct_peer *p = malloc(sizeof *p);
  if (!p) return rkv_fail(error, RKV_NO_MEMORY, "no memory for a peer");
  p->node = d->net->nodes[info->id];
  p->envelope = (struct rkv_envelope){.cluster = info->cluster,
                                      .to = info->id,
                                      .incarnation = info->incarnation,
                                      .from_incarnation = info->from_incarnation};
  p->next = d->peers;
  d->peers = p;
  *peer = p;
  return RKV_OK;
}

static void direct_peer_close(void *peer) {
  (void)peer; /* freed with the transport, because open calls borrow the peer's envelope */
}

void direct_free(struct direct *direct) {
  for (struct direct_peer *p = direct->peers, *next; p; p = next) {
    next = p->next;
    free(p);
  }
  direct->peers = NULL;
}

/* ---- requests ---- */

#define DIRECT_SEND(operation, type, said)                                                         \
  static void send_##operation(void *peer, struct type *call) {                                    \
    const struct direct_peer *p = peer;                                                            \
    call->call.envelope = said;                                                                    \
    call->call.abi_minor = RKV_ABI_MINOR;                                                          \
    p->node->operation(p->node->ctx, call);                                                        \
    p->node->kick(p->node->ctx);                                                                   \
  }

DIRECT_SEND(vote, rkv_vote_call, &p->envelope)
DIRECT_SEND(pre_vote, rkv_vote_call, &p->envelope)
DIRECT_SEND(append, rkv_append_call, &p->envelope)
DIRECT_SEND(timeout_now, rkv_timeout_now_call, &p->envelope)
DIRECT_SEND(read_index, rkv_read_index_call, &p->envelope)
DIRECT_SEND(hello, rkv_hello_call, NULL)
DIRECT_SEND(snapshot_begin, rkv_snapshot_call, &p->envelope)
DIRECT_SEND(snapshot_write, rkv_snapshot_call, &p->envelope)
DIRECT_SEND(snapshot_finish, rkv_snapshot_call, &p->envelope)
DIRECT_SEND(snapshot_abort, rkv_snapshot_call, &p->envelope)

const struct rkv_transport_ops direct_ops = {
    .open = direct_open,
    .start = direct_start,
    .stop = direct_stop,
    .close = direct_close,
    .peer_open = direct_peer_open,
    .peer_close = direct_peer_close,
    .send_vote = send_vote,
    .send_append = send_append,
    .send_snapshot_begin = send_snapshot_begin,
    .send_snapshot_write = send_snapshot_write,
    .send_snapshot_finish = send_snapshot_finish,
    .send_snapshot_abort = send_snapshot_abort,
    .send_pre_vote = send_pre_vote,
    .send_timeout_now = send_timeout_now,
    .send_read_index = send_read_index,
    .send_hello = send_hello,
};
