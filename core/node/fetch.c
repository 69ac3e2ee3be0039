/* fetch.c: reads entries that left the hot tail, on the worker, because a storage may block. */
#include <node/internal.h>

#include <stdlib.h>

struct fetch {
  struct node_job job; /* first: what the executor knows */
  struct rkv_call event;
  struct node *n;
  enum fetch_for what;
  struct node_append *append;
  rkv_index from, to;
  struct rkv_entry *entries;
  size_t count;
  enum rkv_status status;
  struct rkv_error error;
};

/* On the worker. */
static void run(struct node_job *job) {
  struct fetch *f = (struct fetch *)job;
  struct node *n = f->n;
  uint64_t wanted = f->to - f->from + 1;
  size_t capacity =
      wanted < NODE_FETCH_ENTRIES_MAX ? (size_t)wanted : (size_t)NODE_FETCH_ENTRIES_MAX;
  f->entries = calloc(capacity, sizeof *f->entries);
  if (f->entries)
    f->status = n->plugins.storage->read(n->plugins.storage_instance, f->from, f->to,
                                         n->options.append_bytes_max, f->entries, capacity,
                                         &f->count, &f->error);
  else
    f->status = rkv_fail(&f->error, RKV_NO_MEMORY, "out of memory to read the log");
  if (f->status != RKV_OK) f->count = 0;
  loop_post(n, &f->event, NODE_FETCHED);
  node_kick(n);
}

void fetch_start(struct node *n, enum fetch_for what, rkv_index from, rkv_index to,
                 struct node_append *append) {
  struct fetch *f = calloc(1, sizeof *f);
  if (!f) {
    if (append) replicate_fetched(n, append, NULL, 0, NULL);
    return node_fatal(n, RKV_NO_MEMORY, "out of memory to read the log");
  }
  f->job.run = run;
  f->n = n;
  f->what = what;
  f->append = append;
  f->from = from;
  f->to = to;
  n->executor->post(n->executor->ctx, &f->job);
}

void fetch_on_done(struct node *n, struct rkv_call *call) {
  struct fetch *f = (struct fetch *)((char *)call - offsetof(struct fetch, event));
  const struct rkv_error *error = f->status == RKV_OK ? NULL : &f->error;
  if (f->status == RKV_CORRUPT || f->status == RKV_IO) node_fatal(n, f->status, f->error.text);
  if (f->what == FETCH_FOR_PEER)
    replicate_fetched(n, f->append, f->entries, loop_ending(n) ? 0 : f->count, error);
  else
    apply_fetched(n, f->entries, f->count, error);
  for (size_t i = 0; i < f->count; i++) rkv_buf_drop(&f->entries[i].payload);
  free(f->entries);
  free(f);
}
