/* meta.c: the two pages at the begin of an LMDB file (mdb.c, format 1), of which the one with the
 * greater transaction counts. */
#include "meta.h"

#include <storage-parts/files.h>
#include <storage-parts/refuse.h>

#include <inttypes.h>
#include <string.h>

/* Where the fields of a page stand, in this machine's byte order. */
enum {
  AT_MAGIC = 16,
  AT_VERSION = 20,
  AT_MAP_BYTES = 32,
  AT_PAGE_BYTES = 40,
  AT_LAST_PAGE = 136,
  AT_TXN = 144,
  META_BYTES = 152,
};
enum { METAS = 2, VERSION = 1, PAGE_MIN = 512, PAGE_MAX = 65536 };
_Static_assert(sizeof(size_t) == sizeof(uint64_t), "the places are those of 64-bit machines");
#define MAGIC UINT32_C(0xbeefc0de)

static uint32_t u32_at(const uint8_t *at) {
  uint32_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static uint64_t u64_at(const uint8_t *at) {
  uint64_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static bool is_meta(const uint8_t *page) {
  uint32_t bytes = u32_at(page + AT_PAGE_BYTES);
  uint64_t map_bytes = u64_at(page + AT_MAP_BYTES);
  return u32_at(page + AT_MAGIC) == MAGIC && u32_at(page + AT_VERSION) == VERSION &&
         bytes >= PAGE_MIN && bytes <= PAGE_MAX && (bytes & (bytes - 1)) == 0 &&
         u64_at(page + AT_LAST_PAGE) < map_bytes / bytes;
}

enum rkv_status meta_check(int fd, const char *path, struct rkv_error *error) {
  const struct files *files = &files_posix;
  uint8_t page[META_BYTES];
  uint64_t at = 0, txn = 0, needed = 0;
  struct stat info;
  if (files->look_at(files->ctx, fd, &info) != 0) return refuse_errno(path, "look at", error);
  if (info.st_size == 0) return rkv_fail(error, RKV_CORRUPT, "%s is empty", path);
  for (int i = 0; i < METAS; i++) {
    ssize_t got = files->read(files->ctx, fd, page, sizeof page, (off_t)at);
    if (got < 0) return refuse_errno(path, "read", error);
    if (got < META_BYTES || !is_meta(page))
      return rkv_fail(error, RKV_CORRUPT,
                      "%s: offset %" PRIu64 ": expected a meta page of LMDB, found other bytes",
                      path, at);
    if (i == 0 || u64_at(page + AT_TXN) > txn) needed = u64_at(page + AT_MAP_BYTES);
    txn = u64_at(page + AT_TXN);
    at = u32_at(page + AT_PAGE_BYTES);
  }
  if ((uint64_t)info.st_size >= needed) return RKV_OK;
  return rkv_fail(error, RKV_CORRUPT, "%s: has %jd bytes, its map needs %" PRIu64, path,
                  (intmax_t)info.st_size, needed);
}
