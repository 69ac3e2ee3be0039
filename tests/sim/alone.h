/* alone.h: a disk without a node, and the calls that it gets by chance. */
#ifndef SIM_ALONE_H
#define SIM_ALONE_H

#include "disk_internal.h"
#include "sim.h"

enum { ALONE_LARGE_BYTES = 40000 }; /* more than a segment may have */

struct alone {
  struct sim *sim;
  struct world *w;
  struct disk *d;
  struct rkv_host host;
  rkv_term term;
  unsigned snapshots, waiting; /* waiting: calls without an answer */
  struct disk_state before;    /* what was held when the life before ended */
};

/* Of 0 to `spread` - 1. */
uint64_t alone_some(struct alone *a, uint64_t spread);
uint8_t *alone_buf_alloc(void *ctx, size_t len, struct rkv_buf *out);

/* ---- alone_acts.c ---- */
/* Makes one call. */
void alone_act(struct alone *a);

#endif
