/* tell.c: inputs and nodes in words, for the path to a broken law. */
#include "model.h"

static void tell_log(FILE *out, const struct model_log *log) {
  uint8_t i;
  for (i = 0; i < log->count; i++) {
    struct model_entry e = log->entries[i];
    if (e.kind >= MODEL_MEMBERSHIP)
      fprintf(out, " %u:M%u", e.term, e.kind - (unsigned)MODEL_MEMBERSHIP);
    else
      fprintf(out, " %u:%s", e.term, e.kind == MODEL_BLANK ? "blank" : "write");
  }
}

static void tell_message(const struct model_world *w, FILE *out, uint32_t number) {
  const struct model_message *m = model_message(w, number);
  fprintf(out, "from %u, vote {%u, %u}: ", m->from, m->vote.term, m->vote.node);
  switch (m->kind) {
  case MODEL_VOTE: fprintf(out, "vote for me, last %u/%u", m->at.term, m->at.index); break;
  case MODEL_VOTE_ANSWER:
    fprintf(out, "%s, my vote {%u, %u}", m->result ? "granted" : "refused", m->answer_vote.term,
            m->answer_vote.node);
    break;
  case MODEL_APPENDS:
    fprintf(out, "append after %u/%u, commit %u:", m->at.term, m->at.index, m->commit.index);
    tell_log(out, &m->tail);
    break;
  default:
    fprintf(out, "%s, matched %u/%u", m->result == RKV_APPEND_SUCCESS ? "appended" : "rejected",
            m->matched.term, m->matched.index);
    break;
  }
}

void model_tell_input(const struct model_world *w, FILE *out, uint32_t id, uint32_t input) {
  static const char *const acts[] = {
#define MODEL_ACT_TEXT(name, text) text,
      MODEL_ACT_LIST(MODEL_ACT_TEXT)
#undef MODEL_ACT_TEXT
  };
  fprintf(out, "  node %u ", id);
  if (input >= MODEL_INPUT_MESSAGE(0)) {
    fprintf(out, "receives ");
    tell_message(w, out, input - MODEL_INPUT_MESSAGE(0));
  } else {
    fprintf(out, "%s", acts[input]);
  }
  fprintf(out, "\n");
}

void model_tell_node(const struct model_world *w, FILE *out, uint32_t number) {
  const struct model_node *n = model_node(w, number);
  fprintf(out, "    [node %u: %s, vote {%u, %u%s}, committed %u, log", n->id,
          raft_role_name((enum raft_role)n->role), n->vote.term, n->vote.node,
          n->vote.committed ? ", committed" : "", n->committed.index);
  tell_log(out, &n->log);
  fprintf(out, ", disk {%u, %u}", n->disk_vote.term, n->disk_vote.node);
  tell_log(out, &n->disk);
  fprintf(out, "]\n");
}
