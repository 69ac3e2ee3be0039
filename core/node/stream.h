/* stream.h: one snapshot that is being received, and how it ends. For receive.c.
 *
 * (R1) The storage's one writer is that of n->build.running or n->receive.now, never of both. The
 *      worker drops a stream that is over before it begins what was posted later: so the next
 *      stream need not wait.
 * (R2) n->receive.now has this node's vote: a newer leader ends the stream of an older one, and a
 *      newer offer of the same leader the one before it, from which nothing more will come.
 * (R3) A stream is freed when it was dropped (or installed) and its sender was told that it ended.
 */
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
  enum receive_step step;         /* the worker's */
  struct rkv_buf chunk;
  bool over;              /* it has ended here, and is dropped soon; see `end` */
  bool gone, told;        /* (R3) */
  uint64_t pace_ns;       /* it is slow if by then it has not brought ... */
  uint64_t pace_bytes;    /* ... NODE_RECEIVE_PACE since this was 0 */
  struct rkv_vote vote;   /* its leader's */
  void *writer, *restore; /* the worker's until it is gone */
  struct rkv_snapshot_meta meta;
  struct raft_membership membership;
  enum rkv_status status; /* of the worker's step */
  struct rkv_error error; /* likewise */
  struct rkv_error end;   /* what its sender is told once it is over */
};

/* Notes a new stream in n->receive.all; its fields but those of receive.c are set. */
void stream_note(struct node *n, struct snapshot_receive *r);
/* Ends n->receive.now: the worker drops it, and its sender is told then, or when it asks; with
 * NULL, that all is well. */
void stream_end(struct snapshot_receive *r, const struct rkv_error *error);
__attribute__((format(printf, 3, 4))) void
stream_endf(struct snapshot_receive *r, enum rkv_status status, const char *format, ...);
/* Answers the step that its sender waits for, which is the last one then. */
void stream_tell_end(struct snapshot_receive *r, const struct rkv_error *error);
/* (R3) */
void stream_free_ended(struct snapshot_receive *r);
/* It has brought so many bytes more. */
void stream_note_pace(struct snapshot_receive *r, uint64_t bytes);

/* ---- the loop's ---- */

void stream_on_dropped(struct node *n, struct rkv_call *event);
/* Ends the stream of a leader that another one followed. */
void stream_run(struct node *n);
/* True if the storage's writer is free for the node's own snapshot: a stream that is too slow ends
 * here. When that may be asked again; 0: it is free. */
bool stream_gives_way(struct node *n);
uint64_t stream_pace_end(const struct node *n);
/* A sender waits for a step; and has waited too long. */
bool stream_waits(const struct node *n);
void stream_expire(struct node *n);

#endif
