/* fetch.h: entries that left the hot tail. */
#ifndef NODE_FETCH_H
#define NODE_FETCH_H

#include <node/kernel/state.h>

/* What a read gave. If it gave no entries, `status` and `error` say why. */
struct fetched {
  /* one allocation; a `then` that keeps it sets it to NULL and count to 0 */
  struct rkv_entry *entries;
  size_t count;
  enum rkv_status status;
  struct rkv_error error;
  rkv_node_id peer; /* the peer that the entries are for; 0: none */
  uint64_t serial;  /* of that peer's connection (struct node_peer) */
};

typedef void fetch_then(struct node *n, struct fetched *got);

/* Reads from..to on the worker; then `then` runs on the runner. False: no memory for it. */
bool fetch_start(struct node *n, rkv_index from, rkv_index to, const struct node_peer *peer,
                 fetch_then *then);
void fetch_on_done(struct node *n, struct rkv_call *call);

#endif
