/* transport.h: the vocabulary of the laws of transports: sides, which are an instance of the plugin
 * and a node that the suite plays, and calls to a peer.
 *
 * A side's node behaves as the contract says: a call that is handed in waits until kick is called,
 * and is then answered by `on`, at the earliest. A side always checks: the node's table is not
 * called before start or after stop, kick is not called inside a done, done is called once. */
#ifndef CONTRACT_TRANSPORT_H
#define CONTRACT_TRANSPORT_H

#include "contract.h"

#include <host/section.h>

/* X(NAME, field of union any_call, function of the node's table): what nodes ask each other, and
 * what a client asks, which a transport need not carry outward. */
#define TRANSPORT_NODE_LIST(X)                                                                     \
  X(VOTE, vote, vote)                                                                              \
  X(PRE_VOTE, vote, pre_vote)                                                                      \
  X(APPEND, append, append)                                                                        \
  X(TIMEOUT_NOW, timeout_now, timeout_now)                                                         \
  X(READ_INDEX, read_index, read_index)                                                            \
  X(HELLO, hello, hello)                                                                           \
  X(SNAPSHOT_BEGIN, snapshot, snapshot_begin)                                                      \
  X(SNAPSHOT_WRITE, snapshot, snapshot_write)                                                      \
  X(SNAPSHOT_FINISH, snapshot, snapshot_finish)                                                    \
  X(SNAPSHOT_ABORT, snapshot, snapshot_abort)

#define TRANSPORT_CLIENT_LIST(X)                                                                   \
  X(PROPOSE, propose, propose)                                                                     \
  X(QUERY, query, query)                                                                           \
  X(INIT, init, init)                                                                              \
  X(ADD_LEARNER, membership, add_learner)                                                          \
  X(CHANGE_MEMBERSHIP, membership, change_membership)                                              \
  X(REMOVE, membership, remove)                                                                    \
  X(SET_ADDRESS, membership, set_address)                                                          \
  X(TRANSFER, transfer, transfer)                                                                  \
  X(SNAPSHOT_NOW, snapshot_now, snapshot_now)                                                      \
  X(METRICS, metrics, metrics)                                                                     \
  X(ADMIN, admin, admin)

#define TRANSPORT_CALL_LIST(X) TRANSPORT_NODE_LIST(X) TRANSPORT_CLIENT_LIST(X)

enum call_kind {
#define CALL_ENUM(name, field, function) CALL_##name,
  TRANSPORT_CALL_LIST(CALL_ENUM)
#undef CALL_ENUM
      CALL_KINDS
};
extern const char *const call_names[CALL_KINDS];

static inline bool call_is_step(enum call_kind kind) {
  return kind >= CALL_SNAPSHOT_BEGIN && kind <= CALL_SNAPSHOT_ABORT;
}
static inline bool call_is_clients(enum call_kind kind) {
  return kind >= CALL_PROPOSE;
}

union any_call {
  struct rkv_call call;
  struct rkv_vote_call vote;
  struct rkv_append_call append;
  struct rkv_timeout_now_call timeout_now;
  struct rkv_read_index_call read_index;
  struct rkv_hello_call hello;
  struct rkv_snapshot_call snapshot;
  struct rkv_propose_call propose;
  struct rkv_query_call query;
  struct rkv_init_call init;
  struct rkv_membership_call membership;
  struct rkv_transfer_call transfer;
  struct rkv_snapshot_now_call snapshot_now;
  struct rkv_metrics_call metrics;
  struct rkv_admin_call admin;
};

struct side;

/* How a side's node answers: fills the answer fields, or *error; returns the status. */
typedef enum rkv_status (*side_on)(struct side *s, enum call_kind kind, union any_call *call,
                                   struct rkv_error *error);

/* The log and the snapshots of a side's node that is a follower (transport_follower.c). */
struct follower {
  uint64_t *sums; /* the entry of index i is at [i - 1] */
  rkv_term *terms;
  size_t count, room;
  size_t conflicts; /* appends that did not fit */
  uint8_t *bytes;   /* of the snapshot that is received */
  size_t len, bytes_room;
  size_t chunk_max;
  size_t begun, written, finished, aborted; /* steps */
};

struct side {
  struct contract *c;
  const struct rkv_transport_ops *ops;
  void *it;
  bool started;
  rkv_node_id id;
  struct contract_host host;
  char addr[RKV_ADDR_MAX];
  struct rkv_value values[HOST_OPTIONS_MAX];
  struct rkv_config config;
  struct rkv_node_api api;
  side_on on; /* NULL: follower_on */
  void *arg;  /* for `on` */
  struct follower f;
  pthread_mutex_t lock;
  /* under lock */
  bool served;                   /* start was called and stop has not returned */
  struct rkv_call *inbox, **end; /* calls that were handed in */
  union any_call **held;         /* calls that are held back after a kick */
  size_t held_count, held_room;
  bool hold, at_once, running;     /* running: a thread has the role of the node's loop */
  size_t handed[CALL_KINDS], open; /* calls handed in; not answered yet */
  size_t others;                   /* clients' calls handed in */
  atomic_size_t told, kicked_told; /* outbound calls answered: in all, and at the last kick */
  atomic_size_t kicks;
};

/* A slow build runs under a sanitizer: it tries a quarter. */
static inline uint64_t lighter(const struct contract *c, uint64_t amount) {
  return c->slow > 1 ? amount / 4 : amount;
}

/* ---- sides (transport_side.c) ---- */

/* Tells a thread sanitizer what sockets order, but it does not know: what one node did before it
 * sent a message is seen by the node that gets the message. */
static inline void meet(struct contract *c) {
  (void)atomic_fetch_add(&c->buffers, 0);
}

/* Prepares a side; it is not open yet, so its options may be changed. */
void side_init(struct side *s, struct contract *c, rkv_node_id id);
/* Changes an option; false: the plugin has none of this name, or `number` is out of its range. */
bool side_option(struct side *s, const char *name, uint64_t number);
/* Opens the side at a free address (addr empty), or again at the address that it had. Must
 * succeed. */
void side_open(struct side *s);
void side_start(struct side *s);
/* side_init, side_open, side_start. */
void side_begin(struct side *s, struct contract *c, rkv_node_id id);
void side_stop(struct side *s, unsigned grace_ms);
/* Stops the side, if it was started, and closes it. It must not have reported fatal. */
void side_end(struct side *s);
/* A connection to `to`; its envelope says to->id, cluster {to->id, 77} and this incarnation. */
void *side_peer(struct side *s, const struct side *to, uint64_t incarnation);
void *side_dial(struct side *s, const char *addr);
/* A port that the kernel chose and that is free again. */
void free_addr(struct contract *c, char addr[RKV_ADDR_MAX]);

/* From now on calls are held back; false: they are answered again, but those that are held stay
 * held. */
void side_hold(struct side *s, bool hold);
size_t side_held(struct side *s);
/* From now on calls are answered before the handing-in returns; false: when kick is called. */
void side_at_once(struct side *s, bool at_once);
/* Answers held calls in random order until `keep` are left. */
void side_release(struct side *s, uint64_t *seed, size_t keep);
size_t side_handed(struct side *s, enum call_kind kind);

/* Waits until `condition` (evaluated again and again) or breaks the law after CONTRACT_WAIT_S. */
#define SIDE_AWAIT(c, condition, ...)                                                              \
  do {                                                                                             \
    uint64_t until_ = contract_now_ms() + UINT64_C(1000) * CONTRACT_WAIT_S * (c)->slow;            \
    while (!(condition)) {                                                                         \
      CONTRACT_REQUIRE((c), contract_now_ms() < until_, __VA_ARGS__);                              \
      contract_pause_ms(1);                                                                        \
    }                                                                                              \
  } while (0)

/* ---- outbound calls (transport_ask.c) ---- */

struct asked {
  union any_call call; /* first */
  struct side *s;
  void *peer;
  enum call_kind kind;
  unsigned patience_ms; /* until its deadline; 0: CONTRACT_WAIT_S, times c->slow */
  atomic_int times;
  enum rkv_status status;
  struct rkv_error error;
  uint64_t asked_ms, told_ms;
};

/* A zeroed call of this kind, with legal fields. */
void ask_init(struct asked *a, struct side *s, void *peer, enum call_kind kind);
/* False: the transport does not carry this call outward. */
bool ask_carries(const struct side *s, enum call_kind kind);
/* Hands the call in; all steps of a snapshot use the same struct. */
void ask(struct asked *a);
bool ask_told(const struct asked *a);
enum rkv_status ask_wait(struct asked *a);
/* Waits for the answer; any status but RKV_OK breaks the law. */
void ask_ok(struct asked *a);
/* Waits for the call, which must end without an answer soon after its deadline. */
void ask_unanswered(struct asked *a, const char *what);
/* Sends a vote that must be answered: the other side is reached. */
void ask_hello(struct side *s, void *peer);

/* Sends a snapshot of `len` bytes in chunks of at most `chunk`, in order. Returns how it ended. */
enum rkv_status ask_snapshot(struct asked *a, const uint8_t *bytes, size_t len, size_t chunk);
/* Sends the next `len` bytes of the snapshot, as one step. */
void ask_write(struct asked *a, const uint8_t *bytes, size_t len);

/* ---- a leader's entries and a follower (transport_follower.c) ---- */

/* Makes `count` entries from index `first` on, of all kinds, with payloads of at most `len`
 * bytes. */
struct rkv_entry *entries_make(struct contract *c, rkv_index first, size_t count, size_t len,
                               uint64_t seed);
void entries_free(struct rkv_entry *entries, size_t count);
/* Answers every kind of call as a follower does. */
enum rkv_status follower_on(struct side *s, enum call_kind kind, union any_call *call,
                            struct rkv_error *error);
void follower_free(struct follower *f);
/* Breaks the law unless the side holds exactly these entries, the first of which has index 1. */
void follower_holds(struct side *s, const struct rkv_entry *entries, size_t count);
/* Sends entries[from..count) as a leader does, until all are stored. Returns how many calls that
 * took. */
size_t lead(struct side *s, void *peer, const struct rkv_entry *entries, size_t from, size_t count);
uint64_t bytes_sum(const uint8_t *bytes, size_t len);

#endif
