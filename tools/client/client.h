/* client.h: unary gRPC calls for our own programs: a client, its connections, their calls.
 *
 * (C1) One thread uses a client and everything made from it; callbacks run inside client_poll,
 *      client_wait_ready and client_close on that thread.
 * (C2) Every call that was started is completed exactly once, at the latest by client_close.
 * (C3) Nothing is ever sent twice: the core's own retries are off, repeating is the caller's
 *      decision.
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
#define CLIENT_LEADER_KEY "x-openraft-leader-endpoint" /* trailing metadata: who leads */
#define CLIENT_REFUSED_KEY "rkv-refused" /* likewise: the node itself refused, and did nothing */

struct client;
struct client_channel;

/* What a call came to. Valid while the callback runs. */
struct client_reply {
  int code;                   /* the gRPC status, 0 = OK */
  char text[CLIENT_TEXT_MAX]; /* its text, "" with OK */
  char leader[RKV_ADDR_MAX];  /* the leader that a node without leadership named, or "" */
  bool refused;        /* UNAVAILABLE or CANCELLED are the node's own words: nothing was done */
  const uint8_t *data; /* the answer's message, NULL unless code is 0 */
  size_t size;
};

typedef void (*client_done)(void *ctx, const struct client_reply *reply);

/* One pair of request metadata; copied where it is given. */
struct client_pair {
  const char *key, *value; /* key NULL: none */
};

uint64_t client_now_ms(void);

/* The name of a gRPC status ("UNAVAILABLE"); "UNKNOWN" outside the list. */
const char *client_code_name(int code);

/* Errors: RKV_NO_MEMORY. */
enum rkv_status client_open(struct client **out);

/* Cancels what is in flight, completes it (C2), closes all channels. NULL: nothing. */
void client_close(struct client *client);

/* A connection of its own to HOST:PORT; dials when it is first needed. NULL: out of memory. It
 * lives until client_disconnect or client_close. */
struct client_channel *client_connect(struct client *client, const char *endpoint);

/* Lets the channel go; its calls in flight go on to their end. NULL: nothing. */
void client_disconnect(struct client_channel *channel);

/* Dials a fresh channel and works until the connection stands, the attempt failed, or the deadline
 * has passed. False: to try again, make a new channel. */
bool client_wait_ready(struct client_channel *channel, uint64_t deadline_ms);

/* Sends `size` bytes as the request of `path` ("/package.Service/Method", a string that lives as
 * long as the client). `done` is called once, never from inside this function.
 * Errors: RKV_FULL over CLIENT_CALLS_MAX, RKV_NO_MEMORY, RKV_BROKEN if the core refuses; done is
 * not called then. */
enum rkv_status client_start(struct client_channel *channel, const char *path, const void *request,
                             size_t size, uint64_t deadline_ms, client_done done, void *ctx);

/* Likewise with request metadata. */
enum rkv_status client_start_with(struct client_channel *channel, const char *path,
                                  struct client_pair pair, const void *request, size_t size,
                                  uint64_t deadline_ms, client_done done, void *ctx);

/* Works one event, waiting for it until the deadline. False: none came. */
bool client_poll(struct client *client, uint64_t deadline_ms);

/* Calls in flight. */
size_t client_pending(const struct client *client);

#endif
