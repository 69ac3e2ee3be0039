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
  X(node_id_in_state)                                                                              \
  X(address_in_state)                                                                              \
  X(clock_in_state)                                                                                \
  X(date_in_state)                                                                                 \
  X(chance_in_state)                                                                               \
  X(pid_in_state)                                                                                  \
  X(zone_in_state)                                                                                 \
  X(locale_in_state)                                                                               \
  X(memory_in_state)                                                                               \
  X(count_beside)                                                                                  \
  X(tally_beside)                                                                                  \
  X(large_after_restore_lost)                                                                      \
  X(many_after_restore_lost)                                                                       \
  X(delete_after_restore_lost)                                                                     \
  X(idle_leaks)                                                                                    \
  X(unapplied_leaks)                                                                               \
  X(empty_is_refused)                                                                              \
  X(applied_lags)                                                                                  \
  X(end_of_batch_unanswered)                                                                       \
  X(entry_kept)                                                                                    \
  X(validate_takes_odd)                                                                            \
  X(stale_to_others)                                                                               \
  X(byte_wishes_end)                                                                               \
  X(end_of_4096_lost)                                                                              \
  X(view_moves_for_others)                                                                         \
  X(begun_view_leaks)                                                                              \
  X(run_is_broken)                                                                                 \
  X(second_restore_ignored)                                                                        \
  X(nothing_is_whole)                                                                              \
  X(damage_clears)                                                                                 \
  X(restore_by_one_thread)                                                                         \
  X(long_membership_lost)                                                                          \
  X(many_are_copied)                                                                               \
  X(restores_clash)                                                                                \
  X(membership_of_view)                                                                            \
  X(remembers_last)                                                                                \
  X(past_beside)                                                                                   \
  X(past_asked)                                                                                    \
  X(digest_of_batches)                                                                             \
  X(digest_of_node)                                                                                \
  X(digest_misses_restore)                                                                         \
  X(digest_of_nothing)                                                                             \
  X(digest_is_narrow)                                                                              \
  X(unchecked)                                                                                     \
  X(checked_in_part)                                                                               \
  X(sum_of_bytes)                                                                                  \
  X(smaller_ones_end)                                                                              \
  X(open_leaks)                                                                                    \
  X(fails_without_text)                                                                            \
  X(fails_otherwise)

enum sm_fault {
#define SM_FAULT_ENUM(name) FAULT_##name,
  SM_FAULT_LIST(SM_FAULT_ENUM)
#undef SM_FAULT_ENUM
};

enum { BROKEN_BUFFER_BYTES = 4096, BROKEN_PLACE_BYTES = 128 };

/* What the faults of broken_sm_exact.c go by. */
struct exact {
  bool validated, used; /* asked to validate; asked anything else */
  bool lags, refused;   /* the last batch was one blank entry; a restore did not end well */
  struct rkv_log_id last, previous; /* applied */
  struct rkv_log_id before;         /* applied by an instance that was closed before */
  const struct rkv_entry *kept;     /* the last one, in the caller's array */
  pthread_t applier;
  bool has_applier;
  size_t finished; /* restores */
  uint64_t past;   /* commands before the first restore */
};

/* The whole bytes of a view or a restore (broken_sm_sum.c). */
struct sum {
  uint8_t *bytes;
  size_t len, at;
  bool filled;
};

struct exact_restore {
  pthread_t thread;
  size_t finished; /* restores, when this one began */
  size_t bytes;
  bool empty, ignored;
};

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
  uint64_t commands; /* since open: in no snapshot; under `lock` */
  struct exact exact;
  bool restored;
  uint64_t since;           /* commands since the last restore; of the applier */
  uint64_t batches, missed; /* of the digest */
};

/* The good machine's digest. */
uint64_t broken_good_digest(struct broken *b);

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
/* The state is gone, and every number too. */
void broken_clear(struct broken *b);

/* Of broken_sm_place.c: what is made of an entry, whose bytes may then be `bytes`; of the answer to
 * a command; and of the answer to a question, under `lock`. */
void broken_place(struct broken *b, struct rkv_entry *entry, uint8_t bytes[BROKEN_PLACE_BYTES]);
void broken_count(struct broken *b, struct rkv_buf *answer);
/* True if the fault loses this command because the machine was restored before. */
bool broken_loses(struct broken *b, const struct rkv_entry *entry);
void broken_tell_count(struct broken *b, struct rkv_buf *answer);

/* Of broken_sm_exact.c: called where they say. */
void exact_opened(struct broken *b);
void exact_closing(struct broken *b);
void exact_described(void);
void exact_applied(struct broken *b, const struct rkv_entry *entries, size_t count,
                   struct rkv_buf *results);
void exact_says(struct broken *b, struct rkv_snapshot_meta *meta);
bool exact_is_stale(const struct broken *b);
void exact_begun(struct broken *b, struct rkv_snapshot_meta *meta);
size_t exact_wish(const struct broken *b, size_t *wishes, size_t max);
void exact_restore_begun(struct broken *b, struct exact_restore *r, struct rkv_snapshot_meta *meta);
struct rkv_buf exact_chunk(const struct broken *b, struct exact_restore *r, struct rkv_buf chunk);
enum rkv_status exact_check(struct broken *b, struct exact_restore *r, enum rkv_status status,
                            struct rkv_error *error);
void exact_finished(struct broken *b, struct rkv_log_id last);
void exact_aborted(struct broken *b);

/* Of broken_sm_sum.c, in place of the good machine's, if the fault is one of them. */
bool sum_wanted(const struct broken *b);
uint64_t sum_inner(uint64_t size); /* bytes of a snapshot that are the good machine's */
enum rkv_status sum_read(struct broken *b, void *good, struct sum *sum, size_t max,
                         struct rkv_buf *chunk, struct rkv_error *error);
enum rkv_status sum_write(struct sum *sum, struct rkv_buf chunk, struct rkv_error *error);
/* Hands the bytes on to the good machine's restore if the sum allows that. */
enum rkv_status sum_check(struct broken *b, void *good, struct sum *sum, struct rkv_error *error);

/* Likewise (broken_sm_words.c). It has no instance: the fault is that of the last one opened. */
enum rkv_status broken_describe(struct rkv_buf command, char *text, size_t size,
                                struct rkv_error *error);
void broken_describe_as(enum sm_fault fault);

#endif
