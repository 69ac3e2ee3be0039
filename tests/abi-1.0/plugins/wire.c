/* wire.c: the walks. Reading trusts nothing: every count is checked against the bytes that are
 * there. */
#include "wire.h"

#include <stdlib.h>

/* ---- numbers and bytes ---- */

static uint8_t *grow(struct wire *w, size_t len) {
  struct wire_bytes *out = w->out;
  uint8_t *at;
  if (w->bad) return NULL;
  if (len > out->capacity - out->len) {
    size_t capacity = 2 * (out->capacity + len);
    uint8_t *data = (uint8_t *)realloc(out->data, capacity);
    w->bad = !data;
    if (!data) return NULL;
    out->data = data, out->capacity = capacity;
  }
  at = out->data + out->len;
  out->len += len;
  return at;
}

/* The next `len` bytes that were received, or NULL. */
static const uint8_t *take(struct wire *w, size_t len) {
  const uint8_t *at = w->frame.data;
  w->bad = w->bad || len > w->frame.len;
  if (w->bad) return NULL;
  w->frame.data += len, w->frame.len -= len;
  return at;
}

static void number(struct wire *w, uint64_t *value, unsigned bytes) {
  if (w->out) {
    uint8_t *at = grow(w, bytes);
    if (at) rkv_put_le(at, *value, bytes);
  } else {
    const uint8_t *at = take(w, bytes);
    *value = at ? rkv_get_le(at, bytes) : 0;
  }
}

void wire_u64(struct wire *w, uint64_t *value) {
  number(w, value, 8);
}

void wire_u32(struct wire *w, uint32_t *value) {
  uint64_t wide = w->out ? *value : 0;
  number(w, &wide, 4);
  *value = (uint32_t)wide;
}

void wire_bool(struct wire *w, bool *value) {
  uint64_t wide = w->out && *value ? 1 : 0;
  number(w, &wide, 1);
  w->bad = w->bad || wide > 1;
  *value = wide == 1;
}

/* A number of a closed set, 0 to `last`. */
static void closed(struct wire *w, uint32_t *value, uint32_t last) {
  wire_u32(w, value);
  if (!w->out && *value > last) w->bad = true, *value = 0;
}

static void size(struct wire *w, size_t *value) {
  uint64_t wide = w->out ? *value : 0;
  wire_u64(w, &wide);
  *value = (size_t)wide;
}

static void bytes(struct wire *w, struct rkv_buf *buf) {
  uint32_t len = (uint32_t)buf->len;
  wire_u32(w, &len);
  if (w->out) {
    uint8_t *at = grow(w, len);
    if (at && len > 0) memcpy(at, buf->data, len);
  } else {
    *buf = rkv_buf_slice(w->frame, 0, len);
    (void)take(w, len);
  }
}

/* A text of less than `room` bytes. */
static void text(struct wire *w, char *value, size_t room) {
  struct rkv_buf buf = rkv_buf_static(value, w->out ? strlen(value) : 0);
  bytes(w, &buf);
  if (w->out) return;
  w->bad = w->bad || buf.len >= room || (buf.len > 0 && memchr(buf.data, '\0', buf.len));
  if (w->bad) buf.len = 0;
  if (buf.len > 0) memcpy(value, buf.data, buf.len);
  value[buf.len] = '\0';
}

/* ---- parts ---- */

static void log_id(struct wire *w, struct rkv_log_id *id) {
  wire_u64(w, &id->term);
  wire_u64(w, &id->index);
}

static void vote(struct wire *w, struct rkv_vote *v) {
  wire_u64(w, &v->term);
  wire_u64(w, &v->node_id);
  wire_bool(w, &v->committed);
}

static void cluster_id(struct wire *w, struct rkv_cluster_id *id) {
  wire_u64(w, &id->high);
  wire_u64(w, &id->low);
}

void wire_envelope(struct wire *w, struct rkv_envelope *envelope) {
  cluster_id(w, &envelope->cluster);
  wire_u64(w, &envelope->to);
  wire_u64(w, &envelope->incarnation);
}

void wire_error(struct wire *w, struct rkv_error *error) {
  wire_u64(w, &error->leader_id);
  text(w, error->leader_addr, sizeof error->leader_addr);
  text(w, error->text, sizeof error->text);
}

static void entry(struct wire *w, struct rkv_entry *e) {
  log_id(w, &e->id);
  wire_u32(w, &e->kind);
  wire_u32(w, &e->reserved);
  bytes(w, &e->payload);
}

static void entries(struct wire *w, struct rkv_append_call *call) {
  size_t count = call->entry_count;
  struct rkv_entry *read = NULL;
  size(w, &count);
  if (w->out) {
    for (size_t i = 0; i < count; i++) {
      struct rkv_entry e = call->entries[i];
      entry(w, &e);
    }
    return;
  }
  w->bad = w->bad || count > w->frame.len / WIRE_ENTRY;
  if (w->bad || count == 0) return;
  read = (struct rkv_entry *)calloc(count, sizeof *read);
  w->held = read;
  w->bad = !read;
  for (size_t i = 0; i < count && !w->bad; i++) entry(w, &read[i]);
  call->entries = read;
  call->entry_count = count;
}

static void meta(struct wire *w, struct rkv_snapshot_meta *m) {
  log_id(w, &m->last);
  log_id(w, &m->membership_id);
  bytes(w, &m->membership);
  wire_u64(w, &m->size);
  text(w, m->id, sizeof m->id);
}

/* Only read: no node sends it to another. */
static void membership(struct wire *w, struct rkv_init_call *call) {
  struct rkv_membership *m = (struct rkv_membership *)calloc(1, sizeof *m);
  struct rkv_buf encoded = rkv_buf_none();
  bytes(w, &encoded);
  w->held = m;
  w->bad = w->bad || !m || rkv_membership_decode(encoded.data, encoded.len, m, NULL) != RKV_OK;
  call->membership = m;
}

static void voters(struct wire *w, struct rkv_config_set *set) {
  closed(w, &set->count, RKV_NODES_MAX);
  for (uint32_t i = 0; i < set->count; i++) wire_u64(w, &set->ids[i]);
}

/* ---- frames ---- */

struct wire wire_begin(struct wire_bytes *out, uint64_t id, uint32_t kind) {
  struct wire w = {out, RKV_BUF_NONE_INIT, NULL, false};
  uint64_t tag = kind;
  uint32_t length = 0; /* wire_end knows it */
  wire_u32(&w, &length);
  wire_u64(&w, &id);
  number(&w, &tag, 1);
  return w;
}

bool wire_end(struct wire *w, size_t start, size_t frame_max) {
  size_t len = w->out->len - start;
  if (w->bad || len - WIRE_LENGTH > frame_max) {
    w->out->len = start;
    return false;
  }
  rkv_put_le(w->out->data + start, len - WIRE_LENGTH, WIRE_LENGTH);
  return true;
}

/* ---- calls ---- */

void wire_request(struct wire *w, uint32_t kind, union wire_call *c, uint64_t *stream) {
  switch (kind) {
  case WIRE_VOTE:
  case WIRE_PRE_VOTE:
    vote(w, &c->vote.vote), log_id(w, &c->vote.last), wire_bool(w, &c->vote.transfer);
    break;
  case WIRE_APPEND:
    vote(w, &c->append.vote), log_id(w, &c->append.prev), log_id(w, &c->append.commit);
    entries(w, &c->append);
    break;
  case WIRE_SNAPSHOT_BEGIN:
    vote(w, &c->snapshot_begin.vote), meta(w, &c->snapshot_begin.meta);
    break;
  case WIRE_SNAPSHOT_WRITE: wire_u64(w, stream), bytes(w, &c->snapshot_write.chunk); break;
  case WIRE_SNAPSHOT_FINISH:
  case WIRE_SNAPSHOT_ABORT: wire_u64(w, stream); break;
  case WIRE_TIMEOUT_NOW: vote(w, &c->timeout_now.vote), log_id(w, &c->timeout_now.last); break;
  case WIRE_READ_INDEX: closed(w, &c->read_index.read, RKV_READ_LINEARIZABLE); break;
  case WIRE_PROPOSE: bytes(w, &c->propose.command); break;
  case WIRE_QUERY:
    bytes(w, &c->query.request), closed(w, &c->query.read, RKV_READ_LINEARIZABLE);
    break;
  case WIRE_INIT: membership(w, &c->init); break;
  case WIRE_ADD_LEARNER:
    wire_u64(w, &c->add_learner.learner.id);
    text(w, c->add_learner.learner.addr, sizeof c->add_learner.learner.addr);
    break;
  case WIRE_CHANGE_MEMBERSHIP:
    voters(w, &c->change_membership.voters), wire_bool(w, &c->change_membership.retain);
    break;
  case WIRE_TRANSFER: wire_u64(w, &c->transfer.target); break;
  default: break; /* hello, metrics, snapshot_now: nothing is asked */
  }
}

static void metrics(struct wire *w, struct rkv_metrics_call *c) {
  struct rkv_buf state = rkv_buf_static(c->state, strlen(c->state));
  wire_u64(w, &c->leader), bytes(w, &state), vote(w, &c->vote), log_id(w, &c->last);
  log_id(w, &c->committed), log_id(w, &c->applied), log_id(w, &c->snapshot), log_id(w, &c->purged);
  bytes(w, &c->membership), bytes(w, &c->text);
  rkv_buf_drop(&c->membership), rkv_buf_drop(&c->text);
}

/* The answers that clients get are only written, and the buffers that the node gave dropped. */
void wire_answer(struct wire *w, uint32_t kind, union wire_call *c) {
  switch (kind) {
  case WIRE_HELLO:
    wire_u64(w, &c->hello.id), cluster_id(w, &c->hello.cluster);
    wire_u64(w, &c->hello.incarnation);
    break;
  case WIRE_VOTE:
  case WIRE_PRE_VOTE:
    wire_bool(w, &c->vote.granted), vote(w, &c->vote.voter_vote), log_id(w, &c->vote.voter_last);
    break;
  case WIRE_APPEND:
    closed(w, &c->append.result, RKV_APPEND_REJECTED), log_id(w, &c->append.matched);
    vote(w, &c->append.voter_vote);
    break;
  case WIRE_SNAPSHOT_BEGIN:
  case WIRE_SNAPSHOT_WRITE:
  case WIRE_SNAPSHOT_FINISH:
  case WIRE_SNAPSHOT_ABORT:
    size(w, &c->snapshot_begin.chunk_max), wire_bool(w, &c->snapshot_begin.finished);
    vote(w, &c->snapshot_begin.voter_vote);
    break;
  case WIRE_READ_INDEX: log_id(w, &c->read_index.index); break;
  case WIRE_PROPOSE:
    log_id(w, &c->propose.id), bytes(w, &c->propose.result), rkv_buf_drop(&c->propose.result);
    break;
  case WIRE_QUERY: bytes(w, &c->query.response), rkv_buf_drop(&c->query.response); break;
  case WIRE_ADD_LEARNER:
  case WIRE_CHANGE_MEMBERSHIP:
    log_id(w, &c->add_learner.id), bytes(w, &c->add_learner.membership);
    rkv_buf_drop(&c->add_learner.membership);
    break;
  case WIRE_METRICS: metrics(w, &c->metrics); break;
  case WIRE_SNAPSHOT_NOW: log_id(w, &c->snapshot_now.last); break;
  default: break; /* timeout_now, init, transfer: nothing is told */
  }
}
