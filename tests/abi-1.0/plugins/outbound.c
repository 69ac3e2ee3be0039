/* outbound.c: what the node asks its peers. A call waits in its link's list until the answer with
 * its id comes, its time is up, or the connection breaks.
 *
 * While a call is ours: `kind` is its kind, callee[0] its id, callee[1] when its time is up. A
 * snapshot stream's id is that of its first step, kept in `stream`. */
#include "tcp.h"

uint64_t tcp_now(const struct transport *t) {
  return t->host->now_ns(t->host->ctx);
}

void tcp_end(struct link *link, struct rkv_call *call, enum rkv_status status) {
  struct rkv_call **at = &link->first, *before = NULL;
  while (*at != call) before = *at, at = &(*at)->next;
  *at = call->next;
  if (link->last == call) link->last = before;
  call->next = link->t->ended, link->t->ended = call;
  call->callee[0] = (uint64_t)(uintptr_t)link;
  call->callee[1] = (uint64_t)status;
}

/* ---- asking ---- */

/* How many entries fit into a frame; the follower tells how far it got, and the node goes on from
 * there: a partial success is one of the answers it knows. */
static size_t fitting(const struct link *link, const struct rkv_append_call *call) {
  size_t room = link->t->frame_max - WIRE_HEAD_MAX, count = 0;
  while (count < call->entry_count) {
    size_t need = WIRE_ENTRY + call->entries[count].payload.len;
    if (need > room) break;
    room -= need, count++;
  }
  return count;
}

/* False: it does not fit, or there is no memory. */
static bool write_request(struct link *link, union wire_call *call, uint64_t now_ns) {
  struct transport *t = link->t;
  uint32_t kind = call->call.kind;
  size_t start = link->out.len;
  bool enveloped = kind != WIRE_HELLO;
  uint64_t stream = 0, patience_ns = call->call.callee[1] - now_ns;
  struct wire w = wire_begin(&link->out, call->call.callee[0], kind);
  wire_u64(&w, &patience_ns);
  wire_bool(&w, &enveloped);
  if (enveloped) wire_envelope(&w, &link->info);
  if (kind >= WIRE_SNAPSHOT_WRITE && kind <= WIRE_SNAPSHOT_ABORT)
    stream = (uint64_t)(uintptr_t)call->snapshot_write.stream;
  if (kind == WIRE_APPEND) {
    union wire_call part;
    part.append = call->append;
    part.append.entry_count = fitting(link, &part.append);
    wire_request(&w, kind, &part, &stream);
  } else {
    wire_request(&w, kind, call, &stream);
  }
  return wire_end(&w, start, t->frame_max);
}

/* Queues the call; on a refusal it is the caller's to answer. Under the lock. */
static enum rkv_status queue(struct link *link, union wire_call *call, uint32_t kind) {
  struct transport *t = link->t;
  struct rkv_call *c = &call->call;
  uint64_t now_ns = tcp_now(t);
  if (!t->running || t->stopping) return RKV_CANCELLED;
  if (link->fd < 0 && now_ns < link->retry_ns) return RKV_UNAVAILABLE;
  if (link->out.len - link->sent > TCP_OUT_MAX) return RKV_UNAVAILABLE;
  c->kind = kind, c->next = NULL;
  c->callee[0] = ++t->next_id;
  c->callee[1] = c->deadline_ns > 0 ? c->deadline_ns : now_ns + TCP_TIMEOUT_NS;
  if (c->callee[1] <= now_ns) return RKV_TIMEOUT;
  if (kind == WIRE_SNAPSHOT_BEGIN) call->snapshot_begin.stream = (void *)(uintptr_t)c->callee[0];
  if (!write_request(link, call, now_ns)) return RKV_TOO_LARGE;
  if (link->last)
    link->last->next = c;
  else
    link->first = c;
  link->last = c;
  tcp_wake(t);
  return RKV_OK;
}

static void fail(const struct link *link, struct rkv_call *call, enum rkv_status status) {
  const char *why = status == RKV_CANCELLED     ? "given up: this side is closing"
                    : status == RKV_TIMEOUT     ? "no answer in time"
                    : status == RKV_UNAVAILABLE ? "cannot be reached"
                                                : "the request is over frame_max";
  struct rkv_error error;
  (void)rkv_fail(&error, status, "peer %llu at %s: %s", (unsigned long long)link->info.to,
                 link->addr_text, why);
  call->done(call, status, &error);
}

static void ask(void *peer, void *call, uint32_t kind) {
  struct link *link = (struct link *)peer;
  enum rkv_status status;
  (void)pthread_mutex_lock(&link->t->lock);
  status = queue(link, (union wire_call *)call, kind);
  (void)pthread_mutex_unlock(&link->t->lock);
  if (status != RKV_OK) fail(link, (struct rkv_call *)call, status);
}

void outbound_append(void *peer, struct rkv_append_call *call) {
  const struct link *link = (const struct link *)peer;
  struct rkv_error error;
  if (call->entry_count == 0 || fitting(link, call) > 0) {
    ask(peer, call, WIRE_APPEND);
    return;
  }
  call->matched = call->prev;
  (void)rkv_fail(&error, RKV_TOO_LARGE,
                 "entry %llu of %zu bytes is over the limit of %zu (frame_max)",
                 (unsigned long long)call->entries[0].id.index, call->entries[0].payload.len,
                 link->t->frame_max - WIRE_HEAD_MAX - WIRE_ENTRY);
  call->call.done(&call->call, RKV_TOO_LARGE, &error);
}

#define OUTBOUND(function, type, kind)                                                             \
  void outbound_##function(void *peer, struct type *call) {                                        \
    ask(peer, call, kind);                                                                         \
  }
OUTBOUND(vote, rkv_vote_call, WIRE_VOTE)
OUTBOUND(pre_vote, rkv_vote_call, WIRE_PRE_VOTE)
OUTBOUND(snapshot_begin, rkv_snapshot_call, WIRE_SNAPSHOT_BEGIN)
OUTBOUND(snapshot_write, rkv_snapshot_call, WIRE_SNAPSHOT_WRITE)
OUTBOUND(snapshot_finish, rkv_snapshot_call, WIRE_SNAPSHOT_FINISH)
OUTBOUND(snapshot_abort, rkv_snapshot_call, WIRE_SNAPSHOT_ABORT)
OUTBOUND(timeout_now, rkv_timeout_now_call, WIRE_TIMEOUT_NOW)
OUTBOUND(read_index, rkv_read_index_call, WIRE_READ_INDEX)
OUTBOUND(hello, rkv_hello_call, WIRE_HELLO)

/* ---- answers ---- */

/* The call that waits for this answer, taken off the list; NULL: its time was up. */
static struct rkv_call *waiting(struct link *link, uint64_t id, uint32_t kind) {
  struct transport *t = link->t;
  struct rkv_call *call;
  (void)pthread_mutex_lock(&t->lock);
  for (call = link->first; call; call = call->next)
    if (call->callee[0] == id && call->kind == kind) break;
  if (call) {
    tcp_end(link, call, RKV_OK);
    t->ended = call->next; /* it is answered at once */
  }
  (void)pthread_mutex_unlock(&t->lock);
  return call;
}

bool outbound_answer(struct link *link, uint64_t id, uint32_t kind, struct wire *w) {
  struct rkv_call *call = waiting(link, id, kind);
  union wire_call *as = (union wire_call *)call;
  size_t chunk_max = link->t->frame_max - WIRE_HEAD_MAX;
  struct rkv_error error;
  uint32_t status = RKV_OK;
  wire_u32(w, &status);
  if (!call) return true;
  if (status == RKV_OK)
    wire_answer(w, kind, as);
  else
    wire_error(w, &error);
  if (w->bad || w->frame.len > 0 || status > RKV_BROKEN) {
    fail(link, call, RKV_UNAVAILABLE);
    return false;
  }
  if (status == RKV_OK && kind >= WIRE_SNAPSHOT_BEGIN && kind <= WIRE_SNAPSHOT_ABORT &&
      as->snapshot_begin.chunk_max > chunk_max)
    as->snapshot_begin.chunk_max = chunk_max;
  error.status = status, error.reserved = 0;
  call->done(call, (enum rkv_status)status, status == RKV_OK ? NULL : &error);
  return true;
}

void outbound_finish(struct transport *t) {
  struct rkv_call *call, *next;
  (void)pthread_mutex_lock(&t->lock);
  call = t->ended;
  t->ended = NULL;
  (void)pthread_mutex_unlock(&t->lock);
  for (; call; call = next) {
    next = call->next;
    fail((const struct link *)(uintptr_t)call->callee[0], call, (enum rkv_status)call->callee[1]);
  }
}
