/* client.h: unary calls for our own programs: a client, its connections, their calls. They are said
 * in gRPC's words, whatever way the client takes: gRPC (client_open) or a transport plugin
 * (plugin_way.h).
 *
 * (C1) One thread uses a client and everything made from it; callbacks run inside client_poll,
 *      client_wait_ready and client_close on that thread.
 * (C2) Every call that was started is completed exactly once, at the latest by client_close.
 * (C3) The client never sends a request twice: the core's retries are off. Repeating is the
 *      caller's decision.
 *
 * Times are milliseconds of client_now_ms, a monotonic clock. */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include <rkv/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLIENT_TEXT_MAX 512            /* bytes of a status text, its NUL included */
#define CLIENT_CALLS_MAX 65536         /* calls of one client in flight */
#define CLIENT_MESSAGE_MAX (64U << 20) /* bytes of one answer */
/* trailing metadata: the leader's endpoint */
#define CLIENT_LEADER_KEY "x-openraft-leader-endpoint"
/* trailing metadata: the node itself refused, and did nothing */
#define CLIENT_REFUSED_KEY "rkv-refused"

struct client;
struct client_channel;

/* How a call ended. Valid while the callback runs. */
struct client_reply {
  int code;                   /* the gRPC status, 0 = OK */
  char text[CLIENT_TEXT_MAX]; /* its text, "" with OK */
  char leader[RKV_ADDR_MAX];  /* the leader that a node without leadership named, or "" */
  bool refused;               /* UNAVAILABLE or CANCELLED come from the node: nothing was done */
  const uint8_t *data;        /* the answer's message, NULL unless code is 0 */
  size_t size;
};

typedef void (*client_done)(void *ctx, const struct client_reply *reply);

/* One pair of request metadata. The function that takes it makes a copy. */
struct client_pair {
  const char *key, *value; /* key NULL: none */
};

uint64_t client_now_ms(void);

/* The name of a gRPC status ("UNAVAILABLE"); "UNKNOWN" outside the list. */
const char *client_code_name(int code);

/* A client over gRPC. Errors: RKV_NO_MEMORY. */
enum rkv_status client_open(struct client **out);

/* Which way it takes: "gRPC", or the plugin's name. */
const char *client_way_name(const struct client *client);

/* Cancels the calls in flight, completes them (C2), and closes all channels. NULL: nothing
 * happens. */
void client_close(struct client *client);

/* A connection of its own to HOST:PORT, which is dialled when it is first needed. It lives until
 * client_disconnect or client_close. NULL: out of memory, or this way cannot dial it. */
struct client_channel *client_connect(struct client *client, const char *endpoint);

/* Gives the channel back; its calls in flight go on to their end. NULL: nothing happens. */
void client_disconnect(struct client_channel *channel);

/* Dials a fresh channel and works events until it is connected, the attempt failed, or the deadline
 * passed. False: it is not connected; to try again, make a new channel. */
bool client_wait_ready(struct client_channel *channel, uint64_t deadline_ms);

/* Sends `size` bytes as the request of `path` ("/package.Service/Method", a string that lives as
 * long as the client). `done` is called once, never from inside this function. Errors, after which
 * done is not called: RKV_FULL over CLIENT_CALLS_MAX, RKV_NO_MEMORY, RKV_BROKEN if the core
 * refuses, or this way knows no such method. */
enum rkv_status client_start(struct client_channel *channel, const char *path, const void *request,
                             size_t size, uint64_t deadline_ms, client_done done, void *ctx);

/* Likewise, with request metadata. */
enum rkv_status client_start_with(struct client_channel *channel, const char *path,
                                  struct client_pair pair, const void *request, size_t size,
                                  uint64_t deadline_ms, client_done done, void *ctx);

/* Waits for one event until the deadline, and works it. False: none came. */
bool client_poll(struct client *client, uint64_t deadline_ms);

/* Calls in flight. */
size_t client_pending(const struct client *client);

#endif
