/* output.c: carries out one output of raft (raft.h, RAFT_OUTPUT_LIST). */
#include <node/internal.h>

#include <stdlib.h>

static void append_own(struct node *n, const struct raft_output *out) {
  struct rkv_entry entry = {.id = out->id, .kind = (uint32_t)out->kind};
  if (out->kind == RKV_ENTRY_MEMBERSHIP &&
      node_encode_membership(n, &out->membership->value, &entry.payload) != RKV_OK) {
    node_fatal(n, RKV_NO_MEMORY, "membership entry: out of memory");
    return;
  }
  save_entries(n, &entry, 1);
  rkv_buf_drop(&entry.payload);
}

static void log_membership(struct node *n, const struct raft_output *out) {
  const struct rkv_membership *m = &out->membership->value;
  char text[RKV_LOG_TEXT_MAX / 2];
  size_t at = 0;
  text[0] = '\0';
  for (uint32_t c = 0; c < m->config_count; c++)
    for (uint32_t i = 0; i < m->configs[c].count && at < sizeof text - 32; i++)
      at += (size_t)snprintf(text + at, sizeof text - at, "%s%llu", i ? "," : (c ? "+" : ""),
                             (unsigned long long)m->configs[c].ids[i]);
  rkv_log(n->plugins.host, RKV_LOG_INFO, "raft", "membership voters=%s nodes=%u index=%llu", text,
          m->node_count, (unsigned long long)out->id.index);
}

static void purge(struct node *n, struct rkv_log_id up_to) {
  n->plugins.storage->purge(n->plugins.storage_instance, up_to);
  tail_drop(&n->tail, up_to.index);
  rkv_log(n->plugins.host, RKV_LOG_DEBUG, NODE_LOG, "purged up_to=%llu",
          (unsigned long long)up_to.index);
}

void output_carry(struct node *n, const struct raft_output *out) {
  if (loop_ending(n)) {
    output_discard(n, out);
    return;
  }
  switch (out->type) {
  case RAFT_OUT_SAVE_VOTE: save_vote(n, out->vote); break;
  case RAFT_OUT_TRUNCATE: save_truncate(n, out->id.index); break;
  case RAFT_OUT_APPEND_OWN: append_own(n, out); break;
  case RAFT_OUT_APPEND_RECEIVED:
    save_entries(n, n->received->entries + out->skip, out->count);
    break;
  case RAFT_OUT_SEND_VOTE: replicate_vote(n, out); break;
  case RAFT_OUT_ANSWER_VOTE: peer_answer_vote(n, out); break;
  case RAFT_OUT_ANSWER_APPEND: peer_answer_append(n, out); break;
  case RAFT_OUT_COMMIT: n->committed = out->id; break;
  case RAFT_OUT_ROLE:
    n->tend_ns = 0;
    tell_role(n);
    break;
  case RAFT_OUT_MEMBERSHIP:
    log_membership(n, out);
    change_look(n, &out->membership->value);
    peer_update(n, &out->membership->value);
    break;
  case RAFT_OUT_DROP_PROPOSALS:
    propose_drop(n, out->id.index,
                 "leadership was lost before the write was committed: it may or may not be done");
    break;
  case RAFT_OUT_CHANGE_DONE: change_done(n, out); break;
  case RAFT_OUT_BUILD_SNAPSHOT: n->build_wanted = true; break;
  case RAFT_OUT_SEND_SNAPSHOT: send_start(n, out->peer); break;
  case RAFT_OUT_PURGE: purge(n, out->id); break;
  case RAFT_OUT_SEND_PRE_VOTE: replicate_pre_vote(n, out); break;
  case RAFT_OUT_ANSWER_PRE_VOTE: peer_answer_vote(n, out); break;
  case RAFT_OUT_SEND_TIMEOUT_NOW: transfer_send(n, out); break;
  case RAFT_OUT_TRANSFER_DONE: transfer_done(n, out); break;
  case RAFT_OUT_READ_READY: read_ready(n, out->ticket, out->id); break;
  case RAFT_OUT_READ_FAILED: read_failed(n, out->ticket); break;
  }
}

bool output_is_answer(const struct raft_output *out) {
  return out->type == RAFT_OUT_ANSWER_VOTE || out->type == RAFT_OUT_ANSWER_APPEND ||
         out->type == RAFT_OUT_ANSWER_PRE_VOTE;
}

void output_discard(struct node *n, const struct raft_output *out) {
  struct rkv_error error;
  answer_end_error(n, &error);
  if (output_is_answer(out)) peer_fail(n, out->cookie, &error);
}
