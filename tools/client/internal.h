/* internal.h: the parts of a client that its files share. */
#ifndef CLIENT_INTERNAL_H
#define CLIENT_INTERNAL_H

#include "client.h"

#include <grpc/grpc.h>

/* An event of the completion queue; its tag is the event's address. */
struct client_event {
  void (*on_done)(struct client_event *self, bool ok);
};

struct client_call {
  struct client_event event; /* first: the tag */
  struct client *client;
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

struct client_channel {
  struct client *client;
  struct client_channel *next, *previous;
  grpc_channel *channel;
};

struct client {
  grpc_completion_queue *queue;
  struct client_channel *channels;
  struct client_call *live; /* in flight */
  struct client_call *free; /* ended, kept for the next call */
  size_t live_count;
};

gpr_timespec client_deadline(uint64_t deadline_ms);
void client_calls_cancel(struct client *client);
void client_calls_free(struct client *client);

#endif
