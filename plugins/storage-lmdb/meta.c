/* meta.c: the two pages at the begin of an LMDB file (mdb.c, format 1), of which the one with the
 * greater transaction counts. */
#include "meta.h"

#include <inttypes.h>

/* A page, as a 64-bit machine writes it. */
struct meta {
  uint64_t page_head[2];
  uint32_t magic, version;
  uint64_t address, map_bytes;
  uint32_t page_bytes, flags;
  uint64_t tables[11];
  uint64_t last_page, txn;
};
_Static_assert(sizeof(size_t) == sizeof(uint64_t), "the fields are those of 64-bit machines");
enum { METAS = 2, VERSION = 1, PAGE_MIN = 512, PAGE_MAX = 65536 };
#define MAGIC UINT32_C(0xbeefc0de)

static bool is_meta(const struct meta *m) {
  return m->magic == MAGIC && m->version == VERSION && m->page_bytes >= PAGE_MIN &&
         m->page_bytes <= PAGE_MAX && (m->page_bytes & (m->page_bytes - 1)) == 0 &&
         m->last_page < m->map_bytes / m->page_bytes;
}

enum rkv_status meta_check(const struct folder *folder, int fd, const char *name,
                           struct rkv_error *error) {
  struct meta page = {0}, newest = {0};
  uint64_t at = 0, size = 0;
  enum rkv_status status = folder_file_size(folder, fd, name, &size, error);
  for (int i = 0; i < METAS && status == RKV_OK; i++) {
    size_t got = 0;
    status = folder_read(folder, fd, name, &page, sizeof page, at, &got, error);
    if (status == RKV_OK && (got < sizeof page || !is_meta(&page)))
      status =
          rkv_fail(error, RKV_CORRUPT,
                   "%s/%s: offset %" PRIu64 ": expected a meta page of LMDB, found other bytes",
                   folder->path, name, at);
    if (i == 0 || page.txn > newest.txn) newest = page;
    at = page.page_bytes;
  }
  if (status != RKV_OK || size >= newest.map_bytes) return status;
  return rkv_fail(error, RKV_CORRUPT, "%s/%s: has %" PRIu64 " bytes, its map needs %" PRIu64,
                  folder->path, name, size, newest.map_bytes);
}
