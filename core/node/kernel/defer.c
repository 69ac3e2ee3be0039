/* defer.c: outputs of raft that wait until what was saved before them is durable (N2).
 *
 * (S2) The ring ascends by `after`, an output's number of saves: its first output is the next whose
 *      wait is over. */
#include <node/kernel/defer.h>

#include <node/kernel/answer.h>
#include <node/kernel/fatal.h>
#include <node/kernel/gate.h>
#include <node/kernel/state.h>

#include <assert.h>
#include <inttypes.h>

static struct node_deferred *deferred_at(const struct ring *d, size_t i) {
  return ring_at(d, i);
}

bool defer_is_answer(const struct raft_output *out) {
  return out->type == RAFT_OUT_ANSWER_VOTE || out->type == RAFT_OUT_ANSWER_APPEND ||
         out->type == RAFT_OUT_ANSWER_PRE_VOTE;
}

void defer_discard(struct node *n, const struct raft_output *out) {
  struct rkv_error error;
  node_end_error(n, &error);
  if (defer_is_answer(out)) gate_refuse(n, out->cookie, &error);
}

bool defer_put(struct node *n, const struct raft_output *out) {
  struct ring *d = &n->deferred;
  if (n->save.done == n->save.issued && d->count == 0) return false;
  if (!ring_reserve(d, d->count + 1, sizeof(struct node_deferred))) {
    node_fatal(n, RKV_NO_MEMORY, "log: out of memory for answers that wait for the storage");
    defer_discard(n, out);
    return true;
  }
  assert(d->count == 0 || deferred_at(d, d->count - 1)->after <= n->save.issued); /* (S2) */
  *(struct node_deferred *)ring_push(d) = (struct node_deferred){n->save.issued, *out};
  return true;
}

bool defer_take(struct node *n, struct raft_output *out) {
  struct ring *d = &n->deferred;
  if (d->count == 0 || deferred_at(d, 0)->after > n->save.done) return false;
  assert(d->count == 1 || deferred_at(d, 0)->after <= deferred_at(d, 1)->after); /* (S2) */
  *out = deferred_at(d, 0)->output;
  ring_drop_oldest(d);
  return true;
}

/* Refuses the calls of peers whose answers wait: all, or those whose time is up. */
static void refuse_deferred(struct node *n, const struct rkv_error *error, bool all) {
  struct ring *d = &n->deferred;
  size_t kept = 0;
  for (size_t i = 0; i < d->count; i++) {
    struct node_deferred at = *deferred_at(d, i);
    if (defer_is_answer(&at.output) && (all || answer_is_due(n, at.output.cookie)))
      gate_refuse(n, at.output.cookie, error);
    else
      *deferred_at(d, kept++) = at;
  }
  d->count = kept;
}

void defer_fail(struct node *n, const struct rkv_error *error) {
  refuse_deferred(n, error, true);
}

void defer_expire(struct node *n) {
  struct rkv_error error;
  (void)rkv_fail(&error, RKV_TIMEOUT,
                 "node %" PRIu64
                 " has not saved it in time: it may be saved later, and promises nothing",
                 n->plugins.host->node_id);
  refuse_deferred(n, &error, false);
}
