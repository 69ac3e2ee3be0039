/* post.c: how work gets to the runner, and the runner's time. */
#include <node/kernel/post.h>

#include <node/kernel/inbox.h>
#include <node/kernel/role.h>
#include <node/kernel/state.h>

#include <assert.h>

void node_post(struct node *n, struct rkv_call *call, enum node_kind kind) {
  assert(call);
  call->kind = (uint32_t)kind;
  inbox_push(&n->inbox, call);
}

struct raft_now node_now(struct node *n) {
  return (struct raft_now){.ns = n->now_ns, .random = n->executor->random(n->executor->ctx)};
}

void node_again(struct node *n, struct rkv_call *call) {
  assert(call && !n->again);
  n->again = call;
}

void node_kick(struct node *n) {
  if (atomic_load_explicit(&n->started, memory_order_acquire)) role_kick(&n->role);
}
