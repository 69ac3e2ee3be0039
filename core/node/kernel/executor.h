/* executor.h: the production executor: monotonic clock, random source, one timer thread, one worker
 * thread. */
#ifndef NODE_EXECUTOR_H
#define NODE_EXECUTOR_H

#include <node/node.h>

/* Makes an executor; its threads start with node_executor_start. Errors: RKV_NO_MEMORY. */
enum rkv_status node_executor_new(struct node_executor **out, struct rkv_error *error);

/* Starts both threads for `node`, which the timer kicks. Errors: RKV_BROKEN if no thread can be
 * made. */
enum rkv_status node_executor_start(struct node_executor *executor, struct node *node,
                                    struct rkv_error *error);

/* Runs every job that was posted, then ends the threads. Jobs posted later are run inside `post`,
 * one at a time: by the posting thread, or by a thread that is running such jobs already. Blocks.
 * The node may be freed afterwards. */
void node_executor_stop(struct node_executor *executor);

/* Frees a stopped (or never started) executor. */
void node_executor_free(struct node_executor *executor);

#endif
