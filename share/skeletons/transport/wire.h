/* wire.h: what each call says on the wire, a row each.
 *
 * A frame, all numbers little-endian: u32 length of what follows, u64 id, u8 kind, then
 *   a request  u64 patience (ns, 0: none), u8 whether an envelope follows, the envelope
 *   an answer  u32 status and, unless it is 0 (RKV_OK), u64 leader, text its address, text why, and
 *              nothing more; its id is the request's, its kind has WIRE_ANSWER.
 * and the fields of the call in the order of its row below. Texts and bytes: u32 length, bytes. */
#ifndef WIRE_H
#define WIRE_H

#include <rkv/rkv.h>

#define WIRE_ANSWER 0x80u
#define WIRE_LENGTH 4
#define WIRE_FRAME_MAX (16u << 20) /* bytes of a frame behind its length */

/* X(NAME, number on the wire, call struct, node's function, (request's fields), (answer's)): what
 * nodes ask each other, in the order of struct rkv_transport_ops, and what clients ask. Another
 * call or field is one more word here: a walk over the row writes and reads the frame. Fields are
 * members of union wire_call; link.c says how each goes over the wire. */
#define WIRE_PEER_LIST(X)                                                                          \
  X(VOTE, 2, rkv_vote_call, vote, (VOTE(vote.vote), NUMBER(vote.last), FLAG(vote.transfer)),       \
    (FLAG(vote.granted), VOTE(vote.voter_vote), NUMBER(vote.voter_last)))                          \
  X(APPEND, 4, rkv_append_call, append,                                                            \
    (VOTE(append.vote), NUMBER(append.prev), NUMBER(append.commit), AS(ENTRIES, append),           \
     NUMBER(append.digest_index), NUMBER(append.digest)),                                          \
    (UP_TO(RKV_APPEND_REJECTED, append.result), NUMBER(append.matched), VOTE(append.voter_vote),   \
     NUMBER(append.lease_ns), NUMBER(append.differs_at)))                                          \
  X(SNAPSHOT_BEGIN, 5, rkv_snapshot_call, snapshot_begin,                                          \
    (VOTE(snapshot_begin.vote), NUMBER(snapshot_begin.meta.last),                                  \
     NUMBER(snapshot_begin.meta.membership_id), AS(BYTES, snapshot_begin.meta.membership),         \
     NUMBER(snapshot_begin.meta.size), AS(TEXT, snapshot_begin.meta.id)),                          \
    SNAPSHOT_ANSWER)                                                                               \
  X(SNAPSHOT_WRITE, 6, rkv_snapshot_call, snapshot_write, (AS(BYTES, snapshot_write.chunk)),       \
    SNAPSHOT_ANSWER)                                                                               \
  X(SNAPSHOT_FINISH, 7, rkv_snapshot_call, snapshot_finish, (NOTHING), SNAPSHOT_ANSWER)            \
  X(SNAPSHOT_ABORT, 8, rkv_snapshot_call, snapshot_abort, (NOTHING), SNAPSHOT_ANSWER)              \
  X(PRE_VOTE, 3, rkv_vote_call, pre_vote,                                                          \
    (VOTE(vote.vote), NUMBER(vote.last), FLAG(vote.transfer)),                                     \
    (FLAG(vote.granted), VOTE(vote.voter_vote), NUMBER(vote.voter_last)))                          \
  X(TIMEOUT_NOW, 9, rkv_timeout_now_call, timeout_now,                                             \
    (VOTE(timeout_now.vote), NUMBER(timeout_now.last)), (NOTHING))                                 \
  X(READ_INDEX, 10, rkv_read_index_call, read_index,                                               \
    (UP_TO(RKV_READ_LINEARIZABLE, read_index.read)), (NUMBER(read_index.index)))                   \
  X(HELLO, 1, rkv_hello_call, hello, (NOTHING),                                                    \
    (NUMBER(hello.id), NUMBER(hello.cluster), NUMBER(hello.incarnation), NUMBER(hello.membership), \
     UP_TO(1, hello.names_asker)))
#define SNAPSHOT_ANSWER                                                                            \
  (NUMBER(snapshot_begin.chunk_max), FLAG(snapshot_begin.finished), VOTE(snapshot_begin.voter_vote))

/* What clients ask, and this transport carries in both directions, in the order of the operations
 * again; an answer's GIVEN field stands last. */
#define WIRE_ASKED_LIST(X)                                                                         \
  X(PROPOSE, 11, rkv_propose_call, propose, (AS(BYTES, propose.command)),                          \
    (NUMBER(propose.id), AS(GIVEN, propose.result)))                                               \
  X(QUERY, 12, rkv_query_call, query,                                                              \
    (AS(BYTES, query.request), UP_TO(RKV_READ_LINEARIZABLE, query.read)),                          \
    (AS(GIVEN, query.response)))                                                                   \
  X(INIT, 13, rkv_init_call, init, (AS(MEMBERSHIP, init.membership), UP_TO(1, init.answering)),    \
    (NOTHING))

/* Further questions of clients: a node answers them, but this transport asks none. */
#define WIRE_CLIENT_LIST(X)                                                                        \
  X(ADD_LEARNER, 14, rkv_membership_call, add_learner,                                             \
    (NUMBER(add_learner.learner.id), AS(TEXT, add_learner.learner.addr)),                          \
    (NUMBER(add_learner.id), AS(GIVEN, add_learner.membership)))                                   \
  X(CHANGE_MEMBERSHIP, 15, rkv_membership_call, change_membership,                                 \
    (UP_TO(RKV_NODES_MAX, change_membership.voters.count), NUMBER(change_membership.voters.ids),   \
     FLAG(change_membership.retain)),                                                              \
    (NUMBER(change_membership.id), AS(GIVEN, change_membership.membership)))                       \
  X(TRANSFER, 17, rkv_transfer_call, transfer, (NUMBER(transfer.target)), (NOTHING))               \
  X(SNAPSHOT_NOW, 18, rkv_snapshot_now_call, snapshot_now, (NOTHING), (NUMBER(snapshot_now.last))) \
  X(METRICS, 16, rkv_metrics_call, metrics, (NOTHING),                                             \
    (NUMBER(metrics.leader), AS(WORD, metrics.state), VOTE(metrics.vote), NUMBER(metrics.last),    \
     NUMBER(metrics.committed), NUMBER(metrics.applied), NUMBER(metrics.snapshot),                 \
     NUMBER(metrics.purged), AS(GIVEN, metrics.membership), AS(GIVEN, metrics.text)))

#define WIRE_CALL_LIST(X) WIRE_PEER_LIST(X) WIRE_ASKED_LIST(X) WIRE_CLIENT_LIST(X)

#define WIRE_ENUM(name, number, type, function, request, answer) WIRE_##name = number,
enum wire_kind { WIRE_CALL_LIST(WIRE_ENUM) };
#define WIRE_MEMBER(name, number, type, function, request, answer) struct type function;
union wire_call { /* room for a call of any kind */
  struct rkv_call call;
  WIRE_CALL_LIST(WIRE_MEMBER)
};

#define WIRE_IS_CLIENTS(kind) ((kind) >= WIRE_PROPOSE)
#define WIRE_IS_STEP(kind) ((kind) > WIRE_SNAPSHOT_BEGIN && (kind) <= WIRE_SNAPSHOT_ABORT)

/* The head of a frame, before the call's own fields. */
struct wire_head {
  uint64_t id, patience_ns;
  uint8_t kind; /* with WIRE_ANSWER: an answer */
  bool enveloped;
  struct rkv_envelope envelope;
  struct rkv_error error; /* its status may be RKV_OK */
};

#endif
