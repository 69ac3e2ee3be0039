/* apply.c: committed entries go to the state machine, in order, once (N3).
 *
 * Inline on the runner, a slice at a time, so that heartbeats are answered between slices. */
#include <node/internal.h>

#include <assert.h>

/* Applies one run of entries that follows `applied`. */
static bool apply_batch(struct node *n, const struct rkv_entry *entries, size_t count) {
  struct rkv_error error;
  assert(count > 0 && count <= NODE_APPLY_BATCH_MAX);
  assert(entries[0].id.index == n->applied.index + 1);
  for (size_t i = 0; i < count; i++) n->results[i] = rkv_buf_none();
  enum rkv_status status =
      n->plugins.sm->apply(n->plugins.sm_instance, entries, count, n->results, &error);
  if (status != RKV_OK) {
    for (size_t i = 0; i < count; i++) rkv_buf_drop(&n->results[i]);
    node_fatal(n, status, error.text);
    return false;
  }
  for (size_t i = 0; i < count; i++) n->log_bytes += entries[i].payload.len + sizeof entries[i];
  n->applied = entries[count - 1].id;
  n->applied_entries += count;
  propose_answer(n, entries, count);
  raft_on_applied(n->raft, node_now(n), n->applied);
  loop_carry(n);
  return true;
}

bool apply_run(struct node *n) {
  size_t done = 0;
  if (n->installing || n->fetching_apply) return false;
  while (n->applied.index < n->committed.index && done < NODE_APPLY_SLICE_MAX) {
    size_t count;
    rkv_index next = n->applied.index + 1;
    const struct rkv_entry *span = tail_span(&n->tail, next, n->committed.index, &count);
    if (count == 0) {
      n->fetching_apply = true;
      fetch_start(n, FETCH_FOR_APPLY, next, n->committed.index, NULL);
      return false;
    }
    if (count > NODE_APPLY_BATCH_MAX) count = NODE_APPLY_BATCH_MAX;
    if (!apply_batch(n, span, count)) return false;
    done += count;
  }
  tail_trim(&n->tail, n->applied.index, n->options.hot_tail_bytes_max);
  return n->applied.index < n->committed.index;
}

void apply_fetched(struct node *n, struct rkv_entry *entries, size_t count,
                   const struct rkv_error *error) {
  n->fetching_apply = false;
  if (loop_ending(n) || n->installing) return;
  if (n->applied.index >= n->committed.index) return; /* a snapshot was installed meanwhile */
  if (count == 0 || entries[0].id.index != n->applied.index + 1) {
    if (count > 0) return; /* likewise: the next pass fetches what is needed now */
    return node_fatal(n, error ? (enum rkv_status)error->status : RKV_BROKEN,
                      error ? error->text : "storage: a committed entry cannot be read");
  }
  while (count > 0) {
    size_t batch = count < NODE_APPLY_BATCH_MAX ? count : NODE_APPLY_BATCH_MAX;
    if (!apply_batch(n, entries, batch)) return;
    entries += batch;
    count -= batch;
  }
}
