/* broken_transport.c: a transport that is broken on purpose: it hands every operation on to a good
 * plugin, with one fault put in. The suite must catch each by the law that names it (variants.txt).
 *
 * Options: `good` is the good plugin's .so, `fault` what is wrong, raft_message_max the good one's.
 * What happens to calls stands in broken_calls.c. */
#include "broken_transport.h"

#include <stdlib.h>

static const char *const faults[] = {
#define TRANSPORT_FAULT_NAME(name) #name,
    TRANSPORT_FAULT_LIST(TRANSPORT_FAULT_NAME)
#undef TRANSPORT_FAULT_NAME
        NULL};

enum { PEERS_FEW = 8 };
enum { OPTION_GOOD, OPTION_FAULT, OPTION_MESSAGE_MAX, OPTION_COUNT };

static const struct rkv_option options[OPTION_COUNT] = {
    {.name = "good",
     .help = "path of the plugin that does the work",
     .type = RKV_OPTION_PATH,
     .flags = RKV_OPTION_REQUIRED},
    {.name = "fault",
     .default_text = "none",
     .help = "what is wrong",
     .choices = faults,
     .type = RKV_OPTION_ENUM},
    {.name = "raft_message_max",
     .default_text = "4MiB",
     .help = "the good plugin's",
     .min = 256,
     .max = 64 << 20,
     .type = RKV_OPTION_SIZE},
};

/* ---- the node, as the good plugin sees it ---- */

static void on_kick(void *ctx) {
  struct broken *b = ctx;
  if (b->fault != FAULT_never_kicks) b->node->kick(b->node->ctx);
}

/* An inbound vote whose done kicks. */
struct vote {
  struct rkv_vote_call copy; /* first */
  struct broken *b;
  struct rkv_vote_call *theirs;
};

static void vote_done(struct rkv_call *call, enum rkv_status status,
                      const struct rkv_error *error) {
  struct vote *v = (struct vote *)call;
  struct rkv_call head = v->theirs->call;
  *v->theirs = v->copy;
  v->theirs->call = head;
  head.done(&v->theirs->call, status, error);
  v->b->node->kick(v->b->node->ctx);
  free(v);
}

static void on_vote(void *ctx, struct rkv_vote_call *call) {
  struct broken *b = ctx;
  struct vote *v = b->fault == FAULT_kicks_in_done ? calloc(1, sizeof *v) : NULL;
  atomic_store(&b->asked, true);
  if (!v) {
    struct rkv_error error;
    if (atomic_load(&b->guests.shy))
      call->call.done(&call->call, rkv_fail(&error, RKV_UNAVAILABLE, "broken: strangers"), &error);
    else
      b->node->vote(b->node->ctx, call);
    return;
  }
  v->copy = *call;
  v->copy.call.done = vote_done;
  v->b = b;
  v->theirs = call;
  b->node->vote(b->node->ctx, &v->copy);
}

#define HAND_ON(function, type)                                                                    \
  static void on_##function(void *ctx, struct type *call) {                                        \
    struct broken *b = ctx;                                                                        \
    b->node->function(b->node->ctx, call);                                                         \
  }
HAND_ON(append, rkv_append_call)
HAND_ON(snapshot_begin, rkv_snapshot_call)
HAND_ON(snapshot_write, rkv_snapshot_call)
HAND_ON(snapshot_finish, rkv_snapshot_call)
HAND_ON(snapshot_abort, rkv_snapshot_call)
HAND_ON(propose, rkv_propose_call)
HAND_ON(query, rkv_query_call)
HAND_ON(init, rkv_init_call)
HAND_ON(add_learner, rkv_membership_call)
HAND_ON(change_membership, rkv_membership_call)
HAND_ON(metrics, rkv_metrics_call)
HAND_ON(pre_vote, rkv_vote_call)
HAND_ON(timeout_now, rkv_timeout_now_call)
HAND_ON(read_index, rkv_read_index_call)
HAND_ON(transfer, rkv_transfer_call)
HAND_ON(snapshot_now, rkv_snapshot_now_call)
HAND_ON(remove, rkv_membership_call)
HAND_ON(set_address, rkv_membership_call)
HAND_ON(admin, rkv_admin_call)
#undef HAND_ON

/* As one of before 1.2 does, which has no room for what the node would tell. */
static void on_hello(void *ctx, struct rkv_hello_call *call) {
  struct broken *b = ctx;
  if (b->fault == FAULT_hello_untold) call->call.abi_minor = 1;
  b->node->hello(b->node->ctx, call);
}

static void make_node(struct broken *b) {
  b->own_node = (struct rkv_node_api){.struct_size = sizeof b->own_node,
                                      .ctx = b,
                                      .vote = on_vote,
                                      .append = on_append,
                                      .snapshot_begin = on_snapshot_begin,
                                      .snapshot_write = on_snapshot_write,
                                      .snapshot_finish = on_snapshot_finish,
                                      .snapshot_abort = on_snapshot_abort,
                                      .propose = on_propose,
                                      .query = on_query,
                                      .init = on_init,
                                      .add_learner = on_add_learner,
                                      .change_membership = on_change_membership,
                                      .metrics = on_metrics,
                                      .kick = on_kick,
                                      .pre_vote = on_pre_vote,
                                      .timeout_now = on_timeout_now,
                                      .read_index = on_read_index,
                                      .transfer = on_transfer,
                                      .snapshot_now = on_snapshot_now,
                                      .hello = on_hello,
                                      .remove = on_remove,
                                      .set_address = on_set_address,
                                      .admin = on_admin};
}

/* ---- life ---- */

static enum rkv_status broken_open(const struct rkv_host *host, const struct rkv_config *config,
                                   const struct rkv_node_api *node, void **transport,
                                   struct rkv_error *error) {
  struct broken *b = calloc(1, sizeof *b);
  enum rkv_status status;
  if (!b) return rkv_fail(error, RKV_NO_MEMORY, "broken: no memory");
  b->host = host;
  b->node = node;
  b->fault = (enum transport_fault)config->values[OPTION_FAULT].number;
  make_node(b);
  (void)pthread_mutex_init(&b->lock, NULL);
  status = good_load(&b->from, config->values[OPTION_GOOD].text, RKV_KIND_TRANSPORT, error);
  if (status == RKV_OK) {
    b->good = b->from.plugin->ops;
    good_set(&b->from, "raft_message_max", config->values[OPTION_MESSAGE_MAX].number);
    status = b->good->open(broken_host(b), &b->from.config, &b->own_node, &b->it, error);
  }
  if (status == RKV_OK && b->fault == FAULT_starts_in_open) status = b->good->start(b->it, error);
  if (status == RKV_ADDRESS && b->fault == FAULT_taken_is_io) error->status = status = RKV_IO;
  (void)BROKEN_ERROR(b->fault, status, error);
  if (b->fault == FAULT_open_leaks) {
    struct rkv_buf leaked;
    if (!host->buf_alloc(host->ctx, 10, &leaked)) b->fault = FAULT_none;
  }
  if (status == RKV_OK) broken_guests_begin(b);
  if (status == RKV_OK)
    *transport = b;
  else
    free(b);
  return status;
}

static enum rkv_status broken_start(void *transport, struct rkv_error *error) {
  struct broken *b = transport;
  return b->fault == FAULT_starts_in_open ? RKV_OK : b->good->start(b->it, error);
}

static void *stop_beside(void *arg) {
  struct broken *b = arg;
  b->good->stop(b->it, UINT64_C(3000000000));
  return NULL;
}

static void broken_stop(void *transport, uint64_t grace_ns) {
  struct broken *b = transport;
  if (b->fault == FAULT_stop_returns_at_once)
    b->stopping_beside = pthread_create(&b->stopper, NULL, stop_beside, b) == 0;
  if (!b->stopping_beside) b->good->stop(b->it, grace_ns);
}

static void broken_close(void *transport) {
  struct broken *b = transport;
  if (b->stopping_beside) (void)pthread_join(b->stopper, NULL);
  broken_guests_end(b);
  if (b->fault == FAULT_kicks_after_stop) b->node->kick(b->node->ctx);
  b->good->close(b->it);
  while (b->peers) {
    struct broken_peer *peer = b->peers;
    b->peers = peer->next;
    rkv_buf_drop(&peer->result);
    free(peer);
  }
  (void)pthread_mutex_destroy(&b->lock);
  free(b);
}

static enum rkv_status broken_peer_open(void *transport, const struct rkv_peer_info *info,
                                        void **peer, struct rkv_error *error) {
  struct broken *b = transport;
  struct rkv_peer_info own = *info;
  struct broken_peer *p;
  enum rkv_status status;
  if (b->fault == FAULT_few_peers && b->peer_count++ >= PEERS_FEW)
    return rkv_fail(error, RKV_FULL, "broken: at most %d peers", PEERS_FEW);
  p = calloc(1, sizeof *p);
  if (!p) return rkv_fail(error, RKV_NO_MEMORY, "broken: no memory");
  if (b->fault == FAULT_incarnation_lost) own.incarnation = 0;
  if (b->fault == FAULT_sender_lost) own.from_incarnation = 0;
  status = b->good->peer_open(b->it, &own, &p->good, error);
  if (status == RKV_INVALID && b->fault == FAULT_any_address) status = RKV_OK;
  (void)BROKEN_ERROR(b->fault, status, error);
  p->b = b;
  (void)pthread_mutex_lock(&b->lock);
  p->next = b->peers;
  b->peers = p;
  (void)pthread_mutex_unlock(&b->lock);
  *peer = p;
  return status;
}

static void close_one(struct broken_peer *p) {
  if (!p->closed && p->good) p->b->good->peer_close(p->good);
  p->closed = true;
}

static void broken_peer_close(void *peer) {
  struct broken_peer *p = peer;
  struct broken *b = p->b;
  close_one(p);
  if (b->fault == FAULT_one_connection_closes_all)
    for (p = b->peers; p; p = p->next) close_one(p);
}

static const struct rkv_transport_ops ops = {
    .open = broken_open,
    .start = broken_start,
    .stop = broken_stop,
    .close = broken_close,
    .peer_open = broken_peer_open,
    .peer_close = broken_peer_close,
    .send_vote = broken_vote,
    .send_append = broken_append,
    .send_snapshot_begin = broken_snapshot_begin,
    .send_snapshot_write = broken_snapshot_write,
    .send_snapshot_finish = broken_snapshot_finish,
    .send_snapshot_abort = broken_snapshot_abort,
    .send_pre_vote = broken_pre_vote,
    .send_timeout_now = broken_timeout_now,
    .send_read_index = broken_read_index,
    .send_hello = broken_hello,
    .send_propose = broken_propose,
    .send_query = broken_query,
    .send_init = broken_init,
    .send_add_learner = broken_add_learner,
    .send_change_membership = broken_change_membership,
    .send_remove = broken_remove,
    .send_set_address = broken_set_address,
    .send_transfer = broken_transfer,
    .send_snapshot_now = broken_snapshot_now,
    .send_metrics = broken_metrics,
    .send_admin = broken_admin,
};

extern RKV_PLUGIN_EXPORT const struct rkv_plugin rkv_plugin_entry;
const struct rkv_plugin rkv_plugin_entry = {
    .magic = RKV_PLUGIN_MAGIC,
    .abi_major = RKV_ABI_MAJOR,
    .abi_minor = RKV_ABI_MINOR,
    .struct_size = sizeof(struct rkv_plugin),
    .kind = RKV_KIND_TRANSPORT,
    .name = "broken-transport",
    .version = "0",
    .description = "a transport with a fault",
    .options = options,
    .option_count = OPTION_COUNT,
    .option_size = sizeof(struct rkv_option),
    .ops = &ops,
    .ops_size = sizeof ops,
};
