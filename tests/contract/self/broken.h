/* broken.h: what the files of a storage broken on purpose share. */
#ifndef CONTRACT_BROKEN_H
#define CONTRACT_BROKEN_H

#include "broken_error.h"

#include <pthread.h>
#include <stdatomic.h>

/* X(name): the faults; variants.txt says what each is and which law catches it. */
#define BROKEN_FAULT_LIST(X)                                                                       \
  X(none)                                                                                          \
  X(vote_not_saved)                                                                                \
  X(vote_one_behind)                                                                               \
  X(vote_loses_committed)                                                                          \
  X(identity_forgotten)                                                                            \
  X(ack_at_once)                                                                                   \
  X(called_twice)                                                                                  \
  X(never_called)                                                                                  \
  X(called_in_wrong_order)                                                                         \
  X(called_under_a_lock)                                                                           \
  X(touched_after_done)                                                                            \
  X(close_forgets)                                                                                 \
  X(success_after_failure)                                                                         \
  X(fatal_kept_quiet)                                                                              \
  X(append_in_the_dark)                                                                            \
  X(array_kept)                                                                                    \
  X(kind_lost)                                                                                     \
  X(large_entry_cut)                                                                               \
  X(truncate_one_too_few)                                                                          \
  X(truncate_one_too_many)                                                                         \
  X(truncate_beyond_drops)                                                                         \
  X(purge_one_too_many)                                                                            \
  X(purge_one_too_few)                                                                             \
  X(purge_beyond_ignored)                                                                          \
  X(purged_term_lost)                                                                              \
  X(purged_is_nothing)                                                                             \
  X(beyond_is_an_error)                                                                            \
  X(read_without_last)                                                                             \
  X(read_over_bytes_max)                                                                           \
  X(read_nothing_if_large)                                                                         \
  X(payload_changes_behind)                                                                        \
  X(snapshot_seen_early)                                                                           \
  X(abort_commits)                                                                                 \
  X(reader_changes_snapshot)                                                                       \
  X(snapshot_end_wrong)                                                                            \
  X(snapshot_membership_lost)                                                                      \
  X(state_is_global)                                                                               \
  X(reference_leaks)                                                                               \
  X(descriptor_leaks)                                                                              \
  X(memory_leaks)                                                                                  \
  X(one_too_many_threads)                                                                          \
  X(crashes)                                                                                       \
  X(hangs)                                                                                         \
  X(foreign_taken)                                                                                 \
  X(refusal_leaves_a_file)                                                                         \
  X(reads_race)                                                                                    \
  X(index_32_bits)                                                                                 \
  X(purge_term_31_bits)                                                                            \
  X(snapshot_32_bits)                                                                              \
  X(term_never_falls)                                                                              \
  X(falling_is_refused)                                                                            \
  X(purge_keeps_own_term)                                                                          \
  X(contradiction_is_ignored)                                                                      \
  X(load_is_of_the_open)                                                                           \
  X(load_lends_membership)                                                                         \
  X(nothing_is_no_snapshot)                                                                        \
  X(empty_state_is_not_found)                                                                      \
  X(zero_is_nothing)                                                                               \
  X(backwards_is_an_error)                                                                         \
  X(count_stays_after_error)                                                                       \
  X(size_as_told)                                                                                  \
  X(told_size_is_checked)                                                                          \
  X(breach_kept_quiet)                                                                             \
  X(hole_is_closed)                                                                                \
  X(truncate_below_empties)                                                                        \
  X(append_waits)                                                                                  \
  X(large_is_packed)                                                                               \
  X(truncate_dawdles)                                                                              \
  X(temporary_stays)                                                                               \
  X(squeezed_is_cut)                                                                               \
  X(alike_is_wrong)                                                                                \
  X(squeezed_chunk_wrong)                                                                          \
  X(told_otherwise)                                                                                \
  X(born_with_vote)                                                                                \
  X(count_over_capacity)                                                                           \
  X(old_term_stays)                                                                                \
  X(purge_to_tip_keeps_one)                                                                        \
  X(purge_below_drops_one)                                                                         \
  X(truncate_to_purged_ignored)                                                                    \
  X(snapshot_of_this_life)                                                                         \
  X(entry_33333_cut)                                                                               \
  X(end_of_large_snapshot_lost)                                                                    \
  X(kind_lost_beside_snapshot)                                                                     \
  X(failure_takes_a_file)                                                                          \
  X(refusal_takes_a_file)                                                                          \
  X(lost_batch_returns)                                                                            \
  X(fails_without_text)                                                                            \
  X(fails_otherwise)

enum broken_fault {
#define BROKEN_FAULT_ENUM(name) FAULT_##name,
  BROKEN_FAULT_LIST(BROKEN_FAULT_ENUM)
#undef BROKEN_FAULT_ENUM
};

enum { BROKEN_OPTIONS_MAX = 16, BROKEN_HELD_MAX = 3 };

/* A completion on its way back. */
struct passage {
  struct rkv_completion completion; /* what the good plugin calls */
  struct rkv_completion *theirs;
  struct broken *b;
  enum rkv_status status;
  struct rkv_error error;
};

struct broken {
  const struct rkv_host *host;
  struct rkv_host own_host;
  enum broken_fault fault;
  const struct rkv_storage_ops *good;
  void *it;
  bool borrowed; /* `it` is another instance's */
  pthread_mutex_t lock;
  struct passage *held[BROKEN_HELD_MAX + 1]; /* completions that wait for others, oldest first */
  size_t held_count;
  unsigned calls;
  bool cut, failed;       /* a truncate came before; an operation failed */
  struct rkv_vote before; /* the vote saved last */
  rkv_index last;
  rkv_index tip, purged; /* the last entry held, or purged; what was purged */
  rkv_term highest;      /* that was appended */
  rkv_index cut_tip;     /* the last entry before the last truncate, and its term */
  rkv_term cut_term;
  bool committed;        /* a snapshot, since open */
  rkv_index ghost;       /* the last entry of a batch that the life before lost, or 0 */
  atomic_uint writers;   /* of snapshots */
  atomic_uint flying;    /* completions that have not come back */
  atomic_bool is_inside; /* one is being called ... */
  pthread_t inside;      /* ... by this thread */
  unsigned dawdled, loads;
  const char *dir;                 /* the option's */
  uint64_t size_told;              /* of the newest snapshot */
  struct rkv_storage_state loaded; /* by the first of them */
  struct rkv_entry *kept;          /* the caller's array */
};

/* Calls completions that are held, all but `keep` of them (SIZE_MAX: drops all of them instead). */
void broken_release(struct broken *b, size_t keep);
void broken_leave_thread(void);
/* Removes a file that the good plugin needs. */
void broken_take_file(const struct broken *b);
/* Where the last large batch of a life ended; 0: nowhere. */
rkv_index broken_ghost(const struct broken *b);

/* ---- broken_log.c ---- */
void broken_save_vote(void *storage, struct rkv_vote vote, struct rkv_completion *completion);
void broken_save_identity(void *storage, struct rkv_identity identity,
                          struct rkv_completion *completion);
void broken_append(void *storage, const struct rkv_entry *entries, size_t count,
                   struct rkv_completion *completion);
void broken_truncate(void *storage, rkv_index after);
void broken_purge(void *storage, struct rkv_log_id up_to);
enum rkv_status broken_read(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                            struct rkv_entry *entries, size_t capacity, size_t *count,
                            struct rkv_error *error);

/* ---- broken_snapshot.c ---- */
enum rkv_status broken_snapshot_begin(void *storage, const struct rkv_snapshot_meta *meta,
                                      void **writer, struct rkv_error *error);
enum rkv_status broken_snapshot_write(void *writer, struct rkv_buf chunk, struct rkv_error *error);
enum rkv_status broken_snapshot_commit(void *writer, struct rkv_error *error);
void broken_snapshot_abort(void *writer);
enum rkv_status broken_snapshot_open(void *storage, void **reader, struct rkv_snapshot_meta *meta,
                                     struct rkv_error *error);
enum rkv_status broken_snapshot_read(void *reader, uint64_t offset, size_t max,
                                     struct rkv_buf *chunk, struct rkv_error *error);
void broken_snapshot_close(void *reader);

#endif
