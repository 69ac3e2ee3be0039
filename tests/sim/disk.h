/* disk.h: a simulated device (page cache over disk) and the storage plugin that lives on it.
 *
 * The device is an append-only run of bytes. What was written is in the cache; what was synced is
 * on the disk. A crash keeps the synced bytes and, sector by sector (512 B), keeps, loses or tears
 * what was not. The storage keeps a log of checksummed records and opens to the longest valid
 * prefix. */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include <rkv/rkv.h>

enum disk_fault {
  DISK_FAULT_SLOW_SYNC,
  DISK_FAULT_WRITE_ERROR,
  DISK_FAULT_SYNC_ERROR,
  DISK_FAULT_LOST_SECTOR,
  DISK_FAULT_TORN_SECTOR,
  DISK_FAULT_COUNT
};

/* Chances per million, of each sync or write. */
struct disk_faults {
  uint32_t slow_sync_ppm, write_error_ppm, sync_error_ppm;
  uint64_t slow_sync_max_ns;
};

struct world;
struct disk;

/* Makes an empty disk for node `id`. It survives the node's lives. */
struct disk *disk_new(struct world *w, rkv_node_id id);
void disk_free(struct disk *d);
struct disk_faults *disk_faults(struct disk *d);
const uint64_t *disk_fault_counts(const struct disk *d);

/* The node has crashed (its storage is closed): decides what of the unsynced bytes is left. */
void disk_crash(struct disk *d);
/* Replaces the disk by an empty one. */
void disk_wipe(struct disk *d);

/* What a crash would surely leave: the synced vote, and the term of an entry (0: not held; entries
 * at or below a synced snapshot are held, whatever their term). */
struct rkv_vote disk_synced_vote(const struct disk *d);
bool disk_synced_has(const struct disk *d, struct rkv_log_id id);

/* The storage plugin's operations; struct world_node's `user` must be its disk. */
extern const struct rkv_storage_ops disk_storage_ops;

#endif
