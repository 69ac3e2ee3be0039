/* metrics.c: what a node tells of itself. */
#include <node/metrics.h>

#include <node/kernel/answer.h>
#include <node/kernel/encode.h>
#include <node/kernel/gate.h>
#include <node/kernel/state.h>
#include <node/know.h>

#include <inttypes.h>

enum { METRICS_TEXT_MAX = 8192 };

/* Only while a swap of the storage runs, or after one that was given up. */
static size_t format_swap(struct node *n, char *text, size_t size) {
  uint64_t done, total;
  uint32_t phase = swap_phase(n, &done, &total);
  if (phase == RKV_SWAP_PHASE_NONE || phase == RKV_SWAP_PHASE_MOVED) return 0;
  int length = snprintf(text, size, " swap:%" PRIu32 " swap_done:%" PRIu64 " swap_total:%" PRIu64,
                        phase, done, total);
  return length > 0 ? (size_t)length : 0;
}

/* What comparing digests has shown (digest.h); a leader names the peers that differ from it. */
static size_t format_digest(struct node *n, char *text, size_t size) {
  const struct digesting *d = &n->digest;
  const char *sign = " peers_differ:";
  struct raft_view view;
  if (!n->plugins.sm->digest) return 0;
  raft_view(n->raft, &view);
  const bool leads = raft_leads(n->raft);
  int at = snprintf(text, size,
                    " states_compared:%" PRIu64 " states_differed:%" PRIu64 " equal_at:%" PRIu64
                    " differs_at:%" PRIu64,
                    d->compared, d->differences, d->equal_at, leads ? 0 : d->differs_at);
  for (size_t i = 0; leads && i < n->peers.count && at > 0 && (size_t)at < size; i++) {
    const struct peer_digest *p = &n->peers.list[i].digest;
    if (p->differs_at == 0 || rkv_vote_compare(p->leader, view.vote) != RKV_EQUAL) continue;
    at += snprintf(text + at, size - (size_t)at, "%s%" PRIu64 "@%" PRIu64, sign,
                   n->peers.list[i].id, p->differs_at);
    sign = ";";
  }
  return at > 0 ? (size_t)at : 0;
}

/* Counters of the node and of the plugins as ` name:value` pairs. */
static size_t format_text(struct node *n, char *text, size_t size) {
  int length = snprintf(
      text, size,
      "id:%" PRIu64 " peers:%zu proposals:%" PRIu64 " applied_entries:%" PRIu64
      " in_flight:%" PRIu64 " hot_tail_bytes:%" PRIu64 " "
      "snapshots_built:%" PRIu64 " snapshots_sent:%" PRIu64 " snapshots_installed:%" PRIu64 " "
      "bad_peer_calls:%" PRIu64 " foreign_calls:%" PRIu64 " losses:%" PRIu64 " addr_differs:%d "
      "not_durable:%d waits_for:%" PRIu64 " lost_storage:%d id_clashes:%" PRIu64
      " odd_memberships:%" PRIu64 " cluster:%016" PRIx64 "%016" PRIx64 " incarnation:%" PRIx64,
      n->plugins.host->node_id, n->peers.count, n->count.proposals, n->count.applied_entries,
      atomic_load_explicit(&n->budgets.calls[NODE_BUDGET_CLIENT], memory_order_relaxed),
      n->tail.bytes, n->count.snapshots_built, n->count.snapshots_sent,
      n->count.snapshots_installed, n->count.bad_peer_calls, n->foreign.calls, n->count.losses,
      n->odd.addr_differs, n->odd.not_durable, n->depart.waits_for, n->odd.lost_storage,
      n->odd.id_clashes, n->count.odd_memberships, n->identity.cluster.high,
      n->identity.cluster.low, n->identity.incarnation);
  size_t at = length > 0 ? (size_t)length : 0;
  at += format_swap(n, text + at, size - at);
  if (at < size) at += format_digest(n, text + at, size - at);
  if (n->plugins.metrics_format && at < size)
    at += n->plugins.metrics_format(n->plugins.metrics_ctx, text + at, size - at);
  return at;
}

static enum rkv_status fill_metrics(struct node *n, struct rkv_metrics_call *call) {
  char text[METRICS_TEXT_MAX];
  struct raft_view view;
  raft_view(n->raft, &view);
  call->leader = view.leader;
  call->state = know_removed(n) ? "removed" : raft_role_name(view.role);
  call->vote = view.vote;
  call->last = view.last;
  call->committed = view.committed;
  call->applied = n->applied;
  call->snapshot = view.snapshot;
  call->purged = view.purged;
  size_t length = format_text(n, text, sizeof text);
  uint8_t *bytes = n->plugins.host->buf_alloc(n->plugins.host->ctx, length, &call->text);
  if (!bytes) return RKV_NO_MEMORY;
  memcpy(bytes, text, length);
  if (raft_effective(n->raft)->value.config_count == 0) return RKV_OK;
  return node_encode_membership(n, &raft_effective(n->raft)->value, &call->membership);
}

void metrics_on_call(struct node *n, struct rkv_call *call) {
  struct rkv_metrics_call *m = (struct rkv_metrics_call *)call;
  struct rkv_buf *given[] = {&m->text, &m->membership, NULL};
  struct rkv_error error;
  if (node_fatal_status(n, &error) != RKV_OK) {
    gate_refuse(n, call, &error);
    return;
  }
  gate_leave(n, call);
  if (fill_metrics(n, m) == RKV_OK) {
    (void)answer_give(n, call, given);
    return;
  }
  rkv_buf_drop(&m->text);
  answer_failf(call, RKV_NO_MEMORY, "out of memory for the metrics");
}
