/* inbound.c: requests of peers and clients: to the node, and its answers back.
 *
 * A snapshot stream is one `struct inbound` from its first step to its last; the later steps name
 * it by the id of the first. */
#include "tcp.h"

#include <stdlib.h>

static bool is_step(uint32_t kind) {
  return kind == WIRE_SNAPSHOT_WRITE || kind == WIRE_SNAPSHOT_FINISH || kind == WIRE_SNAPSHOT_ABORT;
}

/* Under the lock. */
static void write_answer(struct link *link, uint64_t id, uint32_t kind, union wire_call *call,
                         enum rkv_status status, const struct rkv_error *error) {
  size_t start = link->out.len;
  uint32_t number = (uint32_t)status;
  struct wire w = wire_begin(&link->out, id, kind | WIRE_ANSWER);
  struct rkv_error copy;
  wire_u32(&w, &number);
  if (status == RKV_OK) {
    wire_answer(&w, kind, call);
  } else {
    copy = *error;
    wire_error(&w, &copy);
  }
  if (!wire_end(&w, start, link->t->frame_max) && status == RKV_OK) {
    (void)rkv_fail(&copy, RKV_TOO_LARGE, "the answer is over frame_max");
    write_answer(link, id, kind, NULL, RKV_TOO_LARGE, &copy);
  }
}

static void inbound_free(struct inbound *in) {
  rkv_buf_drop(&in->frame);
  rkv_buf_drop(&in->first_frame);
  free(in->held);
  free(in);
}

static void unlist(struct inbound *in) {
  struct inbound **at = &in->link->streams;
  while (*at && *at != in) at = &(*at)->next;
  if (*at) *at = in->next;
}

/* The node's answer; any thread. */
static void answered(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct inbound *in = (struct inbound *)call;
  struct link *link = in->link;
  struct transport *t = link->t;
  bool goes_on =
      status == RKV_OK && ((in->kind == WIRE_SNAPSHOT_BEGIN && !in->as.snapshot_begin.finished) ||
                           in->kind == WIRE_SNAPSHOT_WRITE);
  (void)pthread_mutex_lock(&t->lock);
  write_answer(link, in->id, in->kind, &in->as, status, error);
  if (goes_on) {
    rkv_buf_drop(&in->frame);
    in->busy = false;
    in->touched_ns = tcp_now(t);
  } else {
    unlist(in);
    inbound_free(in);
  }
  link->open--, t->open--;
  tcp_wake(t); /* under the lock: afterwards the loop may have ended */
  (void)pthread_mutex_unlock(&t->lock);
}

static void hand_in(const struct rkv_node_api *node, struct inbound *in) {
  switch (in->kind) {
#define HAND_IN(name, number, type, function)                                                      \
  case WIRE_##name: node->function(node->ctx, &in->as.function); break;
    WIRE_KIND_LIST(HAND_IN)
#undef HAND_IN
  default: break; /* inbound_request lets no other pass */
  }
}

static bool is_known(uint32_t kind) {
  switch (kind) {
#define KNOWN(name, number, type, function) case WIRE_##name:
    WIRE_KIND_LIST(KNOWN)
#undef KNOWN
    return true;
  default: return false;
  }
}

static void refuse(struct link *link, uint64_t id, uint32_t kind, enum rkv_status status,
                   const char *why) {
  struct rkv_error error;
  (void)rkv_fail(&error, status, "%s", why);
  (void)pthread_mutex_lock(&link->t->lock);
  write_answer(link, id, kind, NULL, status, &error);
  (void)pthread_mutex_unlock(&link->t->lock);
}

/* Counts the call as open, unless nothing is taken any more. */
static bool admit(struct link *link, struct inbound *in) {
  bool admitted;
  (void)pthread_mutex_lock(&link->t->lock);
  admitted = !link->t->stopping;
  if (admitted) {
    link->open++, link->t->open++;
    in->busy = true;
    if (in->kind == WIRE_SNAPSHOT_BEGIN) in->next = link->streams, link->streams = in;
  }
  (void)pthread_mutex_unlock(&link->t->lock);
  return admitted;
}

/* A later step of a stream: the node gets the struct of the first one again. */
static void step(struct link *link, const struct inbound *request, uint64_t stream) {
  struct inbound *in = NULL;
  (void)pthread_mutex_lock(&link->t->lock);
  for (struct inbound *at = link->streams; at && !in; at = at->next)
    if (at->stream_id == stream && !at->busy) in = at;
  if (in) {
    in->id = request->id, in->kind = request->kind;
    in->as.call.deadline_ns = request->as.call.deadline_ns;
    in->as.snapshot_write.chunk = request->as.snapshot_write.chunk;
    in->frame = rkv_buf_share(request->frame);
  }
  (void)pthread_mutex_unlock(&link->t->lock);
  if (!in)
    refuse(link, request->id, request->kind, RKV_ABORTED, "no such snapshot stream: begin again");
  else if (admit(link, in))
    hand_in(link->t->node, in);
  else
    refuse(link, request->id, request->kind, RKV_UNAVAILABLE, "the node is stopping");
}

bool inbound_request(struct link *link, uint64_t id, uint32_t kind, struct wire *w,
                     struct rkv_buf frame) {
  struct transport *t = link->t;
  struct inbound *in;
  uint64_t patience_ns = 0, stream = 0;
  bool enveloped = false, sane;
  if (!is_known(kind)) {
    refuse(link, id, kind, RKV_UNIMPLEMENTED, "this node does not know the call");
    return true;
  }
  in = (struct inbound *)calloc(1, sizeof *in);
  if (!in) return false;
  wire_u64(w, &patience_ns);
  wire_bool(w, &enveloped);
  if (enveloped) wire_envelope(w, &in->envelope);
  wire_request(w, kind, &in->as, &stream);
  in->link = link, in->id = id, in->stream_id = id, in->kind = kind;
  in->held = w->held;
  in->frame = rkv_buf_share(frame);
  in->as.call.done = answered;
  in->as.call.envelope = enveloped ? &in->envelope : NULL;
  in->as.call.deadline_ns = patience_ns > 0 ? tcp_now(t) + patience_ns : 0;
  sane = !w->bad && w->frame.len == 0;
  if (sane && is_step(kind)) {
    step(link, in, stream);
  } else if (sane && admit(link, in)) {
    if (kind == WIRE_SNAPSHOT_BEGIN) in->first_frame = rkv_buf_share(frame);
    hand_in(t->node, in);
    return true;
  } else if (sane) {
    refuse(link, id, kind, RKV_UNAVAILABLE, "the node is stopping");
  }
  inbound_free(in);
  return sane;
}

/* ---- streams that nobody will continue ---- */

static struct inbound *next_idle(struct transport *t) {
  for (struct link *link = t->links; link; link = link->next)
    for (struct inbound *in = link->streams; in; in = in->next)
      if (!in->busy && (t->stopping || link->fd < 0 ||
                        tcp_now(t) - in->touched_ns > (uint64_t)TCP_STREAM_IDLE_NS))
        return in;
  return NULL;
}

void inbound_abort_idle(struct transport *t) {
  struct inbound *in;
  do {
    (void)pthread_mutex_lock(&t->lock);
    in = next_idle(t);
    if (in) {
      in->busy = true, in->kind = WIRE_SNAPSHOT_ABORT;
      in->link->open++, t->open++;
    }
    (void)pthread_mutex_unlock(&t->lock);
    if (in) hand_in(t->node, in);
  } while (in);
}
