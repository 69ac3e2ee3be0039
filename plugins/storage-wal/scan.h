/* scan.h: reads a segment record by record and says where and why it ends.
 *
 * Payloads are checked, not kept: a scan takes one window of memory, however long the records. */
#ifndef WAL_SCAN_H
#define WAL_SCAN_H

#include "dir.h"
#include "head.h"
#include "record.h"

enum { SCAN_WHY_MAX = 160 };

struct scan {
  const struct folder *folder;
  int fd; /* borrowed */
  struct numbered_name name;
  struct head head;
  uint32_t seed;
  uint64_t limit;         /* bytes of the file that count */
  uint64_t offset;        /* where the next record should begin */
  uint32_t prev;          /* what it should say about the one before */
  struct record record;   /* the one found last */
  uint64_t at;            /* where it begins */
  char why[SCAN_WHY_MAX]; /* why nothing was found: `expected ..., found ...` */
  bool torn;              /* what stands at `offset` was meant to be a record */
  uint8_t *window;
  uint64_t window_from;
  size_t window_len;
};

/* Reads the header and stands before the first record. Errors: RKV_CORRUPT, RKV_FOREIGN (newer
 * format), RKV_IO, RKV_NO_MEMORY. */
enum rkv_status scan_begin(struct scan *scan, const struct folder *folder, int fd,
                           struct numbered_name name, struct rkv_error *error);
void scan_end(struct scan *scan);

/* Finds the next record; *found = false: there is no valid one at scan->offset, and scan->why tells
 * what stands there. Errors: RKV_IO. */
enum rkv_status scan_next(struct scan *scan, bool *found, struct rkv_error *error);

/* What stands behind the end that scan_next met. */
struct scan_rest {
  bool proof;          /* a record that was written when what stands at scan->offset was durable */
  uint64_t proof_at;   /* where */
  bool cut_batch_rest; /* records of the batch that was being written, behind the end */
};

/* Looks at every place behind scan->offset where a record could begin. Errors: RKV_IO. */
enum rkv_status scan_behind(struct scan *scan, struct scan_rest *rest, struct rkv_error *error);

#endif
