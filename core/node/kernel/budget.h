/* budget.h: how many calls may wait on a node at once, counted by who asks, so that no flood of one
 * kind shuts out another; a leaf. */
#ifndef NODE_BUDGET_H
#define NODE_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <node/kernel/limits.h>

/* X(NAME, calls, what): how many calls may wait; 0: node.inbox_max, and node.inbox_bytes_max bytes
 * of their commands. */
#define NODE_BUDGET_LIST(X)                                                                        \
  X(CLIENT, 0, "reads and writes")                                                                 \
  X(ADMIN, NODE_ADMIN_CALLS_MAX, "administrators' calls")                                          \
  X(QUESTION, NODE_QUESTIONS_MAX, "questions (metrics, hello)")                                    \
  X(VOTE, NODE_VOTE_CALLS_MAX, "candidates' requests")                                             \
  X(APPEND, NODE_APPEND_CALLS_MAX, "leaders' appends and snapshots")                               \
  X(READ_INDEX, NODE_READ_INDEX_CALLS_MAX, "other nodes' reads")

enum node_budget {
#define NODE_BUDGET_ENUM(name, calls, what) NODE_BUDGET_##name,
  NODE_BUDGET_LIST(NODE_BUDGET_ENUM)
#undef NODE_BUDGET_ENUM
      NODE_BUDGETS,
  /* not counted: the node's own events, and later steps of a counted call */
  NODE_BUDGET_OWN = NODE_BUDGETS
};

/* (any thread) */
struct budgets {
  atomic_uint_fast64_t calls[NODE_BUDGETS], command_bytes;
};

/* The most calls that may wait; 0: node.inbox_max says it. */
static inline uint64_t budget_max(enum node_budget budget) {
  static const uint64_t max[NODE_BUDGETS] = {
#define NODE_BUDGET_MAX(name, calls, what) [NODE_BUDGET_##name] = (calls),
      NODE_BUDGET_LIST(NODE_BUDGET_MAX)
#undef NODE_BUDGET_MAX
  };
  return max[budget];
}

/* True if no client and no administrator waits for an answer. */
static inline bool budgets_idle(const struct budgets *b) {
  return atomic_load_explicit(&b->calls[NODE_BUDGET_CLIENT], memory_order_acquire) == 0 &&
         atomic_load_explicit(&b->calls[NODE_BUDGET_ADMIN], memory_order_acquire) == 0;
}

#endif
