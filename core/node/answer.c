/* answer.c: how calls end. */
#include <node/internal.h>

#include <assert.h>
#include <stdarg.h>

bool answer_give(struct node *n, struct rkv_call *call, struct rkv_buf *const *given) {
  struct rkv_error reason, open;
  if (node_fatal_status(n, &reason) == RKV_OK) {
    call->done(call, RKV_OK, NULL);
    return true;
  }
  for (; *given; given++) rkv_buf_drop(*given);
  answer_open_error(&reason, &open);
  answer_fail(call, &open);
  return false;
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
  char text[RKV_ERROR_TEXT_MAX];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(text, sizeof text, format, args);
  va_end(args);
  (void)rkv_fail(&error, status, "%s", text);
  answer_fail(call, &error);
}

void answer_not_leader(struct node *n, struct rkv_call *call) {
  struct rkv_error error;
  struct raft_view view;
  raft_view(n->raft, &view);
  const struct rkv_member *leader = NULL;
  if (view.leader != 0 && view.leader != n->plugins.host->node_id)
    leader = rkv_membership_find(&raft_effective(n->raft)->value, view.leader);
  if (leader) {
    (void)rkv_fail(&error, RKV_NOT_LEADER, "node %llu does not lead; node %llu at %s does",
                   (unsigned long long)n->plugins.host->node_id, (unsigned long long)leader->id,
                   leader->addr);
    error.leader_id = leader->id;
    memcpy(error.leader_addr, leader->addr, sizeof error.leader_addr);
  } else if (know_removed(n)) {
    (void)rkv_fail(&error, RKV_NOT_LEADER, KNOW_REMOVED_TEXT,
                   (unsigned long long)n->plugins.host->node_id);
  } else if (raft_effective(n->raft)->value.config_count == 0) {
    (void)rkv_fail(&error, RKV_NOT_LEADER, "node %llu belongs to no cluster yet (init it first)",
                   (unsigned long long)n->plugins.host->node_id);
  } else {
    (void)rkv_fail(&error, RKV_NOT_LEADER, "no leader is known to node %llu (try again)",
                   (unsigned long long)n->plugins.host->node_id);
  }
  answer_fail(call, &error);
}

void answer_open_error(const struct rkv_error *cause, struct rkv_error *error) {
  (void)rkv_fail(error, RKV_ABORTED, "it may or may not be done: %s", cause->text);
}

void answer_end_error(struct node *n, struct rkv_error *error) {
  if (node_fatal_status(n, error) == RKV_OK)
    (void)rkv_fail(error, RKV_CANCELLED, "node %llu is stopping",
                   (unsigned long long)n->plugins.host->node_id);
}
