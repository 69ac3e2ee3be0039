/* answer.c: how calls end. */
#include <node/kernel/answer.h>

#include <node/kernel/fatal.h>
#include <node/kernel/outcome.h>

#include <assert.h>
#include <stdarg.h>

/* Kept out of answer_give: every answer would pay for the room of two errors. */
static __attribute__((noinline)) void withhold(struct node *n, struct rkv_call *call,
                                               struct rkv_buf *const *given) {
  struct rkv_error reason, open;
  (void)node_fatal_status(n, &reason);
  for (; *given; given++) rkv_buf_drop(*given);
  answer_open_error(&reason, &open);
  answer_fail(call, &open);
}

bool answer_give(struct node *n, struct rkv_call *call, struct rkv_buf *const *given) {
  if (atomic_load_explicit(&n->end.fatal, memory_order_acquire)) { /* (N4) */
    withhold(n, call, given);
    return false;
  }
  call->done(call, RKV_OK, NULL);
  return true;
}

bool answer_ok(struct node *n, struct rkv_call *call) {
  static struct rkv_buf *const nothing[] = {NULL};
  return answer_give(n, call, nothing);
}

void answer_fail(struct rkv_call *call, const struct rkv_error *error) {
  assert(error->status != RKV_OK);
  call->done(call, (enum rkv_status)error->status, error);
}

void answer_failf(struct rkv_call *call, enum rkv_status status, const char *format, ...) {
  struct rkv_error error;
  va_list args;
  va_start(args, format);
  (void)rkv_vfail(&error, status, format, args);
  va_end(args);
  answer_fail(call, &error);
}

void answer_open_error(const struct rkv_error *cause, struct rkv_error *error) {
  (void)rkv_fail(error, RKV_ABORTED, "it may or may not be done: %s", cause->text);
}

void answer_query(struct node *n, struct rkv_query_call *call) {
  struct rkv_error error;
  struct rkv_buf *given[] = {&call->response, NULL};
  if (node_fatal_status(n, &error) == RKV_OK &&
      outcome_of(n->plugins.sm->query(n->plugins.sm_instance, call->request, &call->response,
                                      outcome_clear(&error)),
                 "the state machine's query", &error) == RKV_OK)
    (void)answer_give(n, &call->call, given);
  else
    answer_fail(&call->call, &error);
}
