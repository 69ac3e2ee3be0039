/* read.h: linearizable and lease reads, and local ones. */
#ifndef NODE_READ_H
#define NODE_READ_H

#include <node/kernel/state.h>

void read_on_call(struct node *n, struct rkv_call *call);
/* Answers a local read, or refuses it while this node does not know enough (know.h). The runner's;
 * any thread if the state machine has RKV_CAP_CONCURRENT_QUERIES. */
void read_local(struct node *n, struct rkv_query_call *call);
/* Puts a call that wants more than a local read into the batch of reads that read_flush works. */
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
