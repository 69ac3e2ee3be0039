/* tcp.h: what each call says on the wire, the transport's structs, and what link.c does.
 *
 * (T1) One thread, the loop, owns every link. Others leave calls in its mailbox, which is all that
 *      the lock is for: nothing is locked while done or the node is called, which may call back.
 * (T2) A call is in one place at a time: in the mailbox, in a link's list, or with the node. Those
 *      that the node has, or had and are in the mailbox again, are counted (`open`).
 *
 * A frame, all numbers little-endian: u32 length of what follows, u64 id, u8 kind, then
 *   a request  u64 patience (ns, 0: none), u8 whether an envelope follows, the envelope
 *   an answer  u32 status and, unless it is 0 (RKV_OK), u64 leader, text its address, text why, and
 *              nothing more; its id is the request's, its kind has WIRE_ANSWER.
 * and the fields of the call in the order of its row below. Texts and bytes: u32 length, bytes. */
#ifndef TCP_H
#define TCP_H

#include <assert.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <rkv/rkv.h>
#include <sys/eventfd.h>

#define WIRE_ANSWER 0x80u
#define WIRE_LENGTH 4
#define WIRE_FRAME_MAX (16u << 20) /* bytes of a frame behind its length */

#define ACCEPTED_MAX 256       /* accepted connections; more are closed at once */
#define LINKS_MAX 512          /* accepted connections and those to peers */
#define CALLS_MAX 4096         /* calls of one connection that the node works on */
#define OUT_MAX (256u << 20)   /* bytes that may wait for one connection */
#define READ_MAX (1u << 20)    /* bytes taken off one connection before the others' turn */
#define TICK_MS 20             /* the loop looks at the time at least so often */
#define RETRY_NS 200000000u    /* between two attempts to reach a peer */
#define TIMEOUT_NS 5000000000u /* of a call to a peer that has no deadline */
#define IDLE_NS 10000000000u   /* a snapshot stream silent for so long is given up */

/* X(NAME, number on the wire, call struct, node's function, (request's fields), (answer's)): what
 * nodes ask each other, in the order of struct rkv_transport_ops, and what clients ask. Another
 * call or field is one more word here: a walk over the row writes and reads the frame. Fields are
 * members of union wire_call; link.c says how each goes over the wire. */
#define WIRE_PEER_LIST(X)                                                                          \
  X(VOTE, 2, rkv_vote_call, vote, (VOTE(vote.vote), NUMBER(vote.last), FLAG(vote.transfer)),       \
    (FLAG(vote.granted), VOTE(vote.voter_vote), NUMBER(vote.voter_last)))                          \
  X(APPEND, 4, rkv_append_call, append,                                                            \
    (VOTE(append.vote), NUMBER(append.prev), NUMBER(append.commit), AS(ENTRIES, append)),          \
    (UP_TO(RKV_APPEND_REJECTED, append.result), NUMBER(append.matched), VOTE(append.voter_vote),   \
     NUMBER(append.lease_ns)))                                                                     \
  X(SNAPSHOT_BEGIN, 5, rkv_snapshot_call, snapshot_begin,                                          \
    (VOTE(snapshot_begin.vote), NUMBER(snapshot_begin.meta.last),                                  \
     NUMBER(snapshot_begin.meta.membership_id), AS(BYTES, snapshot_begin.meta.membership),         \
     NUMBER(snapshot_begin.meta.size), AS(TEXT, snapshot_begin.meta.id)),                          \
    SNAPSHOT_ANSWER)                                                                               \
  X(SNAPSHOT_WRITE, 6, rkv_snapshot_call, snapshot_write, (AS(BYTES, snapshot_write.chunk)),       \
    SNAPSHOT_ANSWER)                                                                               \
  X(SNAPSHOT_FINISH, 7, rkv_snapshot_call, snapshot_finish, (NOTHING), SNAPSHOT_ANSWER)            \
  X(SNAPSHOT_ABORT, 8, rkv_snapshot_call, snapshot_abort, (NOTHING), SNAPSHOT_ANSWER)              \
  X(PRE_VOTE, 3, rkv_vote_call, pre_vote,                                                          \
    (VOTE(vote.vote), NUMBER(vote.last), FLAG(vote.transfer)),                                     \
    (FLAG(vote.granted), VOTE(vote.voter_vote), NUMBER(vote.voter_last)))                          \
  X(TIMEOUT_NOW, 9, rkv_timeout_now_call, timeout_now,                                             \
    (VOTE(timeout_now.vote), NUMBER(timeout_now.last)), (NOTHING))                                 \
  X(READ_INDEX, 10, rkv_read_index_call, read_index,                                               \
    (UP_TO(RKV_READ_LINEARIZABLE, read_index.read)), (NUMBER(read_index.index)))                   \
  X(HELLO, 1, rkv_hello_call, hello, (NOTHING),                                                    \
    (NUMBER(hello.id), NUMBER(hello.cluster), NUMBER(hello.incarnation), NUMBER(hello.membership), \
     UP_TO(1, hello.names_asker)))
#define SNAPSHOT_ANSWER                                                                            \
  (NUMBER(snapshot_begin.chunk_max), FLAG(snapshot_begin.finished), VOTE(snapshot_begin.voter_vote))

#define WIRE_CLIENT_LIST(X)                                                                        \
  X(PROPOSE, 11, rkv_propose_call, propose, (AS(BYTES, propose.command)),                          \
    (NUMBER(propose.id), AS(GIVEN, propose.result)))                                               \
  X(QUERY, 12, rkv_query_call, query,                                                              \
    (AS(BYTES, query.request), UP_TO(RKV_READ_LINEARIZABLE, query.read)),                          \
    (AS(GIVEN, query.response)))                                                                   \
  X(INIT, 13, rkv_init_call, init, (AS(MEMBERSHIP, init.membership)), (NOTHING))                   \
  X(ADD_LEARNER, 14, rkv_membership_call, add_learner,                                             \
    (NUMBER(add_learner.learner.id), AS(TEXT, add_learner.learner.addr)),                          \
    (NUMBER(add_learner.id), AS(GIVEN, add_learner.membership)))                                   \
  X(CHANGE_MEMBERSHIP, 15, rkv_membership_call, change_membership,                                 \
    (UP_TO(RKV_NODES_MAX, change_membership.voters.count), NUMBER(change_membership.voters.ids),   \
     FLAG(change_membership.retain)),                                                              \
    (NUMBER(change_membership.id), AS(GIVEN, change_membership.membership)))                       \
  X(TRANSFER, 17, rkv_transfer_call, transfer, (NUMBER(transfer.target)), (NOTHING))               \
  X(SNAPSHOT_NOW, 18, rkv_snapshot_now_call, snapshot_now, (NOTHING), (NUMBER(snapshot_now.last))) \
  X(METRICS, 16, rkv_metrics_call, metrics, (NOTHING),                                             \
    (NUMBER(metrics.leader), AS(WORD, metrics.state), VOTE(metrics.vote), NUMBER(metrics.last),    \
     NUMBER(metrics.committed), NUMBER(metrics.applied), NUMBER(metrics.snapshot),                 \
     NUMBER(metrics.purged), AS(GIVEN, metrics.membership), AS(GIVEN, metrics.text)))

#define WIRE_CALL_LIST(X) WIRE_PEER_LIST(X) WIRE_CLIENT_LIST(X)

#define WIRE_ENUM(name, number, type, function, request, answer) WIRE_##name = number,
enum wire_kind { WIRE_CALL_LIST(WIRE_ENUM) };
#define WIRE_MEMBER(name, number, type, function, request, answer) struct type function;
union wire_call { /* room for a call of any kind */
  struct rkv_call call;
  WIRE_CALL_LIST(WIRE_MEMBER)
};

#define WIRE_IS_STEP(kind) ((kind) > WIRE_SNAPSHOT_BEGIN && (kind) <= WIRE_SNAPSHOT_ABORT)

/* The head of a frame, before the call's own fields. */
struct wire_head {
  uint64_t id, patience_ns;
  uint8_t kind; /* with WIRE_ANSWER: an answer */
  bool enveloped;
  struct rkv_envelope envelope;
  struct rkv_error error; /* its status may be RKV_OK */
};

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
  struct wire_head head;      /* of the next request; all requests have its envelope */
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

void link_keep(struct link *link, struct rkv_call *call, uint64_t id, uint64_t end_ns);
/* Takes the waiting call with this id; NULL: its time was up. */
struct rkv_call *link_take(struct link *link, uint64_t id, uint32_t kind);

/* Ends a call to a peer without an answer of the peer. */
void link_fail(const struct link *link, struct rkv_call *call, enum rkv_status status);
void link_hand_in(struct inbound *in);
/* Ends what waits no longer than until `then_ns`: a call with this status, a stream as aborted. */
void link_expire(struct link *link, uint64_t then_ns, enum rkv_status status);

#endif
