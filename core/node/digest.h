/* digest.h: finds a node whose state machine went astray: at an index its state is not the
 * leader's.
 *
 * The applier takes the machine's digest whenever it has applied a multiple of NODE_DIGEST_EVERY.
 * The leader names such a point to each peer, and about once per heartbeat the point that it stands
 * at. A follower compares its own digest of exactly that index: one that it took (the last
 * NODE_DIGEST_POINTS), one that it takes now if it stands there, or, if it has not applied so much,
 * one that its applier takes on its way. What it passed without taking is not compared. A follower
 * that differs says so in every answer to that leader. Blank and membership entries count as all
 * others do. A restore drops what was taken before: it was another state's.
 *
 * A machine without rkv_state_machine_ops.digest takes no part, nor does a node that is not of this
 * project.
 *
 * (B1) Agreed points ascend; `here` is not before them, and at most at `applied`. */
#ifndef NODE_DIGEST_H
#define NODE_DIGEST_H

#include <raft/raft.h>

struct node;
struct node_peer;

#define NODE_DIGEST_EVERY 1024 /* entries between two points that every node takes */
#define NODE_DIGEST_POINTS 16  /* such points that are remembered */
#define NODE_DIGEST_NAMED 8    /* named points that wait to be compared; the nearest ones stay */

struct digest_point {
  rkv_index index; /* 0: none */
  uint64_t value;
};

struct named_point {
  struct digest_point theirs;
  struct rkv_vote by; /* the leader's */
};

struct digesting {
  struct digest_point here;                       /* the newest point taken */
  struct digest_point agreed[NODE_DIGEST_POINTS]; /* a ring: the oldest gives way */
  uint64_t agreed_count;
  struct named_point named[NODE_DIGEST_NAMED]; /* that are not compared yet */
  size_t named_count;
  /* What this node, as a follower, has found. */
  struct rkv_vote leader; /* in whose leadership it differs */
  rkv_index equal_at;     /* the newest index compared and equal */
  rkv_index differs_at;   /* the first one that differs; 0: none, or it is equal again */
  uint64_t stop_ns;       /* when the node stops if it still differs; 0: never */
  uint64_t compared, differences;
};

/* What a leader knows of a peer. */
struct peer_digest {
  struct rkv_vote leader; /* the leadership that all this is of */
  rkv_index named;        /* the newest agreed point that the peer was told */
  uint64_t due_ns;        /* when it is told where the leader stands */
  rkv_index differs_at;   /* as the peer said last; 0: it did not */
  uint64_t said_ns;       /* when it said so */
};

/* How many of `count` entries behind `applied` may be applied before the next point. At least 1. */
size_t digest_room(const struct node *n, size_t count);
/* A batch was applied: takes the digest if this is a point. False: the node is fatal. */
bool digest_applied(struct node *n);
/* A snapshot was installed: `applied` is the snapshot's. */
void digest_installed(struct node *n);

/* Leader: an append is about to go to the peer. */
void digest_name(struct node *n, struct node_peer *peer, struct rkv_append_call *call);
/* Leader: the peer itself answered the append of this plan. */
void digest_on_answer(struct node *n, rkv_node_id peer, const struct raft_append_plan *plan,
                      const struct rkv_append_call *answer);

/* Follower: this node follows the leader of `vote`, which named a point with an append; index 0: it
 * named none. */
void digest_on_named(struct node *n, struct rkv_vote vote, struct digest_point theirs);
/* Follower: what an answer to the leader of `vote` says (rkv_append_call.differs_at). */
rkv_index digest_differs_at(const struct node *n, struct rkv_vote vote);

/* Compares what was named with this batch, before more is applied. Ends a node that still differs
 * when its time is up. */
void digest_run(struct node *n);

#endif
