/* stage.h: gathers records and writes them with as few calls as possible.
 *
 * Headers and short payloads are copied into one buffer; long payloads are written from where they
 * are and must stay there until stage_flush. */
#ifndef WAL_STAGE_H
#define WAL_STAGE_H

#include "dir.h"
#include "record.h"

#include <rkv/buf.h>

#include <sys/uio.h>

enum {
  STAGE_BYTES = 1024 * 1024,
  STAGE_PIECES = 512,         /* at most what one pwritev takes (IOV_MAX) */
  STAGE_COPIED_MAX = 4 * 1024 /* payloads up to this are copied */
};

struct stage {
  const struct folder *folder;
  int fd;
  struct numbered_name name;
  uint64_t offset;  /* where the next record goes */
  uint64_t flushed; /* bytes that wait are offset - flushed .. offset */
  uint8_t *bytes;
  size_t len;
  struct iovec *pieces;
  size_t piece_count;
};

bool stage_init(struct stage *stage, const struct folder *folder); /* false: no memory */
void stage_free(struct stage *stage);

/* Adds a record at stage->offset. Errors: those of stage_flush, which it may need. */
enum rkv_status stage_record(struct stage *stage, struct record *record, uint32_t seed,
                             struct rkv_buf payload, struct rkv_error *error);

/* Writes what waits. Errors: RKV_IO, RKV_NO_SPACE. */
enum rkv_status stage_flush(struct stage *stage, struct rkv_error *error);

#endif
