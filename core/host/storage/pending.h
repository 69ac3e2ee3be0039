/* pending.h: waits for the operations that a storage completes later. */
#ifndef HOST_STORAGE_PENDING_H
#define HOST_STORAGE_PENDING_H

#include <rkv/storage.h>

#include <pthread.h>

/* Of one storage, from open until close has returned: then every operation has ended. After one has
 * failed, none of that storage succeeds any more. */
struct pending {
  pthread_mutex_t lock; /* guards what follows */
  pthread_cond_t changed;
  size_t count;           /* operations that have not ended */
  struct rkv_error error; /* of the first that failed; status RKV_OK: none has */
};

void pending_init(struct pending *p);
void pending_destroy(struct pending *p);

/* A completion for one more operation; NULL without memory, which counts as a failed one. */
struct rkv_completion *pending_add(struct pending *p);

/* Waits until at most `count` operations have not ended, or one has failed. Errors: that one's. */
enum rkv_status pending_wait(struct pending *p, size_t count, struct rkv_error *error);
/* The same for at most so long. Errors: also RKV_UNAVAILABLE when the time is over; the operation
 * still ends later. */
enum rkv_status pending_wait_ms(struct pending *p, size_t count, unsigned ms,
                                struct rkv_error *error);

#endif
