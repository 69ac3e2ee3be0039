/* disk.c: the storage plugin on a simulated disk: completions come when a sync ended, in order.
 *
 * (K1) After a failed write or sync nothing succeeds any more.  (K2) A completion is called once.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <support/world_internal.h>

#include "disk_internal.h"

#define SYNC_MIN_NS UINT64_C(20000)
#define SYNC_SPREAD_NS UINT64_C(300000)
#define COMPACT_BYTES (512 * 1024)

struct disk *disk_new(struct world *w, rkv_node_id id) {
  struct disk *d = calloc(1, sizeof *d);
  assert(d);
  d->world = w;
  d->id = id;
  d->last = &d->first;
  return d;
}

void disk_free(struct disk *d) {
  state_free(&d->state);
  free(d->image.data);
  free(d);
}

struct disk_faults *disk_faults(struct disk *d) {
  return &d->faults;
}

const uint64_t *disk_fault_counts(const struct disk *d) {
  return d->fault_counts;
}

/* ---- crash ---- */

void disk_crash(struct disk *d) {
  struct world *w = d->world;
  assert(!d->open);
  bool gone = false;
  for (size_t at = d->synced; at < d->image.len; at += DISK_SECTOR) {
    size_t len = d->image.len - at < DISK_SECTOR ? d->image.len - at : DISK_SECTOR;
    switch (world_random(w) % 4) {
    case 0: /* lost */
      memset(d->image.data + at, 0, len);
      d->fault_counts[DISK_FAULT_LOST_SECTOR]++;
      break;
    case 1: /* torn: the first half made it */
      memset(d->image.data + at + len / 2, 0, len - len / 2);
      d->fault_counts[DISK_FAULT_TORN_SECTOR]++;
      break;
    default: break;
    }
    if (world_random(w) % 8 == 0) gone = true; /* the file's length was not written either */
    if (gone) d->image.len = at;
  }
  state_free(&d->state);
  d->image.len = record_replay(d->image.data, d->image.len, &d->state);
  d->synced = d->image.len;
}

void disk_wipe(struct disk *d) {
  assert(!d->open);
  state_free(&d->state);
  d->image.len = d->synced = 0;
}

/* ---- syncing ---- */

static void note_synced(struct disk *d, const struct disk_op *op) {
  d->synced_vote = op->vote;
  d->synced_last = op->last;
  d->synced_purged = op->purged;
}

struct rkv_vote disk_synced_vote(const struct disk *d) {
  return d->synced_vote;
}

bool disk_synced_has(const struct disk *d, struct rkv_log_id id) {
  if (id.index <= d->state.meta.last.index) return true;
  if (id.index > d->synced_last.index || id.index <= d->state.purged.index) return false;
  size_t at = (size_t)(id.index - d->state.purged.index - 1);
  return at < d->state.count && rkv_log_id_equal(d->state.entries[at].id, id);
}

static void fail_all(struct disk *d, enum rkv_status status, const char *text) {
  struct rkv_error error;
  d->failed = true;
  (void)rkv_fail(&error, status, "%s", text);
  if (status != RKV_CANCELLED) d->host->fatal(d->host->ctx, status, text);
  while (d->first) {
    struct disk_op *op = d->first;
    d->first = op->next;
    if (!d->first) d->last = &d->first;
    if (op->completion) op->completion->done(op->completion, status, &error);
    free(op);
  }
}

struct sync {
  struct disk *disk;
  unsigned life;
  size_t end, grown;
};

static void start_sync(struct disk *d);

static void on_synced(struct world *w, void *arg) {
  struct sync *sync = arg;
  struct disk *d = sync->disk;
  if (!d->open || d->life != sync->life || d->failed) {
    free(sync);
    return;
  }
  if (world_hold(w, d->id, on_synced, sync)) return;
  d->syncing = false;
  sync->end += d->grown - sync->grown;
  if (world_chance(w, d->faults.sync_error_ppm)) {
    d->fault_counts[DISK_FAULT_SYNC_ERROR]++;
    fail_all(d, RKV_IO, "simulated disk: fsync failed");
  } else {
    if (sync->end > d->synced) d->synced = sync->end;
    while (d->first && d->first->end <= sync->end) {
      struct disk_op *op = d->first;
      d->first = op->next;
      if (!d->first) d->last = &d->first;
      note_synced(d, op);
      if (op->completion) op->completion->done(op->completion, RKV_OK, NULL);
      free(op);
    }
    start_sync(d);
  }
  world_kick(w, d->id);
  free(sync);
}

static void start_sync(struct disk *d) {
  struct world *w = d->world;
  if (d->syncing || d->failed || !d->first) return;
  struct sync *sync = malloc(sizeof *sync);
  assert(sync);
  *sync = (struct sync){.disk = d, .life = d->life, .end = d->image.len, .grown = d->grown};
  uint64_t delay = SYNC_MIN_NS + world_random(w) % SYNC_SPREAD_NS;
  if (world_chance(w, d->faults.slow_sync_ppm)) {
    d->fault_counts[DISK_FAULT_SLOW_SYNC]++;
    delay += world_random(w) % d->faults.slow_sync_max_ns;
  }
  d->syncing = true;
  world_at(w, w->now_ns + delay, on_synced, sync);
}

/* An operation was written to the image: its completion comes when that is synced. */
static void enqueue(struct disk *d, struct rkv_completion *completion) {
  struct rkv_error error;
  if (!d->failed && world_chance(d->world, d->faults.write_error_ppm)) {
    d->fault_counts[DISK_FAULT_WRITE_ERROR]++;
    fail_all(d, RKV_IO, "simulated disk: write failed");
  }
  if (d->failed) {
    (void)rkv_fail(&error, RKV_IO, "simulated disk: failed before");
    if (completion) completion->done(completion, RKV_IO, &error);
    return;
  }
  struct disk_op *op = calloc(1, sizeof *op);
  assert(op);
  *op = (struct disk_op){.completion = completion,
                         .end = d->image.len,
                         .vote = d->state.vote,
                         .last = d->state.last,
                         .purged = d->state.purged};
  *d->last = op;
  d->last = &op->next;
  start_sync(d);
}

/* Writes the live state anew, as a new file that replaces the old one at once. */
static void maybe_compact(struct disk *d) {
  if (d->image.len < COMPACT_BYTES || d->first || d->synced < d->image.len) return;
  d->image.len = 0;
  record_vote(&d->image, d->state.vote);
  record_identity(&d->image, &d->state.identity);
  if (d->state.meta.last.index > 0) record_snapshot(&d->image, &d->state.meta, d->state.snapshot);
  if (d->state.purged.index > 0) record_purge(&d->image, d->state.purged);
  for (size_t i = 0; i < d->state.count; i++) record_entry(&d->image, &d->state.entries[i]);
  d->synced = d->image.len;
}

/* ---- the operations ---- */

static enum rkv_status disk_open(const struct rkv_host *host, const struct rkv_config *config,
                                 void **storage, struct rkv_error *error) {
  struct world_node *wn = host->ctx;
  struct disk *d = wn->user;
  (void)config, (void)error;
  assert(d && !d->open);
  d->open = true;
  d->host = host;
  d->failed = d->syncing = false;
  d->life++;
  d->synced_vote = d->state.vote;
  d->synced_last = d->state.last;
  d->synced_purged = d->state.purged;
  maybe_compact(d);
  *storage = d;
  return RKV_OK;
}

static void disk_close(void *storage) {
  struct disk *d = storage;
  fail_all(d, RKV_CANCELLED, "closed");
  d->open = false;
}

static enum rkv_status disk_load(void *storage, struct rkv_storage_state *state,
                                 struct rkv_error *error) {
  struct disk *d = storage;
  (void)error;
  state->vote = d->state.vote;
  state->identity = d->state.identity;
  state->last = d->state.last;
  state->purged = d->state.purged;
  state->snapshot = d->state.meta;
  state->snapshot.membership = rkv_buf_share(d->state.meta.membership);
  return RKV_OK;
}

static void disk_save_vote(void *storage, struct rkv_vote vote, struct rkv_completion *completion) {
  struct disk *d = storage;
  d->state.vote = vote;
  record_vote(&d->image, vote);
  enqueue(d, completion);
}

static void disk_save_identity(void *storage, struct rkv_identity identity,
                               struct rkv_completion *completion) {
  struct disk *d = storage;
  d->state.identity = identity;
  record_identity(&d->image, &identity);
  enqueue(d, completion);
}

static void disk_append(void *storage, const struct rkv_entry *entries, size_t count,
                        struct rkv_completion *completion) {
  struct disk *d = storage;
  for (size_t i = 0; i < count; i++) {
    state_append(&d->state, &entries[i]);
    record_entry(&d->image, &entries[i]);
  }
  enqueue(d, completion);
}

static void disk_truncate(void *storage, rkv_index after) {
  struct disk *d = storage;
  state_truncate(&d->state, after);
  if (d->synced_last.index > after) d->synced_last.index = after;
  record_truncate(&d->image, after);
  enqueue(d, NULL);
}

static void disk_purge(void *storage, struct rkv_log_id up_to) {
  struct disk *d = storage;
  state_purge(&d->state, up_to);
  record_purge(&d->image, up_to);
  enqueue(d, NULL);
  maybe_compact(d);
}

static enum rkv_status disk_read(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                                 struct rkv_entry *entries, size_t capacity, size_t *count,
                                 struct rkv_error *error) {
  struct disk *d = storage;
  uint64_t bytes = 0;
  *count = 0;
  if (from <= d->state.purged.index) return rkv_fail(error, RKV_NOT_FOUND, "purged");
  for (size_t at = (size_t)(from - d->state.purged.index - 1);
       at < d->state.count && *count < capacity && d->state.entries[at].id.index <= to; at++) {
    bytes += d->state.entries[at].payload.len;
    if (bytes > bytes_max && *count > 0) break;
    entries[*count] = d->state.entries[at];
    entries[*count].payload = rkv_buf_share(entries[*count].payload);
    ++*count;
  }
  return RKV_OK;
}

const struct rkv_storage_ops disk_storage_ops = {.open = disk_open,
                                                 .close = disk_close,
                                                 .load = disk_load,
                                                 .save_vote = disk_save_vote,
                                                 .save_identity = disk_save_identity,
                                                 .append = disk_append,
                                                 .truncate = disk_truncate,
                                                 .purge = disk_purge,
                                                 .read = disk_read,
                                                 .snapshot_begin = disk_writer_begin,
                                                 .snapshot_write = disk_writer_write,
                                                 .snapshot_commit = disk_writer_commit,
                                                 .snapshot_abort = disk_writer_abort,
                                                 .snapshot_open = disk_reader_open,
                                                 .snapshot_read = disk_reader_read,
                                                 .snapshot_close = disk_reader_close};
