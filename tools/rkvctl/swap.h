/* swap.h: one node that moves to another storage: asked, followed to the end, told of. What goes
 * wrong is printed by the function that meets it. */
#ifndef RKVCTL_SWAP_H
#define RKVCTL_SWAP_H

#include "wire.h"

#define SWAP_NAME "swap-storage" /* of the command */
#define SWAP_LOOK_MS 200         /* between two looks at a swap that runs */
#define SWAP_LINE_MS 10000       /* between two lines about the same phase; no terminal */

struct swap {
  struct session node; /* asks the node alone */
  struct args args;    /* what was typed, with the node as the only endpoint */
  rkv_node_id id;
  int code; /* gRPC status of its last answer */
};

/* Makes *swap the node at `addr`. */
void swap_init(struct swap *swap, const struct session *session, rkv_node_id id, const char *addr);

/* Asks whether a swap would begin, and prints what the node says; with --json only if that is all
 * that was asked (--check). */
enum outcome swap_check(struct swap *swap);

/* Begins a swap, and follows it. */
enum outcome swap_begin(struct swap *swap);

/* Looks until the swap that runs has ended, or the node does not answer. Returns OUTCOME_DONE when
 * the node has moved, or no swap runs; OUTCOME_REFUSED when the swap was given up;
 * OUTCOME_NO_ANSWER when its end was not seen. */
enum outcome swap_follow(struct swap *swap);

enum outcome swap_cancel(struct swap *swap);

#endif
