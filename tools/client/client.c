/* client.c: a client's completion queue and its channels. */
#include "internal.h"

#include <grpc/grpc_security.h>

#include <stdlib.h>

#define DIAL_LIMIT_MS 2000 /* one attempt to connect */
#define REDIAL_WAIT_MS 100 /* pause after a failed attempt: the shortest that the core allows */

enum rkv_status client_open(struct client **out) {
  struct client *client = calloc(1, sizeof *client);
  if (!client) return RKV_NO_MEMORY;
  grpc_init();
  client->queue = grpc_completion_queue_create_for_next(NULL);
  *out = client;
  return RKV_OK;
}

bool client_poll(struct client *client, uint64_t deadline_ms) {
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
struct client_channel *client_connect(struct client *client, const char *endpoint) {
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
  struct client_channel *channel = calloc(1, sizeof *channel);
  if (!channel) return NULL;
  insecure = grpc_insecure_credentials_create();
  channel->channel = grpc_channel_create(endpoint, insecure, &list);
  grpc_channel_credentials_release(insecure);
  channel->client = client;
  channel->next = client->channels;
  if (client->channels) client->channels->previous = channel;
  client->channels = channel;
  return channel;
}

void client_disconnect(struct client_channel *channel) {
  if (!channel) return;
  if (channel->next) channel->next->previous = channel->previous;
  if (channel->previous) {
    channel->previous->next = channel->next;
  } else {
    channel->client->channels = channel->next;
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

bool client_wait_ready(struct client_channel *channel, uint64_t deadline_ms) {
  for (;;) {
    struct watch watch = {.event = {on_watch}, .fired = false};
    grpc_connectivity_state state = grpc_channel_check_connectivity_state(channel->channel, 1);
    if (state == GRPC_CHANNEL_READY) return true;
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE || state == GRPC_CHANNEL_SHUTDOWN) return false;
    if (client_now_ms() >= deadline_ms) return false;
    grpc_channel_watch_connectivity_state(channel->channel, state, client_deadline(deadline_ms),
                                          channel->client->queue, &watch);
    /* The watch is on this stack: it ends by its deadline, and its event must be taken. */
    while (!watch.fired) client_poll(channel->client, UINT64_MAX);
  }
}

void client_close(struct client *client) {
  if (!client) return;
  client_calls_cancel(client);
  while (client->live) client_poll(client, UINT64_MAX);
  while (client->channels) client_disconnect(client->channels);
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
