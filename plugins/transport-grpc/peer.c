/* peer.c: peers and their channels: made, closed, cancelled, freed; invariants in peer_parts.h. */
#include "peer_parts.h"

#include <grpc/grpc_security.h>
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "address.h"

#define TARGET_MAX (RKV_ADDR_MAX + 8)

/* ---- RPCs of a peer ---- */

void peer_ref(struct peer *peer) {
  const unsigned before = atomic_fetch_add(&peer->refs, 1);
  assert(before > 0); /* (P1) */
}

static grpc_connectivity_state state_of(const struct peer *peer) {
  return grpc_channel_check_connectivity_state(peer->channel, 0);
}

/* After its first failure a channel connects again and again, and reports failure all the time. */
static bool may_connect(const struct peer *peer) {
  const grpc_connectivity_state state = state_of(peer);
  return state == GRPC_CHANNEL_CONNECTING || state == GRPC_CHANNEL_TRANSIENT_FAILURE;
}

static void peer_free(struct peer *peer) {
  assert(atomic_load(&peer->refs) == 0 && peer->closed); /* (P1) */
  assert(peer->calls.next == &peer->calls);              /* (P2) */
  assert(!peer->lane.first && !peer->lane.pipe && !peer->streams);
  grpc_channel_destroy(peer->channel);
  for (size_t i = 0; i < ENVELOPE_PAIRS; i++) grpc_slice_unref(peer->envelope[i].value);
  pthread_mutex_destroy(&peer->mutex);
  free(peer);
}

void peer_unref(struct peer *peer) {
  struct peers *peers = peer->t->peers;
  const unsigned before = atomic_fetch_sub(&peer->refs, 1);
  assert(before > 0); /* (P1) */
  if (before != 1) return;
  if (!may_connect(peer)) {
    peer_free(peer);
    return;
  }
  peer->leave_ns = transport_now(peer->t) + peer->t->options.connect_timeout;
  pthread_mutex_lock(&peers->mutex); /* (P4) */
  peer->next = peers->leaving;
  peers->leaving = peer;
  pthread_mutex_unlock(&peers->mutex);
}

grpc_op peer_greeting(const struct peer *peer) {
  grpc_op op;
  memset(&op, 0, sizeof op);
  op.op = GRPC_OP_SEND_INITIAL_METADATA;
  op.data.send_initial_metadata.count = ENVELOPE_PAIRS;
  op.data.send_initial_metadata.metadata = (grpc_metadata *)(uintptr_t)peer->envelope;
  return op;
}

enum rkv_status peer_call_begin(struct peer *peer, enum peer_method method, gpr_timespec deadline,
                                struct peer_link *link) {
  struct peer_link *ring = &peer->calls;
  grpc_call *call =
      grpc_channel_create_registered_call(peer->channel, NULL, GRPC_PROPAGATE_DEFAULTS, peer->t->cq,
                                          peer->methods[method], deadline, NULL);
  bool closed;
  pthread_mutex_lock(&peer->mutex);
  assert(!link->call && !link->next); /* (P2) */
  closed = peer->closed;
  if (!closed) {
    link->call = call;
    link->prev = ring->prev;
    link->next = ring;
    ring->prev->next = link;
    ring->prev = link;
    if (link->broken) peer_call_break(link, link->broken);
  }
  pthread_mutex_unlock(&peer->mutex);
  if (!closed) return RKV_OK;
  grpc_call_unref(call);
  return RKV_CANCELLED;
}

void peer_call_break(struct peer_link *link, const char *why) {
  link->broken = why;
  if (link->call) (void)grpc_call_cancel_with_status(link->call, GRPC_STATUS_INTERNAL, why, NULL);
}

grpc_call *peer_call_unlist(struct peer_link *link) {
  grpc_call *call = link->call;
  assert(call && link->next && link->prev->next == link); /* (P2) */
  link->prev->next = link->next;
  link->next->prev = link->prev;
  link->call = NULL;
  link->prev = link->next = NULL;
  return call;
}

void peer_call_end(struct peer *peer, struct peer_link *link) {
  grpc_call *call;
  pthread_mutex_lock(&peer->mutex);
  call = peer_call_unlist(link);
  pthread_mutex_unlock(&peer->mutex);
  grpc_call_unref(call);
}

/* No new call; those open end soon. INTERNAL, not CANCELLED: a Rust receiver of a snapshot takes a
 * stream reset with CANCEL for its end, and installs what came so far. */
static void peer_cancel(struct peer *peer) {
  struct peer_link *link;
  pthread_mutex_lock(&peer->mutex);
  peer->closed = true;
  for (link = peer->calls.next; link != &peer->calls; link = link->next)
    peer_call_break(link, "given up");
  pthread_mutex_unlock(&peer->mutex);
}

/* ---- opening and closing a peer ---- */

static grpc_arg arg_number(const char *key, uint64_t value) {
  grpc_arg arg = {.type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key};
  arg.value.integer = (int)value;
  return arg;
}

/* Lean: raft retries by itself, and what the core would add per call costs a third of it. The
 * minimal stack drops the deadline filter, which is asked for again, and the message limit, which
 * the quota stands in for. */
static grpc_channel *channel_new(struct transport *t, const char *addr) {
  const struct transport_options *o = &t->options;
  char target[TARGET_MAX];
  grpc_channel_credentials *plain = grpc_insecure_credentials_create();
  grpc_channel *channel;
  grpc_arg args[] = {
      arg_number(GRPC_ARG_MINIMAL_STACK, 1),
      arg_number(GRPC_ARG_ENABLE_DEADLINE_CHECKS, 1),
      arg_number(GRPC_ARG_ENABLE_RETRIES, 0),
      arg_number(GRPC_ARG_ENABLE_CHANNELZ, 0),
      arg_number(GRPC_ARG_HTTP2_BDP_PROBE, 0),
      arg_number(GRPC_ARG_ENABLE_HTTP_PROXY, 0),
      arg_number(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1),
      arg_number(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1),
      arg_number(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, o->reconnect_backoff_min / MS),
      arg_number(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, o->reconnect_backoff_max / MS),
      arg_number(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, o->connect_timeout / MS),
      /* Each dial that failed has the name looked up again: the core pauses 30 s else. */
      arg_number(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, o->reconnect_backoff_min / MS),
      arg_number(GRPC_ARG_KEEPALIVE_TIME_MS, PEER_KEEPALIVE_NS / MS),
      arg_number(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, PEER_KEEPALIVE_WAIT_NS / MS),
      arg_number(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0),
      arg_number(GRPC_ARG_MAX_METADATA_SIZE, o->metadata_max),
      {.type = GRPC_ARG_POINTER,
       .key = (char *)(uintptr_t)GRPC_ARG_RESOURCE_QUOTA,
       .value.pointer = {t->peers->quota, grpc_resource_quota_arg_vtable()}},
  };
  grpc_channel_args all = {sizeof args / sizeof args[0], args};
  (void)snprintf(target, sizeof target, "dns:///%s", addr);
  channel = grpc_channel_create(target, plain, &all);
  grpc_channel_credentials_release(plain);
  return channel;
}

static void channel_methods(struct peer *peer) {
  for (size_t i = 0; i < PEER_METHODS; i++)
    peer->methods[i] = grpc_channel_register_call(peer->channel, peer_paths[i], NULL, NULL);
}

static void list_add(struct peers *peers, struct peer *peer) {
  pthread_mutex_lock(&peers->mutex);
  peer->next = peers->list;
  if (peers->list) peers->list->prev = peer;
  peers->list = peer;
  pthread_mutex_unlock(&peers->mutex);
}

static void list_remove(struct peers *peers, struct peer *peer) {
  pthread_mutex_lock(&peers->mutex);
  if (peer->prev) peer->prev->next = peer->next;
  if (peer->next) peer->next->prev = peer->prev;
  if (peers->list == peer) peers->list = peer->next;
  pthread_mutex_unlock(&peers->mutex);
}

enum rkv_status peer_open(void *transport, const struct rkv_peer_info *info, void **peer,
                          struct rkv_error *error) {
  struct transport *t = transport;
  struct peer *p;
  enum rkv_status status = address_check(info->addr, error);
  *peer = NULL;
  if (status != RKV_OK) return status;
  if (!(p = calloc(1, sizeof *p)) || pthread_mutex_init(&p->mutex, NULL)) {
    free(p);
    return rkv_fail(error, RKV_NO_MEMORY, "peer %" PRIu64 ": no memory", info->id);
  }
  p->t = t;
  p->id = info->id;
  envelope_pairs(info, t->host->node_id, p->envelope);
  (void)snprintf(p->addr, sizeof p->addr, "%s", info->addr);
  p->is_placed = connections_owner_read(info->addr, &p->place); /* a name: by its first answer */
  atomic_init(&p->refs, 1);
  p->calls.prev = p->calls.next = &p->calls;
  p->lane.end = &p->lane.first;
  p->channel = channel_new(t, info->addr);
  channel_methods(p);
  list_add(t->peers, p);
  *peer = p;
  return RKV_OK;
}

void peer_close(void *peer) {
  struct peer *p = peer;
  list_remove(p->t->peers, p);
  peer_cancel(p);
  peer_streams_orphan(p);
  peer_unref(p);
}

/* ---- all peers ---- */

/* Takes those out of the leaving ones that may go (P4), and gives them as a list. */
static struct peer *take_gone(struct peers *peers, uint64_t now_ns) {
  struct peer **at = &peers->leaving, *gone = NULL;
  while (*at) {
    struct peer *peer = *at;
    assert(atomic_load(&peer->refs) == 0 && peer->leave_ns > 0); /* (P4) */
    if (now_ns < peer->leave_ns && may_connect(peer)) {
      at = &peer->next;
    } else {
      *at = peer->next;
      peer->next = gone;
      gone = peer;
    }
  }
  return gone;
}

static void free_list(struct peer *peer) {
  while (peer) {
    struct peer *next = peer->next;
    peer_free(peer);
    peer = next;
  }
}

static void peers_tick(struct tick *self, uint64_t now_ns) {
  struct peers *peers = (struct peers *)((char *)self - offsetof(struct peers, tick));
  struct peer *peer, *gone;
  pthread_mutex_lock(&peers->mutex);
  for (peer = peers->list; peer; peer = peer->next) {
    pthread_mutex_lock(&peer->mutex);
    lane_tick(peer, now_ns);
    peer_streams_tick(peer, now_ns);
    pthread_mutex_unlock(&peer->mutex);
  }
  gone = take_gone(peers, now_ns);
  pthread_mutex_unlock(&peers->mutex);
  free_list(gone);
}

#define METRIC_READ(name, help)                                                                    \
  static uint64_t read_##name(void *arg) {                                                         \
    return atomic_load(&((struct peers *)arg)->name);                                              \
  }
PEER_METRIC_LIST(METRIC_READ)
#undef METRIC_READ

static enum rkv_status register_metrics(struct peers *peers, struct rkv_error *error) {
  const struct rkv_metric metrics[] = {
#define METRIC_ROW(name, help) {#name, help, read_##name, peers},
      PEER_METRIC_LIST(METRIC_ROW)
#undef METRIC_ROW
  };
  enum rkv_status status = RKV_OK;
  for (size_t i = 0; i < sizeof metrics / sizeof metrics[0] && status == RKV_OK; i++)
    status = peers->t->host->metric_register(peers->t->host->ctx, &metrics[i], error);
  return status;
}

enum rkv_status peers_open(struct transport *t, struct rkv_error *error) {
  struct peers *peers = calloc(1, sizeof *peers);
  if (!peers || pthread_mutex_init(&peers->mutex, NULL)) {
    free(peers);
    return rkv_fail(error, RKV_NO_MEMORY, "transport-grpc: no memory for peers");
  }
  peers->t = t;
  peers->quota = grpc_resource_quota_create("peers");
  grpc_resource_quota_resize(peers->quota, (size_t)PEER_MEMORY_MAX);
  peers->tick.fn = peers_tick;
  t->peers = peers;
  transport_tick_add(t, &peers->tick);
  return register_metrics(peers, error);
}

void peers_cancel(struct transport *t) {
  struct peer *peer;
  pthread_mutex_lock(&t->peers->mutex);
  for (peer = t->peers->list; peer; peer = peer->next) peer_cancel(peer);
  pthread_mutex_unlock(&t->peers->mutex);
}

bool peers_connecting(struct transport *t) {
  const struct peer *peer;
  bool connecting = false;
  pthread_mutex_lock(&t->peers->mutex);
  for (peer = t->peers->list; peer && !connecting; peer = peer->next)
    connecting = state_of(peer) == GRPC_CHANNEL_CONNECTING;
  for (peer = t->peers->leaving; peer && !connecting; peer = peer->next)
    connecting = state_of(peer) == GRPC_CHANNEL_CONNECTING;
  pthread_mutex_unlock(&t->peers->mutex);
  return connecting;
}

bool peers_live_at(struct transport *t, struct connections_owner owner) {
  struct peer *peer;
  bool lives = false;
  pthread_mutex_lock(&t->peers->mutex);
  for (peer = t->peers->list; peer && !lives; peer = peer->next) {
    pthread_mutex_lock(&peer->mutex);
    lives = peer->is_placed && connections_owner_is(peer->place, owner);
    pthread_mutex_unlock(&peer->mutex);
  }
  pthread_mutex_unlock(&t->peers->mutex);
  return lives;
}

void peers_close(struct transport *t) {
  struct peers *peers = t->peers;
  if (!peers) return;
  while (peers->list) peer_close(peers->list);
  free_list(peers->leaving);
  grpc_resource_quota_unref(peers->quota);
  pthread_mutex_destroy(&peers->mutex);
  free(peers);
  t->peers = NULL;
}
