/* pair_fake.h: a storage whose writes end one by one when the test says so, and which tells what of
 * them is durable. Snapshots are counted, not kept. */
#ifndef PAIR_FAKE_H
#define PAIR_FAKE_H

#include <rkv/storage.h>

#include <pthread.h>
#include <stdbool.h>

enum { FAKE_LOG_MAX = 64, FAKE_NEVER = 1 << 20 };

struct fake_op {
  struct fake_op *next;
  enum { FAKE_VOTE, FAKE_IDENTITY, FAKE_APPEND, FAKE_TRUNCATE, FAKE_PURGE } what;
  struct rkv_vote vote;
  struct rkv_identity identity;
  struct rkv_log_id id; /* of the entry, and of what is purged; an index for truncations */
  bool broken;          /* the entry did not follow the last one */
  struct rkv_completion *completion;
};

struct fake {
  pthread_mutex_t lock;
  struct fake_op *first, **end;
  struct rkv_log_id given_last;
  bool at_once;        /* every write ends before the operation returns */
  unsigned given;      /* writes with a completion */
  unsigned ended;      /* of those */
  unsigned fails_from; /* number of the first write that fails, from 0 */
  /* what is durable */
  struct rkv_vote vote;
  struct rkv_identity identity;
  struct rkv_log_id last, purged;
  rkv_term terms[FAKE_LOG_MAX];
  /* snapshots */
  bool refuse_begin, refuse_write, refuse_commit;
  unsigned commits, writers, readers;
  void (*in_commit)(void *ctx); /* called in the middle of a commit */
  void *ctx;
};

extern const struct rkv_storage_ops fake_ops;

void fake_init(struct fake *f);
/* Ends the oldest write; false: none waits. */
bool fake_end_one(struct fake *f);
/* As a close: what waits ends with RKV_CANCELLED. */
void fake_close(struct fake *f);

#endif
