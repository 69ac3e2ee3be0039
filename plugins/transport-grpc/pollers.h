/* pollers.h: the threads that take events from the queue. One polls; another one stands by, and
 * goes on in its place when it does not come back.
 *
 * Inside grpc_completion_queue_next the core reads frames for as long as a connection has some: a
 * client that sends SETTINGS or empty DATA without end keeps the thread that met it there. So each
 * such client costs a thread, and the node polls on with the next one.
 * `role` is never held inside the core's queue: who is kept there keeps nobody else. A thread that
 * comes back late handles what it brings, and then stands by.
 *
 * (Q1) Tags, ticks and kicks run under `role`: one thread at a time, whoever it is, is "the
 *      poller" of all other files. */
#ifndef TRANSPORT_POLLERS_H
#define TRANSPORT_POLLERS_H

#include "runtime.h"

#define POLLERS_MAX 32            /* threads: so many less one may be kept by floods at once */
#define POLLERS_LATE_NS (50 * MS) /* so long after it should have come back a thread is missed */

struct pollers;

/* NULL without memory. */
struct pollers *pollers_new(struct transport *t);
void pollers_free(struct pollers *p);

/* Starts the first two threads. Errors: RKV_NO_MEMORY. */
enum rkv_status pollers_start(struct pollers *p, struct rkv_error *error);
/* The rounds in which the threads are: a round takes events from the queue and handles them. */
struct pollers_mark {
  unsigned rounds[POLLERS_MAX];
};
void pollers_mark(struct pollers *p, struct pollers_mark *mark);
/* True once every round of the mark has ended: whatever had left the queue by then is handled. */
bool pollers_passed(struct pollers *p, const struct pollers_mark *mark);

/* After grpc_completion_queue_shutdown: returns when the queue is drained and the threads are
 * gone. */
void pollers_join(struct pollers *p);

/* Handles what is ready by `until`, up to TRANSPORT_BURST events; returns how many, *shutdown = the
 * queue's end. For the caller's own thread while none of ours runs. */
unsigned pollers_burst(struct pollers *p, gpr_timespec until, bool *shutdown);

#endif
