/* peer_snapshot.c: send_snapshot_*: the node's steps of sending one snapshot.
 *
 * Never to be sent to nodes of OpenRaft's HEAD: a snapshot of a higher term than the leader's, or
 * not beyond what they committed; that is the node's duty. */
#include <raft-wire/wire/codec.h>
#include "peer_stream.h"

#include <inttypes.h>

static void refuse(struct rkv_snapshot_call *call, enum rkv_status status,
                   const struct rkv_error *error) {
  call->stream = NULL;
  call->call.done(&call->call, status, error);
}

void peer_send_snapshot_begin(void *peer, struct rkv_snapshot_call *call) {
  struct peer *p = peer;
  struct stream *s;
  struct rkv_error error;
  grpc_slice slice = grpc_empty_slice();
  enum rkv_status status;
  if (!transport_outbound_begin(p->t)) {
    (void)rkv_fail(&error, RKV_CANCELLED, "the transport stops");
    refuse(call, RKV_CANCELLED, &error);
    return;
  }
  if ((status = codec_snapshot_meta_encode(call->vote, &call->meta, &slice, &error))) goto fail;
  if (!(s = stream_new(p, call))) {
    status = rkv_fail(&error, RKV_NO_MEMORY, "snapshot: no memory");
    goto fail;
  }
  if ((status = stream_open(s))) {
    (void)rkv_fail(&error, status, "snapshot: peer %" PRIu64 " is closed", p->id);
    goto fail;
  }
  stream_send(s, grpc_raw_byte_buffer_create(&slice, 1));
  grpc_slice_unref(slice);
  return;
fail:
  grpc_slice_unref(slice);
  refuse(call, status, &error);
  transport_outbound_end(p->t);
}

void peer_send_snapshot_write(void *peer, struct rkv_snapshot_call *call) {
  struct stream *s = call->stream;
  grpc_byte_buffer *message;
  (void)peer; /* the stream knows it */
  if (!stream_step(s, call, WRITE)) return;
  if (codec_snapshot_chunk_encode(call->chunk, &message, NULL) != RKV_OK)
    stream_give_up(s, "the sender has no memory");
  else
    stream_send(s, message);
}

void peer_send_snapshot_finish(void *peer, struct rkv_snapshot_call *call) {
  (void)peer; /* the stream knows it */
  if (stream_step(call->stream, call, FINISH)) stream_send(call->stream, NULL);
}

void peer_send_snapshot_abort(void *peer, struct rkv_snapshot_call *call) {
  (void)peer; /* the stream knows it */
  (void)stream_step(call->stream, call, ABORT);
}
