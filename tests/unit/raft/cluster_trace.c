/* cluster_trace.c: one line per effect, as golden conversations print them (cluster.h).
 *
 * A vote is T<term>-N<node>, with + if committed; a log id is <term>.<index>, - for none. */
#include "cluster.h"

#include <string.h>

struct text {
  char s[160];
};

static struct text id_text(struct rkv_log_id id) {
  struct text t = {"-"};
  if (id.index > 0) (void)snprintf(t.s, sizeof t.s, "%u.%u", (unsigned)id.term, (unsigned)id.index);
  return t;
}

static struct text vote_text(struct rkv_vote vote) {
  struct text t;
  (void)snprintf(t.s, sizeof t.s, "T%u-N%u%s", (unsigned)vote.term, (unsigned)vote.node_id,
                 vote.committed ? "+" : "");
  return t;
}

static struct text membership_text(const struct raft_membership *m) {
  struct text t = {""};
  uint32_t g;
  for (g = 0; g < m->value.config_count; g++) {
    (void)snprintf(t.s + strlen(t.s), sizeof t.s - strlen(t.s), "{");
    for (uint32_t i = 0; i < m->value.configs[g].count; i++)
      (void)snprintf(t.s + strlen(t.s), sizeof t.s - strlen(t.s), "%s%u", i > 0 ? "," : "",
                     (unsigned)m->value.configs[g].ids[i]);
    (void)snprintf(t.s + strlen(t.s), sizeof t.s - strlen(t.s), "}");
  }
  for (uint32_t i = 0; i < m->value.node_count; i++)
    if (!rkv_membership_is_voter(&m->value, m->value.nodes[i].id))
      (void)snprintf(t.s + strlen(t.s), sizeof t.s - strlen(t.s), " +%u",
                     (unsigned)m->value.nodes[i].id);
  return t;
}

static const char *result_text(enum rkv_append_result result) {
  static const char *const names[] = {"success", "conflict", "rejected"};
  return names[result];
}

static void trace_detail(FILE *f, const struct test_node *n, const struct raft_output *out) {
  struct raft_view view;
  raft_view(n->r, &view);
  switch (out->type) {
  case RAFT_OUT_SAVE_VOTE: fprintf(f, " %s", vote_text(out->vote).s); break;
  case RAFT_OUT_APPEND_OWN:
    fprintf(f, " %s %s", id_text(out->id).s,
            out->kind == RKV_ENTRY_MEMBERSHIP ? membership_text(out->membership).s : "blank");
    break;
  case RAFT_OUT_APPEND_RECEIVED: fprintf(f, " skip %zu count %zu", out->skip, out->count); break;
  case RAFT_OUT_SEND_VOTE:
  case RAFT_OUT_SEND_PRE_VOTE:
  case RAFT_OUT_SEND_TIMEOUT_NOW:
    fprintf(f, " to %u %s last %s%s", (unsigned)out->peer, vote_text(out->vote).s,
            id_text(out->id).s, out->transfer ? " transfer" : "");
    break;
  case RAFT_OUT_ANSWER_VOTE:
  case RAFT_OUT_ANSWER_PRE_VOTE:
    fprintf(f, " %s %s last %s", out->granted ? "granted" : "refused", vote_text(out->vote).s,
            id_text(out->id).s);
    break;
  case RAFT_OUT_ANSWER_APPEND:
    fprintf(f, " %s %s", result_text(out->result),
            out->result == RKV_APPEND_REJECTED ? vote_text(out->vote).s : id_text(out->id).s);
    break;
  case RAFT_OUT_ROLE:
    fprintf(f, " %s T%u leader %u", raft_role_name(view.role), (unsigned)view.vote.term,
            (unsigned)view.leader);
    break;
  case RAFT_OUT_MEMBERSHIP:
    fprintf(f, " %s %s", id_text(out->id).s, membership_text(out->membership).s);
    break;
  case RAFT_OUT_CHANGE_DONE:
    fprintf(f, " %s %s", rkv_status_name(out->status), id_text(out->id).s);
    break;
  case RAFT_OUT_SEND_SNAPSHOT: fprintf(f, " to %u", (unsigned)out->peer); break;
  case RAFT_OUT_TRUNCATE:
  case RAFT_OUT_COMMIT:
  case RAFT_OUT_DROP_PROPOSALS:
  case RAFT_OUT_PURGE: fprintf(f, " %s", id_text(out->id).s); break;
  case RAFT_OUT_TRANSFER_DONE: fprintf(f, " %s", rkv_status_name(out->status)); break;
  case RAFT_OUT_READ_READY:
    fprintf(f, " ticket %u at %s", (unsigned)out->ticket, id_text(out->id).s);
    break;
  case RAFT_OUT_READ_FAILED: fprintf(f, " ticket %u", (unsigned)out->ticket); break;
  case RAFT_OUT_BUILD_SNAPSHOT: break;
  }
}

void trace_output(struct cluster *c, const struct test_node *n, const struct raft_output *out) {
  if (!c->trace) return;
  fprintf(c->trace, "    %u %s", (unsigned)n->id, raft_output_name(out->type));
  trace_detail(c->trace, n, out);
  fprintf(c->trace, "\n");
}

void trace_plan(struct cluster *c, const struct test_node *n, rkv_node_id peer,
                const struct raft_append_plan *plan) {
  if (!c->trace) return;
  fprintf(c->trace, "    %u send append to %u prev %s commit %s", (unsigned)n->id, (unsigned)peer,
          id_text(plan->prev).s, id_text(plan->commit).s);
  if (plan->round > 0) fprintf(c->trace, " round %u", (unsigned)plan->round);
  if (plan->to >= plan->from)
    fprintf(c->trace, " entries %u..%u", (unsigned)plan->from, (unsigned)plan->to);
  fprintf(c->trace, "\n");
}

static const char *type_text(enum message_type type) {
  static const char *const names[] = {
#define NAME(name, text) text,
      MESSAGE_LIST(NAME)
#undef NAME
  };
  return names[type];
}

void trace_message(struct cluster *c, const char *act, const struct message *m) {
  if (!c->trace) return;
  fprintf(c->trace, "  %s %u -> %u %s", act, (unsigned)m->from, (unsigned)m->to,
          type_text(m->type));
  if (m->type == MESSAGE_APPENDED)
    fprintf(c->trace, " %s %s", result_text(m->result), id_text(m->matched).s);
  if (m->type == MESSAGE_VOTED || m->type == MESSAGE_PRE_VOTED)
    fprintf(c->trace, " %s", m->unknown ? "unknown" : m->granted ? "granted" : "refused");
  if (m->type == MESSAGE_TIMED_OUT) fprintf(c->trace, " %s", m->ok ? "ok" : "refused");
  if (m->type == MESSAGE_SNAPSHOT) fprintf(c->trace, " %s", id_text(m->last).s);
  fprintf(c->trace, "\n");
}

void trace_views(struct cluster *c) {
  rkv_node_id id;
  for (id = 1; id < NODES_MAX && c->trace; id++) {
    struct raft_view v;
    if (!c->nodes[id].r) continue;
    v = cluster_view(c, id);
    fprintf(c->trace, "  %u %s %s last %s committed %s snapshot %s purged %s members %s\n",
            (unsigned)id, raft_role_name(v.role), vote_text(v.vote).s, id_text(v.last).s,
            id_text(v.committed).s, id_text(v.snapshot).s, id_text(v.purged).s,
            membership_text(raft_effective(c->nodes[id].r)).s);
  }
}
