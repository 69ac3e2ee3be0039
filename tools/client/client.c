/* client.c: hands each call on to the way that the client takes. */
#include "way.h"

const char *client_way_name(const struct client *client) {
  return client->way->name;
}

void client_close(struct client *client) {
  if (client) client->way->close(client);
}

struct client_channel *client_connect(struct client *client, const char *endpoint) {
  return client->way->connect(client, endpoint);
}

void client_disconnect(struct client_channel *channel) {
  if (channel) channel->client->way->disconnect(channel);
}

bool client_wait_ready(struct client_channel *channel, uint64_t deadline_ms) {
  return channel->client->way->wait_ready(channel, deadline_ms);
}

enum rkv_status client_start(struct client_channel *channel, const char *path, const void *request,
                             size_t size, uint64_t deadline_ms, client_done done, void *ctx) {
  const struct client_pair none = {NULL, NULL};
  return client_start_with(channel, path, none, request, size, deadline_ms, done, ctx);
}

enum rkv_status client_start_with(struct client_channel *channel, const char *path,
                                  struct client_pair pair, const void *request, size_t size,
                                  uint64_t deadline_ms, client_done done, void *ctx) {
  return channel->client->way->start(channel, path, pair, request, size, deadline_ms, done, ctx);
}

bool client_poll(struct client *client, uint64_t deadline_ms) {
  return client->way->poll(client, deadline_ms);
}

size_t client_pending(const struct client *client) {
  return client->way->pending(client);
}
