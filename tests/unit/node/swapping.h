/* swapping.h: a cluster whose nodes may move to another storage: storage-mem once more, whose
 * writes a story can let fail or wait. One node moves at a time. */
#ifndef NODE_TEST_SWAPPING_H
#define NODE_TEST_SWAPPING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <node/swap.h>
#include <support/world.h>

struct swapping_side {
  const struct rkv_storage_ops *mem; /* what does the work */
  struct rkv_storage_ops ops;
  void *storage;        /* the new one, while it is open */
  enum rkv_status fail; /* of its appends and votes */
  bool hold;            /* they do not end */
  bool flip;            /* it keeps other bytes than it was given */
  bool hold_retirement; /* of a storage that was the new one once: it does not end */
  unsigned opened, dropped, moved;
};
extern struct swapping_side swapping_new;

/* Nodes 1 to `nodes`, which have a leader; *swapping_new is as it was made. */
struct world *swapping_cluster(size_t nodes);
/* Likewise, and nobody builds a snapshot: the log has all that was written. */
struct world *swapping_cluster_of_logs(size_t nodes);
/* Writes key`from` and the `count` - 1 that follow; reads the first `count`. */
void swapping_write(struct world *w, rkv_node_id at, int from, int count);
void swapping_expect_all(struct world *w, rkv_node_id at, int count);

/* What a node answered. */
struct swapping_answer {
  struct rkv_swap_call call; /* first: what the node knows */
  bool done;
  enum rkv_status status;
  struct rkv_error error;
  char text[SWAP_TEXT_MAX];
};
struct swapping_answer swapping_ask(struct world *w, rkv_node_id at, enum rkv_swap_action action,
                                    const char *plugin);
/* Ends the writes that were held. */
void swapping_release(void);
/* The swap begins. */
struct swapping_answer swapping_begin(struct world *w, rkv_node_id at);
/* Waits for its end, which has to be `phase`. */
void swapping_expect_end(struct world *w, rkv_node_id at, enum rkv_swap_phase phase);
/* The node stands on the new storage, which has its log, its vote and its identity. */
void swapping_expect_on_new(struct world *w, rkv_node_id at);

#endif
