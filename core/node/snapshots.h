/* snapshots.h: building, sending and receiving snapshots, as the loop sees it. */
#ifndef NODE_SNAPSHOTS_H
#define NODE_SNAPSHOTS_H

#include <rkv/transport.h>

struct node;

/* ---- build.c, send.c, receive.c ---- */
void build_run(struct node *n); /* starts a wanted build when it is worth it */
void build_on_done(struct node *n, struct rkv_call *call);
void build_on_now(struct node *n, struct rkv_call *call);
void build_fail(struct node *n, const struct rkv_error *error);
void send_start(struct node *n, rkv_node_id peer);
void send_on_step(struct node *n, struct rkv_call *call);
void receive_write(void *ctx, struct rkv_snapshot_call *call);
void receive_abort(void *ctx, struct rkv_snapshot_call *call);
void receive_on_begin(struct node *n, struct rkv_call *call);
void receive_on_finish(struct node *n, struct rkv_call *call);
void receive_on_installed(struct node *n, struct rkv_call *call);

#endif
