/* inflow.h: one inbound StreamAppend, from its slot to its last event.
 *
 * (F1) Requests go to the node as they come, at most INFLOW_REQUESTS_MAX and about INFLOW_BYTES_MAX
 *      at once: that many are read and no more, which is the back-pressure. Nothing else limits a
 *      stream: it may be silent for ever.
 * (F2) Answers leave in the order of the requests, whatever order the node answers in: the first
 *      request in the list is the next one to be answered.
 * (F3) The stream ends behind the answer to a request that the node did not take (conflict,
 *      rejection, refusal), or behind the last answer when the sender will send no more. Later
 *      requests get no answer then: they were not stored.
 * (F4) `pending` counts batches and tags under way and requests in the node. Who brings it to 0
 *      frees the stream, and that is the poller: a done of the node only finds it there if the
 *      stream is dead, and then posts a tag, which counts.
 * (F5) A done of the node sends the answer itself if it is its turn: any thread, under `mutex`; no
 *      batch is started under it. */
#ifndef TRANSPORT_INFLOW_H
#define TRANSPORT_INFLOW_H

#include "server.h"

#define INFLOW_REQUESTS_MAX 64      /* requests of one stream that are not answered */
#define INFLOW_BYTES_MAX (16 * MIB) /* bytes of these, the last one not counted */

struct inflows;
struct inflow;

/* One message of the stream. */
struct inflow_request {
  struct rkv_append_call node; /* first */
  struct inflow *flow;
  struct inflow_request *next;
  struct rkv_buf bytes; /* that the node may read until done */
  size_t len;
  bool done;
  enum rkv_status status; /* how the node ended it, */
  grpc_slice answer;      /* with RKV_OK, */
  struct rkv_error error; /* else */
};

struct inflow {
  struct tag arrived, closed, received, sent, woken; /* one per kind of event */
  struct inflows *owner;
  struct transport *t;
  struct inflow *prev, *next; /* among the open ones */
  grpc_call *call;
  uint64_t deadline_ns; /* of the call, 0: none */
  gpr_timespec deadline;
  grpc_metadata_array metadata;
  struct rkv_envelope envelope;
  bool enveloped;            /* it came with one */
  grpc_byte_buffer *message; /* RECV_MESSAGE writes it */
  grpc_byte_buffer *out;     /* SEND_MESSAGE reads it */
  int cancelled;             /* RECV_CLOSE_ON_SERVER writes it */
  bool counted;              /* as an open inbound call */

  pthread_mutex_t mutex; /* guards all below */
  struct inflow_request *first, **end;
  size_t requests, bytes; /* in the list */
  unsigned pending;       /* (F4) */
  bool reading, sending;  /* a batch is under way */
  bool initial_sent;      /* initial metadata */
  bool last;              /* no request will be taken any more: `answer` comes behind the list */
  bool ended;             /* the status was sent, or cannot be */
  struct answer answer;   /* the status; zero: OK */
};

/* A call has arrived in f->call: starts to read, or refuses it if status is not RKV_OK. */
void inflow_begin(struct inflow *f, enum rkv_status status, const struct rkv_error *error);

/* The node stops: ends the stream behind the requests that it has taken. On the poller. */
void inflow_drain(struct inflow *f);

/* Frees what no event refers to any more. */
void inflow_free(struct inflow *f);

/* service_append.c: the last event has come; frees the stream. */
void inflows_end(struct inflow *f);

#endif
