/* durable.h: nodes whose storage and state machine keep what they hold when their node stops, like
 * durable plugins. A test may interfere with those of one node. */
#ifndef NODE_DURABLE_H
#define NODE_DURABLE_H

#include "keeper.h"

struct durable {
  struct world *w;
  rkv_node_id id;                        /* the node that the test interferes with */
  const struct rkv_storage_ops *storage; /* the operations that do the work */
  const struct rkv_state_machine_ops *sm;
  struct rkv_state_machine_ops sm_ops; /* the operations that the nodes get */
  bool refuse_check;                   /* the machine refuses the next snapshot as damaged */
  bool lose_commit;  /* the process dies before the storage has made a snapshot durable */
  bool end_behind;   /* the process dies as soon as the storage has made it durable */
  bool hold_appends; /* the storage does not complete appends from now on */
  bool endless;      /* the machine's snapshots have no end */
  unsigned commits;  /* of snapshots, by the storage */
  unsigned late;     /* steps of snapshots that either got while the node was ending */
};
extern struct durable durable;

/* Gives the world's nodes such plugins; to be called before any node is started. durable_end
 * follows once the world was freed. */
void durable_begin(struct world *w, rkv_node_id id);
void durable_end(void);
/* Makes the machines forget at close, as machines of ABI 1.2: they have no restore_check, and
 * restore_finish checks. To be called before any node is started. */
void durable_make_old(void);
/* Completes the appends that were held. */
void durable_release(enum rkv_status status);

#endif
