/* durable.h: nodes whose storage and state machine both keep what they hold when their node stops:
 * they stand for plugins that are durable by themselves. A test may stand in the way of one
 * node's. */
#ifndef NODE_DURABLE_H
#define NODE_DURABLE_H

#include "keeper.h"

struct durable {
  struct world *w;
  rkv_node_id id;                        /* the node that is looked at */
  const struct rkv_storage_ops *storage; /* that do the work */
  const struct rkv_state_machine_ops *sm;
  struct rkv_state_machine_ops sm_ops; /* that the nodes get */
  bool refuse_check;                   /* the machine takes the next snapshot for damaged */
  bool lose_commit;  /* the process dies before the storage has made a snapshot durable */
  bool end_behind;   /* the process ends as soon as it has */
  bool hold_appends; /* the storage takes its time for what is appended from now on */
  bool endless;      /* the machine's snapshots have no end */
  unsigned commits;  /* of snapshots, by the storage */
  unsigned late;     /* steps of snapshots by either while the node was ending */
};
extern struct durable durable;

/* Gives the world's nodes such plugins; before any is started. Ends with durable_end, once the
 * world was freed. */
void durable_begin(struct world *w, rkv_node_id id);
void durable_end(void);
/* The machines forget at close, and are made for ABI 1.2: they have no restore_check, and
 * restore_finish checks. Before any is started. */
void durable_make_old(void);
/* Ends what was appended and held. */
void durable_release(enum rkv_status status);

#endif
