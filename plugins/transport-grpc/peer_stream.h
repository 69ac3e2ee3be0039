/* peer_stream.h: the client stream that carries one snapshot, under the steps of the node.
 *
 * (N1) One step of the node at a time (s->step); one message in flight, so that a slow receiver
 *      slows the reader of the snapshot down.
 * (N2) A stream is dead when its receive batch came back and no send is open: then its end is known
 *      and its gRPC call is gone. The node may learn of it only with its next step.
 * (N3) A stream is freed by whoever ends its last step, and only then: a send that is open
 *      (sending) or a step that is set keeps it.
 *
 * A stream that is broken off is cancelled as INTERNAL, and timed by our own tick: a receiver in
 * Rust takes CANCEL (which a deadline of the core's sends) for the end of the snapshot. A receiver
 * that answers OK before all was sent needs no more: what follows is dropped. */
#ifndef TRANSPORT_PEER_STREAM_H
#define TRANSPORT_PEER_STREAM_H

#include "peer_parts.h"

enum step { BEGIN, WRITE, FINISH, ABORT };

struct stream {
  struct peer_link link;
  struct tag sent, ended;
  struct peer *peer;
  grpc_byte_buffer *message; /* in flight */
  /* receive batch */
  grpc_byte_buffer *answer;
  grpc_metadata_array initial, trailing;
  grpc_status_code code;
  grpc_slice details;
  /* how it ended; set before `received` */
  struct rkv_vote vote;
  struct rkv_error error;
  enum rkv_status status;
  /* under the peer's mutex */
  struct stream *next; /* peer->streams */
  struct rkv_snapshot_call *step;
  enum step kind;
  uint64_t deadline_ns; /* of the step */
  size_t bytes;         /* of the last message */
  bool sending, send_failed, received, dead, timed_out, aborted, orphan;
};

/* With its first step set and listed; holds the peer. NULL: no memory. */
struct stream *stream_new(struct peer *peer, struct rkv_snapshot_call *call);
/* Opens its gRPC call. Errors: RKV_CANCELLED, RKV_BROKEN; the stream was freed then. */
enum rkv_status stream_open(struct stream *s);
/* Sets the next step. False: the stream is dead, the step was answered. */
bool stream_step(struct stream *s, struct rkv_snapshot_call *call, enum step kind);
/* Sends `message` (given), or the end of the stream if NULL. s->sending is set. */
void stream_send(struct stream *s, grpc_byte_buffer *message);
/* Instead of a send that cannot be: breaks the stream off. s->sending is set. */
void stream_give_up(struct stream *s, const char *why);

#endif
