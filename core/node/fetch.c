/* fetch.c: reads entries that left the hot tail, on the worker, because a storage may block. */
#include <node/fetch.h>

#include <node/kernel/post.h>
#include <node/kernel/outcome.h>
#include <node/kernel/state.h>

#include <assert.h>
#include <stdlib.h>

struct fetch {
  struct node_job job; /* first: what the executor knows */
  struct rkv_call event;
  struct node *n;
  fetch_then *then;
  rkv_index from, to;
  struct fetched got;
};

/* On the worker. */
static void run_fetch(struct node_job *job) {
  struct fetch *f = (struct fetch *)job;
  struct node *n = f->n;
  uint64_t wanted = f->to - f->from + 1;
  size_t capacity =
      wanted < NODE_FETCH_ENTRIES_MAX ? (size_t)wanted : (size_t)NODE_FETCH_ENTRIES_MAX;
  f->got.entries = calloc(capacity, sizeof *f->got.entries);
  if (f->got.entries)
    f->got.status =
        outcome_of(n->plugins.storage->read(n->plugins.storage_instance, f->from, f->to,
                                            n->options.append_bytes_max, f->got.entries, capacity,
                                            &f->got.count, outcome_clear(&f->got.error)),
                   "the storage's read", &f->got.error);
  else
    f->got.status = rkv_fail(&f->got.error, RKV_NO_MEMORY, "out of memory to read the log");
  if (f->got.status != RKV_OK) f->got.count = 0;
  node_post(n, &f->event, NODE_FETCHED);
  node_kick(n);
}

bool fetch_start(struct node *n, rkv_index from, rkv_index to, const struct node_peer *peer,
                 fetch_then *then) {
  assert(from > 0 && from <= to && then);
  struct fetch *f = calloc(1, sizeof *f);
  if (!f) return false;
  f->job.run = run_fetch;
  f->n = n;
  f->then = then;
  f->got.peer = peer ? peer->id : 0;
  f->got.serial = peer ? peer->serial : 0;
  f->from = from;
  f->to = to;
  n->executor->post(n->executor->ctx, &f->job);
  return true;
}

static void drop_entries(struct fetched *got) {
  for (size_t i = 0; i < got->count; i++) rkv_buf_drop(&got->entries[i].payload);
  free(got->entries);
  got->entries = NULL;
  got->count = 0;
}

/* True if the entries are those that were asked for; if not, the storage broke its contract. */
static bool is_as_asked(const struct fetch *f) {
  bool asked = f->got.count <= f->to - f->from + 1;
  for (size_t i = 0; asked && i < f->got.count; i++)
    asked = f->got.entries[i].id.index == f->from + i;
  return asked;
}

void fetch_on_done(struct node *n, struct rkv_call *call) {
  struct fetch *f = (struct fetch *)((char *)call - offsetof(struct fetch, event));
  if (f->got.status == RKV_CORRUPT || f->got.status == RKV_IO)
    node_fatal(n, f->got.status, f->got.error.text);
  if (!is_as_asked(f)) {
    node_fatal(n, RKV_BROKEN, "the storage read other entries than it was asked for");
    drop_entries(&f->got);
  }
  f->then(n, &f->got);
  drop_entries(&f->got);
  free(f);
}
