/* alone.c: a disk without a node: calls by chance, crashes at any operation, damage behind any
 * call; disk_found.c judges what each life finds.
 *
 * A cluster is careful with its disks, and slow: it meets a crash soon after a crash, or damage
 * just behind a new identity, too seldom to tell whether storage-wal gets over them. */
#include "alone.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ACT_NS_MAX 400000 /* between two calls; a sync takes about as long */
enum {
  LIVES = 24,
  ACTS_MAX = 40,
  FEW_ACTS = 5,
  FULL_ROOM = 16384, /* for some snapshots, and for no segment */
  OPERATIONS_MAX = 60
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

uint8_t *alone_buf_alloc(void *ctx, size_t len, struct rkv_buf *out) {
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

uint64_t alone_some(struct alone *a, uint64_t spread) {
  return world_random(a->w) % spread;
}

/* ---- trouble ---- */

static void choose_trouble(struct alone *a) {
  struct device_faults *f = disk_faults(a->d);
  disk_calm(a->d);
  f->loss = (enum device_loss)alone_some(a, DEVICE_LOSS_ZEROS + 1);
  switch (alone_some(a, 10)) {
  case 0: f->sync_error_ppm = 100000; break;
  case 1: f->write_error_ppm = 50000; break;
  case 2: f->read_error_ppm = 100000; break;
  case 3: f->power_at_name = true; break;
  case 4:
  case 8:
    f->full_after = 1 + alone_some(a, OPERATIONS_MAX);
    f->full_room = alone_some(a, FULL_ROOM);
    break;
  case 5:
  case 6:
  case 7: f->power_after = 1 + alone_some(a, OPERATIONS_MAX); break;
  default: break;
  }
}

/* ---- lives ---- */

/* Long enough to fill a device up that is to get full. */
static uint64_t some_acts(struct alone *a) {
  if (disk_faults(a->d)->full_after > 0) return alone_some(a, 4 * ACTS_MAX);
  return alone_some(a, alone_some(a, 2) ? ACTS_MAX : FEW_ACTS);
}

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
    for (uint64_t left = some_acts(a); left > 0 && stands(a); left--) {
      alone_act(a);
      if (alone_some(a, 3)) world_run(a->w, alone_some(a, ACT_NS_MAX));
    }
    if (stands(a) && alone_some(a, 4) == 0) (void)disk_flip(a->d);
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
                              .buf_alloc = alone_buf_alloc,
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
