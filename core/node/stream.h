/* stream.h: one snapshot that is being received, and how it ends. For receive.c.
 *
 * (R1) The storage's one writer belongs to n->build.running or to n->receive.now, never to both.
 *      The worker takes its jobs in order: it drops a stream that is over before it begins the next
 *      one, which therefore need not wait.
 * (R2) n->receive.now has this node's vote: a newer leader ends the stream of an older leader. A
 *      newer offer of the same leader ends the leader's earlier stream, which will bring nothing
 *      more.
 * (R3) A stream is freed once the worker dropped or installed it and its sender knows that it
 *      ended. */
#ifndef NODE_STREAM_H
#define NODE_STREAM_H

#include <node/kernel/state.h>

enum receive_step { RECEIVE_BEGIN, RECEIVE_WRITE, RECEIVE_INSTALL };

struct snapshot_receive {
  struct node_job job; /* first: what the executor knows */
  struct node_job drop;
  struct rkv_call event, dropped;
  struct node *n;
  struct snapshot_receive *next;  /* in n->receive.all */
  struct rkv_snapshot_call *call; /* the step that its sender waits for; NULL: it waits for none */
  enum receive_step step;         /* that the worker does */
  struct rkv_buf chunk;
  bool over;              /* the stream has ended here, as `end` says, and is dropped soon */
  bool gone;              /* the worker dropped or installed it (R3) */
  bool sender_knows;      /* that the stream has ended (R3) */
  uint64_t pace_ns;       /* the stream is slow if by then it has not brought ... */
  uint64_t pace_bytes;    /* ... NODE_RECEIVE_PACE since this was 0 */
  struct rkv_vote vote;   /* its leader's */
  void *writer, *restore; /* the worker's until the stream is gone */
  struct rkv_snapshot_meta meta;
  struct raft_membership membership;
  enum rkv_status status; /* of the worker's step */
  struct rkv_error error; /* likewise */
  struct rkv_error end;   /* how the sender's step ends once the stream is over */
};

/* Puts a new stream into n->receive.all and sets the fields that receive.c does not. */
void stream_note(struct node *n, struct snapshot_receive *r);
/* Ends n->receive.now: the worker drops the stream. Then the step that its sender waits for, or the
 * next one, ends with the error; with NULL, with success. */
void stream_end(struct snapshot_receive *r, const struct rkv_error *error);
__attribute__((format(printf, 3, 4))) void
stream_endf(struct snapshot_receive *r, enum rkv_status status, const char *format, ...);
/* Ends the step that the sender waits for, which is the stream's last. */
void stream_tell_end(struct snapshot_receive *r, const struct rkv_error *error);
/* Frees the stream if (R3) allows it. */
void stream_free_ended(struct snapshot_receive *r);
/* The stream has brought `bytes` more. */
void stream_note_pace(struct snapshot_receive *r, uint64_t bytes);

/* ---- the loop's ---- */

void stream_on_dropped(struct node *n, struct rkv_call *event);
/* Ends n->receive.now if another leader has followed its leader (R2). */
void stream_run(struct node *n);
/* True if the storage's writer is free for the node's own snapshot. Ends a stream that is too
 * slow. */
bool stream_gives_way(struct node *n);
/* When stream_gives_way may find the stream too slow; 0: there is no stream. */
uint64_t stream_pace_end(const struct node *n);
/* True if a sender waits for a step. */
bool stream_waits(const struct node *n);
/* Ends the steps whose deadline passed. */
void stream_expire(struct node *n);

#endif
