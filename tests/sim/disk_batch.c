/* disk_batch.c: saves on a simulated disk: collected, written as one batch, synced, and completed
 * in order; the next batch is collected meanwhile. */
#include <assert.h>
#include <stdlib.h>

#include <support/world_internal.h>

#include "disk_internal.h"

#define SYNC_MIN_NS UINT64_C(20000)
#define SYNC_SPREAD_NS UINT64_C(300000)
#define ROOM_RETRY_NS UINT64_C(50000000) /* between two tries of a write that found no room */
#define RENEW_BYTES (128 * 1024)         /* a log this long is written anew */

struct event {
  struct disk *disk;
  unsigned life;
};

static void later(struct disk *d, uint64_t delay_ns, void (*run)(struct world *w, void *arg)) {
  struct event *event = malloc(sizeof *event);
  assert(event);
  *event = (struct event){d, d->life};
  world_at(d->world, d->world->now_ns + delay_ns, run, event);
}

/* The disk, NULL if it was closed or failed meanwhile or the node is paused (then it comes again).
 */
static struct disk *disk_of(struct world *w, struct event *event,
                            void (*run)(struct world *w, void *arg)) {
  struct disk *d = event->disk;
  bool gone = !d->open || d->life != event->life || d->failed;
  if (!gone && world_hold(w, d->id, run, event)) return NULL;
  free(event);
  return gone ? NULL : d;
}

static void on_retry(struct world *w, void *arg) {
  struct disk *d = disk_of(w, arg, on_retry);
  if (!d) return;
  d->writing = false;
  disk_begin_batch(d);
}

/* All that the batch was to make durable is. */
static void end_batch(struct disk *d) {
  struct disk_op **end = d->batch_end;
  d->durable_batch = d->batch;
  for (bool more = true; more;) {
    struct disk_op *op = disk_take_first(d);
    more = end != &op->next;
    d->synced = *op;
    if (op->completion) op->completion->done(op->completion, RKV_OK, NULL);
    free(op);
  }
}

/* A log written anew takes the place of the old one. */
static enum rkv_status put_in_place(struct disk *d) {
  struct device_file *renewed = d->renewed;
  d->renewed = NULL;
  d->head = renewed->bytes.len;
  enum rkv_status status = device_name(&d->device, DEVICE_LOG, renewed);
  return status == RKV_OK ? device_sync_names(&d->device) : status;
}

static void on_synced(struct world *w, void *arg) {
  struct disk *d = disk_of(w, arg, on_synced);
  if (!d) return;
  struct device_file *log = d->renewed ? d->renewed : disk_log(d);
  enum rkv_status status = device_sync(&d->device, log);
  if (status == RKV_OK && d->renewed) status = put_in_place(d);
  if (status == RKV_OK) end_batch(d);
  d->writing = false;
  if (status != RKV_OK) disk_fail(d, status, "simulated disk: fsync failed");
  disk_begin_batch(d);
  world_kick(w, d->id);
}

static uint64_t sync_ns(struct disk *d) {
  struct world *w = d->world;
  const struct device_faults *f = &d->device.faults;
  uint64_t ns = SYNC_MIN_NS + world_random(w) % SYNC_SPREAD_NS;
  if (!world_chance(w, f->slow_sync_ppm)) return ns;
  d->device.counts[DEVICE_COUNT_SLOW_SYNC]++;
  return f->slow_sync_min_ns + world_random(w) % f->slow_sync_max_ns;
}

static enum rkv_status write_on(struct disk *d, struct device_file *log) {
  uint64_t chain = d->chain;
  size_t place = log->bytes.len;
  record_seal(&d->collected, place, &chain);
  enum rkv_status status = device_write(&d->device, log, &d->collected);
  if (status != RKV_OK) return status;
  record_places(&d->collected, place, &d->state);
  d->chain = chain;
  d->batch = place;
  if (d->misdirect) disk_put_elsewhere(d, log, place);
  return RKV_OK;
}

/* The log is too long, or there is none: all that is held is written into a new file. */
static enum rkv_status write_anew(struct disk *d) {
  struct bytes all = {0};
  uint64_t chain = 0;
  d->renewed = device_file_new();
  record_all(&all, &d->state);
  record_seal(&all, 0, &chain);
  enum rkv_status status = device_write(&d->device, d->renewed, &all);
  if (status == RKV_OK) {
    record_places(&all, 0, &d->state);
    d->chain = chain;
    d->batch = 0;
  } else {
    device_file_drop(d->renewed);
    d->renewed = NULL;
  }
  free(all.data);
  return status;
}

void disk_begin_batch(struct disk *d) {
  struct device_file *log = disk_log(d);
  if (d->writing || d->failed || !d->first) return;
  bool anew = !log || log->bytes.len >= RENEW_BYTES;
  d->writing = true;
  enum rkv_status status = anew ? write_anew(d) : write_on(d, log);
  if (status == RKV_NO_SPACE) {
    if (d->waiting_since_ns == 0) d->waiting_since_ns = d->world->now_ns;
    later(d, ROOM_RETRY_NS, on_retry);
    return;
  }
  d->waiting_since_ns = 0;
  if (status != RKV_OK) {
    disk_fail(d, status, "simulated disk: write failed");
    return;
  }
  d->collected.len = 0;
  d->batch_end = d->last;
  later(d, sync_ns(d), on_synced);
}
