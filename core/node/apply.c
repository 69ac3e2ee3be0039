/* apply.c: committed entries go to the state machine, in order, once (N3).
 *
 * Inline on the runner, a slice at a time, so that heartbeats are answered between slices. */
#include <node/apply.h>

#include <node/digest.h>
#include <node/fetch.h>
#include <node/kernel/fatal.h>
#include <node/kernel/post.h>
#include <node/kernel/outcome.h>
#include <node/kernel/state.h>
#include <node/kernel/tail.h>
#include <node/propose.h>

#include <assert.h>
#include <inttypes.h>

/* How long the next read waits after one that found no room. */
#define PAUSE_NS UINT64_C(100000000)

/* Applies one run of entries that follows `applied`. */
static bool apply_batch(struct node *n, const struct rkv_entry *entries, size_t count) {
  struct rkv_error error;
  assert(count > 0 && count <= NODE_APPLY_BATCH_MAX);
  assert(entries[0].id.index == n->applied.index + 1); /* (N3) */
  assert(entries[count - 1].id.index == n->applied.index + count);
  assert(entries[count - 1].id.index <= n->committed.index);
  for (size_t i = 0; i < count; i++) n->apply.results[i] = rkv_buf_none();
  enum rkv_status status = outcome_of(n->plugins.sm->apply(n->plugins.sm_instance, entries, count,
                                                           n->apply.results, outcome_clear(&error)),
                                      "the state machine's apply", &error);
  if (status != RKV_OK) {
    for (size_t i = 0; i < count; i++) rkv_buf_drop(&n->apply.results[i]);
    node_fatal(n, status, error.text);
    return false;
  }
  for (size_t i = 0; i < count; i++)
    n->build.log_bytes += entries[i].payload.len + sizeof entries[i];
  n->applied = entries[count - 1].id;
  n->count.applied_entries += count;
  propose_answer(n, entries, count);
  raft_on_applied(n->raft, node_now(n), n->applied);
  return digest_applied(n);
}

/* There is no memory, or no room, to read the entries now. The same read is tried again later;
 * calls that wait for these entries go on waiting. */
static void put_off(struct node *n, const char *why) {
  n->apply.pause_ns = n->now_ns + PAUSE_NS;
  if (n->apply.put_off) return;
  n->apply.put_off = true;
  rkv_log(n->plugins.host, RKV_LOG_WARN, NODE_LOG,
          "committed entries cannot be read now, tried again applied=%" PRIu64 " committed=%" PRIu64
          ": %s",
          n->applied.index, n->committed.index, why);
}

static void end_put_off(struct node *n) {
  if (!n->apply.put_off) return;
  n->apply.put_off = false;
  rkv_log(n->plugins.host, RKV_LOG_INFO, NODE_LOG, "committed entries are read again");
}

static void take_fetched(struct node *n, struct fetched *got) {
  const struct rkv_error *error = got->status == RKV_OK ? NULL : &got->error;
  const struct rkv_entry *entries = got->entries;
  size_t count = got->count;
  n->apply.fetching = false;
  if (node_ending(n) || n->receive.installing) return;
  if (n->applied.index >= n->committed.index) return; /* a snapshot was installed meanwhile */
  if (error && (error->status == RKV_FULL || error->status == RKV_NO_MEMORY)) {
    put_off(n, error->text);
    return;
  }
  if (count == 0 || entries[0].id.index != n->applied.index + 1) {
    if (count > 0) return; /* a snapshot was installed: the next pass fetches what is needed now */
    node_fatal(n, error ? (enum rkv_status)error->status : RKV_BROKEN,
               error ? error->text : "storage: a committed entry cannot be read");
    return;
  }
  end_put_off(n);
  while (count > 0) {
    size_t batch = digest_room(n, count < NODE_APPLY_BATCH_MAX ? count : NODE_APPLY_BATCH_MAX);
    if (!apply_batch(n, entries, batch)) return;
    entries += batch;
    count -= batch;
  }
}

static void fetch_committed(struct node *n, rkv_index from, rkv_index to) {
  n->apply.fetching = fetch_start(n, from, to, NULL, take_fetched);
  if (!n->apply.fetching) put_off(n, "out of memory");
}

/* How far may be applied now. A machine that is durable by itself must not be ahead of this node's
 * own storage, which may lag behind the quorum's. */
static rkv_index apply_end(const struct node *n) {
  struct raft_view view;
  if (!(n->plugins.sm_capabilities & RKV_CAP_DURABLE)) return n->committed.index;
  raft_view(n->raft, &view);
  return view.saved.index < n->committed.index ? view.saved.index : n->committed.index;
}

bool apply_run(struct node *n) {
  size_t done = 0;
  if (n->receive.installing || n->apply.fetching || n->now_ns < n->apply.pause_ns) return false;
  const rkv_index end = apply_end(n);
  while (n->applied.index < end && done < NODE_APPLY_SLICE_MAX) {
    size_t count;
    rkv_index next = n->applied.index + 1;
    const struct rkv_entry *span = tail_span(&n->tail, next, end, &count);
    if (count == 0) {
      fetch_committed(n, next, end);
      return false;
    }
    count = digest_room(n, count < NODE_APPLY_BATCH_MAX ? count : NODE_APPLY_BATCH_MAX);
    if (!apply_batch(n, span, count)) return false;
    done += count;
  }
  tail_trim(&n->tail, n->applied.index, n->options.hot_tail_bytes_max);
  return n->applied.index < end;
}
