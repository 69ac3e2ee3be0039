/* alone.c: a disk without a node: calls by chance, crashes at any operation, damage behind any
 * call; disk_found.c judges what each life finds.
 *
 * A cluster is careful with its disks, and slow: it meets a crash soon after a crash, or damage
 * just behind a new identity, too seldom to tell whether storage-wal gets over them. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk_internal.h"
#include "sim.h"

#define ACT_NS_MAX 400000 /* between two calls; a sync takes about as long */
enum {
  LIVES = 24,
  ACTS_MAX = 40,
  FEW_ACTS = 5,
  ENTRIES_MAX = 8,
  SMALL_BYTES = 160,
  RECORD_HEAD = 40,        /* bytes of a record's header */
  LARGE_BYTES = 40000,     /* more than a segment may have */
  SNAPSHOT_BYTES = 600000, /* more than two blocks */
  READ_MAX = 300000,
  OPERATIONS_MAX = 60
};

struct alone {
  struct sim *sim;
  struct world *w;
  struct disk *d;
  struct rkv_host host;
  rkv_term term;
  unsigned snapshots, waiting; /* waiting: calls without an answer */
  struct disk_state before;    /* what was held when the life before ended */
};

/* ---- what a node would be ---- */

static void no_log(void *ctx, enum rkv_log_level level, const char *module, const char *text) {
  struct world_node *wn = ctx;
  (void)level;
  sim_tell(sim_of(wn->world), "alone: %s %s", module, text);
}

static uint64_t now_ns(void *ctx) {
  return ((struct world_node *)ctx)->world->now_ns;
}

struct block {
  struct rkv_buf_owner owner;
  uint8_t bytes[];
};

static void block_free(struct rkv_buf_owner *owner) {
  free(owner);
}

static uint8_t *buf_alloc(void *ctx, size_t len, struct rkv_buf *out) {
  struct block *block = malloc(sizeof *block + len);
  (void)ctx;
  assert(block);
  block->owner = (struct rkv_buf_owner){.refs = 1, .free = block_free};
  *out = (struct rkv_buf){.data = block->bytes, .len = len, .owner = &block->owner};
  return block->bytes;
}

static enum rkv_status metric_register(void *ctx, const struct rkv_metric *metric,
                                       struct rkv_error *error) {
  (void)ctx, (void)metric, (void)error;
  return RKV_OK;
}

static void on_fatal(void *ctx, enum rkv_status status, const char *text) {
  struct world_node *wn = ctx;
  struct alone *a = wn->world->nodes[2].user;
  sim_tell(a->sim, "alone: fatal: %s: %s", rkv_status_name(status), text);
  if (status != RKV_IO && status != RKV_CORRUPT)
    sim_fail(a->sim, "alone: its disk ends: %s: %s", rkv_status_name(status), text);
}

/* ---- calls ---- */

struct call {
  struct rkv_completion completion; /* first */
  struct alone *alone;
};

static void on_done(struct rkv_completion *completion, enum rkv_status status,
                    const struct rkv_error *error) {
  struct call *call = (struct call *)completion;
  (void)status, (void)error; /* disk_ops.c judges */
  call->alone->waiting--;
  free(call);
}

static struct rkv_completion *call_new(struct alone *a) {
  struct call *call = calloc(1, sizeof *call);
  assert(call);
  *call = (struct call){.completion.done = on_done, .alone = a};
  a->waiting++;
  return &call->completion;
}

static uint64_t some(struct alone *a, uint64_t spread) {
  return world_random(a->w) % spread;
}

static struct rkv_buf some_bytes(struct alone *a, size_t len) {
  struct rkv_buf b;
  uint8_t *bytes = buf_alloc(NULL, len, &b);
  uint64_t x = world_random(a->w) | 1;
  for (size_t i = 0; i < len; i++, x = x * UINT64_C(6364136223846793005) + 1)
    bytes[i] = (uint8_t)(x >> 56);
  return b;
}

/* What a crash took is sent again, as a leader does: some of it, the very same. */
static size_t send_again(struct alone *a, struct rkv_entry *entries, size_t max) {
  rkv_index last = a->d->state.last.index;
  const struct rkv_entry *held = state_find(&a->before, last), *lost;
  size_t count = 0;
  if (!held || !rkv_log_id_equal(held->id, a->d->state.last)) return 0;
  for (; count < max && (lost = state_find(&a->before, last + 1 + count)); count++) {
    entries[count] = *lost;
    entries[count].payload = rkv_buf_share(lost->payload);
  }
  return count;
}

/* As a rule as long as some records' headers: what is written then ends where something that a
 * crash left behind begins. */
static size_t some_length(struct alone *a) {
  if (some(a, 60) == 0) return (size_t)some(a, LARGE_BYTES);
  if (some(a, 4) == 0) return (size_t)some(a, SMALL_BYTES);
  return (size_t)some(a, 4) * RECORD_HEAD;
}

static void append(struct alone *a) {
  struct rkv_entry entries[ENTRIES_MAX];
  size_t count = 1 + (size_t)some(a, ENTRIES_MAX), sent = send_again(a, entries, count);
  if (sent > 0) count = sent;
  for (size_t i = sent; i < count; i++) {
    size_t len = some_length(a);
    entries[i] = (struct rkv_entry){.id = {a->term, a->d->state.last.index + 1 + i},
                                    .kind = RKV_ENTRY_COMMAND,
                                    .payload = some_bytes(a, len)};
  }
  disk_storage_ops.append(a->d, entries, count, call_new(a));
  for (size_t i = 0; i < count; i++) rkv_buf_drop(&entries[i].payload);
}

static void save_vote(struct alone *a) {
  struct rkv_vote vote = {++a->term, 1 + some(a, 3), some(a, 2) != 0};
  disk_storage_ops.save_vote(a->d, vote, call_new(a));
}

static void save_identity(struct alone *a) {
  struct rkv_identity identity = a->d->state.identity;
  if (identity.incarnation == 0) identity.incarnation = world_random(a->w) | 1;
  identity.cluster = (struct rkv_cluster_id){world_random(a->w), world_random(a->w)};
  identity.settled = identity.settled || some(a, 4) == 0;
  disk_storage_ops.save_identity(a->d, identity, call_new(a));
}

static void truncate_some(struct alone *a) {
  const struct disk_state *state = &a->d->state;
  uint64_t held = state->last.index - state->purged.index;
  if (held == 0 || some(a, 2)) return;
  a->term++; /* what follows is of another leader */
  disk_storage_ops.truncate(a->d, state->last.index - 1 - some(a, held));
}

static void purge(struct alone *a) {
  const struct disk_state *state = &a->d->state;
  struct rkv_log_id up_to = state->meta.last;
  const struct rkv_entry *held;
  if (up_to.index <= state->purged.index) return;
  held = state_find(state, up_to.index - some(a, up_to.index - state->purged.index));
  disk_storage_ops.purge(a->d, held ? held->id : up_to);
}

static void write_snapshot(struct alone *a, struct rkv_log_id last) {
  struct rkv_snapshot_meta meta = {.last = last, .membership_id = last};
  struct rkv_error error;
  void *writer;
  struct rkv_buf content =
      some_bytes(a, (size_t)some(a, some(a, 8) ? LARGE_BYTES : SNAPSHOT_BYTES));
  struct rkv_buf membership = some_bytes(a, 1 + (size_t)some(a, SMALL_BYTES));
  (void)snprintf(meta.id, sizeof meta.id, "%u", ++a->snapshots);
  meta.membership = membership;
  if (disk_storage_ops.snapshot_begin(a->d, &meta, &writer, &error) == RKV_OK) {
    if (disk_storage_ops.snapshot_write(writer, content, &error) != RKV_OK || some(a, 8) == 0)
      disk_storage_ops.snapshot_abort(writer);
    else
      (void)disk_storage_ops.snapshot_commit(writer, &error);
  }
  rkv_buf_drop(&content);
  rkv_buf_drop(&membership);
}

/* Of what is held, or a leader's, which lies beyond it. */
static void snapshot(struct alone *a) {
  const struct disk_state *state = &a->d->state;
  struct rkv_log_id last = {a->term, state->last.index + 1 + some(a, 20)};
  uint64_t held = state->last.index - state->purged.index;
  if (held > 0 && some(a, 4) != 0) last = state_find(state, state->last.index - some(a, held))->id;
  if (last.index <= state->meta.last.index) return;
  write_snapshot(a, last);
  if (some(a, 4) != 0 || state->meta.last.index > state->last.index) purge(a);
}

static void read_log(struct alone *a) {
  const struct disk_state *state = &a->d->state;
  struct rkv_entry entries[ENTRIES_MAX];
  struct rkv_error error;
  size_t count = 0;
  uint64_t held = state->last.index - state->purged.index;
  if (held == 0) return;
  if (disk_storage_ops.read(a->d, state->last.index - some(a, held), state->last.index,
                            1 + some(a, LARGE_BYTES), entries, ENTRIES_MAX, &count,
                            &error) != RKV_OK)
    return;
  for (size_t i = 0; i < count; i++) rkv_buf_drop(&entries[i].payload);
}

static void read_snapshot(struct alone *a) {
  struct rkv_snapshot_meta meta = {0};
  struct rkv_error error;
  struct rkv_buf chunk;
  void *reader;
  if (disk_storage_ops.snapshot_open(a->d, &reader, &meta, &error) != RKV_OK) return;
  if (meta.size > 0 && disk_storage_ops.snapshot_read(reader, some(a, meta.size), READ_MAX, &chunk,
                                                      &error) == RKV_OK)
    rkv_buf_drop(&chunk);
  disk_storage_ops.snapshot_close(reader);
  rkv_buf_drop(&meta.membership);
}

/* ---- trouble ---- */

static void choose_trouble(struct alone *a) {
  struct device_faults *f = disk_faults(a->d);
  disk_calm(a->d);
  f->loss = (enum device_loss)some(a, DEVICE_LOSS_ZEROS + 1);
  switch (some(a, 10)) {
  case 0: f->sync_error_ppm = 100000; break;
  case 1: f->write_error_ppm = 50000; break;
  case 2: f->read_error_ppm = 100000; break;
  case 3: f->power_at_name = true; break;
  case 4:
    f->full_after = 1 + some(a, OPERATIONS_MAX);
    f->full_room = some(a, LARGE_BYTES);
    break;
  case 5:
  case 6:
  case 7: f->power_after = 1 + some(a, OPERATIONS_MAX); break;
  default: break;
  }
}

static void act(struct alone *a) {
  switch (some(a, 16)) {
  case 0: save_vote(a); break;
  case 1: save_identity(a); break;
  case 2: truncate_some(a); break;
  case 3: snapshot(a); break;
  case 4: purge(a); break;
  case 5: read_log(a); break;
  case 6: read_snapshot(a); break;
  default: append(a); break;
  }
}

/* ---- lives ---- */

static bool stands(const struct alone *a) {
  return !a->sim->failed && !disk_is_dead(a->d) && !disk_has_failed(a->d) && !disk_met_damage(a->d);
}

/* The next life may send what this one appended. */
static void keep(struct alone *a) {
  const struct disk_state *state = &a->d->state;
  state_free(&a->before);
  a->before.purged = a->before.last = state->purged;
  for (size_t i = 0; i < state->count; i++) state_append(&a->before, &state->entries[i]);
}

static void live(struct alone *a) {
  struct rkv_error error = {0};
  void *storage;
  choose_trouble(a);
  enum rkv_status status = disk_storage_ops.open(&a->host, NULL, &storage, &error);
  sim_tell(a->sim, "alone: opened: %s %s", rkv_status_name(status), error.text);
  if (status == RKV_OK) {
    a->term = a->term + 1 + a->d->state.last.term;
    for (uint64_t left = some(a, some(a, 2) ? ACTS_MAX : FEW_ACTS); left > 0 && stands(a); left--) {
      act(a);
      if (some(a, 3)) world_run(a->w, some(a, ACT_NS_MAX));
    }
    if (stands(a) && some(a, 4) == 0) (void)disk_flip(a->d);
    keep(a);
    disk_storage_ops.close(storage);
  }
  if (a->waiting > 0) sim_fail(a->sim, "alone: %u calls have no answer", a->waiting);
  disk_crash(a->d);
  if (disk_is_damaged(a->d) && status == RKV_CORRUPT) disk_wipe(a->d);
}

static void begin(struct alone *a, uint64_t seed) {
  struct world_node *wn;
  a->w = a->sim->w = world_new(seed * UINT64_C(0x9e3779b97f4a7c15) + 2);
  a->w->user = a->sim;
  wn = &a->w->nodes[1];
  wn->world = a->w;
  wn->id = 1;
  a->d = disk_new(a->w, 1);
  wn->user = a->d;
  a->w->nodes[2].user = a;
  a->host = (struct rkv_host){.struct_size = sizeof a->host,
                              .ctx = wn,
                              .node_id = 1,
                              .node_addr = "node:1",
                              .log = no_log,
                              .now_ns = now_ns,
                              .buf_alloc = buf_alloc,
                              .metric_register = metric_register,
                              .fatal = on_fatal};
}

bool alone_run(uint64_t seed, bool trace, char failure[SIM_FAIL_MAX]) {
  struct alone a = {.sim = calloc(1, sizeof *a.sim), .term = 1};
  struct sim_coverage *coverage = calloc(1, sizeof *coverage);
  assert(a.sim && coverage);
  a.sim->seed = seed;
  a.sim->trace = trace;
  a.sim->coverage = coverage;
  begin(&a, seed);
  for (int i = 0; i < LIVES && !a.sim->failed; i++) live(&a);
  bool ok = !a.sim->failed;
  if (!ok) memcpy(failure, a.sim->failure, SIM_FAIL_MAX);
  world_free(a.w);
  disk_free(a.d);
  state_free(&a.before);
  check_log_free(a.sim);
  free(a.sim);
  free(coverage);
  return ok;
}
