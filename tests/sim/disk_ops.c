/* disk_ops.c: the calls that change the log, on their way through storage-wal.
 *
 * (K1) After a failed write or sync nothing succeeds any more.
 * (K2) Each call is answered once, in the order of the calls. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "disk_internal.h"
#include "sim.h"

static void on_tell(struct world *w, void *arg) {
  struct disk *d = arg;
  if (d->open && world_hold(w, d->id, on_tell, d)) return;
  d->answer_planned = false;
  if (d->open && disk_tell(d)) world_kick(w, d->id);
}

/* Storage-wal's answer; the node is told when whoever gives it has ended its turn. */
static void on_done(struct rkv_completion *completion, enum rkv_status status,
                    const struct rkv_error *error) {
  struct disk_op *op = (struct disk_op *)completion;
  struct disk *d = op->disk;
  if (device_is_dead(d->device)) return; /* nobody hears of anything any more */
  if (op->answered || !op->waiter)
    sim_fail(sim_of(d->world), "node %" PRIu64 ": answered twice", d->id);
  if (status == RKV_OK && d->failed)
    sim_fail(sim_of(d->world), "node %" PRIu64 ": its disk succeeds after it failed", d->id);
  op->answered = true;
  op->status = status;
  if (error) op->error = *error;
  if (turns_by_event() || d->answer_planned) return;
  d->answer_planned = true;
  world_at(d->world, d->world->now_ns, on_tell, d);
}

struct disk_op *disk_ask(struct disk *d, rkv_index first, struct rkv_completion *waiter) {
  struct disk_op *op = calloc(1, sizeof *op);
  assert(op);
  *op = (struct disk_op){.completion.done = on_done,
                         .disk = d,
                         .waiter = waiter,
                         .at_ns = d->world->now_ns,
                         .vote = d->state.vote,
                         .identity = d->state.identity,
                         .first = first,
                         .last = d->state.last,
                         .promises = d->state.last.index};
  *d->last = op;
  d->last = &op->next;
  return op;
}

static void take_first(struct disk *d) {
  struct disk_op *op = d->first;
  d->first = op->next;
  if (!d->first) d->last = &d->first;
  free(op);
}

/* The oldest call that the node waits for. */
static struct disk_op *oldest(const struct disk *d) {
  struct disk_op *op = d->first;
  while (op && !op->waiter) op = op->next;
  return op;
}

/* It is durable, and so is all before it. */
static void promise(struct disk *d, const struct disk_op *op) {
  d->synced = *op;
  d->synced.next = NULL;
  while (d->first != op) take_first(d);
  take_first(d);
}

static void check_order(const struct disk *d, const struct disk_op *op) {
  for (; op; op = op->next)
    if (op->waiter && op->answered)
      sim_fail(sim_of(d->world), "node %" PRIu64 ": its disk answers out of order", d->id);
}

bool disk_tell(struct disk *d) {
  bool any = false;
  struct disk_op *op;
  while (!device_is_dead(d->device) && (op = oldest(d)) != NULL && op->answered) {
    struct rkv_completion *waiter = op->waiter;
    enum rkv_status status = op->status;
    struct rkv_error error = op->error;
    any = true;
    op->waiter = NULL;
    d->last_answer_ns = d->world->now_ns;
    if (status == RKV_OK) promise(d, op);
    waiter->done(waiter, status, status == RKV_OK ? NULL : &error);
  }
  if (!device_is_dead(d->device)) check_order(d, oldest(d));
  return any;
}

void disk_end(struct disk *d) {
  struct disk_op *op;
  struct rkv_error error;
  (void)rkv_fail(&error, RKV_CANCELLED, "closed");
  (void)disk_tell(d);
  while ((op = oldest(d)) != NULL) {
    struct rkv_completion *waiter = op->waiter;
    op->waiter = NULL;
    waiter->done(waiter, RKV_CANCELLED, &error);
  }
}

void disk_forget_ops(struct disk *d) {
  while (d->first) take_first(d);
}
