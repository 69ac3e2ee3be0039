/* fetch.h: entries that left the hot tail. */
#ifndef NODE_FETCH_H
#define NODE_FETCH_H

#include <node/kernel/state.h>

/* What was read; without entries: `status` and `error` say why. */
struct fetched {
  struct rkv_entry *entries; /* one allocation; whoever takes it sets it to NULL and count to 0 */
  size_t count;
  enum rkv_status status;
  struct rkv_error error;
  rkv_node_id peer; /* for whom, and by which connection (struct node_peer) */
  uint64_t serial;
};

typedef void fetch_then(struct node *n, struct fetched *got);

/* Reads from..to on the worker; then `then` runs on the runner. False: no memory for it. */
bool fetch_start(struct node *n, rkv_index from, rkv_index to, const struct node_peer *peer,
                 fetch_then *then);
void fetch_on_done(struct node *n, struct rkv_call *call);

#endif
