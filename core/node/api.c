/* api.c: the table that the transport calls. Every function: any thread; checks, counts and
 * enqueues, so that the runner sees only what may be worked on. */
#include <node/internal.h>

#include <assert.h>

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
  if (bytes > 0) atomic_fetch_sub_explicit(&b->command_bytes, bytes, memory_order_relaxed);
  atomic_fetch_sub_explicit(&b->calls[budget], calls, memory_order_release);
}

static uint64_t bytes_of(const struct rkv_call *call) {
  if (call->kind != NODE_PROPOSE) return 0;
  return ((const struct rkv_propose_call *)call)->command.len;
}

void api_release(struct node *n, const struct rkv_call *call) {
  enum node_budget budget = budget_of(call->kind);
  if (budget != NODE_BUDGET_OWN) give_back(n, budget, 1, bytes_of(call));
}

void api_release_proposals(struct node *n, uint64_t calls, uint64_t bytes) {
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
                 "too much in flight on this node: at most %llu calls and %llu bytes (try again "
                 "later, or raise node.inbox_max or node.inbox_bytes_max)",
                 (unsigned long long)n->options.inbox_max,
                 (unsigned long long)n->options.inbox_bytes_max);
  else
    answer_failf(call, RKV_FULL, "too many %s wait on node %llu: at most %llu (try again later)",
                 whats[budget], (unsigned long long)n->plugins.host->node_id,
                 (unsigned long long)budget_max(budget));
}

/* How long a call is, its caller says; a transport of 1.0 does not know the field, which may hold
 * anything. */
static void limit_length(const struct node *n, struct rkv_call *call) {
  if (call->abi_minor > n->plugins.transport_abi_minor)
    call->abi_minor = n->plugins.transport_abi_minor;
}

/* Counts a call and hands it to the runner, or answers it RKV_FULL. */
static void hand_in(struct node *n, struct rkv_call *call, enum node_kind kind) {
  struct budgets *b = &n->budgets;
  limit_length(n, call);
  enum node_budget budget = budget_of(kind);
  uint64_t max = budget == NODE_BUDGET_CLIENT ? n->options.inbox_max : budget_max(budget);
  call->kind = (uint32_t)kind;
  uint64_t bytes = bytes_of(call), total = 0;
  uint64_t calls = atomic_fetch_add_explicit(&b->calls[budget], 1, memory_order_relaxed) + 1;
  if (bytes > 0)
    total = atomic_fetch_add_explicit(&b->command_bytes, bytes, memory_order_relaxed) + bytes;
  if (calls <= max && total <= n->options.inbox_bytes_max) {
    loop_post(n, call, kind);
    return;
  }
  give_back(n, budget, 1, bytes);
  refuse_full(n, call, budget);
}

bool api_is_late(struct node *n, struct rkv_call *call) {
  if (budget_of(call->kind) == NODE_BUDGET_OWN || loop_ending(n)) return false;
  if (!answer_is_due(n, call)) return false;
  api_release(n, call);
  answer_failf(call, RKV_TIMEOUT, "the time was up before node %llu came to it: nothing was done",
               (unsigned long long)n->plugins.host->node_id);
  return true;
}

static void propose(void *ctx, struct rkv_propose_call *call) {
  struct node *n = ctx;
  struct rkv_error error;
  if (atomic_load_explicit(&n->draining, memory_order_relaxed)) {
    answer_failf(&call->call, RKV_UNAVAILABLE, "node %llu is stopping",
                 (unsigned long long)n->plugins.host->node_id);
    return;
  }
  if (call->command.len > n->options.command_bytes_max) {
    answer_failf(&call->call, RKV_TOO_LARGE,
                 "command of %zu bytes is over the limit of %llu (node.command_bytes_max)",
                 call->command.len, (unsigned long long)n->options.command_bytes_max);
    return;
  }
  if (node_said(n->plugins.sm->validate(n->plugins.sm_instance, call->command, node_ask(&error)),
                "the state machine's validate", &error) != RKV_OK) {
    answer_fail(&call->call, &error);
    return;
  }
  call->result = rkv_buf_none();
  hand_in(n, &call->call, NODE_PROPOSE);
}

static void query(void *ctx, struct rkv_query_call *call) {
  struct node *n = ctx;
  call->response = rkv_buf_none();
  if (call->read > RKV_READ_LINEARIZABLE)
    answer_failf(&call->call, RKV_INVALID, "read: %u is unknown (try local or linearizable)",
                 call->read);
  else if (call->read != RKV_READ_LOCAL)
    hand_in(n, &call->call, NODE_QUERY);
  else if (n->plugins.sm_capabilities & RKV_CAP_CONCURRENT_QUERIES)
    query_local(n, call);
  else
    hand_in(n, &call->call, NODE_QUERY);
}

static void vote(void *ctx, struct rkv_vote_call *call) {
  hand_in(ctx, &call->call, NODE_VOTE);
}

static void append(void *ctx, struct rkv_append_call *call) {
  hand_in(ctx, &call->call, NODE_APPEND);
}

static void init(void *ctx, struct rkv_init_call *call) {
  hand_in(ctx, &call->call, NODE_INIT);
}

static void add_learner(void *ctx, struct rkv_membership_call *call) {
  call->membership = rkv_buf_none();
  hand_in(ctx, &call->call, NODE_ADD_LEARNER);
}

static void change_membership(void *ctx, struct rkv_membership_call *call) {
  call->membership = rkv_buf_none();
  hand_in(ctx, &call->call, NODE_CHANGE_MEMBERSHIP);
}

static void remove_member(void *ctx, struct rkv_membership_call *call) {
  call->membership = rkv_buf_none();
  hand_in(ctx, &call->call, NODE_REMOVE);
}

static void set_address(void *ctx, struct rkv_membership_call *call) {
  call->membership = rkv_buf_none();
  hand_in(ctx, &call->call, NODE_SET_ADDRESS);
}

static void metrics(void *ctx, struct rkv_metrics_call *call) {
  call->membership = rkv_buf_none();
  call->text = rkv_buf_none();
  hand_in(ctx, &call->call, NODE_METRICS);
}

static void snapshot_begin(void *ctx, struct rkv_snapshot_call *call) {
  call->stream = NULL;
  call->finished = false;
  hand_in(ctx, &call->call, NODE_SNAPSHOT_BEGIN);
}

static void snapshot_write(void *ctx, struct rkv_snapshot_call *call) {
  assert(call->stream);
  loop_post(ctx, &call->call, NODE_SNAPSHOT_WRITE);
}

static void snapshot_abort(void *ctx, struct rkv_snapshot_call *call) {
  assert(call->stream);
  loop_post(ctx, &call->call, NODE_SNAPSHOT_ABORT);
}

static void snapshot_finish(void *ctx, struct rkv_snapshot_call *call) {
  assert(call->stream);
  limit_length(ctx, &call->call);
  loop_post(ctx, &call->call, NODE_SNAPSHOT_FINISH);
}

static void pre_vote(void *ctx, struct rkv_vote_call *call) {
  hand_in(ctx, &call->call, NODE_PRE_VOTE);
}

static void timeout_now(void *ctx, struct rkv_timeout_now_call *call) {
  hand_in(ctx, &call->call, NODE_TIMEOUT_NOW);
}

static void read_index(void *ctx, struct rkv_read_index_call *call) {
  hand_in(ctx, &call->call, NODE_READ_INDEX);
}

static void hello(void *ctx, struct rkv_hello_call *call) {
  hand_in(ctx, &call->call, NODE_HELLO);
}

static void transfer(void *ctx, struct rkv_transfer_call *call) {
  hand_in(ctx, &call->call, NODE_TRANSFER);
}

static void snapshot_now(void *ctx, struct rkv_snapshot_now_call *call) {
  hand_in(ctx, &call->call, NODE_SNAPSHOT_NOW);
}

static void kick(void *ctx) {
  node_kick(ctx);
}

void api_make(struct node *n) {
  n->api = (struct rkv_node_api){.struct_size = sizeof n->api,
                                 .ctx = n,
                                 .vote = vote,
                                 .append = append,
                                 .snapshot_begin = snapshot_begin,
                                 .snapshot_write = snapshot_write,
                                 .snapshot_finish = snapshot_finish,
                                 .snapshot_abort = snapshot_abort,
                                 .propose = propose,
                                 .query = query,
                                 .init = init,
                                 .add_learner = add_learner,
                                 .change_membership = change_membership,
                                 .metrics = metrics,
                                 .kick = kick,
                                 .pre_vote = pre_vote,
                                 .timeout_now = timeout_now,
                                 .read_index = read_index,
                                 .transfer = transfer,
                                 .snapshot_now = snapshot_now,
                                 .hello = hello,
                                 .remove = remove_member,
                                 .set_address = set_address};
}
