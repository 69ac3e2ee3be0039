/* room.h: what the thread that writes the log knows, and how it gets room for a record.
 *
 * (W3) While no spare segment is there, entries leave room for votes and other small records: a
 *      node on a full device can still vote after a start.
 * (W4) While entries wait for a segment on a full device, a purge of entries that are durable goes
 *      ahead of them, since it may make the room: no operation before it in the queue changes what
 *      it drops. */
#ifndef WAL_ROOM_H
#define WAL_ROOM_H

#include "stage.h"
#include "store.h"

/* Only the writer thread touches it. */
struct writer {
  struct store *s;
  struct segment *segment; /* the active one */
  struct stage stage;
  uint32_t prev;  /* checksum of the last record */
  uint64_t batch; /* offset up to which the segment is durable */
  bool closed;    /* the last record is one of an orderly close */
  bool crashed;   /* no orderly close, or a torn end behind it; and no BEGIN yet: records of a cut
                     batch may stand behind */
  uint64_t nonce; /* for BEGIN: no record of that batch follows it */
  struct rkv_identity identity;
  struct rkv_vote vote; /* what a new segment's header carries over: the state after the records */
  struct rkv_log_id purged, last;
};

/* Everything staged is on the device when it returns RKV_OK. */
enum rkv_status room_settle(struct writer *w, struct rkv_error *error);

/* Puts a record behind the last one; there is room. Errors: those of stage_record. */
enum rkv_status room_put(struct writer *w, struct record *record, struct rkv_buf payload,
                         struct rkv_error *error);

/* Bytes of the segment that entries leave to other records (W3). Under the lock. */
uint64_t room_reserved(const struct writer *w);

/* True if a record of `size` bytes fits here; control: it is no entry. */
bool room_has(struct writer *w, uint64_t size, bool control);

/* Makes room for a record of `size` bytes, which belongs to `op`. If that takes a new segment, all
 * operations before `op` are completed first, since a spare may be long in coming. Errors: RKV_IO;
 * RKV_NO_SPACE; RKV_CANCELLED when the storage is closed while the device is full. */
enum rkv_status room_make(struct writer *w, const struct op *op, uint64_t size, bool control,
                          struct rkv_error *error);

#endif
