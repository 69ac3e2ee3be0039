/* disk.c: the storage plugin of a simulated node: its life, and its operations around those of
 * storage-wal (disk.h). */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "disk_internal.h"
#include "sim.h"

#define SEGMENT_BYTES_MIN UINT64_C(16384) /* small: segments begin, end and are recycled often */
#define SEGMENT_SIZES 3                   /* each twice the one before */
#define QUEUE_BYTES_MAX UINT64_C(268435456)
#define SPARES_MAX 2 /* of the option spares_max: 1 .. this */
/* One time in so many, on average: */
#define KILLS 3           /* a crash is the process's alone, and the machine goes on */
#define CLOSES_IN_ORDER 6 /* a node that ends closes its storage as it should */
#define OTHER_OPTIONS 8   /* a storage is opened with options that it had not */

/* ---- life ---- */

static void after_turn(void *arg) {
  struct disk *d = arg;
  if (d->open && disk_tell(d)) world_kick(d->world, d->id);
}

static void choose_options(struct disk *d) {
  uint64_t n = 0;
  d->values[n++] = (struct rkv_value){.text = "disk", .origin = "simulated"};
  d->values[n++].number = SEGMENT_BYTES_MIN << world_random(d->world) % SEGMENT_SIZES;
  d->values[n++].number = 1 + world_random(d->world) % SPARES_MAX;
  d->values[n++].number = QUEUE_BYTES_MAX;
  d->values[n++].number = true; /* sync */
  assert(n == WAL_OPTIONS);
}

static struct disk *make(struct world *w, rkv_node_id id) {
  struct disk *d = calloc(1, sizeof *d);
  assert(d);
  d->world = w;
  d->id = id;
  d->last = &d->first;
  d->turns = turns_new(w, id, after_turn, d);
  d->device = device_new(w, d->turns);
  choose_options(d);
  return d;
}

struct disk *disk_new(struct world *w, rkv_node_id id) {
  struct disk *first = make(w, id), *second = make(w, id);
  first->twin = second;
  second->twin = first;
  second->second = true;
  return first;
}

static void free_one(struct disk *d) {
  state_free(&d->state);
  disk_forget_ops(d);
  disk_attempt_free(&d->attempt);
  device_free(d->device);
  turns_free(d->turns);
  free(d);
}

void disk_free(struct disk *d) {
  free_one(d->twin);
  free_one(d);
}

bool disk_is_open(const struct disk *d) {
  return d->open;
}

void disk_crash(struct disk *d) {
  assert(!d->open);
  if (world_random(d->world) % KILLS == 0)
    device_process_killed(d->device);
  else
    device_power_loss(d->device);
}

void disk_wipe(struct disk *d) {
  assert(!d->open);
  state_free(&d->state);
  disk_forget_ops(d);
  disk_attempt_free(&d->attempt);
  d->synced = (struct disk_op){0};
  device_clear(d->device);
}

/* ---- the device ---- */

struct device_faults *disk_faults(struct disk *d) {
  return device_faults(d->device);
}

const uint64_t *disk_counts(const struct disk *d) {
  return device_counts(d->device);
}

void disk_calm(struct disk *d) {
  device_calm(d->device);
}

bool disk_is_dead(const struct disk *d) {
  return device_is_dead(d->device);
}

bool disk_flip(struct disk *d) {
  return device_flip(d->device);
}

void disk_misdirect(struct disk *d) {
  device_misdirect(d->device);
}

bool disk_misdirects(const struct disk *d) {
  return device_misdirects(d->device);
}

bool disk_is_damaged(const struct disk *d) {
  return device_is_damaged(d->device);
}

bool disk_met_damage(const struct disk *d) {
  return d->met_damage;
}

/* ---- what was promised ---- */

bool disk_has_failed(const struct disk *d) {
  return d->failed;
}

/* The oldest call's time counts from when there was no room and the last one was answered. */
uint64_t disk_waiting_ns(const struct disk *d) {
  uint64_t since = device_full_since_ns(d->device);
  const struct disk_op *op = d->first;
  while (op && !op->waiter) op = op->next;
  if (!d->open || !op || since == 0) return 0;
  if (since < op->at_ns) since = op->at_ns;
  if (since < d->last_answer_ns) since = d->last_answer_ns;
  return d->world->now_ns - since;
}

struct rkv_vote disk_synced_vote(const struct disk *d) {
  return d->synced.vote;
}

const struct rkv_entry *disk_entry(const struct disk *d, rkv_index index) {
  return state_find(&d->state, index);
}

bool disk_synced_has(const struct disk *d, struct rkv_log_id id) {
  const struct rkv_entry *held = state_find(&d->state, id.index);
  if (id.index <= d->state.meta.last.index) return true;
  return id.index <= d->synced.promises && held && rkv_log_id_equal(held->id, id);
}

/* ---- open and close ---- */

enum rkv_status disk_note_damage(struct disk *d, enum rkv_status status) {
  if (status == RKV_CORRUPT && device_damages(d->device) > 0) d->met_damage = true;
  return status;
}

/* (K4) Trouble explains that it does not open; or damage does. */
static void check_refusal(struct disk *d, enum rkv_status status, const char *text) {
  bool trouble = status == RKV_IO || status == RKV_NO_MEMORY || status == RKV_NO_SPACE;
  if (disk_is_dead(d) || trouble || (status == RKV_CORRUPT && disk_is_damaged(d))) return;
  sim_fail(sim_of(d->world), "node %" PRIu64 ": its disk refuses what is whole: %s", d->id, text);
}

static enum rkv_status disk_open(const struct rkv_host *host, const struct rkv_config *config,
                                 void **storage, struct rkv_error *error) {
  struct world_node *wn = host->ctx;
  struct disk *d = wn->user;
  struct rkv_config own = {sizeof own, WAL_OPTIONS, d->values};
  (void)config;
  assert(d && !d->open);
  d->outer = host;
  d->host = *host;
  d->host.fatal = disk_fatal(d);
  d->failed = d->met_damage = false;
  if (world_random(d->world) % OTHER_OPTIONS == 0) choose_options(d);
  enum rkv_status status =
      wal_open_on(&d->host, &own, device_files(d->device), turns_table(d->turns), &d->inner, error);
  if (status == RKV_OK) status = disk_look(d, error);
  if (status != RKV_OK) {
    check_refusal(d, status, error->text);
    if (d->inner) device_kill(d->device);
    if (d->inner) wal_ops.close(d->inner);
    d->inner = NULL;
  }
  d->open = status == RKV_OK;
  *storage = d;
  return status;
}

/* As a rule the process is gone: from here on nothing reaches the device, and nobody hears. */
static void disk_close(void *storage) {
  struct disk *d = storage;
  if (d->failed || world_random(d->world) % CLOSES_IN_ORDER != 0) device_kill(d->device);
  wal_ops.close(d->inner);
  d->inner = NULL;
  disk_end(d);
  d->open = false;
}

/* ---- the operations ---- */

static enum rkv_status disk_load(void *storage, struct rkv_storage_state *state,
                                 struct rkv_error *error) {
  return wal_ops.load(((struct disk *)storage)->inner, state, error);
}

static void disk_save_vote(void *storage, struct rkv_vote vote, struct rkv_completion *completion) {
  struct disk *d = storage;
  d->state.vote = vote;
  struct disk_op *op = disk_ask(d, d->state.last.index, completion);
  wal_ops.save_vote(d->inner, vote, &op->completion);
}

static void disk_save_identity(void *storage, struct rkv_identity identity,
                               struct rkv_completion *completion) {
  struct disk *d = storage;
  swap_strike(sim_of(d->world), d, identity.incarnation == RKV_INCARNATION_RETIRED);
  d->state.identity = identity;
  struct disk_op *op = disk_ask(d, d->state.last.index, completion);
  wal_ops.save_identity(d->inner, identity, &op->completion);
}

static void disk_append(void *storage, const struct rkv_entry *entries, size_t count,
                        struct rkv_completion *completion) {
  struct disk *d = storage;
  rkv_index first = d->state.last.index;
  if (disk_log_counts(d) && entries[0].kind != RKV_ENTRY_MOVED)
    check_appended(sim_of(d->world), d->id, d->state.last, entries, count);
  for (size_t i = 0; i < count; i++) state_append(&d->state, &entries[i]);
  struct disk_op *op = disk_ask(d, first, completion);
  wal_ops.append(d->inner, entries, count, &op->completion);
}

/* The note of a move that did not happen is no entry of the cluster's, whatever its id. */
static void disk_truncate(void *storage, rkv_index after) {
  struct disk *d = storage;
  for (rkv_index i = d->state.last.index; disk_log_counts(d) && i > after; i--) {
    const struct rkv_entry *e = state_find(&d->state, i);
    if (e->kind != RKV_ENTRY_MOVED)
      check_truncated(sim_of(d->world), d->id, e->id, d->state.meta.last);
  }
  state_truncate(&d->state, after);
  if (d->synced.promises > after) d->synced.promises = after;
  for (struct disk_op *op = d->first; op; op = op->next)
    if (op->promises > after) op->promises = after;
  (void)disk_ask(d, d->state.last.index, NULL);
  wal_ops.truncate(d->inner, after);
}

static void disk_purge(void *storage, struct rkv_log_id up_to) {
  struct disk *d = storage;
  if (disk_log_counts(d)) check_purged(sim_of(d->world), d->id, up_to, d->state.meta.last);
  state_purge(&d->state, up_to);
  (void)disk_ask(d, d->state.last.index, NULL);
  wal_ops.purge(d->inner, up_to);
}

/* What is given is what was appended. */
static void check_read(struct disk *d, rkv_index from, const struct rkv_entry *entries,
                       size_t count) {
  for (size_t i = 0; i < count; i++) {
    const struct rkv_entry *want = state_find(&d->state, from + i), *is = &entries[i];
    if (!want || !rkv_log_id_equal(is->id, want->id) || is->kind != want->kind ||
        !rkv_buf_equal(is->payload, want->payload))
      sim_fail(sim_of(d->world), "node %" PRIu64 ": its disk gives another entry %" PRIu64, d->id,
               from + i);
  }
}

static enum rkv_status disk_read(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                                 struct rkv_entry *entries, size_t capacity, size_t *count,
                                 struct rkv_error *error) {
  struct disk *d = storage;
  enum rkv_status status =
      wal_ops.read(d->inner, from, to, bytes_max, entries, capacity, count, error);
  if (status != RKV_OK) return disk_note_damage(d, status);
  check_read(d, from, entries, *count);
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
