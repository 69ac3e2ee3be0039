/* way.h: the way that a client takes to its nodes: what stands behind the functions of client.h.
 * Each way has structs of its own that begin with these, and keeps (C1) to (C3). */
#ifndef CLIENT_WAY_H
#define CLIENT_WAY_H

#include "client.h"

/* What client.h says of client_NAME; no argument is NULL. */
struct client_way {
  const char *name; /* "gRPC"; a plugin's */
  void (*close)(struct client *client);
  struct client_channel *(*connect)(struct client *client, const char *endpoint);
  void (*disconnect)(struct client_channel *channel);
  bool (*wait_ready)(struct client_channel *channel, uint64_t deadline_ms);
  enum rkv_status (*start)(struct client_channel *channel, const char *path,
                           struct client_pair pair, const void *request, size_t size,
                           uint64_t deadline_ms, client_done done, void *ctx);
  bool (*poll)(struct client *client, uint64_t deadline_ms);
  size_t (*pending)(const struct client *client);
};

struct client {
  const struct client_way *way;
};

struct client_channel {
  struct client *client;
};

#endif
