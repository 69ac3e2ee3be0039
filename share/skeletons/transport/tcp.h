/* tcp.h: the transport's structs, and what link.c does.
 *
 * (T1) One thread, the loop, owns every link. Others leave calls in its mailbox, which is all that
 *      the lock is for: nothing is locked while done or the node is called, which may call back.
 * (T2) A call is in one place at a time: in the mailbox, in a link's list, or with the node. Those
 *      that the node has, or had and are in the mailbox again, are counted (`open`). */
#ifndef TCP_H
#define TCP_H

#include <assert.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include "wire.h"

#define ACCEPTED_MAX 256       /* accepted connections; more are closed at once */
#define LINKS_MAX 512          /* accepted connections and those to peers */
#define CALLS_MAX 4096         /* calls of one connection that the node works on */
#define OUT_MAX (256u << 20)   /* bytes that may wait for one connection */
#define READ_MAX (1u << 20)    /* bytes taken off one connection before the others' turn */
#define TICK_MS 20             /* the loop looks at the time at least so often */
#define RETRY_NS 200000000u    /* between two attempts to reach a peer */
#define TIMEOUT_NS 5000000000u /* of a call to a peer that has no deadline */
#define IDLE_NS 10000000000u   /* a snapshot stream silent for so long is given up */

/* A connection: to a peer (what peer_open gives out), or accepted. */
struct link {
  struct transport *t; /* set under its lock; NULL: this place is free */
  bool live;           /* the loop knows of it */
  int fd;              /* -1: none */
  uint8_t length[WIRE_LENGTH], *room;
  size_t got;           /* bytes of `length` and of the frame behind it */
  struct rkv_buf frame; /* a frame that comes in, filled up to `room` */
  uint8_t *out;         /* bytes that go out; [0, sent) are sent */
  size_t sent, len, capacity;
  /* What waits for the other side: calls to a peer for their answers; an accepted link's snapshot
   * streams for their next steps. callee[0] is the id, callee[1] when the time is up. */
  struct rkv_call *calls;
  size_t open; /* accepted (T2) */
  /* to a peer */
  bool outbound, closed;
  struct sockaddr_in addr;
  uint64_t last_id, retry_ns; /* retry_ns: the peer is not dialled before */
  struct wire_head head;      /* of the next request; a node's requests have its envelope */
  struct rkv_call mail;       /* for peer_close */
};

/* An accepted request until its answer. All steps of a snapshot stream are one request. */
struct inbound {
  union wire_call as; /* first: the node sees only this */
  struct link *link;
  struct wire_head head;
  struct rkv_buf frame, step; /* bytes that the call's fields point into */
  void *held;
};

/* beside calls, whose kinds are their numbers on the wire */
enum mail { MAIL_CLOSE = 256, MAIL_STOP };

enum { WAKE = LINKS_MAX, LISTENER }; /* descriptors that are polled after those of the links */

struct transport {
  const struct rkv_host *host;
  const struct rkv_node_api *node;
  int listener;
  pthread_t thread;
  struct rkv_call stop_mail;
  uint64_t grace_end_ns;
  bool stopping, busy; /* the loop's; busy: a call of the node or of a client is open */
  eventfd_t wakes;
  struct pollfd fds[LISTENER + 1];
  struct link links[LINKS_MAX]; /* accepted ones, then those to peers */
  pthread_mutex_t lock;
  bool running;                      /* under lock */
  struct rkv_call *mail, **mail_end; /* under lock */
};

static inline uint64_t tcp_now(const struct transport *t) {
  return t->host->now_ns(t->host->ctx);
}

/* Appends a frame to what goes out; an append call is cut behind the last entry that fits. Drops
 * the call's buffers in any case. Errors: RKV_TOO_LARGE, RKV_NO_MEMORY: nothing was appended. */
enum rkv_status link_write(struct link *link, struct wire_head *head, union wire_call *call);
/* Sends what the socket takes. False: the connection is over. */
bool link_send(struct link *link);

/* 1: *frame arrived, for the caller to drop; 0: nothing now; -1: the connection is over. */
int link_receive(struct link *link, struct rkv_buf *frame);
/* Reads a frame's head, leaving the rest in *frame; then that rest, into buffers that are slices of
 * the frame: hold it. *held: an allocation that the caller frees. Errors: RKV_CORRUPT,
 * RKV_NO_MEMORY, RKV_UNIMPLEMENTED for a kind that is not in the lists. */
enum rkv_status wire_read_head(struct rkv_buf *frame, struct wire_head *head);
enum rkv_status wire_read_call(struct rkv_buf rest, const struct wire_head *head,
                               union wire_call *call, void **held);

/* Reads a numeric HOST:PORT of IPv4; false: it is none. */
bool link_address(const char *text, struct sockaddr_in *addr);
/* A new socket that does not block, and notices a peer that dies silently. -1: see errno. */
int link_socket(void);
bool link_dial(struct link *link); /* false: it failed at once */
void link_hang_up(struct link *link);

static inline void link_keep(struct link *link, struct rkv_call *call, uint64_t id,
                             uint64_t end_ns) {
  assert(pthread_equal(pthread_self(), link->t->thread)); /* (T1) */
  call->callee[0] = id, call->callee[1] = end_ns;
  call->next = link->calls, link->calls = call;
}
/* Takes the waiting call with this id; NULL: its time was up. */
static inline struct rkv_call *link_take(struct link *link, uint64_t id, uint32_t kind) {
  struct rkv_call **at = &link->calls, *call;
  while ((call = *at) && (call->callee[0] != id || call->kind != kind)) at = &call->next;
  if (call) *at = call->next;
  return call;
}

/* Ends a call to a peer without an answer of the peer. */
void link_fail(const struct link *link, struct rkv_call *call, enum rkv_status status);
void link_hand_in(struct inbound *in);
/* Ends what waits no longer than until `then_ns`: a call with this status, a stream as aborted. */
void link_expire(struct link *link, uint64_t then_ns, enum rkv_status status);

#endif
