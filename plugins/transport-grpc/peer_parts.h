/* peer_parts.h: a peer and one RPC to it; for the peer_*.c files only.
 *
 * (P1) A peer lives until its handle was closed and its last RPC has ended (refs).
 * (P2) Every gRPC call is in peer->calls from before its first batch until its last one came back:
 *      what is in the list can be cancelled by any thread under the mutex. What is known to others
 *      before its call is made can be broken off before: then the call is born cancelled.
 * (P3) Each call of the node counts as outbound (runtime.h) from send_* until after its done.
 * (P4) A channel is not destroyed while it connects: gRPC 1.51 loses the connection, socket and
 *      all, whose peer says its first words afterwards (grpc/grpc#32071). A peer without references
 *      whose channel may connect stands in peers->leaving for option connect_timeout at most: then
 *      the attempt that ran when it was closed is over. (A later one of a peer that was away may
 *      still be hit: the core does not tell when it begins.)
 *
 * No callback of the node and no grpc_call_start_batch runs under a mutex of ours. */
#ifndef TRANSPORT_PEER_PARTS_H
#define TRANSPORT_PEER_PARTS_H

#include <raft-wire/wire/envelope.h>
#include <raft-wire/client/limit.h>
#include "peer.h"

#define PEER_TEXT_MAX RKV_ERROR_TEXT_MAX    /* bytes of a peer's words in a text, NUL included */
#define PEER_MEMORY_MAX (64 * MIB)          /* what answers of all peers may take */
#define PEER_REPEAT_NS (10 * SECOND)        /* repeating trouble is logged this often */
#define PEER_KEEPALIVE_NS (10 * SECOND)     /* a dead connection is noticed after this and ... */
#define PEER_KEEPALIVE_WAIT_NS (5 * SECOND) /* ... this */

/* X(name, help): counters of one transport. */
#define PEER_METRIC_LIST(X)                                                                        \
  X(sends, "append messages sent to peers, in messages")                                           \
  X(streams, "append streams opened to peers, in streams")                                         \
  X(splits, "appends sent in parts, in appends")                                                   \
  X(split_parts, "parts of appends sent in parts, in messages")                                    \
  X(unsendable_entries, "entries that can never fit a peer's limit, in entries")

struct peers {
  struct transport *t;
  struct tick tick;
  grpc_resource_quota *quota;
  pthread_mutex_t mutex; /* guards both lists; taken before a peer's own */
  struct peer *list;
  struct peer *leaving; /* see (P4); singly linked by next */
#define PEER_METRIC_FIELD(name, help) atomic_uint_least64_t name;
  PEER_METRIC_LIST(PEER_METRIC_FIELD)
#undef PEER_METRIC_FIELD
};

/* Anything with a gRPC call that may have to be cancelled. Zeros: it has none yet. */
struct peer_link {
  struct peer_link *prev, *next;
  grpc_call *call;
  const char *broken; /* why it was broken off, also before there was a call; static */
};

struct append;
struct pipe;
struct stream;

/* Trouble that repeats: logged at once, then every PEER_REPEAT_NS with how often it happened. */
struct peer_trouble {
  uint64_t count, logged_ns;
};

/* A peer's appends that must keep their order, and what carries them; peer_append.h. */
struct lane {
  struct append *first, **end;
  struct append *unsent;   /* the first one of which something is to be sent; NULL: none */
  size_t count, data;      /* in the lane; of these with entries */
  struct pipe *pipe;       /* the stream; NULL: none is open */
  bool unary;              /* a unary RPC of the first one is on its way */
  bool ask;                /* the next message goes by unary RPC: a refusal names the limit */
  uint64_t unary_until_ns; /* the peer has no StreamAppend; 0: it may have */
};

/* From PEER_PRE_VOTE on: what a peer may lack. From PEER_PROPOSE on: what a client asks. */
enum peer_method {
  PEER_VOTE,
  PEER_APPEND,
  PEER_SNAPSHOT,
  PEER_PRE_VOTE,
  PEER_TIMEOUT_NOW,
  PEER_READ_INDEX,
  PEER_HELLO,
  PEER_STREAM_APPEND,
  PEER_PROPOSE,
  PEER_QUERY,
  PEER_INIT,
  PEER_ADD_LEARNER,
  PEER_CHANGE_MEMBERSHIP,
  PEER_REMOVE,
  PEER_SET_ADDRESS,
  PEER_TRANSFER,
  PEER_SNAPSHOT_NOW,
  PEER_METRICS,
  PEER_ADMIN,
  PEER_METHODS
};
extern const char *const peer_paths[PEER_METHODS]; /* peer_methods.c */

struct peer {
  struct transport *t;
  struct peer *prev, *next; /* peers->list, under peers->mutex */
  rkv_node_id id;
  char addr[RKV_ADDR_MAX];
  grpc_channel *channel;
  void *methods[PEER_METHODS];
  grpc_metadata envelope[ENVELOPE_PAIRS]; /* of every RPC */
  atomic_uint refs;
  uint64_t leave_ns;      /* without references: it is freed then at the latest (P4) */
  pthread_mutex_t mutex;  /* guards all below */
  bool closed;            /* no new gRPC call */
  struct peer_link calls; /* ring */
  struct stream *streams; /* snapshots on their way */
  struct limit limit;
  size_t fits; /* bytes: the largest append message that it has answered */
  struct lane lane;
  bool plain;                /* that it has no StreamAppend was logged */
  struct peer_trouble split; /* steady splitting at one limit */
  size_t split_limit;        /* the limit it was logged for */
  rkv_index unsendable;      /* the last entry reported */
  bool down;                 /* the last call got no answer */
  bool is_placed, moved;     /* `place` is known; it is to be looked up again */
  struct connections_owner place;
  struct peer_trouble silence, refusals;
};

/* ---- peer.c ---- */

void peer_ref(struct peer *peer);
void peer_unref(struct peer *peer);
/* The op that begins every RPC to a peer: what it says beside its messages. */
grpc_op peer_greeting(const struct peer *peer);
/* (P2): makes the call and lists it. Errors: RKV_CANCELLED if the peer is closed. */
enum rkv_status peer_call_begin(struct peer *peer, enum peer_method method, gpr_timespec deadline,
                                struct peer_link *link);
/* Cancels the call with INTERNAL, now or when it is made; nothing if it has ended. Under the
 * mutex. */
void peer_call_break(struct peer_link *link, const char *why);
/* Unlists the call, which is given to the caller. Under the mutex. */
grpc_call *peer_call_unlist(struct peer_link *link);
/* Unlists and drops the call; no batch of it is open. */
void peer_call_end(struct peer *peer, struct peer_link *link);

/* ---- peer_note.c ---- */

/* How a gRPC status reads in the ABI. */
enum rkv_status peer_status(struct peer *peer, grpc_status_code code);
/* Copies a peer's text as printable ASCII; the code's name if there is none. */
void peer_text(grpc_status_code code, grpc_slice details, char out[PEER_TEXT_MAX]);
/* One more. True: log it now, *count = how often since the last line. Under the peer's mutex. */
bool peer_trouble(struct peer_trouble *trouble, uint64_t now_ns, uint64_t *count);
/* True if the peer says that another node leads. */
bool peer_is_referral(grpc_status_code code, const char *text);
/* Notes whether the peer answered, logs changes and trouble, forgets the limit of a peer that went
 * away. */
void peer_note(struct peer *peer, grpc_status_code code, const char *text);
/* Likewise of an RPC that ended, with its trailing metadata: what the peer's node refuses by itself
 * (ANSWER_REFUSED_KEY) is an answer, whatever the code. */
void peer_note_end(struct peer *peer, grpc_status_code code, const char *text,
                   const grpc_metadata_array *trailing);
/* The node itself refused, it says: no connection broke. */
bool peer_is_refusal(const grpc_metadata_array *trailing);
/* Notes at which address the peer answered this call, if that is not known. */
void peer_note_place(struct peer *peer, grpc_call *call);
/* Learns the limit from the refusal of a message of `bytes`, if it was one. */
bool peer_learn(struct peer *peer, grpc_status_code code, const char *text, size_t bytes);
/* What is known of the limit now; bytes 0: nothing. */
struct limit peer_limit(struct peer *peer);

/* ---- peer_unary.c ---- */

/* How an RPC ended. */
struct peer_end {
  enum rkv_status status; /* RKV_OK: answer holds the message */
  grpc_status_code code;
  char text[PEER_TEXT_MAX];  /* the peer's words */
  char leader[RKV_ADDR_MAX]; /* with RKV_NOT_LEADER: who leads, "" if it did not say */
  bool refused;              /* the node itself says that it did nothing: no connection broke */
  struct rkv_buf answer;     /* borrowed until end returns */
};

/* One unary RPC; embedded in its user. May be used again once end was entered. */
struct peer_unary {
  struct tag tag;
  struct peer_link link;
  struct peer *peer;
  enum peer_method method;
  grpc_byte_buffer *request, *answer;
  grpc_metadata_array initial, trailing;
  grpc_status_code code;
  grpc_slice details;
  grpc_metadata said; /* a client's: what goes beside the request in place of the envelope ... */
  size_t said_count;  /* ... if there is such; slices that nobody has to drop */
  void (*end)(struct peer_unary *self, const struct peer_end *end); /* on the poller, once */
};

/* Sends `request` (given, also on an error). Errors: RKV_CANCELLED, RKV_BROKEN; end is not called
 * then. The peer must outlive the RPC (hold a reference). */
enum rkv_status peer_unary_start(struct peer_unary *unary, struct peer *peer,
                                 enum peer_method method, grpc_byte_buffer *request,
                                 uint64_t deadline_ns);

/* ---- peer_lane.c ---- */

/* Breaks off what takes too long. On the poller, under the mutex. */
void lane_tick(struct peer *peer, uint64_t now_ns);

/* ---- peer_stream.c ---- */

/* Breaks off what takes too long. On the poller, under the mutex. */
void peer_streams_tick(struct peer *peer, uint64_t now_ns);
/* The handle is closed: no step will come to the streams that stand between two. */
void peer_streams_orphan(struct peer *peer);

#endif
