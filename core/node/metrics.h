/* metrics.h: what a node tells of itself. */
#ifndef NODE_METRICS_H
#define NODE_METRICS_H

#include <node/kernel/state.h>

void metrics_on_call(struct node *n, struct rkv_call *call);

#endif
