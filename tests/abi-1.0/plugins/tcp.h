/* tcp.h: the transport's structs and what its files do for each other.
 *
 * (T1) One thread, the loop, owns every socket and reads; all others only queue bytes and calls
 *      under `lock` and wake it.
 * (T2) No done callback and no function of the node is called while `lock` is held.
 * (T3) Links are freed by the loop, and by close when there is no loop. */
#ifndef TCP_H
#define TCP_H

#include "wire.h"

#include <pthread.h>
#include <sys/socket.h>

#define TCP_NAME "transport-tcp"
#define TCP_ACCEPTED_MAX 256           /* connections of others; more are closed at once */
#define TCP_LINKS_MAX 512              /* connections in all */
#define TCP_CALLS_MAX 4096             /* calls of one connection that may wait for the node */
#define TCP_OUT_MAX (256u << 20)       /* bytes that may wait for one connection */
#define TCP_READ_MAX (1u << 20)        /* bytes taken off one connection before the others' turn */
#define TCP_TIMEOUT_NS 5000000000u     /* of a call to a peer that has no deadline */
#define TCP_STREAM_IDLE_NS 10000000000 /* a snapshot stream silent for so long is given up */
#define TCP_BACKOFF_MIN_NS 50000000u   /* first pause before a peer is dialled again */
#define TCP_BACKOFF_MAX_NS 1000000000u

/* A connection: made by us to a peer (what peer_open gives out), or accepted. */
struct link {
  struct transport *t;
  struct link *next;
  bool outbound;
  /* outbound: whom it leads to */
  struct rkv_envelope info;
  char addr_text[RKV_ADDR_MAX];
  struct sockaddr_storage addr;
  socklen_t addr_len;
  /* the loop's */
  int fd; /* -1: none; an accepted link then only waits for its calls */
  bool connecting;
  uint8_t length[WIRE_LENGTH];
  size_t length_got, frame_got;
  uint8_t *room; /* of the frame that is coming in; NULL: its length is not whole yet */
  struct rkv_buf frame;
  uint64_t backoff_ns;
  /* under t->lock */
  uint64_t retry_ns; /* outbound: not dialled before */
  bool closed;       /* outbound: peer_close was called */
  struct wire_bytes out;
  size_t sent;                   /* bytes of `out` that are on their way */
  struct rkv_call *first, *last; /* outbound: calls that wait for their answers */
  size_t open;                   /* accepted: calls the node works on */
  struct inbound *streams;       /* accepted: snapshot streams under way */
};

/* A request of somebody while the node works on it; a snapshot stream as long as it lasts. */
struct inbound {
  union wire_call as; /* first: the node knows nothing else */
  struct link *link;
  struct inbound *next; /* of link->streams */
  uint64_t id, stream_id, touched_ns;
  uint32_t kind;
  bool busy; /* the node works on a step */
  struct rkv_envelope envelope;
  struct rkv_buf frame, first_frame; /* what the call's fields point into */
  void *held;
};

struct transport {
  const struct rkv_host *host;
  const struct rkv_node_api *node;
  size_t frame_max; /* bytes of a frame behind its length */
  int listener, wake_fd;
  pthread_t thread;
  pthread_mutex_t lock;
  /* under lock */
  struct link *links;
  size_t link_count, accepted_count;
  struct rkv_call *ended; /* outbound calls the loop will answer: callee[0] link, [1] status */
  uint64_t next_id, grace_end_ns;
  size_t open; /* of all links */
  bool running, stopping;
  /* the loop's */
  struct tcp_round *round;
  bool accept_pause;
};

/* ---- transport-tcp.c ---- */

void tcp_wake(struct transport *t);

/* Reads a numeric HOST:PORT ("[::1]:80"). False: it is none. */
bool tcp_address(const char *text, struct sockaddr_storage *addr, socklen_t *len);

/* ---- link.c: the loop's ---- */

/* A link without a socket; NULL: no memory, or TCP_LINKS_MAX. Takes the lock. */
struct link *link_new(struct transport *t, bool outbound);

/* Begins to connect. Under the lock. */
void link_dial(struct link *link);

/* Takes all that knock. False: it failed, pause. Without the lock. */
bool link_accept(struct transport *t);

/* Ends the connection: outbound calls end as RKV_UNAVAILABLE. Under the lock. */
void link_break(struct link *link, const char *why);

/* Finishes connecting, reads and hands on what came. Without the lock. */
void link_receive(struct link *link, short events);

/* Sends what waits, as far as the socket takes it. Under the lock. */
void link_flush(struct link *link);
void link_free(struct link *link);

/* ---- inbound.c: the loop's ---- */

/* Hands a request to the node. False: it makes no sense, break the link. Without the lock. */
bool inbound_request(struct link *link, uint64_t id, uint32_t kind, struct wire *w,
                     struct rkv_buf frame);

/* Aborts snapshot streams that nobody will continue. Without the lock. */
void inbound_abort_idle(struct transport *t);

/* ---- outbound.c ---- */

uint64_t tcp_now(const struct transport *t);

/* Takes a call off its link's list, for the loop to answer. Under the lock. */
void tcp_end(struct link *link, struct rkv_call *call, enum rkv_status status);

/* An answer came. False: it makes no sense. Without the lock. */
bool outbound_answer(struct link *link, uint64_t id, uint32_t kind, struct wire *w);

/* Tells the calls that ended without an answer. Without the lock. */
void outbound_finish(struct transport *t);

void outbound_vote(void *peer, struct rkv_vote_call *call);
void outbound_append(void *peer, struct rkv_append_call *call);
void outbound_snapshot_begin(void *peer, struct rkv_snapshot_call *call);
void outbound_snapshot_write(void *peer, struct rkv_snapshot_call *call);
void outbound_snapshot_finish(void *peer, struct rkv_snapshot_call *call);
void outbound_snapshot_abort(void *peer, struct rkv_snapshot_call *call);
void outbound_pre_vote(void *peer, struct rkv_vote_call *call);
void outbound_timeout_now(void *peer, struct rkv_timeout_now_call *call);
void outbound_read_index(void *peer, struct rkv_read_index_call *call);
void outbound_hello(void *peer, struct rkv_hello_call *call);

#endif
