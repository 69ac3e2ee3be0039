/* service_append.c: RaftService.StreamAppend: appends of a leader. */
#include <raft-wire/wire/codec.h>
#include "inflow.h"

#include <stdlib.h>

#define APPENDS_MAX 64              /* of one stream that are not answered */
#define APPEND_BYTES_MAX (16 * MIB) /* of these, the last one not counted */
#define APPEND_STREAMS_MAX 1024     /* open at once */

struct append {
  struct inflow_request head; /* first */
  struct rkv_append_call node;
};

static enum rkv_status append_read(struct inflow *f, struct rkv_buf bytes,
                                   struct inflow_request **out, struct rkv_error *error) {
  struct append *a = calloc(1, sizeof *a);
  enum rkv_status status;
  (void)f;
  if (!a) return rkv_fail(error, RKV_NO_MEMORY, "no memory for a request");
  status = codec_append_request_decode(bytes, &a->node, error);
  if (status != RKV_OK) {
    free(a);
    return status;
  }
  a->head.len = bytes.len;
  *out = &a->head;
  return RKV_OK;
}

/* Conflict and rejection are answers, but nothing behind them was stored: the stream ends. */
static void append_done(struct rkv_call *call, enum rkv_status status,
                        const struct rkv_error *error) {
  struct append *a = (struct append *)(void *)((char *)call - offsetof(struct append, node));
  const bool answered = status == RKV_OK;
  const bool ends = !answered || a->node.result != RKV_APPEND_SUCCESS;
  grpc_slice answer = grpc_empty_slice();
  if (answered) answer = codec_append_stream_answer_encode(&a->node);
  codec_append_request_free(&a->node);
  inflow_done(&a->head, answered ? &answer : NULL, ends, status, error);
}

static void append_hand_in(struct inflow_request *r) {
  struct append *a = (struct append *)r;
  struct inflow *f = r->flow;
  a->node.call.abi_minor = RKV_ABI_MINOR;
  a->node.call.done = append_done;
  a->node.call.deadline_ns = f->deadline_ns;
  a->node.call.envelope = f->enveloped ? &f->envelope : NULL;
  f->t->node->append(f->t->node->ctx, &a->node);
}

const struct inflow_kind service_append = {
    .path = "/openraftpb.RaftService/StreamAppend",
    .name = "append stream",
    .streams_max = APPEND_STREAMS_MAX,
    .requests_max = APPENDS_MAX,
    .bytes_max = APPEND_BYTES_MAX,
    .patient = true,
    .of_peers = true,
    .read = append_read,
    .hand_in = append_hand_in,
};
