/* inflow.h: one inbound stream of requests that are answered in order, from its slot to its last
 * event: StreamAppend of peers, Write of clients.
 *
 * (F1) Requests go to the node as they come, at most kind->requests_max and about kind->bytes_max
 *      at once: that many are read and no more, which is the back-pressure. A stream whose first
 *      message does not come within first_message_timeout is ended; after that it may be silent for
 *      ever.
 * (F2) Answers leave in the order of the requests, whatever order the node answers in: the first
 *      request in the list is the next one to be answered.
 * (F3) The stream ends behind the answer to a request that `ends` it, or behind the last answer
 *      when the sender will send no more. Later requests get no answer then.
 * (F4) `pending` counts batches and tags under way and requests in the node. Who brings it to 0
 *      frees the stream, and that is the poller: a done of the node only finds it there if the
 *      stream is dead, and then posts a tag, which counts.
 * (F5) A request is done once. Its done sends the answer itself if it is its turn: any thread,
 *      under `mutex`; no batch is started under it. */
#ifndef TRANSPORT_INFLOW_H
#define TRANSPORT_INFLOW_H

#include "server.h"

struct inflow;
struct inflows;

/* One message of the stream: the head of its kind's own struct, one allocation. */
struct inflow_request {
  struct inflow *flow;
  struct inflow_request *next;
  struct rkv_buf bytes; /* that the node may read until done */
  size_t len;           /* bytes of memory it takes */
  bool done, answered;
  bool ends;              /* (F3), with `status` */
  enum rkv_status status; /* not OK: the text is in `error` */
  grpc_slice answer;      /* if answered */
  struct rkv_error error;
};

/* A method that streams. */
struct inflow_kind {
  const char *path;
  const char *name; /* in texts: "append stream" */
  unsigned streams_max, requests_max;
  size_t bytes_max;
  bool patient;  /* answers go before the next message is awaited; else messages make batches */
  bool of_peers; /* may come with an envelope; learns a limit from trailing metadata */
  /* Makes a request of a message's bytes, which live as long as it; sets its len. Errors: nothing
   * is left to free, and the stream ends behind what it has. The poller. */
  enum rkv_status (*read)(struct inflow *f, struct rkv_buf bytes, struct inflow_request **out,
                          struct rkv_error *error);
  /* Hands it to the node, once, in the order of the stream. The poller. */
  void (*hand_in)(struct inflow_request *r);
};
extern const struct inflow_kind service_append, service_write;

struct inflow {
  struct tag arrived, closed, received, sent, woken, resume; /* one per kind of event */
  struct inflows *owner;
  const struct inflow_kind *kind;
  uint64_t limit; /* bytes of a message */
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
  uint64_t begun_ns;         /* when it arrived */
  bool heard;                /* a message came, or the end of them */
  struct untaken untaken;    /* what SEND_MESSAGE or the status sends */

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

/* Called each tick. The node stops (`draining`), or the stream has said nothing yet for too long:
 * ends it behind the requests that it has taken. On the poller. */
void inflow_tick(struct inflow *f, uint64_t now_ns, bool draining);

/* The node has ended the request; `answer` (given) NULL: there is none. With `ends` the stream ends
 * behind it with this status. `error` may be NULL. Any thread. */
void inflow_done(struct inflow_request *r, const grpc_slice *answer, bool ends,
                 enum rkv_status status, const struct rkv_error *error);

/* Frees what no event refers to any more. */
void inflow_free(struct inflow *f);

/* inflows.c: the last event has come; frees the stream. */
void inflows_end(struct inflow *f);

#endif
