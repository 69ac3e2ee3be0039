/* device.h: a simulated device: a page cache over a disk, and a directory of two names.
 *
 * What was written is in the cache; what was synced is on the disk; a name that was given is in the
 * cache until the directory is synced. A loss of power keeps what is on the disk and, unit by unit,
 * keeps, loses or tears what was not; a name falls back to its old file or does not. Power can be
 * made to go at any single operation: from then on nothing reaches the device. Or it was only the
 * process that was killed there: the cache stays, and what is durable in it is for the next one to
 * find out. */
#ifndef SIM_DEVICE_H
#define SIM_DEVICE_H

#include <rkv/rkv.h>

#include <stdbool.h>

/* A growing run of bytes. */
struct bytes {
  uint8_t *data;
  size_t len, capacity;
};

void bytes_put(struct bytes *b, const void *data, size_t len);
void bytes_put_u64(struct bytes *b, uint64_t value);

/* What a loss of power does to bytes that were not synced. */
enum device_loss {
  DEVICE_LOSS_SECTORS, /* each 512 bytes are kept, lost or torn */
  DEVICE_LOSS_PAGES,   /* each 4 KiB are */
  DEVICE_LOSS_ZEROS    /* the file has its length, and zeros */
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
  uint64_t slow_sync_min_ns, slow_sync_max_ns;
  uint64_t full_after;   /* the Nth write from now on finds no room, and every later one; 0: none */
  uint64_t power_after;  /* power goes at the Nth operation from now on; 0: at none */
  bool power_at_name;    /* power goes between giving a name and syncing the directory */
  enum device_loss loss; /* of the next loss of power */
};

enum device_name { DEVICE_LOG, DEVICE_SNAPSHOT, DEVICE_NAMES };

/* One file; whoever holds a reference may read it. */
struct device_file {
  unsigned refs;
  struct bytes bytes; /* cache */
  size_t synced;      /* bytes of it that are on the disk */
  unsigned damage;    /* how often it was damaged: tests only */
};

struct world;

struct device {
  struct world *world;
  struct device_faults faults;
  uint64_t counts[DEVICE_COUNTS];
  struct {
    struct device_file *cached, *durable;
  } names[DEVICE_NAMES];
  bool dead; /* power is gone */
  bool full;
};

struct device_file *device_file_new(void);
struct device_file *device_file_share(struct device_file *file);
void device_file_drop(struct device_file *file);

/* The operations. Errors: RKV_CANCELLED without power; RKV_IO; RKV_NO_SPACE (device_write). */
enum rkv_status device_write(struct device *dev, struct device_file *file, const struct bytes *b);
enum rkv_status device_sync(struct device *dev, struct device_file *file);
/* The name stands for `file` from now on; it takes over the caller's reference. */
enum rkv_status device_name(struct device *dev, enum device_name name, struct device_file *file);
enum rkv_status device_sync_names(struct device *dev);
/* True if a read fails. */
bool device_read_fails(struct device *dev);

/* It was the process alone that ended, at this operation or before it: all that is in the cache
 * stays there, synced or not. */
void device_process_killed(struct device *dev);
/* Decides what is left, and power is there again. */
void device_power_loss(struct device *dev);
/* Nothing is on it any more. */
void device_clear(struct device *dev);

#endif
