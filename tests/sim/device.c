/* device.c: the operations of a simulated device, and what is wrong with it (device.h). */
#include "device.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "device_internal.h"

#define SYNC_MIN_NS UINT64_C(20000)
#define SYNC_SPREAD_NS UINT64_C(300000)
#define SHORT_PPM 10000 /* of reads and writes: some of the bytes */
#define FREE_BYTES (UINT64_C(1) << 40)
#define NAME_BYTES 4096 /* that a directory may need to grow by */
enum { DIR_FD = 1, FIRST_FD = 2 };

/* ---- what may go wrong ---- */

/* Sets errno. True, so that a condition can end with it. */
static bool with_errno(int error) {
  errno = error;
  return true;
}

/* An operation that changes something; true: it does not happen, for power is gone. */
static bool powerless(struct device *dev) {
  if (!dev->looked_at && dev->faults.power_after > 0 && --dev->faults.power_after == 0)
    dev->dead = true;
  return dev->dead && with_errno(EIO);
}

bool device_happens(struct device *dev, uint32_t ppm, enum device_count count) {
  if (dev->looked_at || !world_chance(dev->world, ppm)) return false;
  dev->counts[count]++;
  return true;
}

/* Takes so many bytes, or refuses. */
static bool has_no_room(struct device *dev, uint64_t bytes) {
  if (!dev->full) {
    dev->full_since_ns = 0;
    return false;
  }
  if (bytes <= dev->room) {
    dev->room -= bytes;
    return false;
  }
  dev->counts[DEVICE_COUNT_REFUSED_WRITE]++;
  if (dev->full_since_ns == 0) dev->full_since_ns = dev->world->now_ns;
  return with_errno(ENOSPC);
}

static uint64_t sync_ns(struct device *dev) {
  const struct device_faults *f = &dev->faults;
  uint64_t ns = SYNC_MIN_NS + world_random(dev->world) % SYNC_SPREAD_NS;
  if (!device_happens(dev, f->slow_sync_ppm, DEVICE_COUNT_SLOW_SYNC)) return ns;
  return f->slow_sync_min_ns + world_random(dev->world) % f->slow_sync_spread_ns;
}

static void wait_for_sync(struct device *dev) {
  if (dev->turns && !turns_outside() && !dev->dead) turns_sleep(dev->turns, sync_ns(dev));
}

static size_t some_of(struct device *dev, size_t len) {
  if (len < 2 || dev->looked_at || !world_chance(dev->world, SHORT_PPM)) return len;
  return 1 + (size_t)(world_random(dev->world) % (len - 1));
}

/* ---- the directory ---- */

static int make_dir(void *ctx, const char *path) {
  struct device *dev = ctx;
  (void)path;
  return powerless(dev) ? -1 : 0;
}

static int open_dir(void *ctx, const char *path) {
  struct device *dev = ctx;
  (void)path;
  assert(!dev->dir_open);
  if (dev->dead && with_errno(EIO)) return -1;
  dev->dir_open = true;
  dev->open_count++;
  return DIR_FD;
}

static int lock_dir(void *ctx, int dir) {
  struct device *dev = ctx;
  assert(dir == DIR_FD && dev->dir_open && !dev->dir_locked);
  dev->dir_locked = true;
  return 0;
}

static int sync_above(void *ctx, int dir) {
  struct device *dev = ctx;
  assert(dir == DIR_FD && dev->dir_open);
  return powerless(dev) ? -1 : 0;
}

static int sync_dir(void *ctx, int dir) {
  struct device *dev = ctx;
  uint64_t at = dev->clock;
  assert(dir == DIR_FD && dev->dir_open);
  wait_for_sync(dev);
  if (powerless(dev)) return -1;
  if (device_happens(dev, dev->faults.sync_error_ppm, DEVICE_COUNT_SYNC_ERROR) && with_errno(EIO))
    return -1;
  device_names_sync(dev, at);
  return 0;
}

static int each_name(void *ctx, int dir, bool (*tell)(void *arg, const char *name), void *arg) {
  const struct device *dev = ctx;
  assert(dir == DIR_FD && dev->dir_open);
  if (dev->dead && with_errno(EIO)) return -1;
  if (!tell(arg, ".") || !tell(arg, "..")) return 0;
  for (size_t i = 0; i < dev->cached.count; i++)
    if (!tell(arg, dev->cached.of[i].text)) return 0;
  return 0;
}

static int free_bytes(void *ctx, int dir, uint64_t *bytes) {
  struct device *dev = ctx;
  assert(dir == DIR_FD && dev->dir_open);
  *bytes = FREE_BYTES;
  if (!dev->full || dev->hides_full) return 0;
  *bytes = dev->room;
  (void)has_no_room(dev, dev->room + 1); /* whoever asks is told */
  return 0;
}

/* ---- names ---- */

static void describe(const struct device_file *file, struct stat *info) {
  *info = (struct stat){.st_mode = S_IFREG | S_IRUSR | S_IWUSR, .st_size = (off_t)file->len};
}

static int look_path(void *ctx, const char *path, struct stat *info) {
  (void)ctx, (void)path;
  *info = (struct stat){.st_mode = S_IFDIR | S_IRWXU};
  return 0;
}

static int look(void *ctx, int dir, const char *name, struct stat *info) {
  const struct device *dev = ctx;
  const struct device_file *file = device_names_find(&dev->cached, name);
  assert(dir == DIR_FD && dev->dir_open);
  if (dev->dead && with_errno(EIO)) return -1;
  if (!file && with_errno(ENOENT)) return -1;
  describe(file, info);
  return 0;
}

static int create(struct device *dev, const char *name, int flags, struct device_file **file) {
  if (!(flags & O_CREAT) && with_errno(ENOENT)) return -1;
  if (powerless(dev)) return -1;
  bool grows = dev->full && world_random(dev->world) % 4 == 0; /* the directory would have to */
  if (grows && dev->room < NAME_BYTES && has_no_room(dev, NAME_BYTES)) return -1;
  *file = device_file_new();
  device_names_create(dev, name, *file);
  device_file_drop(*file);
  return 0;
}

static int open_file(void *ctx, int dir, const char *name, int flags) {
  struct device *dev = ctx;
  struct device_file *file = device_names_find(&dev->cached, name);
  int fd = FIRST_FD;
  assert(dir == DIR_FD && dev->dir_open);
  if (dev->dead && with_errno(EIO)) return -1;
  if (!file && create(dev, name, flags, &file) != 0) return -1;
  if (flags & O_TRUNC) device_file_cut(dev, file, 0);
  while (fd < DEVICE_OPEN_MAX && dev->open[fd]) fd++;
  assert(fd < DEVICE_OPEN_MAX);
  dev->open[fd] = device_file_share(file);
  dev->open_count++;
  return fd;
}

static int rename_name(void *ctx, int dir, const char *from, const char *to) {
  struct device *dev = ctx;
  assert(dir == DIR_FD && dev->dir_open);
  if (powerless(dev)) return -1;
  if (!device_names_rename(dev, from, to) && with_errno(ENOENT)) return -1;
  device_renamed(dev, to);
  if (dev->faults.power_at_name) dev->dead = true;
  return 0;
}

static int unlink_name(void *ctx, int dir, const char *name) {
  struct device *dev = ctx;
  assert(dir == DIR_FD && dev->dir_open);
  const struct device_file *file = device_names_find(&dev->cached, name);
  size_t len = file ? file->len : 0;
  if (powerless(dev)) return -1;
  if (!device_names_unlink(dev, name) && with_errno(ENOENT)) return -1;
  dev->room += len;
  return 0;
}

/* ---- open files ---- */

static struct device_file *file_of(const struct device *dev, int fd) {
  assert(fd >= FIRST_FD && fd < DEVICE_OPEN_MAX && dev->open[fd]);
  return dev->open[fd];
}

static int look_at(void *ctx, int fd, struct stat *info) {
  const struct device *dev = ctx;
  if (fd == DIR_FD) return look_path(ctx, "", info);
  describe(file_of(dev, fd), info);
  return 0;
}

static ssize_t read_at(void *ctx, int fd, void *bytes, size_t len, off_t from) {
  struct device *dev = ctx;
  const struct device_file *file = file_of(dev, fd);
  size_t at = (size_t)from;
  if (dev->dead && with_errno(EIO)) return -1;
  if (device_happens(dev, dev->faults.read_error_ppm, DEVICE_COUNT_READ_ERROR) && with_errno(EIO))
    return -1;
  if (at >= file->len) return 0;
  if (len > file->len - at) len = file->len - at;
  len = some_of(dev, len);
  if (len > 0) memcpy(bytes, file->cache + at, len);
  return (ssize_t)len;
}

/* Gathers the pieces' first `max` bytes. */
static size_t gather(const struct iovec *pieces, int count, uint8_t *bytes, size_t max) {
  size_t got = 0;
  for (int i = 0; i < count && got < max; i++) {
    size_t len = pieces[i].iov_len < max - got ? pieces[i].iov_len : max - got;
    if (len > 0) memcpy(bytes + got, pieces[i].iov_base, len);
    got += len;
  }
  return got;
}

static size_t length_of(const struct iovec *pieces, int count) {
  size_t len = 0;
  for (int i = 0; i < count; i++) len += pieces[i].iov_len;
  return len;
}

static void put(struct device *dev, struct device_file *file, const struct iovec *pieces, int count,
                size_t len, size_t to) {
  bool elsewhere = dev->misdirect && to >= DEVICE_PAGE && device_is_log(dev, file);
  uint8_t *bytes = malloc(2 * len + 1), *before = bytes + len;
  assert(bytes);
  (void)gather(pieces, count, bytes, len);
  memset(before, 0, len);
  if (to < file->len) memcpy(before, file->cache + to, to + len < file->len ? len : file->len - to);
  device_file_write(dev, file, bytes, len, to);
  if (elsewhere) device_put_elsewhere(dev, file, to, len, before);
  free(bytes);
}

static ssize_t write_at(void *ctx, int fd, const struct iovec *pieces, int count, off_t to) {
  struct device *dev = ctx;
  struct device_file *file = file_of(dev, fd);
  size_t len = length_of(pieces, count), at = (size_t)to;
  if (powerless(dev)) return -1;
  if (dev->faults.full_after > 0 && --dev->faults.full_after == 0) {
    dev->full = true;
    dev->room = dev->faults.full_room;
    dev->hides_full = world_random(dev->world) % 2;
  }
  if (at + len > file->len && has_no_room(dev, at + len - file->len)) return -1;
  if (device_happens(dev, dev->faults.write_error_ppm, DEVICE_COUNT_WRITE_ERROR)) {
    put(dev, file, pieces, count, len > 0 ? (size_t)(world_random(dev->world) % len) : 0, at);
    return with_errno(EIO) ? -1 : 0;
  }
  len = some_of(dev, len);
  put(dev, file, pieces, count, len, at);
  return (ssize_t)len;
}

static int cut(void *ctx, int fd, off_t size) {
  struct device *dev = ctx;
  if (powerless(dev)) return -1;
  device_file_cut(dev, file_of(dev, fd), (size_t)size);
  return 0;
}

static int sync_file(void *ctx, int fd) {
  struct device *dev = ctx;
  struct device_file *file = file_of(dev, fd);
  uint64_t at = dev->clock;
  wait_for_sync(dev);
  if (powerless(dev)) return -1;
  if (device_happens(dev, dev->faults.sync_error_ppm, DEVICE_COUNT_SYNC_ERROR)) {
    device_file_sync_failed(dev, file);
    return with_errno(EIO) ? -1 : 0;
  }
  device_file_sync(file, at);
  return 0;
}

static void forget(void *ctx, int fd) {
  device_file_forget(file_of(ctx, fd));
}

static void close_fd(void *ctx, int fd) {
  struct device *dev = ctx;
  dev->open_count--;
  if (fd == DIR_FD) {
    assert(dev->dir_open);
    dev->dir_open = dev->dir_locked = false;
    return;
  }
  device_file_drop(file_of(dev, fd));
  dev->open[fd] = NULL;
}

static ssize_t random_bytes(void *ctx, void *bytes, size_t len) {
  struct device *dev = ctx;
  uint8_t *to = bytes;
  for (size_t i = 0; i < len; i++) to[i] = (uint8_t)world_random(dev->world);
  return (ssize_t)len;
}

const struct files device_operations = {
    .make_dir = make_dir,
    .open_dir = open_dir,
    .lock_dir = lock_dir,
    .sync_above = sync_above,
    .sync_dir = sync_dir,
    .each_name = each_name,
    .free_bytes = free_bytes,
    .look_path = look_path,
    .open = open_file,
    .look = look,
    .rename = rename_name,
    .unlink = unlink_name,
    .look_at = look_at,
    .read = read_at,
    .write = write_at,
    .cut = cut,
    .sync = sync_file,
    .forget = forget,
    .close = close_fd,
    .random = random_bytes,
};
