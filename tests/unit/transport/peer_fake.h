/* peer_fake.h: a peer that a test controls: a bare gRPC server that stores entries like a follower,
 * and refuses or keeps silent as the test says. It does not use our server half, so that the client
 * half is tested against the wire and not against our own habits. */
#ifndef PEER_FAKE_H
#define PEER_FAKE_H

#include <grpc/grpc.h>
#include <pthread.h>
#include <rkv/rkv.h>

/* The kind of node that the fake is. */
enum peer_dialect {
  PEER_D6,   /* unary appends only, as OpenRaft's example in November 2025 */
  PEER_HEAD, /* streams; a stream that gets a message too large falls silent for ever */
  PEER_OURS, /* streams; such a stream ends with OK and the limit in the trailing metadata */
};

/* How the fake behaves. */
struct peer_manner {
  size_t limit; /* bytes; 0: none */
  grpc_status_code refusal;
  const char *refusal_text; /* a format for found and limit, in this order, or for neither */
  bool hang;                /* never answers, but reads what a stream brings */
  rkv_index hang_from;     /* answers no append whose first entry has at least this index; 0: off */
  rkv_index conflict_from; /* such appends conflict */
  rkv_index rejected_from; /* such appends are rejected by T9-N9 */
  rkv_index partial_at;    /* stores entries up to this index only */
  uint64_t lease_ns;       /* the promise in each answer to an append that it took */
  bool strange;            /* answers with bytes that are no message */
  unsigned end_after;      /* a stream ends after so many answers ... */
  grpc_status_code end;    /* ... with this status; 0 answers: off; a snapshot: its meta */
};

/* What the fake has seen. */
struct peer_seen {
  unsigned votes, appends, refused, beats; /* appends: with entries, taken; beats: without */
  unsigned gaps;                           /* appends that did not follow the one before */
  unsigned streams, unary;                 /* streams opened, unary appends asked */
  unsigned swallowed;                      /* streams that got a message too large for HEAD */
  unsigned unknown;                        /* calls of methods that it lacks */
  size_t largest;                          /* bytes of an append message, refused ones too */
  rkv_index last;                          /* last entry stored */
};

struct peer_fake {
  char addr[64];
  enum peer_dialect dialect; /* to be set before the fake is started */
  grpc_server *server;
  grpc_completion_queue *cq;
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  unsigned open;             /* calls posted or served; for the fake's thread */
  struct peer_manner manner; /* under mutex */
  struct peer_seen seen;     /* under mutex */
};

/* peer_fake.c, for peer_fake_stream.c: takes one request as a follower does; false: it gets no
 * answer. Called with the mutex held. */
bool peer_fake_take(struct peer_fake *fake, struct rkv_append_call *call);
/* Serves a stream whose first message has come: takes over the call and the message. */
void peer_fake_stream(struct peer_fake *fake, grpc_call *call, grpc_byte_buffer *first);

/* The tag of every event of the fake's queue. */
struct peer_step {
  void (*fn)(void *owner, bool ok);
  void *owner;
};

void peer_fake_start(struct peer_fake *fake, const char *addr); /* addr NULL: a free port */
void peer_fake_stop(struct peer_fake *fake);                    /* may be started again */
/* Sets how the fake behaves from now on. */
void peer_fake_set(struct peer_fake *fake, struct peer_manner manner);
/* Between hold and go the fake takes no request: calls that are handed in meanwhile are all in
 * flight at once. */
void peer_fake_hold(struct peer_fake *fake);
void peer_fake_go(struct peer_fake *fake);
struct peer_seen peer_fake_look(struct peer_fake *fake);
/* Waits until *counter is at least n; fails the test if that takes too long. */
void peer_fake_await(struct peer_fake *fake, const unsigned *counter, unsigned n);

#endif
