/* tail.c: reads RocksDB's log files (its wiki, "Write Ahead Log File Format").
 *
 * A file is a row of blocks; a block holds records, none of which crosses its end:
 *
 *   crc u32 (masked, of all that follows) | length u16 | type u8 | payload
 *
 * A batch is one FULL record, or FIRST, MIDDLE..., LAST. Its payload begins with the sequence
 * number of its first change (u64) and how many changes it has (u32). All numbers are
 * little-endian. */
#include "tail.h"

#include <storage-parts/crc32c.h>
#include <storage-parts/refuse.h>

#include <rkv/membership.h>

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 32 * 1024, HEADER = 7, BATCH_HEAD = 12 };
enum record { RECORD_FULL = 1, RECORD_FIRST, RECORD_MIDDLE, RECORD_LAST };
#define CRC_MASK UINT32_C(0xa282ead8)

struct scan {
  const char *dir;
  struct tail *tail;
  struct tail_file *file;   /* that is read */
  bool inside;              /* a batch has begun and not ended */
  uint64_t began;           /* where */
  uint8_t head[BATCH_HEAD]; /* the first bytes of its payload */
  size_t head_len;
};

/* The record at the begin of `at`; false: there is no whole one. */
static bool whole(const uint8_t *at, size_t len, enum record *type, size_t *size) {
  uint32_t crc;
  size_t payload;
  if (len < HEADER || at[6] < RECORD_FULL || at[6] > RECORD_LAST) return false;
  payload = (size_t)rkv_get_le(at + 4, 2);
  if (payload > len - HEADER) return false;
  crc = crc32c(0, at + 6, payload + 1);
  if ((uint32_t)rkv_get_le(at, 4) != ((crc >> 15) | (crc << 17)) + CRC_MASK) return false;
  *type = (enum record)at[6];
  *size = HEADER + payload;
  return true;
}

static void not_whole(struct scan *s, uint64_t offset) {
  s->inside = false;
  if (s->tail->torn) return;
  s->tail->torn = true;
  s->tail->file = s->file->number;
  s->tail->offset = offset;
}

static enum rkv_status refuse(const struct scan *s, uint64_t offset, struct rkv_error *error) {
  assert(s->tail->torn && s->file->number >= s->tail->file); /* (T1) */
  return rkv_fail(error, RKV_CORRUPT,
                  "%s/%06" PRIu64 ".log: byte %" PRIu64 " is not what was written: a whole batch "
                  "follows at byte %" PRIu64 " of %06" PRIu64 ".log, so what stood there was "
                  "acknowledged",
                  s->dir, s->tail->file, s->tail->offset, offset, s->file->number);
}

static void take_head(struct scan *s, const uint8_t *payload, size_t len) {
  size_t more = BATCH_HEAD - s->head_len;
  if (more > len) more = len;
  memcpy(s->head + s->head_len, payload, more);
  s->head_len += more;
}

/* A whole record at its place. Errors: RKV_CORRUPT. */
static enum rkv_status tail_take(struct scan *s, enum record type, const uint8_t *at, size_t size,
                                 uint64_t offset, struct rkv_error *error) {
  bool begins = type == RECORD_FULL || type == RECORD_FIRST;
  if (begins == s->inside) not_whole(s, s->inside ? s->began : offset);
  if (begins && s->tail->torn) return refuse(s, offset, error);
  if (s->tail->torn) return RKV_OK;
  if (begins) {
    s->began = offset;
    s->head_len = 0;
  }
  take_head(s, at + HEADER, size - HEADER);
  s->inside = type == RECORD_FIRST || type == RECORD_MIDDLE;
  if (s->inside) return RKV_OK;
  if (s->head_len < BATCH_HEAD)
    not_whole(s, s->began);
  else if (rkv_get_le(s->head + 8, 4) > 0)
    s->file->sequence = s->tail->sequence = rkv_get_le(s->head, 8) + rkv_get_le(s->head + 8, 4) - 1;
  return RKV_OK;
}

/* Behind something that is not whole records may begin at any byte. */
static enum rkv_status scan_block(struct scan *s, const uint8_t *block, size_t len, uint64_t offset,
                                  struct rkv_error *error) {
  for (size_t at = 0; at < len && BLOCK - at >= HEADER;) {
    enum record type;
    size_t size;
    if (whole(block + at, len - at, &type, &size)) {
      enum rkv_status status = tail_take(s, type, block + at, size, offset + at, error);
      if (status != RKV_OK) return status;
      at += size;
    } else {
      not_whole(s, s->inside ? s->began : offset + at);
      at++;
    }
  }
  return RKV_OK;
}

/* As much as there is, up to `max` bytes; -1: errno. */
static ssize_t read_fully(int fd, uint8_t *bytes, size_t max) {
  size_t len = 0;
  while (len < max) {
    ssize_t got = read(fd, bytes + len, max - len);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    len += (size_t)got;
  }
  return (ssize_t)len;
}

static enum rkv_status scan_file(struct scan *s, uint8_t *block, struct rkv_error *error) {
  char path[PATH_MAX];
  uint64_t offset = 0;
  enum rkv_status status = RKV_OK;
  ssize_t got = BLOCK;
  int fd;
  (void)snprintf(path, sizeof path, "%s/%06" PRIu64 ".log", s->dir, s->file->number);
  fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return refuse_errno(path, "open", error);
  s->inside = false;
  for (; status == RKV_OK && got == BLOCK; offset += BLOCK) {
    got = read_fully(fd, block, BLOCK);
    status = got < 0 ? refuse_errno(path, "read", error)
                     : scan_block(s, block, (size_t)got, offset, error);
  }
  if (status == RKV_OK && s->inside) not_whole(s, s->began);
  (void)close(fd);
  return status;
}

/* ---- files ---- */

static int by_number(const void *a, const void *b) {
  const struct tail_file *left = a, *right = b;
  return left->number < right->number ? -1 : left->number > right->number;
}

/* The log files, sorted by their numbers. */
static enum rkv_status list(const char *dir, struct tail *tail, struct rkv_error *error) {
  DIR *entries = opendir(dir);
  const struct dirent *entry;
  enum rkv_status status = RKV_OK;
  if (!entries) return refuse_errno(dir, "open the directory", error);
  while ((errno = 0, entry = readdir(entries)) && status == RKV_OK) {
    uint64_t number;
    int end = 0;
    if (sscanf(entry->d_name, "%" SCNu64 ".log%n", &number, &end) != 1 || end == 0 ||
        entry->d_name[end] != '\0')
      continue;
    if (tail->count == TAIL_FILES_MAX)
      status = rkv_fail(error, RKV_IO, "%s: more than %d log files", dir, TAIL_FILES_MAX);
    else
      tail->files[tail->count++] = (struct tail_file){.number = number};
  }
  if (!entry && errno) status = refuse_errno(dir, "read the directory", error);
  (void)closedir(entries);
  qsort(tail->files, tail->count, sizeof tail->files[0], by_number);
  return status;
}

enum rkv_status tail_find(const char *dir, struct tail *tail, struct rkv_error *error) {
  struct scan s = {.dir = dir, .tail = tail};
  uint8_t *block = malloc(BLOCK);
  enum rkv_status status = RKV_NO_MEMORY;
  memset(tail, 0, sizeof *tail);
  if (!block) return rkv_fail(error, status, "no memory to read the log in %s", dir);
  status = list(dir, tail, error);
  for (size_t i = 0; i < tail->count && status == RKV_OK; i++) {
    s.file = &tail->files[i];
    status = scan_file(&s, block, error);
  }
  free(block);
  return status;
}

enum rkv_status tail_cut(const char *dir, const struct tail *tail, struct rkv_error *error) {
  char path[PATH_MAX];
  enum rkv_status status = RKV_OK;
  int fd;
  if (!tail->torn) return RKV_OK;
  (void)snprintf(path, sizeof path, "%s/%06" PRIu64 ".log", dir, tail->file);
  fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0 || ftruncate(fd, (off_t)tail->offset) != 0 || fsync(fd) != 0)
    status = refuse_errno(path, "cut off what a crash tore", error);
  if (fd >= 0) (void)close(fd);
  return status;
}
