/* wire.c: the table of what each call says, and the walk that writes or reads it.
 *
 * A new field of a call is one word in the table. Reading trusts nothing: each length is checked
 * against the bytes that are there, each number of a closed set against its last one. */
#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <sys/socket.h>

/* ---- the table ---- */

enum form { END, NUMBER, BYTES, GIVEN, TEXT, WORD, IDS, ENTRIES, MEMBERSHIP };

struct field {
  enum form form;
  size_t offset, size; /* of the member in its struct */
  unsigned bytes;      /* NUMBER: on the wire */
  uint64_t max;        /* NUMBER: the largest that makes sense */
};

#define FIELD(member, form, bytes, max)                                                            \
  { form, offsetof(IN, member), sizeof(((IN *)0)->member), bytes, max }
#define NOTHING                                                                                    \
  { END, 0, 0, 0, 0 }
#define N8(member) FIELD(member, NUMBER, 8, UINT64_MAX)
#define N4(member, max) FIELD(member, NUMBER, 4, max)
#define FLAG(member) FIELD(member, NUMBER, 1, 1)
#define LOG_ID(member) N8(member.term), N8(member.index)
#define CLUSTER(member) N8(member.high), N8(member.low)
#define VOTE(member) N8(member.term), N8(member.node_id), FLAG(member.committed)
#define AS(form, member) FIELD(member, form, 0, 0)

#define IN struct wire_head
static const struct field head_fields[] = {N8(id), FIELD(kind, NUMBER, 1, UINT8_MAX), NOTHING},
                          request_fields[] = {N8(patience_ns), FLAG(enveloped), NOTHING},
                          answer_fields[] = {N4(error.status, RKV_BROKEN), NOTHING};

#undef IN
#define IN struct rkv_envelope
static const struct field envelope_fields[] = {
    CLUSTER(cluster), N8(to), N8(incarnation), N8(from), N8(from_incarnation), NOTHING};

#undef IN
#define IN struct rkv_error
static const struct field error_fields[] = {N8(leader_id), AS(TEXT, leader_addr), AS(TEXT, text),
                                            NOTHING};

#undef IN
#define IN struct rkv_entry
static const struct field entry_fields[] = {LOG_ID(id), N4(kind, UINT32_MAX),
                                            N4(reserved, UINT32_MAX), AS(BYTES, payload), NOTHING};
#define ENTRY_BYTES 28 /* of an entry beside its payload */

#undef IN
#define IN union wire_call
#define SNAPSHOT_ANSWER(step)                                                                      \
  { N8(step.chunk_max), FLAG(step.finished), VOTE(step.voter_vote) }
#define VOTE_REQUEST(call)                                                                         \
  { VOTE(call.vote), LOG_ID(call.last), FLAG(call.transfer) }
#define VOTE_ANSWER(call)                                                                          \
  { FLAG(call.granted), VOTE(call.voter_vote), LOG_ID(call.voter_last) }
#define CHANGE_ANSWER(call)                                                                        \
  { LOG_ID(call.id), AS(GIVEN, call.membership) }

/* An END follows the last field of each: the rest of an array is zeros. */
static const struct call {
  uint32_t kind;
  struct field request[16], answer[24];
} calls[] = {
    {WIRE_HELLO,
     {NOTHING},
     {N8(hello.id), CLUSTER(hello.cluster), N8(hello.incarnation), LOG_ID(hello.membership),
      N4(hello.names_asker, 1)}},
    {WIRE_VOTE, VOTE_REQUEST(vote), VOTE_ANSWER(vote)},
    {WIRE_PRE_VOTE, VOTE_REQUEST(pre_vote), VOTE_ANSWER(pre_vote)},
    {WIRE_APPEND,
     {VOTE(append.vote), LOG_ID(append.prev), LOG_ID(append.commit), AS(ENTRIES, append)},
     {N4(append.result, RKV_APPEND_REJECTED), LOG_ID(append.matched), VOTE(append.voter_vote),
      N8(append.lease_ns)}},
    {WIRE_SNAPSHOT_BEGIN,
     {VOTE(snapshot_begin.vote), LOG_ID(snapshot_begin.meta.last),
      LOG_ID(snapshot_begin.meta.membership_id), AS(BYTES, snapshot_begin.meta.membership),
      N8(snapshot_begin.meta.size), AS(TEXT, snapshot_begin.meta.id)},
     SNAPSHOT_ANSWER(snapshot_begin)},
    {WIRE_SNAPSHOT_WRITE, {AS(BYTES, snapshot_write.chunk)}, SNAPSHOT_ANSWER(snapshot_write)},
    {WIRE_SNAPSHOT_FINISH, {NOTHING}, SNAPSHOT_ANSWER(snapshot_finish)},
    {WIRE_SNAPSHOT_ABORT, {NOTHING}, SNAPSHOT_ANSWER(snapshot_abort)},
    {WIRE_TIMEOUT_NOW, {VOTE(timeout_now.vote), LOG_ID(timeout_now.last)}, {NOTHING}},
    {WIRE_READ_INDEX, {N4(read_index.read, RKV_READ_LINEARIZABLE)}, {LOG_ID(read_index.index)}},
    {WIRE_PROPOSE, {AS(BYTES, propose.command)}, {LOG_ID(propose.id), AS(GIVEN, propose.result)}},
    {WIRE_QUERY,
     {AS(BYTES, query.request), N4(query.read, RKV_READ_LINEARIZABLE)},
     {AS(GIVEN, query.response)}},
    {WIRE_INIT, {AS(MEMBERSHIP, init.membership)}, {NOTHING}},
    {WIRE_ADD_LEARNER,
     {N8(add_learner.learner.id), AS(TEXT, add_learner.learner.addr)},
     CHANGE_ANSWER(add_learner)},
    {WIRE_CHANGE_MEMBERSHIP,
     {AS(IDS, change_membership.voters), FLAG(change_membership.retain)},
     CHANGE_ANSWER(change_membership)},
    {WIRE_METRICS,
     {NOTHING},
     {N8(metrics.leader), AS(WORD, metrics.state), VOTE(metrics.vote), LOG_ID(metrics.last),
      LOG_ID(metrics.committed), LOG_ID(metrics.applied), LOG_ID(metrics.snapshot),
      LOG_ID(metrics.purged), AS(GIVEN, metrics.membership), AS(GIVEN, metrics.text)}},
    {WIRE_TRANSFER, {N8(transfer.target)}, {NOTHING}},
    {WIRE_SNAPSHOT_NOW, {NOTHING}, {LOG_ID(snapshot_now.last)}},
};
#define CALLS (sizeof calls / sizeof calls[0])

/* ---- the walk ---- */

struct wire {
  enum rkv_status status;
  struct wire_out *out; /* where to write; NULL: reading */
  size_t max;           /* writing: how long it may become */
  struct rkv_buf in;    /* reading: what is left */
  void *held;
};

/* Room for the next `len` bytes to write, or NULL. */
static uint8_t *grow(struct wire *w, size_t len) {
  struct wire_out *out = w->out;
  if (w->status == RKV_OK && len > w->max - out->len) w->status = RKV_TOO_LARGE;
  if (w->status == RKV_OK && len > out->capacity - out->len) {
    const size_t capacity = 2 * (out->len + len);
    uint8_t *data = (uint8_t *)realloc(out->data, capacity);
    if (data)
      out->data = data, out->capacity = capacity;
    else
      w->status = RKV_NO_MEMORY;
  }
  if (w->status != RKV_OK) return NULL;
  out->len += len;
  return out->data + out->len - len;
}

/* The next `len` bytes that were read; fewer if there are not so many. */
static struct rkv_buf take(struct wire *w, size_t len) {
  const struct rkv_buf taken = rkv_buf_slice(w->in, 0, len);
  if (taken.len < len) w->status = RKV_CORRUPT;
  w->in = rkv_buf_slice(w->in, len, w->in.len);
  return taken;
}

static uint64_t number(struct wire *w, uint64_t value, unsigned bytes, uint64_t max) {
  struct rkv_buf taken;
  if (w->out) {
    uint8_t *at = grow(w, bytes);
    if (at) rkv_put_le(at, value, bytes);
    return value;
  }
  taken = take(w, bytes);
  value = rkv_get_le(taken.data, (unsigned)taken.len);
  if (value > max) w->status = RKV_CORRUPT;
  return w->status == RKV_OK ? value : 0;
}

static struct rkv_buf bytes(struct wire *w, struct rkv_buf buf) {
  const size_t len = (size_t)number(w, buf.len, 4, UINT32_MAX);
  uint8_t *at;
  if (!w->out) return take(w, len);
  at = grow(w, len);
  if (at && len > 0) memcpy(at, buf.data, len);
  return buf;
}

/* A text of less than `room` bytes. */
static void text(struct wire *w, char *value, size_t room) {
  const struct rkv_buf buf = bytes(w, rkv_buf_static(value, w->out ? strlen(value) : 0));
  if (w->out) return;
  if (buf.len >= room || memchr(buf.data, '\0', buf.len)) {
    w->status = RKV_CORRUPT;
    return;
  }
  memcpy(value, buf.data, buf.len);
  value[buf.len] = '\0';
}

/* A member of 1, 4 or 8 bytes. */
static void integer(struct wire *w, void *member, const struct field *f) {
  uint64_t wide = 0;
  uint32_t word = 0;
  uint8_t byte = 0;
  void *same = f->size == 1 ? (void *)&byte : f->size == 4 ? (void *)&word : (void *)&wide;
  if (w->out) memcpy(same, member, f->size);
  wide = number(w, wide | word | byte, f->bytes, f->max);
  word = (uint32_t)wide, byte = (uint8_t)wide;
  if (!w->out) memcpy(member, same, f->size);
}

static void ids(struct wire *w, struct rkv_config_set *set) {
  set->count = (uint32_t)number(w, set->count, 4, RKV_NODES_MAX);
  for (uint32_t i = 0; i < set->count; i++) set->ids[i] = number(w, set->ids[i], 8, UINT64_MAX);
}

/* Only read: no node sends it to another. */
static void membership(struct wire *w, const struct rkv_membership **member) {
  struct rkv_membership *m = (struct rkv_membership *)calloc(1, sizeof *m);
  const struct rkv_buf encoded = bytes(w, rkv_buf_none());
  if (!m || rkv_membership_decode(encoded.data, encoded.len, m, NULL) != RKV_OK)
    w->status = RKV_CORRUPT;
  w->held = m, *member = m;
}

static void walk(struct wire *w, void *base, const struct field *f);

/* Written are as many as fit: the follower tells how far it got, and the node goes on from there. */
static void entries(struct wire *w, struct rkv_append_call *call) {
  const size_t start = w->out ? w->out->len : 0, most = w->out ? SIZE_MAX : w->in.len / ENTRY_BYTES;
  size_t count = (size_t)number(w, call->entry_count, 8, most), i;
  struct rkv_entry *read = w->out ? NULL : (struct rkv_entry *)calloc(count + 1, sizeof *read);
  if (!w->out && !read) w->status = RKV_NO_MEMORY;
  for (i = 0; i < count && w->status == RKV_OK; i++) {
    struct rkv_entry entry = w->out ? call->entries[i] : read[i];
    if (w->out && i > 0 && ENTRY_BYTES + entry.payload.len > w->max - w->out->len) break;
    walk(w, w->out ? &entry : &read[i], entry_fields);
  }
  if (w->out && w->status == RKV_OK) rkv_put_le(w->out->data + start, i, 8);
  if (!w->out) w->held = read, call->entries = read, call->entry_count = count;
}

/* Goes on after an error too: what is given must be dropped. */
static void walk(struct wire *w, void *base, const struct field *f) {
  for (; f->form != END; f++) {
    void *member = (uint8_t *)base + f->offset;
    struct rkv_buf *buf = (struct rkv_buf *)member, taken;
    switch (f->form) {
    case NUMBER: integer(w, member, f); break;
    case BYTES:
      taken = bytes(w, *buf);
      if (!w->out) *buf = taken;
      break;
    case GIVEN: (void)bytes(w, *buf), rkv_buf_drop(buf); break;
    case TEXT: text(w, (char *)member, f->size); break;
    case WORD: text(w, *(char **)member, 0); break;
    case IDS: ids(w, (struct rkv_config_set *)member); break;
    case ENTRIES: entries(w, (struct rkv_append_call *)member); break;
    case MEMBERSHIP: membership(w, (const struct rkv_membership **)member); break;
    case END: break;
    }
  }
}

static void walk_head(struct wire *w, struct wire_head *head) {
  walk(w, head, head_fields);
  if (head->kind & WIRE_ANSWER) {
    walk(w, head, answer_fields);
    if (head->error.status != RKV_OK) walk(w, &head->error, error_fields);
  } else {
    walk(w, head, request_fields);
    if (head->enveloped) walk(w, &head->envelope, envelope_fields);
  }
}

static void walk_call(struct wire *w, const struct wire_head *head, union wire_call *call) {
  size_t i = 0;
  while (i < CALLS && calls[i].kind != (head->kind & ~WIRE_ANSWER)) i++;
  if (i == CALLS)
    w->status = RKV_UNIMPLEMENTED;
  else
    walk(w, call, head->kind & WIRE_ANSWER ? calls[i].answer : calls[i].request);
}

/* ---- frames ---- */

enum rkv_status wire_write(struct wire_out *out, struct wire_head *head, union wire_call *call) {
  const size_t start = out->len;
  struct wire w = {RKV_OK, out, start + WIRE_LENGTH + WIRE_FRAME_MAX, RKV_BUF_NONE_INIT, NULL};
  (void)number(&w, 0, WIRE_LENGTH, 0); /* known in the end */
  walk_head(&w, head);
  if (!(head->kind & WIRE_ANSWER) || head->error.status == RKV_OK) walk_call(&w, head, call);
  if (w.status == RKV_OK)
    rkv_put_le(out->data + start, out->len - start - WIRE_LENGTH, WIRE_LENGTH);
  else
    out->len = start;
  return w.status;
}

enum rkv_status wire_read_head(struct rkv_buf *frame, struct wire_head *head) {
  struct wire w = {RKV_OK, NULL, 0, *frame, NULL};
  walk_head(&w, head);
  *frame = w.in;
  return w.status;
}

enum rkv_status wire_read_call(struct rkv_buf frame, const struct wire_head *head,
                               union wire_call *call, void **held) {
  struct wire w = {RKV_OK, NULL, 0, frame, NULL};
  walk_call(&w, head, call);
  *held = w.held;
  return w.status == RKV_OK && w.in.len > 0 ? RKV_CORRUPT : w.status;
}

/* ---- sockets ---- */

bool wire_address(const char *text, struct sockaddr_in *addr) {
  char host[INET_ADDRSTRLEN], port[6], more;
  const bool whole = sscanf(text, "%15[0-9.]:%5[0-9]%c", host, port, &more) == 2;
  const unsigned long number = whole ? strtoul(port, NULL, 10) : 0;
  memset(addr, 0, sizeof *addr);
  addr->sin_family = AF_INET, addr->sin_port = htons((uint16_t)number);
  return number > 0 && number <= 65535 && inet_pton(AF_INET, host, &addr->sin_addr) == 1;
}

int wire_socket(void) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1, patience_ms = 10000;
  (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof patience_ms);
  return fd;
}

bool wire_send(struct wire_out *out, int fd) {
  while (out->sent < out->len) {
    const ssize_t n =
        send(fd, out->data + out->sent, out->len - out->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR) return false;
    if (n < 0) break;
    out->sent += (size_t)n;
  }
  if (out->sent > out->len / 2) { /* not at each byte: moving costs too */
    memmove(out->data, out->data + out->sent, out->len - out->sent);
    out->len -= out->sent, out->sent = 0;
  }
  return true;
}

int wire_receive(struct wire_in *in, int fd, const struct rkv_host *host, struct rkv_buf *frame) {
  while (in->got < WIRE_LENGTH + in->frame.len) {
    const bool head = in->got < WIRE_LENGTH;
    uint8_t *to = head ? in->length + in->got : in->room + (in->got - WIRE_LENGTH);
    const ssize_t n = recv(fd, to, WIRE_LENGTH + in->frame.len - in->got, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (n <= 0) return -1;
    in->got += (size_t)n;
    if (head && in->got == WIRE_LENGTH) {
      const size_t len = (size_t)rkv_get_le(in->length, WIRE_LENGTH);
      if (len > 0 && len <= WIRE_FRAME_MAX) in->room = host->buf_alloc(host->ctx, len, &in->frame);
      if (in->frame.len == 0) return -1;
    }
  }
  *frame = in->frame;
  in->frame = rkv_buf_none(), in->got = 0;
  return 1;
}
