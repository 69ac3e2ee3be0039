/* head.h: the header of a segment (docs/wal-format.md). A leaf.
 *
 * The header repeats vote, identity and ids that the segments before it lead to: so a segment can
 * be dropped once none of its entries is held. */
#ifndef WAL_HEAD_H
#define WAL_HEAD_H

#include <rkv/status.h>
#include <rkv/types.h>

enum { HEAD_SIZE = 4096, HEAD_UUID = 16 };
#define HEAD_FORMAT 2u       /* what this version writes; greater ones are refused */
#define HEAD_FORMAT_ALONE 1u /* the same without a file `rkv-owner` (owner.h) beside it */

struct head {
  uint32_t crc; /* of the whole header with this field as zeros */
  uint32_t format;
  uint32_t recycled; /* 1: the file held an older segment, its rest is not zeros */
  uint8_t uuid[HEAD_UUID];
  rkv_node_id node_id;
  uint64_t sequence; /* 1, 2, 3, ...: one more than the segment before */
  uint64_t size;     /* bytes of the file, this header included */
  uint64_t prev_end; /* where the records of the segment before end; 0 in the first one */
  struct rkv_vote vote;
  struct rkv_log_id purged, last;
  struct rkv_identity identity;
};

/* Writes the header's bytes; fills head->crc. */
void head_encode(struct head *head, uint8_t out[HEAD_SIZE]);

/* Reads and checks a header of the file `name`. Errors: RKV_CORRUPT; RKV_FOREIGN for a newer
 * format. */
enum rkv_status head_decode(const char *name, const uint8_t in[HEAD_SIZE], struct head *head,
                            struct rkv_error *error);

/* What the checksums of the segment's records begin with. */
uint32_t head_seed(const struct head *head);

#endif
