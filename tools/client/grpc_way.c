/* grpc_way.c: a client over gRPC: its completion queue and its channels. */
#include "grpc_parts.h"

#include <grpc/grpc_security.h>

#include <stdlib.h>

#define DIAL_LIMIT_MS 2000 /* one attempt to connect */
#define REDIAL_WAIT_MS 100 /* pause after a failed attempt: the shortest that the core allows */

static struct grpc_way *way_of(struct client *client) {
  return (struct grpc_way *)client;
}

static bool grpc_way_poll(struct client *given, uint64_t deadline_ms) {
  struct grpc_way *client = way_of(given);
  grpc_event event = grpc_completion_queue_next(client->queue, client_deadline(deadline_ms), NULL);
  struct client_event *done;
  if (event.type != GRPC_OP_COMPLETE) return false;
  done = event.tag;
  done->on_done(done, event.success != 0);
  return true;
}

static grpc_arg integer_arg(char *key, int value) {
  grpc_arg arg = {.type = GRPC_ARG_INTEGER, .key = key};
  arg.value.integer = value;
  return arg;
}

/* MINIMAL_STACK halves the core's work per call. It removes the deadline filter, so that filter is
 * requested by name. Retries are off: (C3). Each channel has a pool of its own, so that two
 * channels to one endpoint are two connections. */
static struct client_channel *grpc_way_connect(struct client *given, const char *endpoint) {
  struct grpc_way *client = way_of(given);
  grpc_arg args[] = {integer_arg(GRPC_ARG_MINIMAL_STACK, 1),
                     integer_arg(GRPC_ARG_ENABLE_DEADLINE_CHECKS, 1),
                     integer_arg(GRPC_ARG_ENABLE_RETRIES, 0),
                     integer_arg(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1),
                     integer_arg(GRPC_ARG_ENABLE_CHANNELZ, 0),
                     integer_arg(GRPC_ARG_HTTP2_BDP_PROBE, 0),
                     integer_arg(GRPC_ARG_ENABLE_HTTP_PROXY, 0),
                     integer_arg(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1),
                     integer_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, (int)CLIENT_MESSAGE_MAX),
                     integer_arg(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, DIAL_LIMIT_MS),
                     integer_arg(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, REDIAL_WAIT_MS),
                     integer_arg(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, REDIAL_WAIT_MS)};
  grpc_channel_args list = {.num_args = sizeof args / sizeof args[0], .args = args};
  grpc_channel_credentials *insecure;
  struct grpc_way_channel *channel = calloc(1, sizeof *channel);
  if (!channel) return NULL;
  insecure = grpc_insecure_credentials_create();
  channel->channel = grpc_channel_create(endpoint, insecure, &list);
  grpc_channel_credentials_release(insecure);
  channel->head.client = given;
  channel->next = client->channels;
  if (client->channels) client->channels->previous = channel;
  client->channels = channel;
  return &channel->head;
}

static void grpc_way_disconnect(struct client_channel *given) {
  struct grpc_way_channel *channel = (struct grpc_way_channel *)given;
  if (channel->next) channel->next->previous = channel->previous;
  if (channel->previous) {
    channel->previous->next = channel->next;
  } else {
    way_of(given->client)->channels = channel->next;
  }
  grpc_channel_destroy(channel->channel);
  free(channel);
}

/* The event that a channel's state changed. */
struct watch {
  struct client_event event; /* first: the tag */
  bool fired;
};

static void on_watch(struct client_event *self, bool ok) {
  (void)ok; /* false: the deadline came first, as the caller sees by its clock */
  ((struct watch *)self)->fired = true;
}

static bool grpc_way_wait_ready(struct client_channel *given, uint64_t deadline_ms) {
  struct grpc_way_channel *channel = (struct grpc_way_channel *)given;
  for (;;) {
    struct watch watch = {.event = {on_watch}, .fired = false};
    grpc_connectivity_state state = grpc_channel_check_connectivity_state(channel->channel, 1);
    if (state == GRPC_CHANNEL_READY) return true;
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE || state == GRPC_CHANNEL_SHUTDOWN) return false;
    if (client_now_ms() >= deadline_ms) return false;
    grpc_channel_watch_connectivity_state(channel->channel, state, client_deadline(deadline_ms),
                                          way_of(given->client)->queue, &watch);
    /* The watch is on this stack: it ends by its deadline, and its event must be taken. */
    while (!watch.fired) grpc_way_poll(given->client, UINT64_MAX);
  }
}

static size_t grpc_way_pending(const struct client *client) {
  return ((const struct grpc_way *)client)->live_count;
}

static void grpc_way_close(struct client *given) {
  struct grpc_way *client = way_of(given);
  client_calls_cancel(client);
  while (client->live) grpc_way_poll(given, UINT64_MAX);
  while (client->channels) grpc_way_disconnect(&client->channels->head);
  client_calls_free(client);
  grpc_completion_queue_shutdown(client->queue);
  while (
      grpc_completion_queue_next(client->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL).type !=
      GRPC_QUEUE_SHUTDOWN) {
  }
  grpc_completion_queue_destroy(client->queue);
  grpc_shutdown_blocking();
  free(client);
}

enum rkv_status client_open(struct client **out) {
  static const struct client_way way = {
      "gRPC",         grpc_way_close, grpc_way_connect, grpc_way_disconnect, grpc_way_wait_ready,
      grpc_way_start, grpc_way_poll,  grpc_way_pending};
  struct grpc_way *client = calloc(1, sizeof *client);
  if (!client) return RKV_NO_MEMORY;
  grpc_init();
  client->head.way = &way;
  client->queue = grpc_completion_queue_create_for_next(NULL);
  *out = &client->head;
  return RKV_OK;
}
