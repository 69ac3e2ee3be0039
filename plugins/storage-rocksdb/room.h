/* room.h: a device that gets full is noticed before RocksDB fails.
 *
 * RocksDB needs room for what it does by itself: a snapshot leaves that much. Entries leave room
 * for a snapshot, too, since the purge that follows it gives room back. */
#ifndef ROCKS_ROOM_H
#define ROCKS_ROOM_H

#include "store.h"

/* RocksDB writes while it is opened, and ends the process if it cannot; *frugal: it must write as
 * little as it can. Errors: RKV_NO_SPACE. */
enum rkv_status room_to_open(const struct store *s, bool *frugal, struct rkv_error *error);
/* True if `bytes` of a snapshot can be written. */
bool room_for_snapshot(const struct store *s, uint64_t bytes);
/* True if `bytes` of entries can be written; a change is logged. Takes the lock. */
bool room_for_entries(struct store *s, uint64_t bytes);

#endif
