/* plugin_way.c: a client over a transport plugin (plugin_way.h): its channels, calls and their
 * ends; invariants in plugin_parts.h. */
#include "plugin_parts.h"

#include <raft-wire/wire/answer.h>

#include <grpc/grpc.h>

#include <assert.h>
#include <stdlib.h>
#include <time.h>

static struct plugin_client *client_of(struct client *client) {
  return (struct plugin_client *)client;
}

static const struct rkv_transport_ops *ops_of(const struct plugin_client *p) {
  return &p->plugin.ops.transport;
}

static uint64_t to_ns(uint64_t deadline_ms) {
  return deadline_ms > UINT64_MAX / 1000000 ? 0 : deadline_ms * 1000000; /* 0: none */
}

/* ---- the end of a call ---- */

/* The plugin's done, on any thread: the client's thread goes on from here. */
static void on_done(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct plugin_call *c = (struct plugin_call *)call;
  struct plugin_client *p = client_of(c->channel->head.client);
  c->status = status;
  if (error) c->error = *error;
  (void)pthread_mutex_lock(&p->lock);
  c->next = NULL;
  *p->ended_end = c;
  p->ended_end = &c->next;
  (void)pthread_cond_signal(&p->changed);
  (void)pthread_mutex_unlock(&p->lock);
}

static void close_channel(struct plugin_channel *channel) {
  struct plugin_client *p = client_of(channel->head.client);
  assert(channel->calls == 0 && channel->left); /* (W2) */
  if (channel->next) channel->next->previous = channel->previous;
  *(channel->previous ? &channel->previous->next : &p->channels) = channel->next;
  ops_of(p)->peer_close(channel->peer);
  free(channel);
}

/* A node said something, whatever it was. */
static bool is_nodes_word(enum rkv_status status) {
  return status != RKV_UNAVAILABLE && status != RKV_ABORTED && status != RKV_TIMEOUT &&
         status != RKV_CANCELLED;
}

static void copy_slice(char *to, size_t size, grpc_slice from) {
  const size_t len = GRPC_SLICE_LENGTH(from) < size ? GRPC_SLICE_LENGTH(from) : size - 1;
  memcpy(to, GRPC_SLICE_START_PTR(from), len);
  to[len] = '\0';
}

/* As a node of transport-grpc would say it: commands read the words and the leader. */
static void refuse_as_grpc(const struct plugin_call *c, struct client_reply *reply) {
  struct answer answer;
  memset(&answer, 0, sizeof answer);
  answer_refusal(&answer, c->status, &c->error);
  reply->code = (int)answer.code;
  copy_slice(reply->text, sizeof reply->text, answer.details);
  if (answer.trailer_count > 0 && grpc_slice_str_cmp(answer.trailer.key, CLIENT_LEADER_KEY) == 0)
    copy_slice(reply->leader, sizeof reply->leader, answer.trailer.value);
  reply->refused = c->status == RKV_UNAVAILABLE; /* rkv/transport.h: nothing was done */
  answer_end(&answer);
}

static void deliver_ended(struct plugin_call *c) {
  struct client_reply reply;
  grpc_slice message = grpc_empty_slice();
  memset(&reply, 0, sizeof reply);
  if (c->status == RKV_OK) c->status = c->row->answer(c, &message, &c->error);
  if (c->status == RKV_OK) {
    reply.data = GRPC_SLICE_START_PTR(message);
    reply.size = GRPC_SLICE_LENGTH(message);
  } else {
    refuse_as_grpc(c, &reply);
  }
  c->done(c->ctx, &reply);
  grpc_slice_unref(message);
}

static void work(struct plugin_call *c) {
  struct plugin_channel *channel = c->channel;
  struct plugin_client *p = client_of(channel->head.client);
  if (is_nodes_word(c->status)) channel->reached = true;
  if (c->row) p->live--, deliver_ended(c);
  if (!c->row) *(bool *)c->ctx = true;
  free(c->space);
  free(c);
  if (--channel->calls == 0 && channel->left) close_channel(channel);
}

static bool plugin_poll(struct client *client, uint64_t deadline_ms) {
  struct plugin_client *p = client_of(client);
  const struct timespec until = {(time_t)(deadline_ms / 1000),
                                 (long)(deadline_ms % 1000) * 1000000};
  struct plugin_call *c;
  int code = 0;
  (void)pthread_mutex_lock(&p->lock);
  while (!(c = p->ended) && code == 0)
    code = deadline_ms == UINT64_MAX ? pthread_cond_wait(&p->changed, &p->lock)
                                     : pthread_cond_timedwait(&p->changed, &p->lock, &until);
  if (c && !(p->ended = c->next)) p->ended_end = &p->ended;
  (void)pthread_mutex_unlock(&p->lock);
  if (c) work(c);
  return c != NULL;
}

static size_t plugin_pending(const struct client *client) {
  return ((const struct plugin_client *)client)->live;
}

/* ---- channels and calls ---- */

static struct client_channel *plugin_connect(struct client *client, const char *endpoint) {
  struct plugin_client *p = client_of(client);
  const struct rkv_peer_info info = {.addr = endpoint};
  struct plugin_channel *channel = calloc(1, sizeof *channel);
  struct rkv_error error;
  if (!channel) return NULL;
  if (ops_of(p)->peer_open(p->it, &info, &channel->peer, &error) != RKV_OK) {
    free(channel); /* an address that this transport cannot dial */
    return NULL;
  }
  channel->head.client = client;
  channel->next = p->channels;
  if (p->channels) p->channels->previous = channel;
  p->channels = channel;
  return &channel->head;
}

static void plugin_disconnect(struct client_channel *given) {
  struct plugin_channel *channel = (struct plugin_channel *)given;
  channel->left = true;
  if (channel->calls == 0) close_channel(channel);
}

static struct plugin_call *call_new(struct plugin_channel *channel, size_t size, client_done done,
                                    void *ctx) {
  struct plugin_call *c = calloc(1, sizeof *c + size);
  if (!c) return NULL;
  c->as.call.done = on_done;
  c->channel = channel;
  c->done = done;
  c->ctx = ctx;
  channel->calls++;
  return c;
}

static bool plugin_wait_ready(struct client_channel *given, uint64_t deadline_ms) {
  struct plugin_channel *channel = (struct plugin_channel *)given;
  struct plugin_client *p = client_of(given->client);
  struct plugin_call *c;
  bool told = false;
  if (channel->reached || client_now_ms() >= deadline_ms) return channel->reached;
  if (!(c = call_new(channel, 0, NULL, &told))) return false;
  c->as.call.deadline_ns = to_ns(deadline_ms);
  ops_of(p)->send_hello(channel->peer, &c->as.hello);
  while (!told) (void)plugin_poll(given->client, UINT64_MAX);
  return channel->reached;
}

static enum rkv_status plugin_start(struct client_channel *given, const char *path,
                                    struct client_pair pair, const void *request, size_t size,
                                    uint64_t deadline_ms, client_done done, void *ctx) {
  struct plugin_channel *channel = (struct plugin_channel *)given;
  struct plugin_client *p = client_of(given->client);
  const struct plugin_row *row = plugin_row_find(path);
  struct plugin_call *c;
  if (!row) return RKV_BROKEN;
  if (p->live >= CLIENT_CALLS_MAX) return RKV_FULL;
  if (!(c = call_new(channel, size, done, ctx))) return RKV_NO_MEMORY;
  p->live++;
  c->row = row;
  c->as.call.deadline_ns = to_ns(deadline_ms);
  if (size > 0) memcpy(c->request, request, size);
  if (!row->is_carried(ops_of(p)))
    c->status = rkv_fail(&c->error, RKV_UNIMPLEMENTED,
                         "%s does not carry this call to a node (it has no %s)", p->way.name,
                         row->operation);
  else
    c->status = row->read(c, rkv_buf_static(c->request, size), pair, &c->error);
  if (c->status == RKV_OK)
    row->send(ops_of(p), channel->peer, c);
  else
    on_done(&c->as.call, c->status, NULL); /* its error is there already */
  return RKV_OK;
}

/* ---- life ---- */

static void plugin_free(struct plugin_client *p) {
  if (p->it) ops_of(p)->close(p->it);
  (void)pthread_cond_destroy(&p->changed);
  (void)pthread_mutex_destroy(&p->lock);
  host_settings_free(&p->settings);
  free(p);
  grpc_shutdown();
}

static void plugin_close(struct client *client) {
  struct plugin_client *p = client_of(client);
  struct plugin_channel *channel;
  for (channel = p->channels; channel; channel = channel->next) channel->left = true;
  ops_of(p)->stop(p->it, 0); /* ends every call that is out */
  while (plugin_poll(client, 0)) {
  }
  while (p->channels) close_channel(p->channels);
  assert(p->live == 0);
  plugin_free(p);
}

static void make_lock(struct plugin_client *p) {
  pthread_condattr_t attributes;
  (void)pthread_mutex_init(&p->lock, NULL); /* these cannot fail on Linux */
  (void)pthread_condattr_init(&attributes);
  (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC); /* client_now_ms */
  (void)pthread_cond_init(&p->changed, &attributes);
  (void)pthread_condattr_destroy(&attributes);
  p->ended_end = &p->ended;
}

enum rkv_status plugin_way_open(struct client **out, const struct plugin_way_wish *wish,
                                struct rkv_error *error) {
  struct plugin_client *p = calloc(1, sizeof *p);
  enum rkv_status status;
  if (!p) return rkv_fail(error, RKV_NO_MEMORY, "out of memory");
  grpc_init(); /* for the bytes of messages */
  make_lock(p);
  p->way = (struct client_way){wish->plugin,      plugin_close, plugin_connect, plugin_disconnect,
                               plugin_wait_ready, plugin_start, plugin_poll,    plugin_pending};
  p->head.way = &p->way;
  plugin_host_make(p);
  status = plugin_load(p, wish, error);
  if (status == RKV_OK)
    *out = &p->head;
  else
    plugin_free(p);
  return status;
}
