/* peer_fake.h: a peer that a test steers: a bare gRPC server that stores entries like a follower,
 * and refuses, splits hairs or keeps silent as it is told. Not our server half, so that the client
 * half is held against the wire and not against our own habits. */
#ifndef PEER_FAKE_H
#define PEER_FAKE_H

#include <grpc/grpc.h>
#include <pthread.h>
#include <rkv/rkv.h>

/* What it speaks. */
enum peer_dialect {
  PEER_D6,   /* unary appends only, as OpenRaft's example in November 2025 */
  PEER_HEAD, /* streams; one that is sent too much is silent for ever */
  PEER_OURS, /* streams; such a one ends with OK and the limit in the trailing metadata */
};

/* How it behaves. */
struct peer_manner {
  size_t limit; /* bytes; 0: none */
  grpc_status_code refusal;
  const char *refusal_text; /* format of found and limit, in this order; or without both */
  bool hang;                /* never answers; what a stream brings is read all the same */
  rkv_index hang_from;      /* nor appends whose first entry has at least this index; 0: off */
  rkv_index conflict_from;  /* such appends conflict */
  rkv_index rejected_from;  /* such appends are rejected by T9-N9 */
  rkv_index partial_at;     /* stores up to here only */
  uint64_t lease_ns;        /* what it promises with each append that it took */
  bool strange;             /* answers bytes that are no message */
  unsigned end_after;       /* a stream ends after so many answers ... */
  grpc_status_code end;     /* ... with this; 0 answers: off; a snapshot's stream at its meta */
};

/* What it saw. */
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
  enum peer_dialect dialect; /* set before it is started */
  grpc_server *server;
  grpc_completion_queue *cq;
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  unsigned open;             /* calls posted or served; its thread's */
  struct peer_manner manner; /* under mutex */
  struct peer_seen seen;     /* under mutex */
};

/* peer_fake.c, for peer_fake_stream.c: one request as a follower takes it; false: no answer. Under
 * the mutex. */
bool peer_fake_take(struct peer_fake *fake, struct rkv_append_call *call);
/* A stream whose first message has come: takes the call and the message over. */
void peer_fake_stream(struct peer_fake *fake, grpc_call *call, grpc_byte_buffer *first);

/* What every event of the fake's queue carries. */
struct peer_step {
  void (*fn)(void *owner, bool ok);
  void *owner;
};

void peer_fake_start(struct peer_fake *fake, const char *addr); /* addr NULL: a free port */
void peer_fake_stop(struct peer_fake *fake);                    /* may be started again */
/* How it behaves from now on. */
void peer_fake_set(struct peer_fake *fake, struct peer_manner manner);
/* From hold to go it takes no request: all that is handed in meanwhile is on its way at once. */
void peer_fake_hold(struct peer_fake *fake);
void peer_fake_go(struct peer_fake *fake);
struct peer_seen peer_fake_look(struct peer_fake *fake);
/* Waits until *counter is at least n; fails the test when patience ends. */
void peer_fake_await(struct peer_fake *fake, const unsigned *counter, unsigned n);

#endif
