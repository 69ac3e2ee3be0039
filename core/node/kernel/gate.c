/* gate.c: counts the calls that wait on a node, in the budgets of those who ask (budget.h): a call
 * is counted when it is handed in, and given back before it ends. */
#include <node/kernel/gate.h>

#include <node/kernel/answer.h>
#include <node/kernel/fatal.h>
#include <node/kernel/inbox.h>
#include <node/kernel/state.h>

#include <assert.h>
#include <inttypes.h>

static enum node_budget budget_of(uint32_t kind) {
  static const uint8_t budgets[] = {
#define NODE_KIND_BUDGET(name, handler, budget) [NODE_##name] = NODE_BUDGET_##budget,
      NODE_KIND_LIST(NODE_KIND_BUDGET)
#undef NODE_KIND_BUDGET
  };
  assert(kind < sizeof budgets);
  return (enum node_budget)budgets[kind];
}

static void give_back(struct node *n, enum node_budget budget, uint64_t calls, uint64_t bytes) {
  struct budgets *b = &n->budgets;
  assert(budget < NODE_BUDGETS && calls > 0);
  if (bytes > 0) atomic_fetch_sub_explicit(&b->command_bytes, bytes, memory_order_relaxed);
  uint64_t before = atomic_fetch_sub_explicit(&b->calls[budget], calls, memory_order_release);
  assert(before >= calls); /* (N1) */
}

static uint64_t bytes_of(const struct rkv_call *call) {
  if (call->kind != NODE_PROPOSE) return 0;
  return ((const struct rkv_propose_call *)call)->command.len;
}

void gate_leave(struct node *n, const struct rkv_call *call) {
  enum node_budget budget = budget_of(call->kind);
  if (budget != NODE_BUDGET_OWN) give_back(n, budget, 1, bytes_of(call));
}

void gate_leave_proposals(struct node *n, uint64_t calls, uint64_t bytes) {
  give_back(n, NODE_BUDGET_CLIENT, calls, bytes);
}

static void refuse_full(struct node *n, struct rkv_call *call, enum node_budget budget) {
  static const char *const whats[] = {
#define NODE_BUDGET_WHAT(name, calls, what) what,
      NODE_BUDGET_LIST(NODE_BUDGET_WHAT)
#undef NODE_BUDGET_WHAT
  };
  if (budget == NODE_BUDGET_CLIENT)
    answer_failf(call, RKV_FULL,
                 "too much in flight on this node: at most %" PRIu64 " calls and %" PRIu64
                 " bytes (try again "
                 "later, or raise node.inbox_max or node.inbox_bytes_max)",
                 n->options.inbox_max, n->options.inbox_bytes_max);
  else
    answer_failf(call, RKV_FULL,
                 "too many %s wait on node %" PRIu64 ": at most %" PRIu64 " (try again later)",
                 whats[budget], n->plugins.host->node_id, budget_max(budget));
}

/* A transport of ABI 1.0 does not know the field abi_minor and leaves anything in it. */
void gate_limit_length(const struct node *n, struct rkv_call *call) {
  if (call->abi_minor > n->plugins.transport_abi_minor)
    call->abi_minor = n->plugins.transport_abi_minor;
}

void gate_enter(struct node *n, struct rkv_call *call, enum node_kind kind) {
  struct budgets *b = &n->budgets;
  gate_limit_length(n, call);
  enum node_budget budget = budget_of(kind);
  uint64_t max = budget == NODE_BUDGET_CLIENT ? n->options.inbox_max : budget_max(budget);
  call->kind = (uint32_t)kind;
  uint64_t bytes = bytes_of(call), total = 0;
  uint64_t calls = atomic_fetch_add_explicit(&b->calls[budget], 1, memory_order_relaxed) + 1;
  if (bytes > 0)
    total = atomic_fetch_add_explicit(&b->command_bytes, bytes, memory_order_relaxed) + bytes;
  if (calls <= max && total <= n->options.inbox_bytes_max) {
    inbox_push(&n->inbox, call);
    return;
  }
  give_back(n, budget, 1, bytes);
  refuse_full(n, call, budget);
}

bool gate_is_late(struct node *n, struct rkv_call *call) {
  if (!answer_is_due(n, call)) return false;
  if (budget_of(call->kind) == NODE_BUDGET_OWN || node_ending(n)) return false;
  gate_leave(n, call);
  answer_failf(call, RKV_TIMEOUT,
               "the time was up before node %" PRIu64 " came to it: nothing was done",
               n->plugins.host->node_id);
  return true;
}

void gate_refuse(struct node *n, struct rkv_call *call, const struct rkv_error *error) {
  gate_leave(n, call);
  answer_fail(call, error);
}
