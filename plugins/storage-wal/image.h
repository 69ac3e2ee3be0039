/* image.h: what the log says: the state that its records, carried out in order, lead to.
 *
 * The same rules make it when the log is replayed and when it runs. */
#ifndef WAL_IMAGE_H
#define WAL_IMAGE_H

#include "index.h"
#include "record.h"

struct image {
  struct rkv_vote vote;
  struct rkv_identity identity;
  uint64_t incarnation;           /* replayed, and in force with the cluster record behind it */
  struct rkv_log_id purged, last; /* last = purged: no entries */
  struct index index;
};

/* `after` >= purged.index. The id of the entry that is the last one then. */
struct rkv_log_id image_truncate(struct image *image, rkv_index after);

/* Drops up to and including `up_to`, which is ignored unless it is beyond what is purged. Returns
 * what is purged then. */
struct rkv_log_id image_purge(struct image *image, struct rkv_log_id up_to);

/* Carries out a record that stands at `offset` of `segment`. Errors: RKV_CORRUPT if it contradicts
 * the records before it, RKV_NO_MEMORY; the text does not name the place. */
enum rkv_status image_replay(struct image *image, const struct record *record,
                             struct segment *segment, uint64_t offset, struct rkv_error *error);

#endif
