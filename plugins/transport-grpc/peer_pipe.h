/* peer_pipe.h: the lasting stream that carries a peer's appends: RaftService.StreamAppend.
 *
 * (T1) Messages leave one after the other, each as soon as the core took the one before; up to
 *      PIPE_MESSAGES_MAX of them, and no further one over stream_window_bytes, are on their way
 *      unanswered. Answers are matched in order.
 * (T2) A pipe is the lane's until an answer ends all appends, or it ends itself. What the lane gets
 *      afterwards goes by a new pipe, without waiting for the old one's end.
 * (T3) How it ended is looked at when its last batch has come back (pending = 0), on the poller,
 *      in one place: pipe_leave.
 * (T4) A peer that ends it with OK and owes answers found the first unanswered message too large.
 *      A node of ours names its limit in the trailing metadata; else that message goes once more
 *      as a unary RPC, whose refusal names it, or halves what is sent. (A6) makes it rare: a limit
 *      that was lowered meanwhile.
 * (T5) An answer is awaited while one is owed, and not before the message that it answers was sent.
 *      The core tells the peer at once that there is room for it, by one more system call and one
 *      more wake: here the peer reads it along with the message.
 *
 * Broken off it is with INTERNAL, and timed by our own tick, as all streams here (peer_stream.h).
 * It has no deadline and may stand silent for ever. */
#ifndef TRANSPORT_PEER_PIPE_H
#define TRANSPORT_PEER_PIPE_H

#include "peer_append.h"

#define PIPE_MESSAGES_MAX 128       /* on their way at once */
#define PIPE_RETRY_NS (60 * SECOND) /* a peer without StreamAppend is asked for it so often */

/* All but pipe_send: under the peer's mutex. */

/* Makes the lane's pipe; it opens with its first message, which must follow at once. Errors:
 * RKV_NO_MEMORY; RKV_CANCELLED if the transport stops. */
enum rkv_status pipe_new(struct peer *peer, struct rkv_error *error);
bool pipe_has_room(const struct pipe *pipe);
/* Ends it, the lane's no longer, if nothing is on its way. False: something is. */
bool pipe_retire(struct pipe *pipe);
/* The next message (given) is on its way from now on. pipe_send must follow, without the mutex. */
void pipe_put(struct pipe *pipe, const struct message *message);
void pipe_send(struct pipe *pipe);
/* Breaks it off: what has missed its deadline ends as RKV_TIMEOUT, all else as RKV_UNAVAILABLE. */
void pipe_time_out(struct pipe *pipe);

#endif
