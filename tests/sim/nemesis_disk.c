/* nemesis_disk.c: disks in trouble: errors, slowness, no room, loss of power, damage. */
#include <inttypes.h>

#include "nemesis.h"

/* Of a device in trouble, ppm of its operations of that kind: */
#define WRITE_ERROR_PPM 100000
#define READ_ERROR_PPM 300000
#define SYNC_ERROR_PPM 100000
#define SLOW_SYNC_PPM 300000
#define TROUBLE_MIN_NS (200 * MS)
#define TROUBLE_MAX_NS (3 * SECOND)
#define FULL_MIN_NS SECOND /* longer than other trouble: a save must be seen to wait */
#define FULL_MAX_NS (12 * SECOND)
#define FULL_WRITES_MAX 20 /* a device gets full within so many writes */
#define FLAPS 4            /* one loss of power in so many comes back: 1 .. FLAPS_MAX times */
#define FLAPS_MAX 3
#define POWER_OPERATIONS_MAX 30 /* power goes within so many operations of the device */
#define POWER_NS (2 * SECOND)
#define INSTALL_NS (10 * SECOND)
#define SWAP_NS (15 * SECOND)
#define DAMAGE_NS (3 * SECOND)
#define DAMAGE_CRASH_MIN_NS (10 * MS)
#define SLOW_MIN_NS (10 * MS)
#define SLOW_SPREAD_NS (5 * SECOND)
#define FULL_ROOM_MAX 16384 /* for some snapshots, and for no segment */

void nemesis_calm_disks(struct sim *s) {
  for (rkv_node_id id = 1; id <= SIM_NODES; id++) {
    disk_calm(s->nodes[id].disk);
    disk_calm(disk_twin(s->nodes[id].disk));
  }
}

static void calm(struct world *w, void *arg) {
  struct sim *s = sim_of(w);
  struct disk *d = s->nodes[((struct world_node *)arg)->id].disk;
  if (s->healing) return;
  disk_calm(d);
  disk_calm(disk_twin(d));
}

static void calm_later(struct sim *s, rkv_node_id id, enum sim_fault fault, uint64_t ns) {
  sim_mark(s, fault, ns);
  sim_tell(s, "trouble: %s at node %" PRIu64 " for %" PRIu64 " ms", sim_fault_names[fault], id,
           ns / MS);
  world_at(s->w, s->w->now_ns + ns, calm, &s->w->nodes[id]);
}

void strike_disk(struct sim *s, enum sim_fault fault) {
  uint64_t ns = nemesis_some(s, TROUBLE_MIN_NS, TROUBLE_MAX_NS);
  rkv_node_id id = world_random(s->w) % 2 ? nemesis_leader(s) : nemesis_id(s);
  struct device_faults *f = disk_faults(swap_some_disk(s, id));
  if (fault == SIM_FAULT_WRITE_ERROR) f->write_error_ppm = WRITE_ERROR_PPM;
  if (fault == SIM_FAULT_READ_ERROR) f->read_error_ppm = READ_ERROR_PPM;
  if (fault == SIM_FAULT_SYNC_ERROR) f->sync_error_ppm = SYNC_ERROR_PPM;
  if (fault == SIM_FAULT_SLOW_DISK) {
    f->slow_sync_ppm = SLOW_SYNC_PPM;
    f->slow_sync_min_ns = SLOW_MIN_NS;
    f->slow_sync_spread_ns = SLOW_SPREAD_NS;
  }
  if (fault == SIM_FAULT_FULL_DISK) {
    f->full_after = 1 + world_random(s->w) % FULL_WRITES_MAX;
    f->full_room = world_random(s->w) % 2 ? world_random(s->w) % FULL_ROOM_MAX : 0;
    ns = nemesis_some(s, FULL_MIN_NS, FULL_MAX_NS);
  }
  calm_later(s, id, fault, ns);
}

/* Between any two operations of the device, or between a name and the directory's sync. */
void strike_power(struct sim *s, enum sim_fault fault) {
  rkv_node_id id = nemesis_id(s);
  struct device_faults *f = disk_faults(swap_some_disk(s, id));
  f->loss = fault == SIM_FAULT_POWER_PAGES   ? DEVICE_LOSS_PAGES
            : fault == SIM_FAULT_POWER_ZEROS ? DEVICE_LOSS_ZEROS
                                             : DEVICE_LOSS_SECTORS;
  f->power_at_name = fault == SIM_FAULT_POWER_NAMES;
  if (!f->power_at_name) f->power_after = 1 + world_random(s->w) % POWER_OPERATIONS_MAX;
  s->nodes[id].flaps =
      world_random(s->w) % FLAPS == 0 ? 1 + (unsigned)(world_random(s->w) % FLAPS_MAX) : 0;
  sim_mark(s, fault, POWER_NS);
  sim_tell(s, "trouble: %s at node %" PRIu64, sim_fault_names[fault], id);
}

static void crash(struct world *w, void *arg) {
  process_crash(sim_of(w), ((struct world_node *)arg)->id, SECOND);
}

/* A leader's snapshot becomes durable (machine.c), and not what is to follow it. */
void strike_install(struct sim *s, enum sim_fault fault) {
  sim_mark(s, fault, INSTALL_NS);
  sim_tell(s, "trouble: %s", sim_fault_names[fault]);
}

/* Storages that are swapped from now on meet it (swap.c). */
void strike_swap(struct sim *s, enum sim_fault fault) {
  sim_mark(s, fault, SWAP_NS);
  sim_tell(s, "trouble: %s", sim_fault_names[fault]);
}

/* It is found when it is read, or when the node starts again. */
static bool damage(struct sim *s, enum sim_fault fault) {
  rkv_node_id id = wipe_expose(s, nemesis_id(s));
  if (id == 0) return false;
  struct disk *d = s->nodes[id].disk;
  if (fault == SIM_FAULT_MISDIRECT)
    disk_misdirect(d);
  else
    (void)disk_flip(d);
  sim_mark(s, fault, DAMAGE_NS + NEMESIS_LOST_NS);
  sim_tell(s, "trouble: %s at node %" PRIu64, sim_fault_names[fault], id);
  if (world_random(s->w) % 2)
    world_at(s->w, s->w->now_ns + nemesis_some(s, DAMAGE_CRASH_MIN_NS, DAMAGE_NS), crash,
             &s->w->nodes[id]);
  return true;
}

void strike_damage(struct sim *s, enum sim_fault fault) {
  nemesis_until_done(s, fault, damage);
}
