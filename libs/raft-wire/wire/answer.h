/* answer.h: how a call of the wire ends: the status, text and metadata of a refusal, or a message.
 *
 * One struct per open call; what the last batch points to stays in it until that batch has come
 * back. */
#ifndef WIRE_ANSWER_H
#define WIRE_ANSWER_H

#include <grpc/grpc.h>
#include <rkv/rkv.h>

#define ANSWER_LEADER_KEY "x-openraft-leader-endpoint"
#define ANSWER_LIMIT_KEY "rkv-message-max" /* bytes that a request may have */
/* Marks UNAVAILABLE or CANCELLED that come from the node itself, which did nothing, and not from a
 * broken connection. */
#define ANSWER_REFUSED_KEY "rkv-refused"
#define ANSWER_OPS_MAX 4

struct answer {
  grpc_byte_buffer *message; /* with OK: given */
  grpc_slice details;
  grpc_metadata trailer; /* trailing metadata */
  size_t trailer_count;  /* 0 or 1 */
  grpc_status_code code;
  int cancelled; /* RECV_CLOSE_ON_SERVER writes it */
};

/* What a client sees for a status of ours. */
grpc_status_code answer_code(enum rkv_status status);

/* The answer is OK with one message; the slice is given. */
void answer_ok(struct answer *a, grpc_slice message);

/* The answer is OK without a message and names the limit that a request was over: what a stream
 * ends with instead of a refusal, which OpenRaft's streams have no word for. */
void answer_over_limit(struct answer *a, uint64_t limit);

/* The answer is a refusal. `error` may be NULL: then the status speaks. */
void answer_refusal(struct answer *a, enum rkv_status status, const struct rkv_error *error);

/* The ops that send it: initial metadata (if `initial`), message, status. Returns their count. */
size_t answer_ops(struct answer *a, bool initial, grpc_op ops[ANSWER_OPS_MAX]);

/* After the batch came back: frees what the answer held and empties it. */
void answer_end(struct answer *a);

#endif
