/* device_internal.h: what the files of the simulated device share. */
#ifndef SIM_DEVICE_INTERNAL_H
#define SIM_DEVICE_INTERNAL_H

#include "device.h"

enum {
  DEVICE_SECTOR = 512,
  DEVICE_PAGE = 4096,
  DEVICE_NAME_MAX = 48,
  DEVICE_NAMES_MAX = 256, /* in the directory; more is a storage that forgets to drop some */
  DEVICE_CHANGES_MAX = 64,
  DEVICE_OPEN_MAX = 64
};

/* What a name stands for. */
struct device_file {
  unsigned refs;
  uint8_t *cache, *disk; /* both of `capacity` bytes, zeros behind their lengths */
  uint64_t *written_at;  /* by sector: the device's count when it was written last; 0: clean */
  size_t len, disk_len, capacity;
  size_t dirty_from, dirty_to; /* bytes that may be dirty */
  size_t batch; /* where what the last sync found dirty began, if that was written to its end */
  bool cut_off; /* what is dirty may end anywhere: a write, a sync or its process failed */
  unsigned damage;
};

struct device_name {
  char text[DEVICE_NAME_MAX];
  struct device_file *file;
};

struct device_names {
  struct device_name of[DEVICE_NAMES_MAX];
  size_t count;
};

/* One change of names that the disk does not have yet. */
struct device_change {
  uint64_t at;
  bool renames;                                    /* `from` became `to`; else one of them alone */
  char from[DEVICE_NAME_MAX], to[DEVICE_NAME_MAX]; /* "": none */
  struct device_file *file;                        /* what came, or went for good */
};

struct device {
  struct files table;
  struct world *world;
  struct turns *turns;
  struct device_faults faults;
  uint64_t counts[DEVICE_COUNTS];
  struct device_names cached, durable;
  struct device_change changes[DEVICE_CHANGES_MAX];
  size_t change_count;
  struct device_file *open[DEVICE_OPEN_MAX]; /* by descriptor */
  bool dir_open, dir_locked;
  size_t open_count;
  uint64_t clock; /* of operations that change something */
  bool dead;      /* power is gone */
  bool full, hides_full, looked_at, misdirect;
  uint64_t room; /* bytes that are left on a full one */
  uint64_t full_since_ns, damages;
};

/* ---- device_bytes.c: one file ---- */
struct device_file *device_file_new(void);
struct device_file *device_file_share(struct device_file *file);
void device_file_drop(struct device_file *file);
void device_file_write(struct device *dev, struct device_file *file, const uint8_t *bytes,
                       size_t len, size_t to);
void device_file_cut(struct device *dev, struct device_file *file, size_t len);
/* What was written up to `at` is on the disk. */
void device_file_sync(struct device_file *file, uint64_t at);
/* The cache gives the same bytes up as clean; some of them are not on the disk. */
void device_file_sync_failed(struct device *dev, struct device_file *file);
/* The cache drops what is clean. */
void device_file_forget(struct device_file *file);
/* Power is gone. */
void device_file_lose(struct device *dev, struct device_file *file);

/* ---- device_names.c: the directory ---- */
struct device_file *device_names_find(const struct device_names *names, const char *name);
/* A reference is taken. What the name stood for before is given up. */
void device_names_put(struct device_names *names, const char *name, struct device_file *file);
void device_names_remove(struct device_names *names, const char *name);
void device_names_clear(struct device_names *names);
/* What happens in the cache; the disk is told by device_names_sync. */
void device_names_create(struct device *dev, const char *name, struct device_file *file);
bool device_names_rename(struct device *dev, const char *from, const char *to);
bool device_names_unlink(struct device *dev, const char *name);
void device_names_sync(struct device *dev, uint64_t at);
void device_names_lose(struct device *dev);

/* ---- device.c ---- */
extern const struct files device_operations; /* `ctx` is a device */
bool device_happens(struct device *dev, uint32_t ppm, enum device_count count);

/* ---- device_damage.c ---- */
/* Records were just written there, over what `before` holds a copy of. */
void device_put_elsewhere(struct device *dev, struct device_file *file, size_t to, size_t len,
                          const uint8_t *before);
/* A spare that becomes a segment is written anew: what was damaged in it is of no account. */
void device_renamed(struct device *dev, const char *to);
bool device_is_log(const struct device *dev, const struct device_file *file);

#endif
