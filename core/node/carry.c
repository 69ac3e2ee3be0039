/* carry.c: carries out raft's outputs (raft.h, RAFT_OUTPUT_LIST), in order, or defers them (N2). */
#include <node/carry.h>

#include <node/change.h>
#include <node/kernel/defer.h>
#include <node/kernel/encode.h>
#include <node/kernel/fatal.h>
#include <node/kernel/outcome.h>
#include <node/kernel/state.h>
#include <node/kernel/tail.h>
#include <node/peers.h>
#include <node/propose.h>
#include <node/read.h>
#include <node/replicate.h>
#include <node/requests.h>
#include <node/save.h>
#include <node/send.h>
#include <node/tell.h>
#include <node/transfer.h>

#include <assert.h>
#include <inttypes.h>
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
      at += (size_t)snprintf(text + at, sizeof text - at, "%s%" PRIu64, i ? "," : (c ? "+" : ""),
                             m->configs[c].ids[i]);
  rkv_log(n->plugins.host, RKV_LOG_INFO, "raft", "membership voters=%s nodes=%u index=%" PRIu64,
          text, m->node_count, out->id.index);
}

static void purge(struct node *n, struct rkv_log_id up_to) {
  assert(up_to.index <= n->applied.index); /* (N5) */
  n->plugins.storage->purge(n->plugins.storage_instance, up_to);
  tail_drop(&n->tail, up_to.index);
  rkv_log(n->plugins.host, RKV_LOG_DEBUG, NODE_LOG, "purged up_to=%" PRIu64, up_to.index);
}

static void carry_one(struct node *n, const struct raft_output *out) {
  if (node_ending(n)) {
    defer_discard(n, out);
    return;
  }
  switch (out->type) {
  case RAFT_OUT_SAVE_VOTE: save_vote(n, out->vote); break;
  case RAFT_OUT_TRUNCATE: save_truncate(n, out->id.index); break;
  case RAFT_OUT_APPEND_OWN: append_own(n, out); break;
  case RAFT_OUT_APPEND_RECEIVED:
    assert(n->received && out->skip + out->count <= n->received->entry_count);
    save_entries(n, n->received->entries + out->skip, out->count);
    break;
  case RAFT_OUT_SEND_VOTE: replicate_vote(n, out); break;
  case RAFT_OUT_ANSWER_VOTE: request_answer_vote(n, out); break;
  case RAFT_OUT_ANSWER_APPEND: request_answer_append(n, out); break;
  case RAFT_OUT_COMMIT:
    assert(out->id.index >= n->committed.index); /* (N3) */
    n->committed = out->id;
    break;
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
  case RAFT_OUT_BUILD_SNAPSHOT: n->build.wanted = true; break;
  case RAFT_OUT_SEND_SNAPSHOT: send_start(n, out->peer); break;
  case RAFT_OUT_PURGE: purge(n, out->id); break;
  case RAFT_OUT_SEND_PRE_VOTE: replicate_pre_vote(n, out); break;
  case RAFT_OUT_ANSWER_PRE_VOTE: request_answer_vote(n, out); break;
  case RAFT_OUT_SEND_TIMEOUT_NOW: transfer_send(n, out); break;
  case RAFT_OUT_TRANSFER_DONE: transfer_done(n, out); break;
  case RAFT_OUT_READ_READY: read_ready(n, out->ticket, out->id); break;
  case RAFT_OUT_READ_FAILED: read_failed(n, out->ticket); break;
  }
}

static void fail_with_raft(struct node *n) {
  if (raft_failed(n->raft)) node_fatal(n, RKV_NO_MEMORY, "raft: out of memory");
}

void carry_all(struct node *n) {
  struct raft_output out;
  save_identity(n); /* before the entries that rest on it */
  peer_reopen(n);
  do {
    fail_with_raft(n); /* before an output is carried out that rests on missing memory */
    while (raft_take(n->raft, &out)) {
      if (raft_output_waits(out.type) && defer_put(n, &out)) continue;
      assert(!raft_output_waits(out.type) || n->save.done == n->save.issued); /* (N2) */
      carry_one(n, &out);
    }
    while (defer_take(n, &out)) carry_one(n, &out);
  } while (save_report(n));
  fail_with_raft(n);
  n->received = NULL;
}
