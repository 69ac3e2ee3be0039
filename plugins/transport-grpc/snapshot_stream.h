/* snapshot_stream.h: one inbound snapshot stream from its slot to its last event.
 *
 * Everything runs on the poller; a done of the node only posts a tag.
 *
 * (G1) One message is asked for at a time, and the next only when the node has taken this one:
 *      that is the back-pressure.
 * (G2) Only a half-close that is proven installs a snapshot. A broken stream looks the same to
 *      RECV_MESSAGE (no message, ok), so initial metadata is sent then: on a stream that was reset
 *      the core fails it.
 * (G3) A stream has a place: among those whose meta is awaited, from a valid meta on a slot, until
 *      the node holds nothing of it any more.
 * (G4) `pending` counts batches and node steps under way; the stream is freed in one place, when
 *      it falls to 0, and not before the answer was sent. */
#ifndef TRANSPORT_SNAPSHOT_STREAM_H
#define TRANSPORT_SNAPSHOT_STREAM_H

#include "server.h"

enum stream_phase {
  STREAM_READING, /* waits for the sender */
  STREAM_IN_NODE, /* waits for the node */
  STREAM_PROVING, /* waits for the proof of the half-close (G2) */
  STREAM_ANSWERED,
};

enum stream_place { STREAM_NOWHERE, STREAM_AWAITED, STREAM_SLOT, STREAM_PLACES };

enum stream_step { STEP_BEGIN, STEP_WRITE, STEP_FINISH, STEP_ABORT };

struct stream {
  struct tag arrived, closed, received, proven, stepped, answered; /* one per kind of event */
  struct snapshots *owner;
  struct transport *t;
  struct stream *prev, *next; /* among the open ones */
  grpc_call *call;
  gpr_timespec deadline;
  grpc_metadata_array metadata;
  struct rkv_envelope envelope; /* what node.call.envelope borrows */
  grpc_byte_buffer *message;    /* RECV_MESSAGE writes it */
  int cancelled;                /* RECV_CLOSE_ON_SERVER writes it */
  unsigned pending;
  enum stream_phase phase;
  enum stream_place place; /* service_snapshot.c's (G3) */
  enum stream_step step;
  bool counted;      /* as an open inbound call */
  bool begun;        /* the node holds half a snapshot: finish or abort must follow */
  bool gone;         /* the call has ended for the core */
  bool overtaken;    /* its sender, or a newer leader, has begun another one */
  bool initial_sent; /* initial metadata */
  rkv_node_id overtaken_by;
  uint64_t idle_at; /* when it is too long ago that the sender said something of worth */
  struct answer answer;
  struct rkv_snapshot_call node;
  struct rkv_buf membership; /* what node.meta.membership borrows */
  struct rkv_buf message_bytes;
  struct rkv_buf rest; /* of the chunk, not written yet; borrowed from message_bytes */
  enum rkv_status step_status;
  struct rkv_error step_error;
};

/* A call has arrived in s->call: starts to read, or refuses it if status is not RKV_OK. */
void stream_begin(struct stream *s, enum rkv_status status, const struct rkv_error *error);

/* Gives up a stream: its place is needed. It waits for its sender's meta. */
void stream_evict(struct stream *s);

/* Gives up a stream as soon as the node is not at it: node `by` has begun another one. */
void stream_overtake(struct stream *s, rkv_node_id by);

/* Called each tick: gives up what is silent, and everything that waits when the node stops. */
void stream_tick(struct stream *s, uint64_t now_ns, bool draining);

/* service_snapshot.c: the last event has come; frees the stream. */
void snapshots_end(struct stream *s);
/* A valid meta has come: gives the stream a slot, and ends an older one of the same sender, or, if
 * there is no room, the one of the least vote if its own is greater. Errors: RKV_FULL. */
enum rkv_status snapshots_take_slot(struct stream *s, struct rkv_error *error);
/* Gives its place back, if it has one still. */
void snapshots_leave(struct stream *s);

#endif
