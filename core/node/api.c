/* api.c: the table that the transport calls. Every function: any thread; checks, counts and
 * enqueues, so that the runner sees only what may be worked on. */
#include <node/internal.h>

#include <assert.h>

void api_release(struct node *n, uint64_t calls, uint64_t bytes) {
  atomic_fetch_sub_explicit(&n->client_bytes, bytes, memory_order_relaxed);
  atomic_fetch_sub_explicit(&n->client_calls, calls, memory_order_release);
}

/* Reserves room for a client's call, or answers it RKV_FULL. */
static bool reserve(struct node *n, struct rkv_call *call, uint64_t bytes) {
  uint64_t calls = atomic_fetch_add_explicit(&n->client_calls, 1, memory_order_relaxed) + 1;
  uint64_t total = atomic_fetch_add_explicit(&n->client_bytes, bytes, memory_order_relaxed) + bytes;
  if (calls <= n->options.inbox_max && total <= n->options.inbox_bytes_max) return true;
  api_release(n, 1, bytes);
  answer_failf(call, RKV_FULL,
               "too much in flight on this node: at most %llu calls and %llu bytes (try again "
               "later, or raise node.inbox_max or node.inbox_bytes_max)",
               (unsigned long long)n->options.inbox_max,
               (unsigned long long)n->options.inbox_bytes_max);
  return false;
}

/* How long a call is, its caller says; a transport of 1.0 does not know the field, which may hold
 * anything. */
static void limit_length(const struct node *n, struct rkv_call *call) {
  if (call->abi_minor > n->plugins.transport_abi_minor)
    call->abi_minor = n->plugins.transport_abi_minor;
}

static void client_call(struct node *n, struct rkv_call *call, enum node_kind kind) {
  limit_length(n, call);
  if (reserve(n, call, 0)) loop_post(n, call, kind);
}

static void peer_call(struct node *n, struct rkv_call *call, enum node_kind kind) {
  limit_length(n, call);
  if (atomic_fetch_add_explicit(&n->peer_calls, 1, memory_order_relaxed) >= NODE_PEER_CALLS_MAX) {
    atomic_fetch_sub_explicit(&n->peer_calls, 1, memory_order_relaxed);
    answer_failf(call, RKV_FULL, "more than %d calls of peers are waiting", NODE_PEER_CALLS_MAX);
    return;
  }
  loop_post(n, call, kind);
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
  if (reserve(n, &call->call, call->command.len)) loop_post(n, &call->call, NODE_PROPOSE);
}

static void query(void *ctx, struct rkv_query_call *call) {
  struct node *n = ctx;
  call->response = rkv_buf_none();
  if (call->read > RKV_READ_LINEARIZABLE)
    answer_failf(&call->call, RKV_INVALID, "read: %u is unknown (try local or linearizable)",
                 call->read);
  else if (call->read != RKV_READ_LOCAL)
    client_call(n, &call->call, NODE_QUERY);
  else if (n->plugins.sm_capabilities & RKV_CAP_CONCURRENT_QUERIES)
    query_local(n, call);
  else
    client_call(n, &call->call, NODE_QUERY);
}

static void vote(void *ctx, struct rkv_vote_call *call) {
  peer_call(ctx, &call->call, NODE_VOTE);
}

static void append(void *ctx, struct rkv_append_call *call) {
  peer_call(ctx, &call->call, NODE_APPEND);
}

static void init(void *ctx, struct rkv_init_call *call) {
  client_call(ctx, &call->call, NODE_INIT);
}

static void add_learner(void *ctx, struct rkv_membership_call *call) {
  call->membership = rkv_buf_none();
  client_call(ctx, &call->call, NODE_ADD_LEARNER);
}

static void change_membership(void *ctx, struct rkv_membership_call *call) {
  call->membership = rkv_buf_none();
  client_call(ctx, &call->call, NODE_CHANGE_MEMBERSHIP);
}

static void remove_member(void *ctx, struct rkv_membership_call *call) {
  call->membership = rkv_buf_none();
  client_call(ctx, &call->call, NODE_REMOVE);
}

static void set_address(void *ctx, struct rkv_membership_call *call) {
  call->membership = rkv_buf_none();
  client_call(ctx, &call->call, NODE_SET_ADDRESS);
}

static void metrics(void *ctx, struct rkv_metrics_call *call) {
  call->membership = rkv_buf_none();
  call->text = rkv_buf_none();
  peer_call(ctx, &call->call, NODE_METRICS); /* not a client's: also a full node is looked at */
}

static void snapshot_begin(void *ctx, struct rkv_snapshot_call *call) {
  call->stream = NULL;
  call->finished = false;
  peer_call(ctx, &call->call, NODE_SNAPSHOT_BEGIN);
}

static void snapshot_finish(void *ctx, struct rkv_snapshot_call *call) {
  assert(call->stream);
  limit_length(ctx, &call->call);
  loop_post(ctx, &call->call, NODE_SNAPSHOT_FINISH);
}

static void pre_vote(void *ctx, struct rkv_vote_call *call) {
  peer_call(ctx, &call->call, NODE_PRE_VOTE);
}

static void timeout_now(void *ctx, struct rkv_timeout_now_call *call) {
  peer_call(ctx, &call->call, NODE_TIMEOUT_NOW);
}

static void read_index(void *ctx, struct rkv_read_index_call *call) {
  peer_call(ctx, &call->call, NODE_READ_INDEX);
}

static void hello(void *ctx, struct rkv_hello_call *call) {
  peer_call(ctx, &call->call, NODE_HELLO);
}

static void transfer(void *ctx, struct rkv_transfer_call *call) {
  client_call(ctx, &call->call, NODE_TRANSFER);
}

static void snapshot_now(void *ctx, struct rkv_snapshot_now_call *call) {
  client_call(ctx, &call->call, NODE_SNAPSHOT_NOW);
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
                                 .snapshot_write = receive_write,
                                 .snapshot_finish = snapshot_finish,
                                 .snapshot_abort = receive_abort,
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
