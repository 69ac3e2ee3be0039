/* snapshots.h: building, sending and receiving snapshots, as the loop sees it. */
#ifndef NODE_SNAPSHOTS_H
#define NODE_SNAPSHOTS_H

#include <rkv/transport.h>

struct node;

/* ---- build.c, send.c, receive.c ---- */
void build_run(struct node *n); /* starts a wanted build when it is worth it */
void build_on_done(struct node *n, struct rkv_call *call);
void build_on_now(struct node *n, struct rkv_call *call);
void build_expire(struct node *n);
void build_fail(struct node *n, const struct rkv_error *error);
void send_start(struct node *n, rkv_node_id peer);
void send_on_step(struct node *n, struct rkv_call *call);
void receive_on_begin(struct node *n, struct rkv_call *call);
void receive_on_write(struct node *n, struct rkv_call *call);
void receive_on_abort(struct node *n, struct rkv_call *call);
void receive_on_stepped(struct node *n, struct rkv_call *event);
void receive_on_dropped(struct node *n, struct rkv_call *event);
void receive_on_finish(struct node *n, struct rkv_call *call);
void receive_on_installed(struct node *n, struct rkv_call *call);
/* Ends the stream of a leader that another one followed. */
void receive_run(struct node *n);
/* True if the storage's writer is free for the node's own snapshot: a stream that is too slow ends
 * here. When that may be asked again; 0: it is free. */
bool receive_gives_way(struct node *n);
uint64_t receive_pace_end(const struct node *n);
/* A sender waits for a step; and has waited too long. */
bool receive_waits(const struct node *n);
void receive_expire(struct node *n);

#endif
