/* wire.h: requests and answers as bytes: one walk per kind, which writes or reads. A leaf.
 *
 * A frame, all numbers little-endian: u32 length of what follows, u64 id, u8 kind, body. An answer
 * has the id of its request and the kind with WIRE_ANSWER set. A request's body begins with
 * u64 patience (ns, 0 = none) and u8 whether an envelope follows; an answer's with u32 status and,
 * unless it is 0 (RKV_OK), u64 leader, text leader's address, text why, and nothing more. Then the
 * fields of the call in the order of wire.c. Texts and bytes: u32 length, bytes. */
#ifndef WIRE_H
#define WIRE_H

#include <rkv/rkv.h>

#define WIRE_LENGTH 4     /* bytes of the length in front of a frame */
#define WIRE_FRAME_MIN 9  /* bytes of a frame without a body */
#define WIRE_ANSWER 0x80u /* in the kind */
#define WIRE_ENTRY 28     /* bytes of an entry beside its payload */
#define WIRE_HEAD_MAX 512 /* bytes of an append's frame beside its entries, at most */

/* X(NAME, number, call struct, node's function and its name in a log). Numbers are on the wire. */
#define WIRE_KIND_LIST(X)                                                                          \
  X(HELLO, 1, rkv_hello_call, hello)                                                               \
  X(VOTE, 2, rkv_vote_call, vote)                                                                  \
  X(PRE_VOTE, 3, rkv_vote_call, pre_vote)                                                          \
  X(APPEND, 4, rkv_append_call, append)                                                            \
  X(SNAPSHOT_BEGIN, 5, rkv_snapshot_call, snapshot_begin)                                          \
  X(SNAPSHOT_WRITE, 6, rkv_snapshot_call, snapshot_write)                                          \
  X(SNAPSHOT_FINISH, 7, rkv_snapshot_call, snapshot_finish)                                        \
  X(SNAPSHOT_ABORT, 8, rkv_snapshot_call, snapshot_abort)                                          \
  X(TIMEOUT_NOW, 9, rkv_timeout_now_call, timeout_now)                                             \
  X(READ_INDEX, 10, rkv_read_index_call, read_index)                                               \
  X(PROPOSE, 11, rkv_propose_call, propose)                                                        \
  X(QUERY, 12, rkv_query_call, query)                                                              \
  X(INIT, 13, rkv_init_call, init)                                                                 \
  X(ADD_LEARNER, 14, rkv_membership_call, add_learner)                                             \
  X(CHANGE_MEMBERSHIP, 15, rkv_membership_call, change_membership)                                 \
  X(METRICS, 16, rkv_metrics_call, metrics)                                                        \
  X(TRANSFER, 17, rkv_transfer_call, transfer)                                                     \
  X(SNAPSHOT_NOW, 18, rkv_snapshot_now_call, snapshot_now)

enum wire_kind {
#define WIRE_ENUM(name, number, type, function) WIRE_##name = number,
  WIRE_KIND_LIST(WIRE_ENUM)
#undef WIRE_ENUM
};

/* Room for a call of any kind. */
union wire_call {
  struct rkv_call call; /* the first member of each */
#define WIRE_MEMBER(name, number, type, function) struct type function;
  WIRE_KIND_LIST(WIRE_MEMBER)
#undef WIRE_MEMBER
};

/* Bytes that grow; zeros: none. */
struct wire_bytes {
  uint8_t *data;
  size_t len, capacity;
};

/* One walk over one frame. Reading, buffers are slices of the frame: hold it as long as they are
 * used. */
struct wire {
  struct wire_bytes *out; /* writing: where to; NULL: reading */
  struct rkv_buf frame;   /* reading: what is left of it */
  void *held;             /* reading: an allocation that the call points to, the caller's to free */
  bool bad;               /* reading: the bytes make no sense; writing: no memory */
};

/* Writes the frame's beginning behind what is in *out. */
struct wire wire_begin(struct wire_bytes *out, uint64_t id, uint32_t kind);

/* Ends the frame that began at `start` (out->len before wire_begin). False: it is over `frame_max`
 * or there is no memory; then it is taken back. */
bool wire_end(struct wire *w, size_t start, size_t frame_max);

/* The fields of a call, either direction. `stream` names the snapshot stream of a later step.
 * Reading: what the walk does not find sets w->bad. */
void wire_request(struct wire *w, uint32_t kind, union wire_call *call, uint64_t *stream);
void wire_answer(struct wire *w, uint32_t kind, union wire_call *call);
void wire_error(struct wire *w, struct rkv_error *error);
void wire_envelope(struct wire *w, struct rkv_envelope *envelope);
void wire_u64(struct wire *w, uint64_t *value);
void wire_u32(struct wire *w, uint32_t *value);
void wire_bool(struct wire *w, bool *value);

#endif
