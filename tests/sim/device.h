/* device.h: a simulated device with one directory: what storage-parts/files.h asks of it.
 *
 * A page cache lies over a disk. What was written is in the cache; what was synced is on the disk;
 * names change in the cache, and on the disk when the directory is synced. A loss of power keeps
 * what is on the disk and, unit by unit, keeps, loses or tears what was not; each change of names
 * that was not synced is kept or lost. A unit that is lost has again what was synced there before:
 * zeros behind the end of what was. Power can be made to go at any single operation: from then on
 * nothing reaches the device. Or it was only the process that was killed there: the cache stays,
 * and what is durable in it is for the next one to find out.
 *
 * A sync takes virtual time in the turn of a thread (turns.h); what is written meanwhile is not
 * synced by it. After a sync that failed the cache may call bytes clean that are not on the
 * disk. */
#ifndef SIM_DEVICE_H
#define SIM_DEVICE_H

#include <storage-parts/files.h>

#include <rkv/rkv.h>

#include "turns.h"

/* What a loss of power does to bytes that were not synced. */
enum device_loss {
  DEVICE_LOSS_SECTORS, /* each 512 bytes are kept, lost or torn */
  DEVICE_LOSS_PAGES,   /* each 4 KiB are */
  DEVICE_LOSS_ZEROS    /* a file that grew has its length, and zeros */
};

/* X(NAME): what the device did, counted. */
#define DEVICE_COUNT_LIST(X)                                                                       \
  X(SLOW_SYNC)                                                                                     \
  X(WRITE_ERROR)                                                                                   \
  X(READ_ERROR)                                                                                    \
  X(SYNC_ERROR)                                                                                    \
  X(REFUSED_WRITE)                                                                                 \
  X(LOST_SECTOR)                                                                                   \
  X(TORN_SECTOR)                                                                                   \
  X(LOST_PAGE)                                                                                     \
  X(TORN_PAGE)                                                                                     \
  X(ZEROED_TAIL)                                                                                   \
  X(LOST_NAME)                                                                                     \
  X(DAMAGE)

enum device_count {
#define DEVICE_COUNT_ENUM(name) DEVICE_COUNT_##name,
  DEVICE_COUNT_LIST(DEVICE_COUNT_ENUM)
#undef DEVICE_COUNT_ENUM
      DEVICE_COUNTS
};

/* Trouble of a device; all zero: none. */
struct device_faults {
  uint32_t slow_sync_ppm, write_error_ppm, read_error_ppm, sync_error_ppm;
  uint64_t slow_sync_min_ns, slow_sync_spread_ns; /* such a sync takes min .. min + spread */
  uint64_t full_after;   /* from the Nth write from now on it is full, until device_calm ... */
  uint64_t full_room;    /* ... but for so many bytes; files that are dropped make more */
  uint64_t power_after;  /* power goes at the Nth operation from now on; 0: at none */
  bool power_at_name;    /* power goes between giving a name and syncing the directory */
  enum device_loss loss; /* of the next loss of power */
};

struct device;

/* An empty one; syncs last as long as `turns` can wait. NULL: no time passes. */
struct device *device_new(struct world *w, struct turns *turns);
void device_free(struct device *dev);
const struct files *device_files(const struct device *dev);
struct device_faults *device_faults(struct device *dev);
const uint64_t *device_counts(const struct device *dev);
/* There is room again, and nothing fails. */
void device_calm(struct device *dev);

/* Power is gone: nothing reaches the device until one of the two below. */
bool device_is_dead(const struct device *dev);
void device_kill(struct device *dev);
/* It was the process alone that ended, at this operation or before it: all that is in the cache
 * stays there, synced or not. No descriptor may be open in either. */
void device_process_killed(struct device *dev);
/* Decides what is left, and power is there again. */
void device_power_loss(struct device *dev);
/* Nothing is on it any more. */
void device_clear(struct device *dev);

/* While it is looked at, nothing fails and no operation counts. */
void device_look(struct device *dev, bool looks);
/* Since when whatever asked for room found none; 0: not. */
uint64_t device_full_since_ns(const struct device *dev);

/* ---- damage (device_damage.c): of what was synced, where storage-wal must show it ---- */

/* Flips one bit. False if nothing is there yet. */
bool device_flip(struct device *dev);
/* The next records are written somewhere else. */
void device_misdirect(struct device *dev);
bool device_misdirects(const struct device *dev);
/* Something that is still there was damaged. */
bool device_is_damaged(const struct device *dev);
/* So often something was, since it was cleared. */
uint64_t device_damages(const struct device *dev);

#endif
