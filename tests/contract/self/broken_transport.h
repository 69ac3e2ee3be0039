/* broken_transport.h: what the files of a transport broken on purpose share. */
#ifndef CONTRACT_BROKEN_TRANSPORT_H
#define CONTRACT_BROKEN_TRANSPORT_H

#include "good.h"

#include <pthread.h>
#include <stdatomic.h>

/* X(name): the faults; variants.txt says what each is and which law catches it. */
#define TRANSPORT_FAULT_LIST(X)                                                                    \
  X(none)                                                                                          \
  X(told_twice)                                                                                    \
  X(timeout_not_told)                                                                              \
  X(cancel_not_told)                                                                               \
  X(cancel_is_unavailable)                                                                         \
  X(deadline_ignored)                                                                              \
  X(answers_crossed)                                                                               \
  X(appends_swapped)                                                                               \
  X(transfer_lost)                                                                                 \
  X(commit_lost)                                                                                   \
  X(kind_lost)                                                                                     \
  X(large_entry_cut)                                                                               \
  X(partial_is_whole)                                                                              \
  X(rejection_loses_vote)                                                                          \
  X(promise_lost)                                                                                  \
  X(promise_is_own)                                                                                \
  X(difference_lost)                                                                               \
  X(digest_lost)                                                                                   \
  X(one_more_matched)                                                                              \
  X(chunk_lost)                                                                                    \
  X(abort_finishes)                                                                                \
  X(snapshot_membership_lost)                                                                      \
  X(snapshot_vote_lost)                                                                            \
  X(lease_is_linearizable)                                                                         \
  X(leader_lost)                                                                                   \
  X(refusal_is_ok)                                                                                 \
  X(incarnation_lost)                                                                              \
  X(sender_lost)                                                                                   \
  X(hello_untold)                                                                                  \
  X(one_connection_closes_all)                                                                     \
  X(sulks)                                                                                         \
  X(touched_after_done)                                                                            \
  X(never_kicks)                                                                                   \
  X(kicks_in_done)                                                                                 \
  X(kicks_after_stop)                                                                              \
  X(stop_returns_at_once)                                                                          \
  X(starts_in_open)                                                                                \
  X(taken_is_io)                                                                                   \
  X(any_address)                                                                                   \
  X(few_peers)                                                                                     \
  X(few_streams)                                                                                   \
  X(squeezed_entry_cut)                                                                            \
  X(squeezed_chunk_cut)                                                                            \
  X(squeezed_command_cut)                                                                          \
  X(open_leaks)                                                                                    \
  X(one_way)                                                                                       \
  X(shy_of_strangers)                                                                              \
  X(fails_without_text)                                                                            \
  X(fails_otherwise)                                                                               \
  X(command_cut)                                                                                   \
  X(result_lost)                                                                                   \
  X(command_id_made_up)                                                                            \
  X(reads_are_local)                                                                               \
  X(lease_is_local)                                                                                \
  X(response_cut)                                                                                  \
  X(retain_lost)                                                                                   \
  X(answering_lost)                                                                                \
  X(learner_swapped)                                                                               \
  X(change_id_lost)                                                                                \
  X(target_lost)                                                                                   \
  X(last_of_metrics_lost)                                                                          \
  X(method_renamed)                                                                                \
  X(aborted_is_unavailable)                                                                        \
  X(client_text_lost)                                                                              \
  X(client_answers_crossed)                                                                        \
  X(client_told_twice)                                                                             \
  X(client_timeout_is_unavailable)                                                                 \
  X(client_deadline_ignored)                                                                       \
  X(client_cancel_not_told)                                                                        \
  X(client_cancel_is_aborted)

enum transport_fault {
#define TRANSPORT_FAULT_ENUM(name) FAULT_##name,
  TRANSPORT_FAULT_LIST(TRANSPORT_FAULT_ENUM)
#undef TRANSPORT_FAULT_ENUM
};

struct broken_peer;

/* Strangers, as broken_guests.c sees them. */
struct broken_guests {
  struct rkv_host host;   /* what the good plugin has */
  struct rkv_metric open; /* connections */
  pthread_t watcher;
  bool watched;
  atomic_bool over, shy;
};

struct broken {
  const struct rkv_host *host;
  const struct rkv_node_api *node;
  struct rkv_node_api own_node; /* what the good plugin calls */
  enum transport_fault fault;
  const struct rkv_transport_ops *good;
  struct good from;
  void *it;
  pthread_mutex_t lock; /* guards the peers and what is in them */
  struct broken_peer *peers;
  unsigned peer_count;
  struct broken_guests guests;
  atomic_bool asked; /* by another node, for its vote */
  bool waited;       /* for that */
  pthread_t stopper;
  bool stopping_beside;
};

struct broken_peer {
  struct broken *b;
  struct broken_peer *next;
  void *good;
  bool closed, sulks;
  unsigned appends, writes, votes, streams, flying /* calls of clients */;
  void *held; /* an append that waits for the next one */
  struct rkv_vote before;
  struct rkv_buf result; /* of the command before */
};

/* Of broken_guests.c: the good plugin's host; the look at strangers, which ends before close. */
const struct rkv_host *broken_host(struct broken *b);
void broken_guests_begin(struct broken *b);
void broken_guests_end(struct broken *b);

/* As in struct rkv_transport_ops, from send_vote on (broken_calls.c). */
void broken_vote(void *peer, struct rkv_vote_call *call);
void broken_pre_vote(void *peer, struct rkv_vote_call *call);
void broken_append(void *peer, struct rkv_append_call *call);
void broken_timeout_now(void *peer, struct rkv_timeout_now_call *call);
void broken_read_index(void *peer, struct rkv_read_index_call *call);
void broken_hello(void *peer, struct rkv_hello_call *call);
void broken_snapshot_begin(void *peer, struct rkv_snapshot_call *call);
void broken_snapshot_write(void *peer, struct rkv_snapshot_call *call);
void broken_snapshot_finish(void *peer, struct rkv_snapshot_call *call);
void broken_snapshot_abort(void *peer, struct rkv_snapshot_call *call);
void broken_propose(void *peer, struct rkv_propose_call *call);
void broken_query(void *peer, struct rkv_query_call *call);
void broken_init(void *peer, struct rkv_init_call *call);
void broken_add_learner(void *peer, struct rkv_membership_call *call);
void broken_change_membership(void *peer, struct rkv_membership_call *call);
void broken_remove(void *peer, struct rkv_membership_call *call);
void broken_set_address(void *peer, struct rkv_membership_call *call);
void broken_transfer(void *peer, struct rkv_transfer_call *call);
void broken_snapshot_now(void *peer, struct rkv_snapshot_now_call *call);
void broken_metrics(void *peer, struct rkv_metrics_call *call);
void broken_admin(void *peer, struct rkv_admin_call *call);

#endif
