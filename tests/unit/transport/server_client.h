/* server_client.h: a gRPC C-core client for server_*_test.c: raw bytes in, outcome out. */
#ifndef SERVER_CLIENT_H
#define SERVER_CLIENT_H

#include <grpc/grpc.h>
#include <stdbool.h>
#include <stdint.h>

#define APP "/openraftpb.AppService/"
#define RAFT "/openraftpb.RaftService/"
#define PEER "/rkv.v1.Peer/"
#define ADMIN "/rkv.v1.Admin/"
#define OUTCOME_BYTES_MAX 65536

struct client {
  grpc_channel *channel;
  grpc_completion_queue *cq;
};

/* compress: asks the core to compress every message. */
void client_open(struct client *c, const char *addr, bool compress);
void client_close(struct client *c);

struct outcome {
  grpc_status_code code;
  char text[1024];
  char leader[256]; /* x-openraft-leader-endpoint, "" without */
  char limit[32];   /* rkv-message-max, "" without */
  bool has_message;
  uint8_t bytes[OUTCOME_BYTES_MAX];
  size_t len;
};

/* How a call is made; zero: no metadata, PATIENCE_MS, with a message. */
struct call_options {
  const char *key, *value; /* request metadata */
  int timeout_ms;          /* -1: no deadline */
  bool no_message;         /* half-close at once */
};

/* One call under way, unary or streaming. */
struct call {
  struct client *client;
  grpc_call *call;
  grpc_metadata_array initial, trailing;
  grpc_byte_buffer *answer;
  grpc_status_code code;
  grpc_slice details;
  bool initial_seen;
};

/* Starts a call; for streams (`message` NULL) messages follow. */
void call_start(struct call *call, struct client *c, const char *method,
                const struct call_options *options);
/* Sends one message; false: the stream is dead. */
bool call_send(struct call *call, const void *message, size_t len);
void call_half_close(struct call *call);
/* Waits for the next message of a stream; false: there is none, and the stream ends. */
bool call_receive(struct call *call, struct outcome *out);
void call_cancel(struct call *call);
/* Waits for the end and frees the call. */
void call_end(struct call *call, struct outcome *out);

/* Makes a unary call and waits for its end. */
void ask(struct client *c, const char *method, const void *message, size_t len,
         const struct call_options *options, struct outcome *out);
/* Likewise with the message in hex; the call must end with `code`. */
void ask_hex(struct client *c, const char *method, const char *hex, grpc_status_code code,
             struct outcome *out);

#endif
