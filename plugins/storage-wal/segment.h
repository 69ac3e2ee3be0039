/* segment.h: a segment as the running storage knows it, and how its file comes to be. */
#ifndef WAL_SEGMENT_H
#define WAL_SEGMENT_H

#include "dir.h"
#include "head.h"

/* One file log-SEQUENCE.wal. Segments form a list, oldest first. */
struct segment {
  struct segment *next;
  uint64_t sequence, size;
  uint32_t seed;     /* of its records' checksums */
  uint64_t end;      /* where its durable records end (under the store's lock once it runs) */
  rkv_index highest; /* no entry above stands in it (under the store's lock once it runs) */
  unsigned
      readers; /* of the file: while there are any it keeps its name (under the store's lock) */
};

/* Errors: RKV_NO_MEMORY. */
enum rkv_status segment_new(const struct head *head, struct segment **segment,
                            struct rkv_error *error);
/* Frees a list. */
void segment_free_all(struct segment *oldest);

/* Makes the file spare-NUMBER.wal of `size` zeros, durable, piece by piece; gives up with
 * RKV_CANCELLED when `stop` says so (NULL: never). Errors: RKV_NO_SPACE, RKV_FULL, RKV_IO,
 * RKV_NO_MEMORY; nothing is left. */
enum rkv_status segment_make_spare(const struct folder *folder, uint64_t number, uint64_t size,
                                   bool (*stop)(void *arg), void *arg, struct rkv_error *error);

/* Fills an open file with zeros from `from` to `to`, durable. After an error what stands there is
 * unknown. Errors: RKV_NO_SPACE, RKV_IO, RKV_NO_MEMORY. */
enum rkv_status segment_fill(const struct folder *folder, struct numbered_name name, int fd,
                             uint64_t from, uint64_t to, struct rkv_error *error);

/* Turns a spare into segment head->sequence: writes the header (uuid and crc are filled in), makes
 * it durable, then gives the file its name. *fd is open for reading and writing. Errors:
 * RKV_NO_SPACE, RKV_FULL, and the file is a spare still; RKV_IO. */
enum rkv_status segment_begin(const struct folder *folder, uint64_t spare, struct head *head,
                              int *fd, struct rkv_error *error);

#endif
