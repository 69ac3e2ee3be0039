/* build.h: builds snapshots. */
#ifndef NODE_BUILD_H
#define NODE_BUILD_H

#include <node/kernel/state.h>

void build_run(struct node *n); /* starts a wanted build when it is worth it */
void build_on_done(struct node *n, struct rkv_call *call);
void build_on_now(struct node *n, struct rkv_call *call);
void build_expire(struct node *n);
void build_fail(struct node *n, const struct rkv_error *error);

#endif
