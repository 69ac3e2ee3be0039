/* swap.c: nodes that move from one of their two disks to the other while they serve. It has the
 * host's part: it opens the copy, finishes one that a crash left unfinished, and sees that no node
 * starts on a disk that it has left, or on a copy that does not count. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <node/kernel/state.h>
#include <node/moved.h>
#include <raft/state.h>

#include "sim.h"

#define SETTLE_NS (5 * UINT64_C(1000000000))
#define POWER_OPERATIONS_MAX 60 /* of a device, in which it fails */
#define TROUBLE_PPM 50000
#define STRIKES 6           /* one of so many saved identities ... */
#define STRIKES_LEAVING 3   /* ... of disks that are left ... */
#define STRIKE_OPERATIONS 8 /* ... and power goes within so many operations of a device */
#define LEAVE_OPERATIONS 3  /* ... of the one that is left */
#define SLOW_COPIES 3       /* one of so many copies is made on a slow device ... */
#define SLOW_PPM 500000
#define SLOW_NS_MIN                                                                                \
  UINT64_C(10000000)  /* ... whose syncs take so long at most, or twice as long ... */
#define SLOW_STEPS 7  /* ... and so on, in so many steps: 640 ms */
#define TRIES_OTHER 2 /* one of so many starts is tried with the other disk's settings first */

struct disk *swap_disk(const struct sim *s, rkv_node_id id) {
  struct disk *d = s->nodes[id].disk;
  return disk_is_retired(d) ? disk_twin(d) : d;
}

struct disk *swap_log(const struct sim *s, rkv_node_id id) {
  struct disk *d = s->nodes[id].disk;
  return disk_is_leaving(d) ? disk_twin(d) : d;
}

struct disk *swap_some_disk(struct sim *s, rkv_node_id id) {
  struct disk *d = s->nodes[id].disk, *twin = disk_twin(d);
  return disk_is_open(twin) && world_random(s->w) % 2 ? twin : d;
}

void swap_crash(struct sim *s, rkv_node_id id) {
  disk_crash(s->nodes[id].disk);
  disk_crash(disk_twin(s->nodes[id].disk));
}

bool swap_is_dead(const struct sim *s, rkv_node_id id) {
  const struct disk *d = s->nodes[id].disk, *twin = disk_twin(d);
  return disk_is_dead(d) || (disk_is_open(twin) && disk_is_dead(twin));
}

/* A start after a crash now must find what the node takes for durable. */
void swap_check(struct sim *s, rkv_node_id id) {
  const struct raft *r = s->w->nodes[id].node->raft;
  struct rkv_vote synced = disk_synced_vote(swap_disk(s, id)), *promised = &s->nodes[id].promised;
  if (!disk_synced_has(swap_disk(s, id), r->saved))
    sim_fail(s, "node %" PRIu64 " takes index %" PRIu64 " for durable, and it is not", id,
             r->saved.index);
  if (rkv_vote_compare(synced, *promised) == RKV_LESS)
    sim_fail(s,
             "node %" PRIu64 " gave its vote in term %" PRIu64 ", and its disk has term %" PRIu64,
             id, promised->term, synced.term);
}

bool swap_quiet(const struct sim *s) {
  for (rkv_node_id id = 1; id <= SIM_NODES; id++) {
    const struct world_node *wn = &s->w->nodes[id];
    if (wn->running && !wn->stopping && wn->node->swap.running) return false;
  }
  return true;
}

/* The node stands on the other disk from now on. */
static void move(struct sim *s, rkv_node_id id) {
  struct sim_node *n = &s->nodes[id];
  n->disk = disk_twin(n->disk);
  n->tempts = true;
  s->w->nodes[id].user = n->disk;
  sim_tell(s, "node %" PRIu64 " stands on its other disk", id);
}

rkv_node_id swap_strayed(const struct sim *s) {
  rkv_node_id leader = world_leader(s->w);
  for (rkv_node_id id = 1; leader != 0 && id <= SIM_NODES; id++) {
    const struct world_node *wn = &s->w->nodes[id];
    struct rkv_log_id held;
    if (!wn->running || wn->stopping || id == leader) continue;
    struct rkv_log_id last = wn->node->raft->log.last;
    const struct raft *of_leader = s->w->nodes[leader].node->raft;
    if (last.index > of_leader->log.last.index) return id;
    if (raft_log_id_at(of_leader, last.index, &held) && held.term != last.term) return id;
  }
  return 0;
}

/* ---- the host's part ---- */

static enum rkv_status open_disk(struct world_node *wn, struct disk *d, void **storage,
                                 struct rkv_storage_state *state, struct rkv_error *error) {
  void *user = wn->user;
  wn->user = d;
  enum rkv_status status = disk_storage_ops.open(&wn->host, NULL, storage, error);
  wn->user = user;
  if (status != RKV_OK) return status;
  status = disk_storage_ops.load(*storage, state, error);
  rkv_buf_drop(&state->snapshot.membership);
  return status;
}

/* Two devices are not equally fast: the copy is behind with its writes, sometimes for longer than
 * it may be. */
static void slow_down(struct sim *s, struct device_faults *copy) {
  if (s->healing || world_random(s->w) % SLOW_COPIES != 0) return;
  copy->slow_sync_ppm = SLOW_PPM;
  copy->slow_sync_min_ns = 1;
  copy->slow_sync_spread_ns = SLOW_NS_MIN << world_random(s->w) % SLOW_STEPS;
}

/* Power goes at either disk, within about as many operations as a swap takes; or the copy's device
 * is full, slow, or fails. */
static void trouble(struct sim *s, rkv_node_id id) {
  struct disk *d = s->nodes[id].disk;
  struct device_faults *copy = disk_faults(disk_twin(d));
  struct device_faults *either = world_random(s->w) % 2 ? copy : disk_faults(d);
  if (s->healing) return;
  if (s->active[SIM_FAULT_POWER_SWAP] > s->w->now_ns)
    either->power_after = 1 + world_random(s->w) % POWER_OPERATIONS_MAX;
  if (s->active[SIM_FAULT_BAD_COPY] <= s->w->now_ns) return;
  switch (world_random(s->w) % 4) {
  case 0: copy->write_error_ppm = TROUBLE_PPM; break;
  case 1: copy->sync_error_ppm = TROUBLE_PPM; break;
  case 2: copy->read_error_ppm = TROUBLE_PPM; break;
  default: copy->full_after = 1 + world_random(s->w) % POWER_OPERATIONS_MAX; break;
  }
}

/* What is saved in the midst of a swap says which disk counts: power goes around it. Where a node
 * leaves, a note and an identity are written at once, and one may be lost. */
void swap_strike(struct sim *s, struct disk *d, bool leaves) {
  struct disk *twin = disk_twin(d);
  if (s->healing || !disk_is_open(twin)) return;
  if (world_random(s->w) % (leaves ? STRIKES_LEAVING : STRIKES) != 0) return;
  bool there = world_random(s->w) % (leaves ? 4 : 2) != 0;
  struct device_faults *f = disk_faults(there ? d : twin);
  uint64_t most = there && leaves ? LEAVE_OPERATIONS : STRIKE_OPERATIONS;
  if (f->power_after == 0) f->power_after = 1 + world_random(s->w) % most;
}

static enum rkv_status open_copy(struct world_node *wn, const struct node_swap_request *request,
                                 struct node_storage *out, struct rkv_error *error) {
  struct sim *s = sim_of(wn->world);
  struct disk *d = disk_twin(s->nodes[wn->id].disk);
  struct rkv_storage_state state = {0};
  if (request->check) return RKV_OK;
  sim_cover(s, SIM_OP_SWAP);
  s->nodes[wn->id].tempts = true;
  disk_wipe(d);
  disk_calm(d);
  slow_down(s, disk_faults(d));
  trouble(s, wn->id);
  *out = (struct node_storage){.ops = &disk_storage_ops,
                               .capabilities = RKV_CAP_DURABLE,
                               .place = disk_place(d),
                               .lines = "plugin = storage-wal"};
  enum rkv_status status = open_disk(wn, d, &out->storage, &state, error);
  if (status != RKV_OK) disk_crash(d);
  return status;
}

/* Disks fail here, and lose power; but one that has not failed gives what it was given. */
static void check_reason(struct sim *s, rkv_node_id id) {
  const char *text = s->w->nodes[id].node->swap.text;
  if (disk_has_failed(disk_twin(s->nodes[id].disk))) return;
  if (strstr(text, "differs from its source") || strstr(text, "gave no entry"))
    sim_fail(s, "node %" PRIu64 " made a copy that is none: %s", id, text);
}

/* The disk that is closed may lose what was not synced. */
static void on_swapped(struct world_node *wn, bool moved) {
  struct sim *s = sim_of(wn->world);
  disk_faults(disk_twin(s->nodes[wn->id].disk))->slow_sync_ppm = 0;
  if (moved)
    move(s, wn->id);
  else
    check_reason(s, wn->id);
  sim_count(s, moved ? SIM_EFFECT_SWAPPED : SIM_EFFECT_SWAP_GIVEN_UP);
  disk_crash(disk_twin(s->nodes[wn->id].disk));
}

void swap_begin(struct sim *s) {
  s->w->open_copy = open_copy;
  s->w->on_swapped = on_swapped;
}

/* ---- starts ---- */

void swap_try_other(struct sim *s, rkv_node_id id) {
  struct sim_node *n = &s->nodes[id];
  struct disk *other = disk_twin(n->disk);
  struct rkv_error error = {0};
  if (!n->tempts || !disk_is_marked(other) || disk_is_leaving(n->disk)) return;
  if (world_random(s->w) % TRIES_OTHER != 0) return;
  s->w->nodes[id].user = other;
  enum rkv_status status = world_try_start(s->w, id, &error);
  s->w->nodes[id].user = n->disk;
  if (status == RKV_FOREIGN) sim_count(s, SIM_EFFECT_SWAP_LEFT);
  if (status == RKV_OK) {
    sim_fail(s, "node %" PRIu64 " starts on a disk that it has left, or not come to", id);
    return;
  }
  n->tempts = status != RKV_FOREIGN;
  disk_crash(other);
}

/* One copy that is being finished, in virtual time. */
struct finish {
  struct rkv_completion completion; /* first: what the storage knows */
  struct sim *sim;
  rkv_node_id id;
  bool over;
};

/* Closes both disks; the node stands on the copy if that is the node's now. */
static void end_settling(struct sim *s, rkv_node_id id, bool settled) {
  struct disk *old = s->nodes[id].disk, *copy = disk_twin(old);
  s->nodes[id].settling = false;
  if (disk_is_open(old)) disk_storage_ops.close(old);
  if (disk_is_open(copy)) disk_storage_ops.close(copy);
  swap_crash(s, id);
  if (settled) {
    sim_count(s, SIM_EFFECT_SWAP_SETTLED);
    move(s, id);
  }
  process_start_later(s, id);
}

static void end_finish(struct world *w, void *arg) {
  struct finish *f = arg;
  (void)w;
  end_settling(f->sim, f->id, true);
}

static void on_finished(struct rkv_completion *self, enum rkv_status status,
                        const struct rkv_error *error) {
  struct finish *f = (struct finish *)self;
  (void)error;
  if (f->over || status != RKV_OK) return;
  f->over = true;
  world_at(f->sim->w, f->sim->w->now_ns, end_finish, f);
}

/* It failed, or power is gone: somebody tries again. */
static void on_patience_end(struct world *w, void *arg) {
  struct finish *f = arg;
  (void)w;
  bool over = f->over;
  f->over = true;
  if (!over) end_settling(f->sim, f->id, false);
  free(f);
}

/* Makes the copy the node's. */
static void finish_copy(struct sim *s, rkv_node_id id, struct rkv_identity finished) {
  struct finish *f = calloc(1, sizeof *f);
  assert(f);
  *f = (struct finish){.completion.done = on_finished, .sim = s, .id = id};
  s->nodes[id].settling = true;
  disk_storage_ops.save_identity(disk_twin(s->nodes[id].disk), finished, &f->completion);
  world_at(s->w, s->w->now_ns + SETTLE_NS, on_patience_end, f);
}

void swap_settle(struct sim *s, rkv_node_id id) {
  struct world_node *wn = &s->w->nodes[id];
  struct disk *old = s->nodes[id].disk, *copy = disk_twin(old);
  struct rkv_storage_state old_state = {0}, copy_state = {0};
  void *old_storage = NULL, *copy_storage = NULL;
  struct rkv_identity finished;
  enum moved_left left = MOVED_LEFT_NOTHING;
  struct rkv_error error = {0};
  enum rkv_status status = open_disk(wn, old, &old_storage, &old_state, &error);
  if (status == RKV_OK) status = open_disk(wn, copy, &copy_storage, &copy_state, &error);
  if (status == RKV_OK) {
    status = moved_settle(&old_state, &copy_state, disk_place(copy), 0, &left, &finished, &error);
    if (status != RKV_OK)
      sim_fail(s, "node %" PRIu64 " has left its disk, and cannot start on its copy: %s", id,
               error.text);
  }
  if (status == RKV_OK && left == MOVED_LEFT_FINISH)
    finish_copy(s, id, finished);
  else
    end_settling(s, id, status == RKV_OK);
}
