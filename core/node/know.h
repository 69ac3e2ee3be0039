/* know.h: does this node know enough to answer a local read, and is it a member still?
 *
 * What a node holds when it starts may be older than what it had applied and answered before, or
 * what was acknowledged since. It knows that it holds all of that once it has applied what a leader
 * had committed when an append of it was accepted in this life; a leader, once it has applied an
 * entry of its own term. A leader that has committed none of its own term yet does not know what is
 * committed (5.4.2), so its word does not count. */
#ifndef NODE_KNOW_H
#define NODE_KNOW_H

#include <inttypes.h>
#include <stdatomic.h>

#include <raft/raft.h>

struct node;

/* X(NAME, meaning). */
#define KNOW_STATE_LIST(X)                                                                         \
  X(FRESH, "belongs to no cluster yet: answers with what it holds, nothing")                       \
  X(WAITING, "does not know yet what was acknowledged: refuses local reads")                       \
  X(READY, "answers")                                                                              \
  X(REMOVED, "is a member no more: refuses local reads")

enum know_state {
#define KNOW_STATE_ENUM(name, meaning) KNOW_##name,
  KNOW_STATE_LIST(KNOW_STATE_ENUM)
#undef KNOW_STATE_ENUM
};

/* With the node's id. */
#define KNOW_REMOVED_TEXT "node %" PRIu64 " was removed from its cluster (ask a member of it)"

struct knowing {
  atomic_int state;        /* (any thread) an enum know_state */
  rkv_index target;        /* applied up to here it is READY; UINT64_MAX: not known */
  bool member;             /* a membership that it held named it */
  rkv_index removed_index; /* REMOVED: of the membership that left it out */
  uint64_t heard_ns;       /* when an append of a leader was accepted last */
  uint64_t ask_ns;         /* when members are asked again */
};

/* What the storage held: nothing at all, or the last memberships (count may be 0). */
void know_recover(struct node *n, bool fresh, const struct raft_membership *memberships,
                  size_t count);
/* A peer meant this node as a member of its cluster. */
void know_named(struct node *n);
/* Raft took over this append's vote: it was accepted. */
void know_on_append(struct node *n, struct rkv_vote vote, struct rkv_log_id commit);
/* Looks at what was applied and which membership is in force. After each batch. */
void know_run(struct node *n);
/* True while no leader is heard of: members are asked whether this node is one still. */
bool know_asks(struct node *n);
/* One of them answered. */
void know_on_hello(struct node *n, const struct rkv_hello_call *hello);
/* Refuses a local read with RKV_UNAVAILABLE; false: it may be answered. Any thread. */
bool know_refuses(struct node *n, struct rkv_error *error);
/* Any thread. */
bool know_removed(const struct node *n);

#endif
