/* stall.h: a storage that takes no writes: what the node knows of it. */
#ifndef NODE_STALL_H
#define NODE_STALL_H

#include <rkv/status.h>

#include <stdbool.h>

#define NODE_STALL_NS UINT64_C(2000000000) /* a save that takes longer holds up the node */

struct stall {
  bool now;      /* no save ended for too long */
  uint64_t done; /* n->save.done when it grew last */
  uint64_t ns;   /* when that will be too long ago; 0: no save runs */
};

struct node;

/* Notes whether saves go on. While they do not, hands leadership over and refuses the peers' calls
 * that wait for one. */
void stall_run(struct node *n);
/* True, with the reason in *error, if this node leads and a proposal would only wait. */
bool stall_refuses(struct node *n, struct rkv_error *error);

#endif
