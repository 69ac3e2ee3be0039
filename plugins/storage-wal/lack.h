/* lack.h: what keeps the storage from making another log file, and passes: no room on its device,
 * or no file descriptor. Each is said by its own name, with its own remedy. */
#ifndef WAL_LACK_H
#define WAL_LACK_H

#include "store.h"

/* True for what is waited for: RKV_NO_SPACE, RKV_FULL. */
bool lack_passes(enum rkv_status status);

/* The last try to make a file of `size` bytes ended so (RKV_OK too); a change is logged, with what
 * it means for writes: they wait now, or not yet. Any thread, not under the lock. */
enum lack_writes { LACK_WAITS, LACK_WAITS_SOON };
void lack_note(struct store *s, enum rkv_status status, uint64_t size, enum lack_writes writes,
               const struct rkv_error *error);

/* The last try found no room or no descriptor. */
bool lack_now(const struct store *s);

/* Fills *error: more waits than may wait, and for what. */
void lack_flooded(const struct store *s, struct rkv_error *error);

#endif
