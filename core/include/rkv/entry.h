/* rkv/entry.h: what stands in the log, and what describes a snapshot. */
#ifndef RKV_ENTRY_H
#define RKV_ENTRY_H

#include <rkv/buf.h>
#include <rkv/membership.h>
#include <rkv/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The numbers are stored on disks: they never change. */
enum rkv_entry_kind {
  RKV_ENTRY_BLANK = 0,      /* no payload; a leader's first entry */
  RKV_ENTRY_COMMAND = 1,    /* payload: bytes that only the state machine understands */
  RKV_ENTRY_MEMBERSHIP = 2, /* payload: rkv_membership_encode */
  /* payload: text that names the storage on which the node goes on. Stands only behind the last
     entry of a storage that was retired (RKV_INCARNATION_RETIRED); no node ever sends it. */
  RKV_ENTRY_MOVED = 3,
};

struct rkv_entry {
  struct rkv_log_id id;
  uint32_t kind; /* an enum rkv_entry_kind, and nothing else: a storage keeps it as it is, a stacked
                    one hands it on as it is */
  uint32_t reserved;
  struct rkv_buf payload;
};

#define RKV_SNAPSHOT_ID_MAX 64 /* bytes of a snapshot's name, its NUL included */

/* What a snapshot stands for: the state after applying every entry up to and including `last`. */
struct rkv_snapshot_meta {
  struct rkv_log_id last;          /* none: the empty state */
  struct rkv_log_id membership_id; /* the entry that made `membership`; none if there was none */
  struct rkv_buf membership;       /* the last one applied (rkv_membership_encode); or empty */
  uint64_t size;                   /* bytes of the snapshot's data; 0 while unknown */
  char id[RKV_SNAPSHOT_ID_MAX];    /* unique per snapshot built, for people and for resuming */
};

#ifdef __cplusplus
}
#endif
#endif
