/* lack.h: says what keeps the storage from making another log file, and what that means. */
#ifndef WAL_LACK_H
#define WAL_LACK_H

#include "store.h"

/* Notes how the last try to make a file of `size` bytes ended (RKV_OK: it was made); a change is
 * logged with what it means for writes: they wait now, or once the active segment is full. Any
 * thread, not under the lock. */
enum lack_writes { LACK_WAITS, LACK_WAITS_SOON };
void lack_note(struct store *s, enum rkv_status status, uint64_t size, enum lack_writes writes,
               const struct rkv_error *error);

#endif
