/* api.c: the table that the transport calls. Every function: any thread; checks, counts and
 * enqueues, so that the runner sees only what may be worked on. */
#include <node/api.h>

#include <node/admin.h>
#include <node/kernel/answer.h>
#include <node/kernel/gate.h>
#include <node/kernel/post.h>
#include <node/kernel/outcome.h>
#include <node/kernel/state.h>
#include <node/read.h>

#include <assert.h>
#include <inttypes.h>

static void propose(void *ctx, struct rkv_propose_call *call) {
  struct node *n = ctx;
  struct rkv_error error;
  if (atomic_load_explicit(&n->end.draining, memory_order_relaxed)) {
    answer_failf(&call->call, RKV_UNAVAILABLE, "node %" PRIu64 " is stopping",
                 n->plugins.host->node_id);
    return;
  }
  if (call->command.len > n->options.command_bytes_max) {
    answer_failf(&call->call, RKV_TOO_LARGE,
                 "command of %zu bytes is over the limit of %" PRIu64 " (node.command_bytes_max)",
                 call->command.len, n->options.command_bytes_max);
    return;
  }
  if (outcome_of(
          n->plugins.sm->validate(n->plugins.sm_instance, call->command, outcome_clear(&error)),
          "the state machine's validate", &error) != RKV_OK) {
    answer_fail(&call->call, &error);
    return;
  }
  call->result = rkv_buf_none();
  gate_enter(n, &call->call, NODE_PROPOSE);
}

static void query(void *ctx, struct rkv_query_call *call) {
  struct node *n = ctx;
  call->response = rkv_buf_none();
  if (call->read > RKV_READ_LINEARIZABLE)
    answer_failf(&call->call, RKV_INVALID, "read: %u is unknown (try local or linearizable)",
                 call->read);
  else if (call->read != RKV_READ_LOCAL)
    gate_enter(n, &call->call, NODE_QUERY);
  else if (n->plugins.sm_capabilities & RKV_CAP_CONCURRENT_QUERIES)
    read_local(n, call);
  else
    gate_enter(n, &call->call, NODE_QUERY);
}

static void vote(void *ctx, struct rkv_vote_call *call) {
  gate_enter(ctx, &call->call, NODE_VOTE);
}

static void append(void *ctx, struct rkv_append_call *call) {
  gate_enter(ctx, &call->call, NODE_APPEND);
}

static void init(void *ctx, struct rkv_init_call *call) {
  gate_enter(ctx, &call->call, NODE_INIT);
}

static void add_learner(void *ctx, struct rkv_membership_call *call) {
  call->membership = rkv_buf_none();
  gate_enter(ctx, &call->call, NODE_ADD_LEARNER);
}

static void change_membership(void *ctx, struct rkv_membership_call *call) {
  call->membership = rkv_buf_none();
  gate_enter(ctx, &call->call, NODE_CHANGE_MEMBERSHIP);
}

static void remove_member(void *ctx, struct rkv_membership_call *call) {
  call->membership = rkv_buf_none();
  gate_enter(ctx, &call->call, NODE_REMOVE);
}

static void set_address(void *ctx, struct rkv_membership_call *call) {
  call->membership = rkv_buf_none();
  gate_enter(ctx, &call->call, NODE_SET_ADDRESS);
}

static void swap_storage(void *ctx, struct rkv_swap_call *call) {
  call->phase = RKV_SWAP_PHASE_NONE;
  call->done = call->total = 0;
  call->text = rkv_buf_none();
  if (call->setting_count > RKV_SWAP_SETTINGS_MAX)
    answer_failf(&call->call, RKV_INVALID, "%zu settings of a storage (at most %d)",
                 call->setting_count, RKV_SWAP_SETTINGS_MAX);
  else
    gate_enter(ctx, &call->call, NODE_SWAP);
}

static void admin(void *ctx, struct rkv_admin_call *call) {
  admin_ask(ctx, call);
}

static void metrics(void *ctx, struct rkv_metrics_call *call) {
  call->membership = rkv_buf_none();
  call->text = rkv_buf_none();
  gate_enter(ctx, &call->call, NODE_METRICS);
}

static void snapshot_begin(void *ctx, struct rkv_snapshot_call *call) {
  call->stream = NULL;
  call->finished = false;
  gate_enter(ctx, &call->call, NODE_SNAPSHOT_BEGIN);
}

static void snapshot_write(void *ctx, struct rkv_snapshot_call *call) {
  assert(call->stream);
  node_post(ctx, &call->call, NODE_SNAPSHOT_WRITE);
}

static void snapshot_abort(void *ctx, struct rkv_snapshot_call *call) {
  assert(call->stream);
  node_post(ctx, &call->call, NODE_SNAPSHOT_ABORT);
}

static void snapshot_finish(void *ctx, struct rkv_snapshot_call *call) {
  assert(call->stream);
  gate_limit_length(ctx, &call->call);
  node_post(ctx, &call->call, NODE_SNAPSHOT_FINISH);
}

static void pre_vote(void *ctx, struct rkv_vote_call *call) {
  gate_enter(ctx, &call->call, NODE_PRE_VOTE);
}

static void timeout_now(void *ctx, struct rkv_timeout_now_call *call) {
  gate_enter(ctx, &call->call, NODE_TIMEOUT_NOW);
}

static void read_index(void *ctx, struct rkv_read_index_call *call) {
  gate_enter(ctx, &call->call, NODE_READ_INDEX);
}

static void hello(void *ctx, struct rkv_hello_call *call) {
  gate_enter(ctx, &call->call, NODE_HELLO);
}

static void transfer(void *ctx, struct rkv_transfer_call *call) {
  gate_enter(ctx, &call->call, NODE_TRANSFER);
}

static void snapshot_now(void *ctx, struct rkv_snapshot_now_call *call) {
  gate_enter(ctx, &call->call, NODE_SNAPSHOT_NOW);
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
                                 .set_address = set_address,
                                 .swap_storage = swap_storage,
                                 .admin = admin};
}
