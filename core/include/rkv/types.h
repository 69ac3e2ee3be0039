/* rkv/types.h: the integers and ids of Raft, and how they compare.
 *
 * Log indexes start at 1; index 0 means "none" (Raft paper, Figure 2). A wire that counts from 0
 * translates in its codec and nowhere else. */
#ifndef RKV_TYPES_H
#define RKV_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t rkv_term;
typedef uint64_t rkv_index;
typedef uint64_t rkv_node_id;

/* Names one log entry. index 0 = none, and then term is 0 as well. The entry that initialises a
 * cluster is the only one of term 0: {term 0, index 1}. */
struct rkv_log_id {
  rkv_term term;
  rkv_index index;
};

/* Who may lead: a term, the node that the term was given to, and whether a quorum granted it
 * (committed = that node leads). {0, 0, false} is the vote of a node that never voted. */
struct rkv_vote {
  rkv_term term;
  rkv_node_id node_id;
  bool committed;
};

/* Names one cluster for ever: drawn by chance when it is initialised. {0, 0} = none is known (a
 * cluster that another kind of node made has none). */
struct rkv_cluster_id {
  uint64_t high, low;
};

/* Incarnations that no node draws: they mark a storage that no node may start on. RETIRED: it was
 * copied into another storage, on which its node goes on; cluster.high is then the incarnation of
 * that node, cluster.low tells which storage that is. UNFINISHED: a copy that is not whole yet. */
#define RKV_INCARNATION_RETIRED UINT64_MAX
#define RKV_INCARNATION_UNFINISHED (UINT64_MAX - 1)

/* What a node knows of itself beside its id. */
struct rkv_identity {
  struct rkv_cluster_id cluster;
  /* Drawn by chance when a node starts with an empty storage. A node that lost its storage has
   * another incarnation, so that it is not taken for the voter that it was. 0 = none yet. */
  uint64_t incarnation;
  bool settled; /* the node knew a committed entry of `cluster`, which never changes from then on */
};

/* How two votes relate. Votes form a PARTIAL order. */
enum rkv_order { RKV_LESS = -1, RKV_EQUAL = 0, RKV_GREATER = 1, RKV_INCOMPARABLE = 2 };

static inline bool rkv_cluster_id_known(struct rkv_cluster_id id) {
  return id.high != 0 || id.low != 0;
}

static inline bool rkv_cluster_id_equal(struct rkv_cluster_id a, struct rkv_cluster_id b) {
  return a.high == b.high && a.low == b.low;
}

/* Orders log ids by term, then index; none is the smallest. Negative, 0 or positive as a <, = or >
 * b. */
static inline int rkv_log_id_compare(struct rkv_log_id a, struct rkv_log_id b) {
  if ((a.index == 0) != (b.index == 0)) return a.index == 0 ? -1 : 1;
  if (a.term != b.term) return a.term < b.term ? -1 : 1;
  if (a.index != b.index) return a.index < b.index ? -1 : 1;
  return 0;
}

static inline bool rkv_log_id_equal(struct rkv_log_id a, struct rkv_log_id b) {
  return a.index == b.index && a.term == b.term;
}

/* OpenRaft's partial order: by term; in one term the same node's committed vote is greater than its
 * uncommitted one; between different nodes of one term a committed vote is greater than an
 * uncommitted one, else they are incomparable. */
static inline enum rkv_order rkv_vote_compare(struct rkv_vote a, struct rkv_vote b) {
  if (a.term != b.term) return a.term < b.term ? RKV_LESS : RKV_GREATER;
  if (a.node_id != b.node_id && a.committed == b.committed) return RKV_INCOMPARABLE;
  if (a.committed == b.committed) return RKV_EQUAL;
  return a.committed ? RKV_GREATER : RKV_LESS;
}

/* True if a message that carries vote `theirs` may be accepted by a node whose vote is `mine`. */
static inline bool rkv_vote_accepts(struct rkv_vote mine, struct rkv_vote theirs) {
  enum rkv_order order = rkv_vote_compare(theirs, mine);
  return order == RKV_EQUAL || order == RKV_GREATER;
}

#ifdef __cplusplus
}
#endif
#endif
