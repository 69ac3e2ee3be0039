/* disk.c: the storage plugin on a simulated device: its operations and its life.
 *
 * (K1) After a failed write or sync nothing succeeds any more.  (K2) A completion is called once.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "disk_internal.h"
#include "sim.h"

struct disk *disk_new(struct world *w, rkv_node_id id) {
  struct disk *d = calloc(1, sizeof *d);
  assert(d);
  d->world = d->device.world = w;
  d->id = id;
  d->last = &d->first;
  return d;
}

void disk_free(struct disk *d) {
  state_free(&d->state);
  device_clear(&d->device);
  device_file_drop(d->renewed);
  free(d->collected.data);
  free(d);
}

struct device_faults *disk_faults(struct disk *d) {
  return &d->device.faults;
}

const uint64_t *disk_counts(const struct disk *d) {
  return d->device.counts;
}

void disk_calm(struct disk *d) {
  d->device.faults = (struct device_faults){.slow_sync_max_ns = 1};
  d->device.full = false;
  d->misdirect = false;
}

bool disk_is_dead(const struct disk *d) {
  return d->device.dead;
}

bool disk_has_failed(const struct disk *d) {
  return d->failed;
}

uint64_t disk_waiting_ns(const struct disk *d) {
  const struct disk_op *op = d->first;
  if (!d->open || d->waiting_since_ns == 0) return 0;
  while (op && !op->completion) op = op->next;
  if (!op) return 0;
  uint64_t since = op->at_ns > d->waiting_since_ns ? op->at_ns : d->waiting_since_ns;
  return d->world->now_ns - since;
}

struct rkv_identity disk_identity(const struct disk *d) {
  return d->state.identity;
}

struct device_file *disk_log(const struct disk *d) {
  return d->device.names[DEVICE_LOG].cached;
}

/* One time in three it was not the machine that went down. */
void disk_crash(struct disk *d) {
  assert(!d->open);
  if (world_random(d->world) % 3 == 0)
    device_process_killed(&d->device);
  else
    device_power_loss(&d->device);
}

void disk_wipe(struct disk *d) {
  assert(!d->open);
  state_free(&d->state);
  d->synced = (struct disk_op){0};
  device_clear(&d->device);
}

/* ---- what was promised ---- */

struct rkv_vote disk_synced_vote(const struct disk *d) {
  return d->synced.vote;
}

bool disk_synced_has(const struct disk *d, struct rkv_log_id id) {
  const struct disk_entry *held = state_find(&d->state, id.index);
  if (id.index <= d->state.meta.last.index) return true;
  return id.index <= d->synced.last.index && held && rkv_log_id_equal(held->e.id, id);
}

/* ---- failing ---- */

struct disk_op *disk_take_first(struct disk *d) {
  struct disk_op *op = d->first;
  d->first = op->next;
  if (!d->first) d->last = &d->first;
  return op;
}

void disk_fail(struct disk *d, enum rkv_status status, const char *text) {
  struct rkv_error error;
  d->failed = true;
  if (d->device.dead) return; /* nobody hears of anything any more */
  (void)rkv_fail(&error, status, "%s", text);
  if (status != RKV_CANCELLED) d->host->fatal(d->host->ctx, status, text);
  while (d->first) {
    struct disk_op *op = disk_take_first(d);
    if (op->completion) op->completion->done(op->completion, status, &error);
    free(op);
  }
}

static void enqueue(struct disk *d, struct rkv_completion *completion) {
  struct rkv_error error;
  if (d->failed && !d->device.dead) {
    (void)rkv_fail(&error, RKV_IO, "simulated disk: failed before");
    if (completion) completion->done(completion, RKV_IO, &error);
    return;
  }
  struct disk_op *op = calloc(1, sizeof *op);
  assert(op);
  *op = (struct disk_op){.completion = completion,
                         .at_ns = d->world->now_ns,
                         .vote = d->state.vote,
                         .last = d->state.last,
                         .purged = d->state.purged,
                         .identity = d->state.identity};
  *d->last = op;
  d->last = &op->next;
  disk_begin_batch(d);
}

/* ---- the operations ---- */

static enum rkv_status disk_open(const struct rkv_host *host, const struct rkv_config *config,
                                 void **storage, struct rkv_error *error) {
  struct world_node *wn = host->ctx;
  struct disk *d = wn->user;
  (void)config;
  assert(d && !d->open && !d->first);
  d->host = host;
  d->life++;
  d->failed = d->writing = d->misdirect = false;
  d->waiting_since_ns = 0;
  d->collected.len = 0;
  device_file_drop(d->renewed);
  d->renewed = NULL;
  enum rkv_status status = disk_recover(d, error);
  d->open = status == RKV_OK;
  *storage = d;
  return status;
}

/* Also of a dead device: a crash ends its node as a close would. */
static void disk_close(void *storage) {
  struct disk *d = storage;
  bool dead = d->device.dead;
  d->device.dead = false;
  disk_fail(d, RKV_CANCELLED, "closed");
  d->device.dead = dead;
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
  record_vote(&d->collected, vote);
  enqueue(d, completion);
}

static void disk_save_identity(void *storage, struct rkv_identity identity,
                               struct rkv_completion *completion) {
  struct disk *d = storage;
  d->state.identity = identity;
  record_identity(&d->collected, &identity);
  enqueue(d, completion);
}

static void disk_append(void *storage, const struct rkv_entry *entries, size_t count,
                        struct rkv_completion *completion) {
  struct disk *d = storage;
  check_appended(sim_of(d->world), d->id, d->state.last, entries, count);
  for (size_t i = 0; i < count; i++) {
    state_append(&d->state, &entries[i], DISK_NOT_WRITTEN);
    record_entry(&d->collected, &entries[i]);
  }
  enqueue(d, completion);
}

static void disk_truncate(void *storage, rkv_index after) {
  struct disk *d = storage;
  for (rkv_index i = d->state.last.index; i > after; i--)
    check_truncated(sim_of(d->world), d->id, state_find(&d->state, i)->e.id, d->state.meta.last);
  state_truncate(&d->state, after);
  if (d->synced.last.index > after) d->synced.last.index = after;
  for (struct disk_op *op = d->first; op; op = op->next)
    if (op->last.index > after) op->last.index = after;
  record_truncate(&d->collected, after);
  enqueue(d, NULL);
}

static void disk_purge(void *storage, struct rkv_log_id up_to) {
  struct disk *d = storage;
  check_purged(sim_of(d->world), d->id, up_to, d->state.meta.last);
  state_purge(&d->state, up_to);
  record_purge(&d->collected, up_to);
  enqueue(d, NULL);
}

/* What stands on the device is checked before it is given. */
static enum rkv_status check_entry(struct disk *d, const struct disk_entry *entry,
                                   struct rkv_error *error) {
  const struct device_file *log = disk_log(d);
  if (entry->place == DISK_NOT_WRITTEN || d->renewed) return RKV_OK;
  if (log && record_is_whole(&log->bytes, entry->place)) return RKV_OK;
  return rkv_fail(error, RKV_CORRUPT, "simulated disk: entry %" PRIu64 " is damaged",
                  entry->e.id.index);
}

static enum rkv_status disk_read(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                                 struct rkv_entry *entries, size_t capacity, size_t *count,
                                 struct rkv_error *error) {
  struct disk *d = storage;
  uint64_t bytes = 0;
  const struct disk_entry *at;
  *count = 0;
  if (from <= d->state.purged.index) return rkv_fail(error, RKV_NOT_FOUND, "purged");
  if (device_read_fails(&d->device)) return rkv_fail(error, RKV_IO, "simulated disk: read failed");
  for (; from <= to && *count < capacity && (at = state_find(&d->state, from)); from++) {
    bytes += at->e.payload.len;
    if (bytes > bytes_max && *count > 0) break;
    enum rkv_status status = check_entry(d, at, error);
    if (status != RKV_OK) {
      while (*count > 0) rkv_buf_drop(&entries[--*count].payload);
      return status;
    }
    entries[*count] = at->e;
    entries[*count].payload = rkv_buf_share(at->e.payload);
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
