/* quiet.c: the last trials, when everything is repaired and all agree: the leader's device gets
 * full, and a disk is replaced; the cluster must get over it by itself. */
#include <inttypes.h>
#include <string.h>

#include <node/kernel/state.h>

#include "sim.h"

#define SECOND UINT64_C(1000000000)
#define FULL_NS (15 * SECOND) /* more than any clock takes to notice, and an election */
#define RETURN_NS (20 * SECOND)
#define WRITES_MAX 64 /* until what the storage has kept ready is used up */
#define WRITE_BYTES 8192

static bool somebody_is_weak(const struct sim *s) {
  for (rkv_node_id id = 1; id <= SIM_NODES; id++)
    if (s->nodes[id].weak) return true;
  return false;
}

/* Others can lead and go on: they must. */
static void others_lead(struct sim *s, rkv_node_id full) {
  rkv_node_id leader = world_wait_leader(s->w);
  if (leader == full) {
    sim_fail(s, "node %" PRIu64 " leads on, and its device is full", full);
    return;
  }
  if (leader == 0 || world_set(s->w, leader, "room", "1").status != RKV_OK)
    sim_fail(s, "the device of node %" PRIu64 " is full, and the others do not serve", full);
}

/* Nobody else can be elected: writes are refused, and reads are answered. */
static void it_refuses(struct sim *s, rkv_node_id full) {
  if (world_leader(s->w) != full) return;
  struct world_answer answer = world_set(s->w, full, "room", "1");
  if (answer.status != RKV_UNAVAILABLE)
    sim_fail(s, "the device of leader %" PRIu64 " is full, and a write ends with %s", full,
             rkv_status_name(answer.status));
}

/* Writes until one waits for room, or is refused: the others have gone on without this leader. */
static void use_room(struct sim *s, rkv_node_id full) {
  static char value[WRITE_BYTES];
  memset(value, 'x', sizeof value - 1);
  for (int i = 0; i < WRITES_MAX; i++)
    if (world_set(s->w, full, "room", value).status != RKV_OK) return;
}

static void fill_the_leader(struct sim *s) {
  struct world *w = s->w;
  rkv_node_id full = world_wait_leader(w);
  if (full == 0) return;
  uint32_t voters = world_metrics(w, full).membership.configs[0].count;
  sim_tell(s, "the device of leader %" PRIu64 " is full, of %u voters", full, voters);
  disk_faults(s->nodes[full].disk)->full_after = 1;
  use_room(s, full);
  world_run(w, FULL_NS);
  if (voters >= 3)
    others_lead(s, full);
  else if (voters == 1)
    it_refuses(s, full);
  disk_calm(s->nodes[full].disk);
  if (!s->failed && !world_settle(w))
    sim_fail(s, "there is room again, and the nodes do not agree");
}

void quiet_trials(struct sim *s) {
  if (!somebody_is_weak(s)) fill_the_leader(s);
  if (!s->failed && wipe_some(s, 0, SECOND)) world_run(s->w, RETURN_NS);
}
