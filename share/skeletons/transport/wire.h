/* wire.h: calls as frames, and frames over a socket. A leaf: it knows no node and no connection.
 *
 * A frame, all numbers little-endian: u32 length of what follows, u64 id, u8 kind, then
 *   a request  u64 patience (ns, 0: none), u8 whether an envelope follows, the envelope
 *   an answer  u32 status and, unless it is 0 (RKV_OK), u64 leader, text leader's address, text why,
 *              and nothing more. It has its request's id, and WIRE_ANSWER in its kind.
 * and the fields of the call in the order of wire.c. Texts and bytes: u32 length, bytes. */
#ifndef WIRE_H
#define WIRE_H

#include <netinet/in.h>
#include <rkv/rkv.h>

#define WIRE_LENGTH 4
#define WIRE_FRAME_MAX (16u << 20) /* bytes of a frame behind its length */
#define WIRE_ANSWER 0x80u

/* X(NAME, number on the wire, call struct, node's function): what nodes ask each other, in the
 * order of struct rkv_transport_ops, and what clients ask. */
#define WIRE_PEER_LIST(X)                                                                          \
  X(VOTE, 2, rkv_vote_call, vote)                                                                  \
  X(APPEND, 4, rkv_append_call, append)                                                            \
  X(SNAPSHOT_BEGIN, 5, rkv_snapshot_call, snapshot_begin)                                          \
  X(SNAPSHOT_WRITE, 6, rkv_snapshot_call, snapshot_write)                                          \
  X(SNAPSHOT_FINISH, 7, rkv_snapshot_call, snapshot_finish)                                        \
  X(SNAPSHOT_ABORT, 8, rkv_snapshot_call, snapshot_abort)                                          \
  X(PRE_VOTE, 3, rkv_vote_call, pre_vote)                                                          \
  X(TIMEOUT_NOW, 9, rkv_timeout_now_call, timeout_now)                                             \
  X(READ_INDEX, 10, rkv_read_index_call, read_index)                                               \
  X(HELLO, 1, rkv_hello_call, hello)
#define WIRE_CLIENT_LIST(X)                                                                        \
  X(PROPOSE, 11, rkv_propose_call, propose)                                                        \
  X(QUERY, 12, rkv_query_call, query)                                                              \
  X(INIT, 13, rkv_init_call, init)                                                                 \
  X(ADD_LEARNER, 14, rkv_membership_call, add_learner)                                             \
  X(CHANGE_MEMBERSHIP, 15, rkv_membership_call, change_membership)                                 \
  X(METRICS, 16, rkv_metrics_call, metrics)                                                        \
  X(TRANSFER, 17, rkv_transfer_call, transfer)                                                     \
  X(SNAPSHOT_NOW, 18, rkv_snapshot_now_call, snapshot_now)

#define WIRE_ENUM(name, number, type, function) WIRE_##name = number,
enum wire_kind { WIRE_PEER_LIST(WIRE_ENUM) WIRE_CLIENT_LIST(WIRE_ENUM) };
#define WIRE_MEMBER(name, number, type, function) struct type function;
union wire_call { /* room for a call of any kind */
  struct rkv_call call;
  WIRE_PEER_LIST(WIRE_MEMBER) WIRE_CLIENT_LIST(WIRE_MEMBER)
};

/* What stands in front of a call's own fields. */
struct wire_head {
  uint64_t id, patience_ns;
  uint32_t kind; /* with WIRE_ANSWER: an answer */
  bool enveloped;
  struct rkv_envelope envelope;
  struct rkv_error error; /* its status may be RKV_OK */
};

/* Bytes that leave through a socket, [0, sent) have; zeros: none. */
struct wire_out {
  uint8_t *data;
  size_t sent, len, capacity;
};

/* Puts a frame behind what waits. An append is cut behind the last entry that fits; buffers that a
 * call gives are dropped in any case. Errors: RKV_TOO_LARGE, RKV_NO_MEMORY: nothing was put. */
enum rkv_status wire_write(struct wire_out *out, struct wire_head *head, union wire_call *call);
bool wire_send(struct wire_out *out, int fd); /* false: the connection is over */

struct wire_in { /* a frame that comes in; zeros: none */
  uint8_t length[WIRE_LENGTH], *room;
  size_t got;
  struct rkv_buf frame;
};

/* 1: *frame came, the caller's to drop; 0: there is no more for now; -1: the connection is over. */
int wire_receive(struct wire_in *in, int fd, const struct rkv_host *host, struct rkv_buf *frame);

/* The head, then the rest, of which buffers are slices: hold the frame. *held: an allocation that
 * the call points to, the caller's to free. Errors: RKV_CORRUPT, RKV_NO_MEMORY, RKV_UNIMPLEMENTED
 * for a kind that wire.c does not know. */
enum rkv_status wire_read_head(struct rkv_buf *frame, struct wire_head *head);
enum rkv_status wire_read_call(struct rkv_buf frame, const struct wire_head *head,
                               union wire_call *call, void **held);

/* Reads a numeric HOST:PORT of IPv4; false: it is none. */
bool wire_address(const char *text, struct sockaddr_in *addr);
/* A new one that does not block; a peer that dies without a word is noticed. -1: none, see errno. */
int wire_socket(void);

#endif
