/* broken_sm.h: what the files of a state machine broken on purpose share. */
#ifndef CONTRACT_BROKEN_SM_H
#define CONTRACT_BROKEN_SM_H

#include "good.h"

#include <pthread.h>

/* X(name): the faults; variants.txt says what each is and which law catches it. */
#define SM_FAULT_LIST(X)                                                                           \
  X(none)                                                                                          \
  X(answers_by_clock)                                                                              \
  X(batch_end_lost)                                                                                \
  X(state_is_global)                                                                               \
  X(blank_not_counted)                                                                             \
  X(membership_forgotten)                                                                          \
  X(answers_in_one_buffer)                                                                         \
  X(chunk_kept_borrowed)                                                                           \
  X(validate_takes_all)                                                                            \
  X(senseless_is_an_error)                                                                         \
  X(large_is_an_error)                                                                             \
  X(query_fails_oddly)                                                                             \
  X(query_is_stale)                                                                                \
  X(chunk_over_wish)                                                                               \
  X(view_moves)                                                                                    \
  X(view_leaks)                                                                                    \
  X(view_endless)                                                                                  \
  X(begin_copies)                                                                                  \
  X(byte_lost)                                                                                     \
  X(half_is_whole)                                                                                 \
  X(half_clears)                                                                                   \
  X(abort_installs)                                                                                \
  X(restore_ignored)                                                                               \
  X(check_says_yes)                                                                                \
  X(check_installs)                                                                                \
  X(check_freezes)                                                                                 \
  X(membership_of_bytes)                                                                           \
  X(remembers)                                                                                     \
  X(validate_not_for_threads)                                                                      \
  X(validate_takes_nothing)                                                                        \
  X(born_old)                                                                                      \
  X(words_without_end)                                                                             \
  X(words_beyond_room)                                                                             \
  X(words_of_two_lines)                                                                            \
  X(words_by_instance)                                                                             \
  X(words_in_one_place)                                                                            \
  X(words_fail_oddly)                                                                              \
  X(open_leaks)                                                                                    \
  X(fails_without_text)                                                                            \
  X(fails_otherwise)

enum sm_fault {
#define SM_FAULT_ENUM(name) FAULT_##name,
  SM_FAULT_LIST(SM_FAULT_ENUM)
#undef SM_FAULT_ENUM
};

enum { BROKEN_BUFFER_BYTES = 4096 };

struct broken {
  const struct rkv_host *host;
  struct rkv_host second; /* of an instance that replaces the first */
  enum sm_fault fault;
  const struct rkv_state_machine_ops *good;
  struct good from;
  void *it;
  bool borrowed;        /* `it` is another instance's */
  pthread_mutex_t lock; /* a view that moves is begun by its reader */
  struct rkv_log_id counted;
  uint8_t buffer[BROKEN_BUFFER_BYTES];
  struct rkv_buf stale;
  bool has_stale, frozen;
  int validating;
};

/* As in struct rkv_state_machine_ops (broken_sm_snapshot.c). */
enum rkv_status broken_snapshot_begin(void *sm, void **snapshot, struct rkv_snapshot_meta *meta,
                                      struct rkv_error *error);
enum rkv_status broken_snapshot_read(void *snapshot, size_t max, struct rkv_buf *chunk,
                                     struct rkv_error *error);
void broken_snapshot_end(void *snapshot);
enum rkv_status broken_restore_begin(void *sm, const struct rkv_snapshot_meta *meta, void **restore,
                                     struct rkv_error *error);
enum rkv_status broken_restore_write(void *restore, struct rkv_buf chunk, struct rkv_error *error);
enum rkv_status broken_restore_check(void *restore, struct rkv_error *error);
enum rkv_status broken_restore_finish(void *restore, struct rkv_error *error);
void broken_restore_abort(void *restore);

/* Likewise (broken_sm_words.c). It has no instance: the fault is that of the last one opened. */
enum rkv_status broken_describe(struct rkv_buf command, char *text, size_t size,
                                struct rkv_error *error);
void broken_describe_as(enum sm_fault fault);

#endif
