/* swap_state.h: one swap of the storage (swap.h), what is said of it, and how its calls end. */
#ifndef NODE_SWAP_STATE_H
#define NODE_SWAP_STATE_H

#include <node/mirror.h>
#include <node/swap.h>

enum swap_step {
  SWAP_OPENING,
  SWAP_MIRRORING,
  SWAP_RETIRING,
  SWAP_FINISHING,
  SWAP_LEAVING,
  SWAP_DROPPING
};

struct swap {
  struct swap_work work;
  struct mirror mirror;
  struct node *n;
  enum swap_step step;
  bool closing;                       /* the host was told to close the side that was left */
  bool cancelled;                     /* an operator gives the swap up */
  struct rkv_swap_call *call;         /* CHECK or BEGIN, until the new storage is open */
  const struct node_storage *storage; /* the new one */
  rkv_index retired_at;               /* the last entry that the old one has */
  uint64_t retire_due_ns; /* RETIRING: it takes too long from then on; 0: that is told */
};

/* What is told of the swap from now on. */
__attribute__((format(printf, 2, 3))) void swap_say(struct node *n, const char *format, ...);
/* Ends the call: with where the swap is, and this text; or with the error, if it waits still. */
void swap_answer(struct node *n, struct rkv_swap_call *call, const char *text);
void swap_refuse(struct swap *s, const struct rkv_error *error);
/* Frees the swap; no call waits for it. */
void swap_discard(struct swap *s);

#endif
