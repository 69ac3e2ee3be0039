/* answer.h: how calls end. Each function calls done and never touches the call again. Any thread,
 * but redirect_to_leader, which is the runner's. */
#ifndef NODE_ANSWER_H
#define NODE_ANSWER_H

#include <rkv/call.h>

#include <stdbool.h>

struct node;

/* The call's time is up. The runner's. */
bool answer_is_due(const struct node *n, const struct rkv_call *call);
/* Ends the call with success and returns true; false: the node is fatal (N4), and the call was
 * refused with what answer_open_error says, whoever it came from. */
bool answer_ok(struct node *n, struct rkv_call *call);
/* Likewise, with references in the answer, which are dropped if success does not leave: a list that
 * ends with NULL. */
bool answer_give(struct node *n, struct rkv_call *call, struct rkv_buf *const *given);
void answer_fail(struct rkv_call *call, const struct rkv_error *error);
__attribute__((format(printf, 3, 4))) void
answer_failf(struct rkv_call *call, enum rkv_status status, const char *format, ...);
/* The error of a call whose entry is in the log and that ends because of `cause`: the entry may be
 * committed yet, so no status that means "surely not done" may leave. */
void answer_open_error(const struct rkv_error *cause, struct rkv_error *error);
/* Asks the state machine and ends the call with its answer. */
void answer_query(struct node *n, struct rkv_query_call *call);

#endif
