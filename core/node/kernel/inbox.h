/* inbox.h: what waits for the node's loop, as a list that any thread may push to.
 *
 * A leaf: a lock-free stack (Treiber, 1986) that the one consumer takes whole and turns round, so
 * that everything waiting becomes one batch in the order of arrival. Taking all at once leaves no
 * room for the ABA problem. */
#ifndef NODE_INBOX_H
#define NODE_INBOX_H

#include <stdatomic.h>

#include <rkv/call.h>

struct inbox {
  _Atomic(struct rkv_call *) top;
};

/* Pushes `call`; its `next` belongs to the inbox until it is taken. Any thread, never blocks. */
void inbox_push(struct inbox *inbox, struct rkv_call *call);

/* Takes everything, oldest first, linked by `next`; NULL if there is nothing. One thread at a
 * time. */
struct rkv_call *inbox_take(struct inbox *inbox);

bool inbox_empty(struct inbox *inbox);

#endif
