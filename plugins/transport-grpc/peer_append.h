/* peer_append.h: the appends of one peer: in their order, in as few messages as its limit allows,
 * each answered once.
 *
 * (A1) Appends whose order counts stand in the peer's lane. Of its first one entries [0, at) are
 *      stored by the peer. Messages on their way carry what follows without a gap, up to
 *      lane->unsent, of which [sent, entry_count) is still to be sent; nothing behind it was sent.
 * (A2) One carrier at a time: the pipe (peer_pipe.h) with many messages on their way, answered in
 *      their order; or, if the peer has no StreamAppend or its limit is to be asked for, one unary
 *      RPC with one message of the first append. What was on its way when a carrier ended without
 *      telling why is sent again by the next one (lane_rewind).
 * (A3) One answer for one call: conflict and rejection as they come; a stop after some parts were
 *      stored is a success up to there.
 * (A4) When the first append ends without being stored whole, all behind it end too. The peer
 *      lacks the entry that is their prev (log matching, paper 5.3), so they are answered as a
 *      CONFLICT of their own prev, which is true, and which sends the node back to what is known
 *      to match without the pause that it makes after a silence. Behind a rejection they are
 *      rejected by the same vote; behind a failure nothing is known, and they are UNAVAILABLE. Such
 *      answers are marked as inferred and carry no promise: the peer may never have heard of these
 *      appends, and what it said last it may have said before they were made.
 * (A5) An append without entries never waits for one with: while the lane holds any, and towards a
 *      peer without StreamAppend always, it goes beside the lane as a unary RPC.
 * (A6) A message larger than any that the peer has answered goes by unary RPC: a refusal is then
 *      an answer that names the limit. On a stream OpenRaft drops what is too large for it, takes
 *      the bytes behind it for further messages, and is silent for ever. Messages of up to
 *      PEER_FITS_MIN bytes and those planned for a limit that the peer named need no such proof.
 *
 * Everything in the lane changes under the peer's mutex, only the node is told without it: what has
 * ended leaves the lane first (struct ends). */
#ifndef TRANSPORT_PEER_APPEND_H
#define TRANSPORT_PEER_APPEND_H

#include <raft-wire/wire/codec.h>
#include "peer_parts.h"
#include <raft-wire/client/split.h>

#define PEER_APPENDS_MAX 1024 /* appends in a lane */
#define PEER_FITS_MIN 1024u   /* bytes; the limit of OpenRaft's example: no peer takes less */
/* More time for large messages, if the node set no limit. */
#define PEER_NS_PER_BYTE UINT64_C(250)

struct append {
  struct peer_unary rpc; /* first */
  struct rkv_append_call *call;
  struct append *next;     /* in the lane, or among what ended */
  size_t at, sent;         /* (A1) */
  size_t flying;           /* messages on their way */
  size_t count, bytes;     /* of the unary message on its way */
  uint64_t due_ns;         /* 0: nothing was sent and the node set no deadline */
  size_t *heads, *sizes;   /* struct split's, one allocation; NULL until a limit is known */
  struct limit limit;      /* what the parts were planned for */
  unsigned part, parts;    /* parts sent, parts in all; parts = 0: whole */
  enum rkv_log_level loud; /* level of this split's lines */
  enum rkv_status status;  /* how it ended */
};

/* One message of an append. */
struct message {
  grpc_byte_buffer *request;
  size_t count, bytes; /* entries; all of it */
};

/* Appends that have left the lane. `error` is the first one's, if that did not end with RKV_OK. */
struct ends {
  struct append *first;
  struct rkv_error error;
};

/* How an answer is read: codec_append_answer_decode or codec_append_stream_answer_decode. */
typedef enum rkv_status append_decode(struct rkv_buf message, struct rkv_append_call *call,
                                      struct rkv_error *error);

/* ---- peer_append.c ---- */

/* Tells the node; the appends are gone afterwards. Without the mutex. */
void append_tell(struct ends *ends);
/* Sends the first append's next message as a unary RPC; lane->unary is set. Without the mutex. */
void append_send_unary(struct append *a, struct message *message);

/* ---- peer_split.c: all under the mutex ---- */

/* The log id before entry i. */
struct rkv_log_id append_before(const struct append *a, size_t i);
/* Makes the message for what fits of what is to be sent, and counts it as sent. Errors:
 * RKV_TOO_LARGE for an entry that can never fit; RKV_FULL: not by stream (A6); RKV_NO_MEMORY,
 * RKV_CORRUPT. */
enum rkv_status append_take(struct append *a, bool by_stream, struct message *out,
                            struct rkv_error *error);
/* True if append_take would give a message by stream: the core holds the one before it back until
 * then. */
bool append_can_go(struct append *a);
/* RKV_TOO_LARGE: a message of `bytes` bytes with the entry at `i` alone is over the limit. */
enum rkv_status append_unsendable(struct append *a, size_t i, size_t bytes, size_t limit,
                                  struct rkv_error *error);

/* ---- peer_lane.c ---- */

/* Under the mutex: adds it, or says that it has to go beside (A5), or cannot (RKV_FULL). */
enum rkv_status lane_add(struct peer *peer, struct append *a, bool *beside);
/* Sends what can be sent now. Without the mutex. */
void lane_pump(struct peer *peer);
/* Under the mutex: everything leaves the lane; the first append ended with `status` (RKV_OK: its
 * call's answer fields are filled). (A4) */
void lane_empty(struct peer *peer, enum rkv_status status, struct ends *ends);
/* Under the mutex: what was on its way is to be sent again. */
void lane_rewind(struct peer *peer);
/* Under the mutex: the answer to the oldest message on its way, of `count` entries. False: all has
 * ended, and nothing that is still on its way will be looked at. */
bool lane_answer(struct peer *peer, size_t count, struct rkv_buf answer, append_decode *decode,
                 struct ends *ends);

#endif
