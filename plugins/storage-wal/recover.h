/* recover.h: what a directory's segments say together, read without changing anything.
 *
 * (V1) Segments are numbered without a gap, at least up to the one that the owner knows of
 *      (whole.h); each ends where the header of the next one says.
 * (V2) Only the last segment may end in bytes that are no record, and only if no record behind them
 *      proves that they were durable once: then they are a write that a crash cut off and that was
 *      never acknowledged.
 * (V3) Every entry from purged + 1 to last has its place in the index. */
#ifndef WAL_RECOVER_H
#define WAL_RECOVER_H

#include "image.h"
#include "scan.h"
#include "whole.h"

struct recovery {
  const struct folder *folder;
  struct owner owner; /* for writing, if the caller is its node */
  struct image image;
  struct segment *oldest, *active; /* a list; both NULL: there is no log yet */
  int fd;                          /* the active one's, for reading and writing; -1 if none */
  uint32_t prev;                   /* checksum of its last record */
  uint64_t file_size;              /* of its file: less than its size if it was cut */
  uint64_t records;
  bool closed;                 /* it ends with a record of an orderly close */
  bool torn;                   /* its end was cut off by a crash: */
  char torn_why[SCAN_WHY_MAX]; /* what stands there */
};

/* What a tool is called with while segments are read. */
struct recover_watcher {
  void (*head)(struct recover_watcher *self, const struct scan *scan);
  void (*record)(struct recover_watcher *self, const struct scan *scan);
};

/* Reads it all. node_id 0: of any node; watcher NULL: none. Errors: RKV_CORRUPT, RKV_FOREIGN,
 * RKV_IO, RKV_NO_MEMORY, with the place; *r needs no recover_free then. */
enum rkv_status recover(const struct folder *folder, rkv_node_id node_id,
                        struct recover_watcher *watcher, struct recovery *r,
                        struct rkv_error *error);

/* (V3) holds: no entry is missing at the front. */
bool recover_is_whole(const struct recovery *r);

/* Frees what was not taken over. */
void recover_free(struct recovery *r);

#endif
