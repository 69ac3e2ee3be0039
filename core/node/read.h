/* read.h: linearizable and lease reads, and local ones. */
#ifndef NODE_READ_H
#define NODE_READ_H

#include <node/kernel/state.h>

void read_on_call(struct node *n, struct rkv_call *call);
/* Unless this node does not know enough. Any thread, if the machine may be asked on any. */
void read_local(struct node *n, struct rkv_query_call *call);
/* Takes a query or read index call that wants more than a local read; read_flush sends them on. */
void read_gather(struct node *n, struct rkv_call *call, bool lease);
void read_flush(struct node *n);
/* Answers the reads whose index is applied. */
void read_run(struct node *n);
void read_ready(struct node *n, uint64_t number, struct rkv_log_id index);
void read_failed(struct node *n, uint64_t number);
void read_on_index_call(struct node *n, struct rkv_call *call);
void read_on_index_answer(struct node *n, struct rkv_call *call);
void read_expire(struct node *n);
void read_fail_all(struct node *n, const struct rkv_error *error);

#endif
