/* answer.c: statuses of the ABI as gRPC statuses, and the ops that end a call. */
#include "wire/answer.h"

#include <grpc/byte_buffer.h>
#include <grpc/slice.h>

#include <inttypes.h>

grpc_status_code answer_code(enum rkv_status status) {
  switch (status) {
  case RKV_OK: return GRPC_STATUS_OK;
  case RKV_INVALID: return GRPC_STATUS_INVALID_ARGUMENT;
  case RKV_NOT_LEADER: return GRPC_STATUS_UNAVAILABLE;
  case RKV_NOT_FOUND: return GRPC_STATUS_NOT_FOUND;
  case RKV_TOO_LARGE: return GRPC_STATUS_OUT_OF_RANGE; /* not 8: a d6 leader splits on 11 only */
  case RKV_FULL:
  case RKV_NO_MEMORY: return GRPC_STATUS_RESOURCE_EXHAUSTED;
  case RKV_PRECONDITION:
  case RKV_FOREIGN: return GRPC_STATUS_FAILED_PRECONDITION;
  case RKV_ABORTED: return GRPC_STATUS_ABORTED;
  case RKV_UNAVAILABLE:
  case RKV_ADDRESS: return GRPC_STATUS_UNAVAILABLE;
  case RKV_TIMEOUT: return GRPC_STATUS_DEADLINE_EXCEEDED;
  case RKV_CANCELLED: return GRPC_STATUS_CANCELLED;
  case RKV_UNIMPLEMENTED: return GRPC_STATUS_UNIMPLEMENTED;
  case RKV_NO_SPACE: /* not 8: whatever was being written may be there, and "full" means not */
  case RKV_IO:
  case RKV_CORRUPT:
  case RKV_BROKEN: return GRPC_STATUS_INTERNAL;
  }
  return GRPC_STATUS_UNKNOWN;
}

void answer_ok(struct answer *a, grpc_slice message) {
  a->code = GRPC_STATUS_OK;
  a->message = grpc_raw_byte_buffer_create(&message, 1);
  a->details = grpc_empty_slice();
  a->trailer_count = 0;
  grpc_slice_unref(message);
}

void answer_over_limit(struct answer *a, uint64_t limit) {
  char text[24];
  (void)snprintf(text, sizeof text, "%" PRIu64, limit);
  answer_end(a);
  a->trailer.key = grpc_slice_from_static_string(ANSWER_LIMIT_KEY);
  a->trailer.value = grpc_slice_from_copied_string(text);
  a->trailer_count = 1;
}

/* OpenRaft's clients look for the prefix in the text and for the endpoint in the metadata. */
static void refer_to_leader(struct answer *a, const struct rkv_error *error) {
  char text[RKV_ADDR_MAX + 96];
  const char *addr = error ? error->leader_addr : "";
  const uint64_t id = error ? error->leader_id : 0;
  if (addr[0] != '\0') {
    (void)snprintf(text, sizeof text, "has to forward request to: node %" PRIu64 " at %s", id,
                   addr);
    a->trailer.key = grpc_slice_from_static_string(ANSWER_LEADER_KEY);
    a->trailer.value = grpc_slice_from_copied_string(addr);
    a->trailer_count = 1;
  } else if (id != 0) {
    (void)snprintf(text, sizeof text,
                   "has to forward request to: node %" PRIu64 ", whose address is not known here",
                   id);
  } else {
    (void)snprintf(text, sizeof text,
                   "has to forward request to: unknown (no leader is known now, try again)");
  }
  a->details = grpc_slice_from_copied_string(text);
}

/* Codes that a broken connection ends with too: only the node's own say that nothing was done. */
static void mark_refused(struct answer *a) {
  if (a->code != GRPC_STATUS_UNAVAILABLE && a->code != GRPC_STATUS_CANCELLED) return;
  a->trailer.key = grpc_slice_from_static_string(ANSWER_REFUSED_KEY);
  a->trailer.value = grpc_slice_from_static_string("1");
  a->trailer_count = 1;
}

void answer_refusal(struct answer *a, enum rkv_status status, const struct rkv_error *error) {
  a->code = answer_code(status);
  a->message = NULL;
  a->trailer_count = 0;
  if (status == RKV_NOT_LEADER)
    refer_to_leader(a, error);
  else if (error && error->text[0] != '\0')
    a->details = grpc_slice_from_copied_string(error->text);
  else
    a->details = grpc_slice_from_static_string(rkv_status_name(status));
  if (a->trailer_count == 0) mark_refused(a);
}

size_t answer_ops(struct answer *a, bool initial, grpc_op ops[ANSWER_OPS_MAX]) {
  size_t n = 0;
  memset(ops, 0, ANSWER_OPS_MAX * sizeof ops[0]);
  if (initial) ops[n++].op = GRPC_OP_SEND_INITIAL_METADATA;
  if (a->message) {
    ops[n].op = GRPC_OP_SEND_MESSAGE;
    ops[n++].data.send_message.send_message = a->message;
  }
  ops[n].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
  ops[n].data.send_status_from_server.status = a->code;
  ops[n].data.send_status_from_server.status_details = &a->details;
  ops[n].data.send_status_from_server.trailing_metadata = &a->trailer;
  ops[n++].data.send_status_from_server.trailing_metadata_count = a->trailer_count;
  return n;
}

void answer_end(struct answer *a) {
  if (a->message) grpc_byte_buffer_destroy(a->message);
  grpc_slice_unref(a->details);
  if (a->trailer_count > 0) grpc_slice_unref(a->trailer.value);
  memset(a, 0, sizeof *a);
}
