/* know.h: whether this node may answer a local read, and whether it is a member still.
 *
 * What a node holds when it starts may be older than what it answered before, and than what was
 * acknowledged since. A follower has caught up with all that once it has applied the commit index
 * of an append that it accepted since it started; only a commit index of the leader's own term
 * counts, for before that the leader itself does not know what is committed (5.4.2). A leader has
 * caught up once it has applied an entry of its own term. */
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
  rkv_index target;        /* READY once this index is applied; UINT64_MAX: not known yet */
  bool member;             /* a membership that this node held named it */
  rkv_index removed_index; /* REMOVED: of the membership without this node */
  uint64_t last_append_ns; /* when a leader's append was accepted last */
  uint64_t ask_ns;         /* when members are asked again */
};

/* What the storage held: nothing at all (`fresh`), or the newest memberships (`count` may be 0). */
void know_recover(struct node *n, bool fresh, const struct raft_membership *memberships,
                  size_t count);
/* A request was meant for this node as a member of its sender's cluster. */
void know_named(struct node *n);
/* Raft accepted an append with this vote and commit index. */
void know_on_append(struct node *n, struct rkv_vote vote, struct rkv_log_id commit);
/* Looks at what was applied and which membership is in force. After each batch. */
void know_run(struct node *n);
/* True if the members should be asked now whether this node is a member still: no leader's append
 * came for long. */
bool know_asks(struct node *n);
/* A member answered a hello of this node. */
void know_on_hello(struct node *n, const struct rkv_hello_call *hello);
/* True if a local read must be refused, with RKV_UNAVAILABLE and the reason in *error. Any
 * thread. */
bool know_refuses(struct node *n, struct rkv_error *error);
/* Any thread. */
bool know_removed(const struct node *n);

#endif
