/* kinds.h: what the inbox carries; a leaf. */
#ifndef NODE_KINDS_H
#define NODE_KINDS_H

/* X(NAME, handler, budget). The handler runs on the runner and owns the call. The budget
 * (NODE_BUDGET_LIST) counts the call while it waits; OWN: the call is not counted. */
#define NODE_KIND_LIST(X)                                                                          \
  X(PROPOSE, propose_on_call, CLIENT)                                                              \
  X(QUERY, read_on_call, CLIENT)                                                                   \
  X(METRICS, metrics_on_call, QUESTION)                                                            \
  X(INIT, change_on_init, ADMIN)                                                                   \
  X(ADD_LEARNER, change_on_add_learner, ADMIN)                                                     \
  X(REMOVE, correct_on_remove, ADMIN)                                                              \
  X(SET_ADDRESS, correct_on_set_address, ADMIN)                                                    \
  X(SWAP, swap_on_call, ADMIN)                                                                     \
  X(CHANGE_MEMBERSHIP, change_on_change, ADMIN)                                                    \
  X(VOTE, request_on_vote, VOTE)                                                                   \
  X(APPEND, request_on_append, APPEND)                                                             \
  X(SNAPSHOT_BEGIN, receive_on_begin, APPEND)                                                      \
  X(SNAPSHOT_WRITE, receive_on_write, OWN)                                                         \
  X(SNAPSHOT_FINISH, receive_on_finish, OWN)                                                       \
  X(SNAPSHOT_ABORT, receive_on_abort, OWN)                                                         \
  X(SNAPSHOT_STEPPED, receive_on_stepped, OWN)                                                     \
  X(SNAPSHOT_DROPPED, stream_on_dropped, OWN)                                                      \
  X(SNAPSHOT_INSTALLED, receive_on_installed, OWN)                                                 \
  X(SAVED, save_on_saved, OWN)                                                                     \
  X(VOTE_ANSWER, replicate_on_vote_answer, OWN)                                                    \
  X(APPEND_ANSWER, replicate_on_append_answer, OWN)                                                \
  X(PRE_VOTE, request_on_pre_vote, VOTE)                                                           \
  X(PRE_VOTE_ANSWER, replicate_on_pre_vote_answer, OWN)                                            \
  X(TIMEOUT_NOW, transfer_on_timeout_now, VOTE)                                                    \
  X(TIMEOUT_NOW_ANSWER, transfer_on_answer, OWN)                                                   \
  X(TRANSFER, transfer_on_call, ADMIN)                                                             \
  X(DRAIN, transfer_on_drain, OWN)                                                                 \
  X(READ_INDEX, read_on_index_call, READ_INDEX)                                                    \
  X(READ_INDEX_ANSWER, read_on_index_answer, OWN)                                                  \
  X(SNAPSHOT_NOW, build_on_now, ADMIN)                                                             \
  X(FETCHED, fetch_on_done, OWN)                                                                   \
  X(SNAPSHOT_BUILT, build_on_done, OWN)                                                            \
  X(SNAPSHOT_SEND, send_on_step, OWN)                                                              \
  X(HELLO, identity_on_hello, QUESTION)                                                            \
  X(GREETED, greet_on_answer, OWN)                                                                 \
  X(TENDED, tend_on_answer, OWN)

enum node_kind {
#define NODE_KIND_ENUM(name, handler, budget) NODE_##name,
  NODE_KIND_LIST(NODE_KIND_ENUM)
#undef NODE_KIND_ENUM
};

#endif
