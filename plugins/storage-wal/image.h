/* image.h: what the log says: the state that its records, carried out in order, lead to. */
#ifndef WAL_IMAGE_H
#define WAL_IMAGE_H

#include "index.h"
#include "record.h"

#include <storage-parts/log.h>

struct image {
  struct held held;
  uint64_t incarnation; /* takes effect only when the CLUSTER record after it is read */
  struct index index;
};

/* Carries out a record that stands at `offset` of `segment`. Errors: RKV_CORRUPT if it contradicts
 * the records before it, RKV_NO_MEMORY; the text does not name the place. */
enum rkv_status image_replay(struct image *image, const struct record *record,
                             struct segment *segment, uint64_t offset, struct rkv_error *error);

#endif
