/* grpc_parts.h: a client over gRPC, its channels and calls; for grpc_*.c and clock.c only. */
#ifndef CLIENT_GRPC_PARTS_H
#define CLIENT_GRPC_PARTS_H

#include "way.h"

#include <grpc/grpc.h>

/* An event of the completion queue; its tag is the event's address. */
struct client_event {
  void (*on_done)(struct client_event *self, bool ok);
};

struct client_call {
  struct client_event event; /* first: the tag */
  struct grpc_way *client;
  struct client_call *next, *previous; /* in client->live, or next in client->free */
  client_done done;
  void *ctx;
  grpc_call *call;
  grpc_byte_buffer *request, *response;
  grpc_metadata_array head, tail;
  grpc_metadata pair; /* of the request; empty slices: none */
  grpc_status_code code;
  grpc_slice details;
};

struct grpc_way_channel {
  struct client_channel head; /* first */
  struct grpc_way_channel *next, *previous;
  grpc_channel *channel;
};

struct grpc_way {
  struct client head; /* first */
  grpc_completion_queue *queue;
  struct grpc_way_channel *channels;
  struct client_call *live; /* in flight */
  struct client_call *free; /* ended, kept for the next call */
  size_t live_count;
};

gpr_timespec client_deadline(uint64_t deadline_ms);
void client_calls_cancel(struct grpc_way *client);
void client_calls_free(struct grpc_way *client);

/* As struct client_way says; grpc_call.c. */
enum rkv_status grpc_way_start(struct client_channel *channel, const char *path,
                               struct client_pair pair, const void *request, size_t size,
                               uint64_t deadline_ms, client_done done, void *ctx);

#endif
