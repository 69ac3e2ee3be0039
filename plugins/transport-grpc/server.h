/* server.h: the listening half: which methods exist, how their calls arrive and are recycled.
 *
 * Slots, spares and handlers belong to the poller thread; only unary_answer, unary_refuse and
 * server_count are called from others too (inside a done). A call that arrived is replaced by a
 * waiting slot at once, so that requests never queue inside the core, where nothing bounds them.
 * SERVER_OPEN_MAX bounds them here. Whoever hands a unary call to the node does not touch it
 * afterwards: done may have run.
 *
 * (S1) A handler ends its call by exactly one of: handing it to the node, answering, refusing. */
#ifndef TRANSPORT_SERVER_H
#define TRANSPORT_SERVER_H

#include <raft-wire/wire/answer.h>
#include "runtime.h"
#include "untaken.h"

#define SERVER_OPEN_MAX 65536 /* inbound calls open at once, all connections together */
#define SERVER_SLOTS 32 /* calls awaited per method: arrivals between two looks at the queue */
#define SERVER_REPEAT_NS UINT64_C(10000000000) /* between two lines about the same trouble */
#define SERVER_SPARE_MAX 4096                  /* recycled call structs kept */

/* X(name, help): what is counted, each a metric of the node. */
#define SERVER_COUNT_LIST(X)                                                                       \
  X(requests, "calls and messages of streams received")                                            \
  X(refused, "calls refused because what they sent was wrong")                                     \
  X(too_large, "messages refused because they were over a limit")                                  \
  X(unknown_methods, "calls of methods that do not exist here")                                    \
  X(connections, "connections accepted")                                                           \
  X(connections_refused, "connections refused because connections_max were open")                  \
  X(connections_refused_address, "connections refused because their address had enough open")      \
  X(connections_refused_descriptors, "connections refused for want of a file descriptor")          \
  X(connections_silent, "connections ended because their client said nothing")                     \
  X(connections_strange, "connections ended because their client spoke no HTTP/2")                 \
  X(silent_calls, "calls ended because their first message did not come")                          \
  X(untaken_answers, "calls ended because their client did not take the answer")                   \
  X(poller_reliefs, "times a thread went on in place of one that the core did not give back")

enum server_count {
#define SERVER_COUNT_ENUM(name, help) SERVER_COUNT_##name,
  SERVER_COUNT_LIST(SERVER_COUNT_ENUM)
#undef SERVER_COUNT_ENUM
      SERVER_COUNTS
};

/* X(NAME, counter): what this node ends by itself; ended.h. */
#define ENDED_LIST(X)                                                                              \
  X(MAX, connections_refused)                                                                      \
  X(PER_ADDRESS, connections_refused_address)                                                      \
  X(DESCRIPTORS, connections_refused_descriptors)                                                  \
  X(SPEECHLESS, connections_silent)                                                                \
  X(STRANGE, connections_strange)                                                                  \
  X(SILENT, silent_calls)                                                                          \
  X(UNTAKEN, untaken_answers)                                                                      \
  X(RELIEVED, poller_reliefs)

enum ended_kind {
#define ENDED_ENUM(name, counter) ENDED_##name,
  ENDED_LIST(ENDED_ENUM)
#undef ENDED_ENUM
      ENDED_KINDS
};

struct unary;

/* One unary method of a service. */
struct method {
  const char *path;
  void (*handle)(struct unary *u); /* NULL ends a table */
  bool of_peers;                   /* its requests may have an envelope */
};
extern const struct method service_app_methods[];
extern const struct method service_raft_methods[];
extern const struct method service_peer_methods[];
extern const struct method service_admin_methods[];

/* A method as registered with the core; `registered` NULL: calls of all unknown methods. */
struct slot_kind {
  const struct method *method;
  void *registered;
  uint64_t limit; /* bytes of a message */
};

/* One unary call from its slot to its last batch.
 *
 * (S2) A call that gets no message is answered without it: `reading` and the answer's batch end in
 *      either order, and the later one recycles the call. */
struct unary {
  struct tag tag;      /* the slot's, then the answer's */
  struct tag received; /* the message's */
  struct transport *t;
  const struct slot_kind *kind;
  struct unary *next; /* in the list of spares, or of those that await their message */
  struct unary *prev; /* in the latter */
  uint64_t since_ns;  /* when it arrived */
  bool reading;       /* the message is awaited ... */
  bool refused;       /* ... no longer: it took too long */
  bool answering;     /* the answer's batch is under way */
  struct untaken untaken;
  grpc_call *call;
  gpr_timespec deadline;
  grpc_metadata_array metadata;
  grpc_call_details details;    /* of an unknown method */
  grpc_byte_buffer *message;    /* as received; NULL: none came */
  bool counted;                 /* as an open inbound call */
  struct rkv_envelope envelope; /* of a peer's request that has one */
  struct answer answer;
  struct rkv_buf request; /* bytes that the node may still read; dropped at the end */
  void *extra;            /* freed at the end */
  union {
    struct rkv_call call; /* common head of all */
    struct rkv_vote_call vote;
    struct rkv_append_call append;
    struct rkv_propose_call propose;
    struct rkv_query_call query;
    struct rkv_init_call init;
    struct rkv_membership_call membership;
    struct rkv_metrics_call metrics;
    struct rkv_timeout_now_call timeout_now;
    struct rkv_read_index_call read_index;
    struct rkv_transfer_call transfer;
    struct rkv_snapshot_now_call snapshot_now;
    struct rkv_hello_call hello;
    struct rkv_swap_call swap;
    struct rkv_admin_call admin;
  } node; /* zeroed, deadline_ns set, before handle */
};

/* The call whose node part is `call`. */
static inline struct unary *unary_of(struct rkv_call *call) {
  return (struct unary *)(void *)((char *)call - offsetof(struct unary, node));
}

/* Calls that await their first message, in the order of their arrival; the poller's. */
struct unaries {
  struct tick tick; /* first: on_tick gets it back */
  struct transport *t;
  struct unary *first, *last;
};
struct unaries *server_unaries(const struct transport *t);
/* Inside open. */
void unaries_open(struct unaries *all, struct transport *t);

/* Awaits the next call of a kind; the poller, or before it runs. Errors: RKV_NO_MEMORY. */
enum rkv_status unary_await(struct transport *t, const struct slot_kind *kind);

/* The request's bytes as they came, in u->request, for the length of the call. False: the call has
 * been refused. */
bool unary_take_request(struct unary *u);

/* End the call; any thread. unary_answer: the slice is given. */
void unary_answer(struct unary *u, grpc_slice message);
void unary_refuse(struct unary *u, enum rkv_status status, const struct rkv_error *error);

/* Spares: call structs between two calls. take: NULL when memory is exhausted. */
struct unary *server_spare_take(struct transport *t);
void server_spare_give(struct transport *t, struct unary *u);
void unary_free(struct unary *u);

/* Refuses a message that is compressed or has more bytes than `limit`, the latter in the words that
 * an OpenRaft leader splits on, and counts. Any thread. */
enum rkv_status server_check_message(struct transport *t, const grpc_byte_buffer *message,
                                     uint64_t limit, struct rkv_error *error);

void server_count(struct transport *t, enum server_count what);
/* A call arrived. `awaits`: whether the next one of its kind is awaited; if not, the node cannot go
 * on. */
void server_arrived(struct transport *t, enum rkv_status awaits);
/* This node ends something by itself: counts and tells it. Any thread. */
void server_ended(struct transport *t, enum ended_kind why);
/* Inside open: how many connections are allowed, for the text. */
void server_set_connections_max(struct transport *t, size_t max);
/* Answers on their way to clients. */
struct untaken_list *server_untaken(const struct transport *t);

/* Counts the refusal if the sender is to blame for it. A peer's is a WARN too, when it changes and
 * then at most every SERVER_REPEAT_NS. Any thread. */
void server_count_refusal(struct transport *t, enum rkv_status status, const char *of_peer,
                          const struct rkv_error *error);

/* Life, called by runtime.c. server_open binds the port: RKV_ADDRESS, RKV_INVALID. server_close:
 * the server is down; server_free: the queue is drained too (t->server may be NULL). */
enum rkv_status server_open(struct transport *t, struct rkv_error *error);
enum rkv_status server_start(struct transport *t, struct rkv_error *error);
grpc_server *server_core(const struct transport *t);
/* Nothing is accepted any more; the port is free. Once server_open was called; may be repeated. */
void server_stop_accepting(struct transport *t);
/* Ends the connections that are open: a client that floods keeps the core from ending its own. */
void server_hang_up(struct transport *t);
void server_close(struct transport *t);
void server_free(struct transport *t);

/* inflows.c, service_snapshot.c: the methods that stream. `limit`: bytes of a message. */
struct inflows;
struct inflow_kind;
enum rkv_status inflows_open(struct transport *t, grpc_server *core, const struct inflow_kind *kind,
                             uint64_t limit, struct inflows **out, struct rkv_error *error);
enum rkv_status inflows_start(struct inflows *s, struct rkv_error *error);
void inflows_free(struct inflows *s);

struct snapshots;
enum rkv_status snapshots_open(struct transport *t, grpc_server *core, struct snapshots **out,
                               struct rkv_error *error);
enum rkv_status snapshots_start(struct snapshots *s, struct rkv_error *error);
void snapshots_free(struct snapshots *s);

#endif
