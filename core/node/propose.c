/* propose.c: clients' commands on their way: a batch from the inbox, entries of the log, answers.
 *
 * (P1) `pending` is ordered by index and holds only entries of this node's own leadership.
 * (P2) Between two batches everything in `pending` is above `applied`. */
#include <node/propose.h>

#include <node/kernel/answer.h>
#include <node/kernel/gate.h>
#include <node/kernel/post.h>
#include <node/kernel/state.h>
#include <node/redirect.h>
#include <node/save.h>
#include <node/stall.h>

#include <assert.h>
#include <stdlib.h>

enum { BATCH_CAPACITY_MIN = 64 };

static struct node_pending *pending_at(const struct ring *p, size_t i) {
  return ring_at(p, i);
}

static bool batch_reserve(struct node *n, size_t count) {
  if (count <= n->propose.batch_capacity) return true;
  size_t capacity = n->propose.batch_capacity ? n->propose.batch_capacity * 2 : BATCH_CAPACITY_MIN;
  struct rkv_propose_call **batch =
      realloc(n->propose.batch, capacity * sizeof(struct rkv_propose_call *));
  if (!batch) return false;
  n->propose.batch = batch;
  struct rkv_entry *scratch = realloc(n->propose.scratch, capacity * sizeof *scratch);
  if (!scratch) return false;
  n->propose.scratch = scratch;
  n->propose.batch_capacity = capacity;
  return true;
}

static void end_proposal(struct node *n, struct rkv_propose_call *call,
                         const struct rkv_error *error) {
  gate_leave(n, &call->call);
  answer_fail(&call->call, error);
}

void propose_on_call(struct node *n, struct rkv_call *call) {
  struct rkv_propose_call *p = (struct rkv_propose_call *)call;
  if (batch_reserve(n, n->propose.batch_count + 1)) {
    n->propose.batch[n->propose.batch_count++] = p;
    return;
  }
  struct rkv_error error;
  (void)rkv_fail(&error, RKV_NO_MEMORY, "out of memory for one more proposal");
  end_proposal(n, p, &error);
}

void propose_fail_batch(struct node *n, const struct rkv_error *error) {
  for (size_t i = 0; i < n->propose.batch_count; i++) end_proposal(n, n->propose.batch[i], error);
  n->propose.batch_count = 0;
}

/* Ends all calls of the batch. If this node does not lead, every call learns which node does. */
static void refuse_batch(struct node *n, enum rkv_status status, const struct rkv_error *error) {
  for (size_t i = 0; i < n->propose.batch_count; i++) {
    struct rkv_propose_call *p = n->propose.batch[i];
    gate_leave(n, &p->call);
    if (status == RKV_NOT_LEADER)
      redirect_to_leader(n, &p->call);
    else
      answer_fail(&p->call, error);
  }
  n->propose.batch_count = 0;
}

void propose_flush(struct node *n) {
  struct rkv_error error;
  struct rkv_log_id first;
  size_t count = n->propose.batch_count;
  if (count == 0) return;
  if (stall_refuses(n, &error)) {
    refuse_batch(n, RKV_UNAVAILABLE, &error);
    return;
  }
  struct ring *pending = &n->propose.pending;
  if (!ring_reserve(pending, pending->count + count, sizeof(struct node_pending))) {
    (void)rkv_fail(&error, RKV_NO_MEMORY, "out of memory for %zu more proposals", count);
    propose_fail_batch(n, &error);
    return;
  }
  enum rkv_status status = raft_propose(n->raft, node_now(n), count, &first, &error);
  if (status != RKV_OK) {
    refuse_batch(n, status, &error);
    return;
  }
  assert(pending->count == 0 || pending_at(pending, pending->count - 1)->index < first.index);
  assert(first.index > n->applied.index); /* (P1), (P2) */
  for (size_t i = 0; i < count; i++) {
    struct rkv_propose_call *p = n->propose.batch[i];
    struct rkv_log_id id = {first.term, first.index + i};
    p->id = id;
    n->count.proposed_bytes += p->command.len;
    n->propose.scratch[i] =
        (struct rkv_entry){.id = id, .kind = RKV_ENTRY_COMMAND, .payload = p->command};
    *(struct node_pending *)ring_push(pending) = (struct node_pending){id.index, p};
  }
  n->propose.batch_count = 0;
  n->count.proposals += count;
  save_entries(n, n->propose.scratch, count);
}

/* Takes all calls that entries up to `last` answer off their budget at once: one atomic operation
 * for each would cost as much as the rest of its answer. */
static void release_answered(struct node *n, rkv_index last) {
  const struct ring *p = &n->propose.pending;
  uint64_t calls = 0, bytes = 0;
  for (size_t i = 0; i < p->count && pending_at(p, i)->index <= last; i++) {
    const struct rkv_propose_call *call = pending_at(p, i)->call;
    if (!call) continue;
    calls++;
    bytes += call->command.len;
  }
  if (calls > 0) gate_leave_proposals(n, calls, bytes);
}

static struct rkv_propose_call *take_first_pending(struct ring *p) {
  struct rkv_propose_call *call = pending_at(p, 0)->call;
  ring_drop_oldest(p);
  return call;
}

void propose_answer(struct node *n, const struct rkv_entry *entries, size_t count) {
  struct ring *p = &n->propose.pending;
  assert(p->count == 0 || pending_at(p, 0)->index >= entries[0].id.index); /* (P2) */
  release_answered(n, entries[count - 1].id.index);
  for (size_t i = 0; i < count; i++) {
    struct rkv_propose_call *call = NULL;
    if (p->count > 0 && pending_at(p, 0)->index == entries[i].id.index)
      call = take_first_pending(p);
    if (!call) {
      rkv_buf_drop(&n->apply.results[i]);
      continue;
    }
    assert(rkv_log_id_equal(call->id, entries[i].id)); /* (P1) */
    struct rkv_buf *given[] = {&call->result, NULL};
    call->result = n->apply.results[i];
    (void)answer_give(n, &call->call, given);
  }
  assert(p->count == 0 || pending_at(p, 0)->index > entries[count - 1].id.index); /* (P2) */
}

void propose_covered(struct node *n) {
  struct rkv_error error;
  struct ring *p = &n->propose.pending;
  (void)rkv_fail(&error, RKV_ABORTED,
                 "the write was carried out, but its answer is lost: it came to this node within a "
                 "snapshot");
  while (p->count > 0 && pending_at(p, 0)->index <= n->applied.index) {
    struct rkv_propose_call *call = take_first_pending(p);
    if (call) end_proposal(n, call, &error);
  }
}

void propose_drop(struct node *n, rkv_index above, const char *why) {
  struct rkv_error error;
  struct ring *p = &n->propose.pending;
  if (p->count == 0) return;
  (void)rkv_fail(&error, RKV_ABORTED, "%s", why);
  while (p->count > 0 && pending_at(p, p->count - 1)->index > above) {
    struct rkv_propose_call *call = pending_at(p, --p->count)->call;
    if (call) end_proposal(n, call, &error);
  }
}

void propose_expire(struct node *n) {
  struct rkv_error error;
  for (size_t i = 0; i < n->propose.pending.count; i++) {
    struct node_pending *at = pending_at(&n->propose.pending, i);
    if (!at->call || !answer_is_due(n, &at->call->call)) continue;
    struct rkv_propose_call *call = at->call;
    at->call = NULL;
    (void)rkv_fail(&error, RKV_TIMEOUT, "not committed in time: it may or may not be done later");
    end_proposal(n, call, &error);
  }
}

void propose_free(struct node *n) {
  assert(n->propose.pending.count == 0 && n->propose.batch_count == 0); /* (N1) */
  ring_free(&n->propose.pending);
  free(n->propose.batch);
  free(n->propose.scratch);
}
