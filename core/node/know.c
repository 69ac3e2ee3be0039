/* know.c: which local reads are answered, and how a node learns that it was removed (know.h). */
#include <node/know.h>

#include <node/kernel/state.h>

#include <inttypes.h>

#define ASK_NS UINT64_C(1000000000) /* between two rounds of questions to the members */

static enum know_state state_of(const struct node *n) {
  return (enum know_state)atomic_load_explicit(&n->know.state, memory_order_acquire);
}

/* A thread that reads READY sees what was applied before it was stored. */
static void set_know_state(struct node *n, enum know_state state) {
  atomic_store_explicit(&n->know.state, (int)state, memory_order_release);
}

static bool names_self(const struct node *n, const struct raft_membership *m) {
  return rkv_membership_find(&m->value, n->plugins.host->node_id) != NULL;
}

void know_recover(struct node *n, bool fresh, const struct raft_membership *memberships,
                  size_t count) {
  n->know.target = UINT64_MAX;
  n->know.last_append_ns = n->executor->now_ns(n->executor->ctx);
  for (size_t i = 0; i < count; i++)
    if (names_self(n, &memberships[i])) n->know.member = true;
  set_know_state(n, fresh ? KNOW_FRESH : KNOW_WAITING);
}

void know_named(struct node *n) {
  if (state_of(n) == KNOW_FRESH) set_know_state(n, KNOW_WAITING);
}

void know_on_append(struct node *n, struct rkv_vote vote, struct rkv_log_id commit) {
  n->know.last_append_ns = n->now_ns;
  know_named(n);
  if (commit.term == vote.term && commit.index < n->know.target) n->know.target = commit.index;
}

/* ---- removed ---- */

static void note_removal(struct node *n, rkv_index index) {
  n->know.removed_index = index;
  set_know_state(n, KNOW_REMOVED);
  rkv_log(n->plugins.host, RKV_LOG_WARN, NODE_LOG,
          "this node was removed from its cluster index=%" PRIu64
          ": it answers no local reads (stop it, "
          "or add it again with rkvctl add-learner)",
          index);
}

/* A later membership names this node again: like a new member it has to catch up. */
static void note_return(struct node *n) {
  n->know.target = UINT64_MAX;
  set_know_state(n, KNOW_WAITING);
}

/* ---- what the node has got to ---- */

static bool has_caught_up(const struct node *n, const struct raft_view *view) {
  if (view->role == RAFT_LEADER) return n->applied.term == view->vote.term;
  return n->applied.index >= n->know.target;
}

/* True if the committed membership leaves this node out. A leader that is left out serves on until
 * the others have heard of it. */
static bool is_left_out(const struct node *n, const struct raft_view *view) {
  const struct raft_membership *m = raft_effective(n->raft);
  if (view->role == RAFT_LEADER || !n->know.member || names_self(n, m)) return false;
  return m->id.index > 0 && m->id.index <= n->committed.index;
}

void know_run(struct node *n) {
  const struct raft_membership *m = raft_effective(n->raft);
  const enum know_state state = state_of(n);
  struct raft_view view;
  if (names_self(n, m)) n->know.member = true;
  if (state == KNOW_REMOVED && names_self(n, m) && m->id.index > n->know.removed_index)
    note_return(n);
  if (state == KNOW_REMOVED || (state == KNOW_FRESH && n->applied.index == 0)) return;
  raft_view(n->raft, &view);
  if (!has_caught_up(n, &view) && state != KNOW_READY) return;
  if (is_left_out(n, &view))
    note_removal(n, m->id.index);
  else if (state != KNOW_READY)
    set_know_state(n, KNOW_READY);
}

/* ---- asking the members ---- */

bool know_asks(struct node *n) {
  const enum know_state state = state_of(n);
  if (state == KNOW_FRESH || state == KNOW_REMOVED || !n->know.member) return false;
  if (n->now_ns < n->know.last_append_ns + 2 * n->options.election_max_ns) return false;
  if (n->now_ns < n->know.ask_ns) return false;
  n->know.ask_ns = n->now_ns + ASK_NS;
  return true;
}

void know_on_hello(struct node *n, const struct rkv_hello_call *hello) {
  const rkv_index index = hello->membership.index;
  if (index == 0 || hello->names_asker) return;
  if (!rkv_cluster_id_equal(hello->cluster, n->identity.cluster)) return;
  if (!n->know.member || know_removed(n) || index < raft_effective(n->raft)->id.index) return;
  note_removal(n, index);
}

/* ---- any thread ---- */

bool know_removed(const struct node *n) {
  return state_of(n) == KNOW_REMOVED;
}

bool know_refuses(struct node *n, struct rkv_error *error) {
  const rkv_node_id id = n->plugins.host->node_id;
  const enum know_state state = state_of(n);
  if (state == KNOW_WAITING)
    (void)rkv_fail(error, RKV_UNAVAILABLE,
                   "node %" PRIu64
                   " started and has not heard yet what its cluster acknowledged (try "
                   "again, or ask another node)",
                   id);
  else if (state == KNOW_REMOVED)
    (void)rkv_fail(error, RKV_UNAVAILABLE, KNOW_REMOVED_TEXT, id);
  else
    return false;
  return true;
}
