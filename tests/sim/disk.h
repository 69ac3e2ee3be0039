/* disk.h: the storage plugin of a simulated node: the real storage-wal on a simulated device
 * (device.h), and around it one that knows what was promised.
 *
 * Each call goes through to storage-wal, and each answer comes back; an opened storage that lacks
 * some of what was promised, has what nobody ever wrote, or accepts damage, fails the seed. So does
 * one that refuses what is whole. Of a device without power nobody hears anything. */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include "device.h"

struct disk;

/* Makes two empty disks for node `id`, which survive its lives: one for its storage, and another
 * that it may move to. Returns the first; disk_twin tells the other, of either. */
struct disk *disk_new(struct world *w, rkv_node_id id);
struct disk *disk_twin(const struct disk *d);
/* Frees both. */
void disk_free(struct disk *d);
bool disk_is_open(const struct disk *d);
/* What a settings file calls it. */
const char *disk_place(const struct disk *d);
struct device_faults *disk_faults(struct disk *d);
const uint64_t *disk_counts(const struct disk *d);
/* There is room again, and nothing fails. */
void disk_calm(struct disk *d);

/* The node has crashed (its storage is closed): alone, or with its machine, which decides what of
 * the unsynced bytes and names is left. */
void disk_crash(struct disk *d);
/* Power is gone: nothing reaches the device until disk_crash. */
bool disk_is_dead(const struct disk *d);
/* Replaces the disk by an empty one. */
void disk_wipe(struct disk *d);

/* ---- damage: of what was synced, where the checks must show it (device_damage.c) ---- */

/* Flips one bit. False if nothing is there yet. */
bool disk_flip(struct disk *d);
/* The next batch is written somewhere else. */
void disk_misdirect(struct disk *d);
bool disk_misdirects(const struct disk *d);
/* Something that is still there was damaged. */
bool disk_is_damaged(const struct disk *d);
/* A reader met damage, in what may have been replaced before the node heard of it. */
bool disk_met_damage(const struct disk *d);

/* ---- moving: of two disks one counts ---- */

/* An identity is durable there: the node's, or that of a copy, or of a disk that was left. */
bool disk_is_marked(const struct disk *d);

/* The node has left this disk for its twin: that is durable. */
bool disk_is_retired(const struct disk *d);
/* Likewise, but it was only asked for. */
bool disk_is_leaving(const struct disk *d);

/* ---- what was promised ---- */

/* What a crash would surely leave: the synced vote, and whether an entry is held (entries at or
 * below a synced snapshot are, whatever their term). */
struct rkv_vote disk_synced_vote(const struct disk *d);
bool disk_synced_has(const struct disk *d, struct rkv_log_id id);
/* A write or sync failed: nothing may be promised any more. */
bool disk_has_failed(const struct disk *d);
/* For how long a save has waited for room; 0: none does. */
uint64_t disk_waiting_ns(const struct disk *d);
struct rkv_identity disk_identity(const struct disk *d);
/* An entry that the node was told is held, NULL if it is not. */
const struct rkv_entry *disk_entry(const struct disk *d, rkv_index index);

/* The storage plugin's operations; what is opened is the disk that struct world_node's `user`
 * is. */
extern const struct rkv_storage_ops disk_storage_ops;

#endif
