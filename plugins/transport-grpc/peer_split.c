/* peer_split.c: appends that go in parts: their plan, their turn, their lines in the log. */
#include <stdlib.h>

#include "codec.h"
#include "peer_append.h"

static unsigned long long llu(uint64_t value) {
  return value;
}

/* ---- plan ---- */

struct rkv_log_id append_before(const struct append *a, size_t i) {
  return i == 0 ? a->call->prev : a->call->entries[i - 1].id;
}

enum rkv_status append_measure(struct append *a, struct rkv_error *error) {
  const struct rkv_append_call *call = a->call;
  size_t i;
  enum rkv_status status;
  if (a->heads) return RKV_OK;
  if (!(a->heads = calloc(call->entry_count, 2 * sizeof *a->heads)))
    return rkv_fail(error, RKV_NO_MEMORY, "append: no memory");
  a->sizes = a->heads + call->entry_count;
  for (i = 0; i < call->entry_count; i++) {
    struct codec_append_head head = {call->vote, append_before(a, i), call->commit};
    a->heads[i] = codec_append_head_size(&head);
    if ((status = codec_entry_size(&call->entries[i], &a->sizes[i], error))) return status;
  }
  return RKV_OK;
}

struct split append_split(const struct append *a) {
  return (struct split){a->heads, a->sizes, a->call->entry_count, a->limit.bytes, a->limit.exact};
}

/* ---- turn ---- */

/* Under the mutex. */
static enum rkv_status enqueue(struct peer *peer, struct append *a) {
  if (peer->waiting_count == PEER_WAITING_MAX) return RKV_FULL;
  peer->waiting_count++;
  a->next = NULL;
  *peer->waiting_end = a;
  peer->waiting_end = &a->next;
  return RKV_OK;
}

bool append_must_wait(struct append *a, enum rkv_status *status) {
  struct peer *peer = a->rpc.peer;
  bool wait;
  *status = RKV_OK;
  pthread_mutex_lock(&peer->mutex);
  wait = peer->splitting || peer->waiting;
  if (wait) *status = enqueue(peer, a);
  pthread_mutex_unlock(&peer->mutex);
  return wait;
}

bool append_split_begin(struct append *a, enum rkv_status *status) {
  struct peer *peer = a->rpc.peer;
  bool mine;
  *status = RKV_OK;
  pthread_mutex_lock(&peer->mutex);
  if (!peer->splitting) peer->splitting = a;
  mine = peer->splitting == a;
  if (!mine) *status = enqueue(peer, a);
  pthread_mutex_unlock(&peer->mutex);
  return mine;
}

bool append_split_end(struct append *a) {
  struct peer *peer = a->rpc.peer;
  bool mine;
  pthread_mutex_lock(&peer->mutex);
  mine = peer->splitting == a;
  if (mine) peer->splitting = NULL;
  pthread_mutex_unlock(&peer->mutex);
  return mine;
}

struct append *append_waiting_take(struct peer *peer) {
  struct append *a = NULL;
  pthread_mutex_lock(&peer->mutex);
  if (!peer->splitting && peer->waiting) {
    a = peer->waiting;
    peer->waiting = a->next;
    peer->waiting_count--;
    if (!peer->waiting) peer->waiting_end = &peer->waiting;
  }
  pthread_mutex_unlock(&peer->mutex);
  return a;
}

/* ---- log ---- */

void append_note_split(struct append *a, const struct split *split) {
  struct peer *peer = a->rpc.peer;
  uint64_t now = transport_now(peer->t), count = 0;
  bool loud;
  pthread_mutex_lock(&peer->mutex);
  if (peer->split_limit != split->limit) peer->split.logged_ns = 0; /* a change */
  peer->split_limit = split->limit;
  loud = peer_trouble(&peer->split, now, &count);
  pthread_mutex_unlock(&peer->mutex);
  if (a->parts == 0) atomic_fetch_add(&peer->t->peers->splits, 1);
  a->parts = a->part + (unsigned)split_parts(split, a->at);
  a->loud = loud ? RKV_LOG_INFO : RKV_LOG_DEBUG;
  rkv_log(peer->t->host, a->loud, TRANSPORT_LOG,
          "split peer=%llu entries=%zu bytes=%zu limit=%zu parts=%zu times=%llu", llu(peer->id),
          split->count - a->at, split_bytes(split, a->at), split->limit, split_parts(split, a->at),
          llu(count));
}

void append_note_part(struct append *a) {
  struct peer *peer = a->rpc.peer;
  a->part++;
  atomic_fetch_add(&peer->t->peers->split_parts, 1);
  rkv_log(peer->t->host, a->loud, TRANSPORT_LOG,
          "part peer=%llu part=%u/%u from=%llu to=%llu bytes=%zu", llu(peer->id), a->part, a->parts,
          llu(a->call->entries[a->at].id.index),
          llu(a->call->entries[a->at + a->count - 1].id.index), a->bytes);
}

void append_note_unsendable(struct append *a, const char *text) {
  struct peer *peer = a->rpc.peer;
  rkv_index index = a->call->entries[a->at].id.index;
  bool seen;
  pthread_mutex_lock(&peer->mutex);
  seen = peer->unsendable == index;
  peer->unsendable = index;
  pthread_mutex_unlock(&peer->mutex);
  if (seen) return;
  atomic_fetch_add(&peer->t->peers->unsendable_entries, 1);
  rkv_log(peer->t->host, RKV_LOG_WARN, TRANSPORT_LOG, "unsendable %s", text);
}
