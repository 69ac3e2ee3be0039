/* disk_open.c: what stands on a simulated disk when it is opened, held against what it promised.
 *
 * (K3) What was promised is there, or the storage refuses to open.  (K4) It refuses nothing that
 * was not damaged, and accepts nothing that was. */
#include <inttypes.h>
#include <string.h>

#include "disk_internal.h"
#include "sim.h"

static bool same(const struct rkv_entry *a, const struct rkv_entry *b) {
  return rkv_log_id_equal(a->id, b->id) && a->kind == b->kind && a->payload.len == b->payload.len &&
         (a->payload.len == 0 || memcmp(a->payload.data, b->payload.data, a->payload.len) == 0);
}

/* (K3), the log: NULL if all is there. */
static const char *missing_entry(const struct disk *d, const struct disk_state *found) {
  rkv_index from =
      found->purged.index > d->state.purged.index ? found->purged.index : d->state.purged.index;
  for (rkv_index i = from + 1; i <= d->synced.last.index; i++) {
    const struct disk_entry *was = state_find(&d->state, i), *is = state_find(found, i);
    if (was && (!is || !same(&was->e, &is->e))) return "an entry is gone";
  }
  return NULL;
}

static const char *missing(const struct disk *d, const struct disk_state *found) {
  const struct disk_op *p = &d->synced;
  enum rkv_order order = rkv_vote_compare(found->vote, p->vote);
  if (order == RKV_LESS || order == RKV_INCOMPARABLE) return "the vote is gone";
  if (p->identity.incarnation != 0 && found->identity.incarnation != p->identity.incarnation)
    return "the incarnation is another one";
  if (p->identity.settled && !found->identity.settled) return "the cluster id is gone";
  if (found->meta.last.index < d->state.meta.last.index) return "the snapshot is gone";
  if (found->purged.index > found->meta.last.index) return "purged above the snapshot";
  return missing_entry(d, found);
}

static enum rkv_status read_all(struct disk *d, struct disk_state *found, struct disk_scan *scan,
                                struct rkv_error *error) {
  const struct device_file *log = disk_log(d), *file = d->device.names[DEVICE_SNAPSHOT].cached;
  struct rkv_snapshot_meta meta;
  size_t data_at;
  enum rkv_status status = RKV_OK;
  if (log) status = record_replay(&log->bytes, found, scan, error);
  if (status != RKV_OK || !file) return status;
  status = record_read_snapshot(&file->bytes, &meta, &data_at, error);
  if (status == RKV_OK) state_snapshot(found, &meta);
  return status;
}

/* What a process that was killed left in the cache alone is durable before anything rests on it. */
static enum rkv_status settle(struct disk *d, struct rkv_error *error) {
  enum rkv_status status = device_sync_names(&d->device);
  for (int name = 0; name < DEVICE_NAMES && status == RKV_OK; name++)
    if (d->device.names[name].cached)
      status = device_sync(&d->device, d->device.names[name].cached);
  return status == RKV_OK ? RKV_OK : rkv_fail(error, status, "simulated disk: sync at open failed");
}

static void take(struct disk *d, const struct disk_state *found, const struct disk_scan *scan) {
  struct device_file *log = disk_log(d);
  if (log) log->bytes.len = log->synced = scan->end;
  state_free(&d->state);
  d->state = *found;
  d->chain = scan->chain;
  d->head = scan->head;
  d->batch = d->durable_batch = scan->batch;
  d->synced = (struct disk_op){.vote = found->vote,
                               .last = found->last,
                               .purged = found->purged,
                               .identity = found->identity};
}

enum rkv_status disk_recover(struct disk *d, struct rkv_error *error) {
  struct sim *s = sim_of(d->world);
  struct disk_state found = {0};
  struct disk_scan scan = {0};
  enum rkv_status status = settle(d, error);
  if (status != RKV_OK) return status;
  status = read_all(d, &found, &scan, error);
  if (status != RKV_OK) {
    state_free(&found);
    if (!disk_is_damaged(d)) sim_fail(s, "node %" PRIu64 ": its disk refuses what is whole", d->id);
    return status;
  }
  const char *what = missing(d, &found);
  if (disk_is_damaged(d))
    sim_fail(s, "node %" PRIu64 ": its damaged disk opened", d->id);
  else if (what)
    sim_fail(s, "node %" PRIu64 ": its disk lost what was durable: %s", d->id, what);
  take(d, &found, &scan);
  return RKV_OK;
}
