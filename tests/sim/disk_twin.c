/* disk_twin.c: the two disks of a node: which of them counts while it moves (disk.h). */
#include "disk_internal.h"
#include "sim.h"

struct disk *disk_twin(const struct disk *d) {
  return d->twin;
}

const char *disk_place(const struct disk *d) {
  return d->second ? "storage-wal, dir=second" : "storage-wal, dir=first";
}

/* ---- which of the two counts ---- */

bool disk_is_retired(const struct disk *d) {
  return d->synced.identity.incarnation == RKV_INCARNATION_RETIRED;
}

bool disk_is_marked(const struct disk *d) {
  return d->synced.identity.incarnation != 0;
}

bool disk_is_leaving(const struct disk *d) {
  return d->state.identity.incarnation == RKV_INCARNATION_RETIRED;
}

bool disk_log_counts(const struct disk *d) {
  const struct disk *twin = d->twin;
  bool is_copy = d->state.identity.incarnation == RKV_INCARNATION_UNFINISHED;
  return !(twin->open && is_copy) || disk_is_leaving(twin);
}

/* The node's own, whatever the disk says while the node moves. */
struct rkv_identity disk_identity(const struct disk *d) {
  struct rkv_identity is = d->state.identity;
  if (disk_is_leaving(d)) is = disk_identity(d->twin);
  if (is.incarnation == RKV_INCARNATION_UNFINISHED)
    is.incarnation = disk_is_leaving(d->twin) ? d->twin->state.identity.cluster.high
                                              : d->twin->state.identity.incarnation;
  return is;
}

/* ---- the end of one ---- */

/* `second`: it is the second disk's storage. */
static void on_fatal_of(struct world_node *wn, bool second, enum rkv_status status,
                        const char *text) {
  struct disk *d = wn->user;
  if (d->second != second) d = d->twin;
  d->failed = true;
  if (device_is_dead(d->device)) return;
  if (d == wn->user)
    d->outer->fatal(d->outer->ctx, status, text);
  else if (wn->node)
    node_copy_fatal(wn->node, status, text);
}

static void on_fatal_first(void *ctx, enum rkv_status status, const char *text) {
  on_fatal_of(ctx, false, status, text);
}

static void on_fatal_second(void *ctx, enum rkv_status status, const char *text) {
  on_fatal_of(ctx, true, status, text);
}

disk_on_fatal *disk_fatal(const struct disk *d) {
  return d->second ? on_fatal_second : on_fatal_first;
}
