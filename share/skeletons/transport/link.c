/* link.c: one walk over the rows of wire.h writes and reads frames; sockets; calls that wait.
 *
 * Reading trusts nothing: a length is checked against what is there, a number against its set. */
#include "tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- the table ---- */

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ || SIZE_MAX != UINT64_MAX
#error "numbers go over the wire as they lie in memory: turn them round in raw()"
#endif

enum form { END, NUMBER, BYTES, GIVEN, TEXT, WORD, ENTRIES, MEMBERSHIP };

struct field {
  enum form form;
  size_t offset, size; /* of the member in its struct */
  uint64_t max;        /* NUMBER of up to 4 bytes: the largest legal one */
};

#define AS(form, member) FIELD(member, form, 0)
#define FIELD(member, form, max)                                                                   \
  { form, offsetof(IN, member), sizeof(((IN *)0)->member), max }
#define NUMBER(member) FIELD(member, NUMBER, UINT64_MAX)
#define UP_TO(max, member) FIELD(member, NUMBER, max)
#define FLAG(member) UP_TO(1, member)
#define VOTE(member) NUMBER(member.term), NUMBER(member.node_id), FLAG(member.committed)
#define NOTHING                                                                                    \
  { END, 0, 0, 0 }

#define IN struct wire_head
static const struct field head_fields[] = {NUMBER(id), NUMBER(kind), NOTHING},
                          request_fields[] = {NUMBER(patience_ns), FLAG(enveloped), NOTHING},
                          envelope_fields[] = {NUMBER(envelope.cluster),
                                               NUMBER(envelope.to),
                                               NUMBER(envelope.incarnation),
                                               NUMBER(envelope.from),
                                               NUMBER(envelope.from_incarnation),
                                               NOTHING},
                          answer_fields[] = {UP_TO(RKV_BROKEN, error.status), NOTHING},
                          error_fields[] = {NUMBER(error.leader_id), AS(TEXT, error.leader_addr),
                                            AS(TEXT, error.text), NOTHING};
#undef IN
#define IN struct rkv_entry
static const struct field entry_fields[] = {NUMBER(id), NUMBER(kind), NUMBER(reserved),
                                            AS(BYTES, payload), NOTHING};
#define ENTRY_BYTES 28 /* of an entry beside its payload */

#undef IN
#define IN union wire_call
#define LIST(...) __VA_ARGS__
#define ROW(name, number, type, function, request, answer) {number, {LIST request}, {LIST answer}},
static const struct call { /* END follows the last field; the rest is zeros */
  uint32_t kind;
  struct field request[12], answer[12];
} calls[] = {WIRE_CALL_LIST(ROW)};
#define CALLS (sizeof calls / sizeof calls[0])

/* ---- the walk ---- */

struct wire {
  enum rkv_status status;
  struct link *out;  /* where to write; NULL: reading */
  size_t max;        /* writing: bytes that the frame may have */
  struct rkv_buf in; /* reading: what is left */
  void *held;
};

static void put(struct wire *w, const void *bytes, size_t len) {
  struct link *link = w->out;
  if (w->status == RKV_OK && len > w->max - link->len) w->status = RKV_TOO_LARGE;
  if (w->status == RKV_OK && len > link->capacity - link->len) {
    const size_t capacity = 2 * (link->len + len);
    uint8_t *out = (uint8_t *)realloc(link->out, capacity);
    if (out)
      link->out = out, link->capacity = capacity;
    else
      w->status = RKV_NO_MEMORY;
  }
  if (w->status == RKV_OK && len > 0) memcpy(link->out + link->len, bytes, len), link->len += len;
}

/* Takes the next `len` bytes off what is read; fewer if fewer are left. */
static struct rkv_buf take(struct wire *w, size_t len) {
  const struct rkv_buf taken = rkv_buf_slice(w->in, 0, len);
  if (taken.len < len) w->status = RKV_CORRUPT;
  w->in = rkv_buf_slice(w->in, len, w->in.len);
  return taken;
}

static void raw(struct wire *w, void *value, size_t len) {
  const struct rkv_buf taken = w->out ? rkv_buf_none() : take(w, len);
  if (w->out) put(w, value, len);
  if (taken.len > 0) memcpy(value, taken.data, taken.len);
}

static void bytes(struct wire *w, struct rkv_buf *buf) {
  uint32_t len = w->out ? (uint32_t)buf->len : 0;
  raw(w, &len, sizeof len);
  if (w->out)
    put(w, buf->data, len);
  else
    *buf = take(w, len);
}

/* A text of less than `room` bytes. */
static void text(struct wire *w, char *value, size_t room) {
  struct rkv_buf buf = rkv_buf_static(value, w->out ? strlen(value) : 0);
  bytes(w, &buf);
  if (!w->out && (buf.len >= room || memchr(buf.data, '\0', buf.len)))
    w->status = RKV_CORRUPT;
  else if (!w->out)
    memcpy(value, buf.data, buf.len), value[buf.len] = '\0';
}

static void number(struct wire *w, void *member, size_t size, uint64_t max) {
  uint32_t value = 0;
  raw(w, member, size);
  if (size <= sizeof value) memcpy(&value, member, size);
  if (value > max) w->status = RKV_CORRUPT;
}

static void membership(struct wire *w, const struct rkv_membership **member) {
  struct rkv_membership *m = w->out ? NULL : (struct rkv_membership *)calloc(1, sizeof *m);
  const size_t size = w->out ? rkv_membership_encoded_size(*member) : 0;
  void *space = w->out ? malloc(size) : m;
  struct rkv_buf encoded = rkv_buf_static(space, size);
  if (space && w->out) rkv_membership_encode(*member, (uint8_t *)space);
  if (!space) w->status = RKV_NO_MEMORY, encoded.len = 0;
  bytes(w, &encoded);
  if (m && rkv_membership_decode(encoded.data, encoded.len, m, NULL) != RKV_OK)
    w->status = RKV_CORRUPT;
  if (w->out)
    free(space);
  else
    w->held = m, *member = m;
}

static void walk(struct wire *w, void *base, const struct field *f);

/* Writes as many entries as fit: the follower answers how far it got, and the node goes on from
 * there. */
static void entries(struct wire *w, struct rkv_append_call *call) {
  const size_t start = w->out ? w->out->len : 0;
  uint64_t count = w->out ? call->entry_count : 0, i;
  struct rkv_entry *read = NULL;
  raw(w, &count, sizeof count);
  if (!w->out) {
    if (count > w->in.len / ENTRY_BYTES) w->status = RKV_CORRUPT, count = 0;
    w->held = read = (struct rkv_entry *)calloc(count + 1, sizeof *read);
    if (!read) w->status = RKV_NO_MEMORY;
    call->entries = read, call->entry_count = (size_t)count;
  }
  for (i = 0; i < count && w->status == RKV_OK; i++) {
    struct rkv_entry entry = call->entries[i];
    if (w->out && i > 0 && ENTRY_BYTES + entry.payload.len > w->max - w->out->len) break;
    walk(w, w->out ? &entry : &read[i], entry_fields);
  }
  if (w->out && w->status == RKV_OK) memcpy(w->out->out + start, &i, sizeof i);
}

/* Goes on after an error too, because buffers that were given must be dropped. */
static void walk(struct wire *w, void *base, const struct field *f) {
  for (; f->form != END; f++) {
    void *member = (uint8_t *)base + f->offset;
    struct rkv_buf *buf = (struct rkv_buf *)member;
    switch (f->form) {
    case NUMBER: number(w, member, f->size, f->max); break;
    case BYTES: bytes(w, buf); break;
    case GIVEN:
      bytes(w, buf);
      if (w->out)
        rkv_buf_drop(buf);
      else if (w->status == RKV_OK && w->in.len == 0)
        *buf = rkv_buf_share(*buf);
      break;
    case TEXT: text(w, (char *)member, f->size); break;
    case WORD: text(w, *(char **)member, 0); break;
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
    if (head->error.status != RKV_OK) walk(w, head, error_fields);
  } else {
    walk(w, head, request_fields);
    if (head->enveloped) walk(w, head, envelope_fields);
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

enum rkv_status link_write(struct link *link, struct wire_head *head, union wire_call *call) {
  const size_t start = link->len;
  assert(pthread_equal(pthread_self(), link->t->thread)); /* (T1) */
  struct wire w = {RKV_OK, link, start + WIRE_LENGTH + WIRE_FRAME_MAX, RKV_BUF_NONE_INIT, NULL};
  uint32_t length = 0; /* filled in at the end */
  raw(&w, &length, sizeof length);
  walk_head(&w, head);
  if (!(head->kind & WIRE_ANSWER) || head->error.status == RKV_OK) walk_call(&w, head, call);
  length = (uint32_t)(link->len - start - WIRE_LENGTH);
  if (w.status == RKV_OK)
    memcpy(link->out + start, &length, sizeof length);
  else
    link->len = start;
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

bool link_send(struct link *link) {
  while (link->sent < link->len) {
    const size_t left = link->len - link->sent;
    const ssize_t n = send(link->fd, link->out + link->sent, left, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR) return false;
    if (n < 0) break;
    link->sent += (size_t)n;
  }
  if (link->sent > link->len / 2) { /* not after each send: moving bytes costs time too */
    memmove(link->out, link->out + link->sent, link->len - link->sent);
    link->len -= link->sent, link->sent = 0;
  }
  return true;
}

int link_receive(struct link *link, struct rkv_buf *frame) {
  const struct rkv_host *host = link->t->host;
  while (link->got < WIRE_LENGTH + link->frame.len) {
    const bool head = link->got < WIRE_LENGTH;
    uint8_t *to = head ? link->length + link->got : link->room + (link->got - WIRE_LENGTH);
    const ssize_t n = recv(link->fd, to, WIRE_LENGTH + link->frame.len - link->got, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (n <= 0) return -1;
    link->got += (size_t)n;
    if (head && link->got == WIRE_LENGTH) {
      const size_t len = (size_t)rkv_get_le(link->length, WIRE_LENGTH);
      if (len > 0 && len <= WIRE_FRAME_MAX)
        link->room = host->buf_alloc(host->ctx, len, &link->frame);
      if (link->frame.len == 0) return -1;
    }
  }
  *frame = link->frame;
  link->frame = rkv_buf_none(), link->got = 0;
  return 1;
}

bool link_address(const char *text, struct sockaddr_in *addr) {
  const struct rkv_addr_parts parts = rkv_addr_split(text);
  char host[RKV_ADDR_MAX];
  rkv_addr_host(&parts, host);
  memset(addr, 0, sizeof *addr);
  addr->sin_family = AF_INET, addr->sin_port = htons((uint16_t)rkv_port_number(parts.port));
  return !rkv_addr_refusal(text) && inet_pton(AF_INET, host, &addr->sin_addr) == 1;
}

int link_socket(void) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1, patience_ms = 10000;
  (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof patience_ms);
  return fd;
}

bool link_dial(struct link *link) {
  const struct sockaddr *to = (struct sockaddr *)&link->addr;
  link->fd = link_socket();
  return connect(link->fd, to, sizeof link->addr) == 0 || errno == EINPROGRESS;
}

void link_hang_up(struct link *link) {
  if (link->fd >= 0) (void)close(link->fd);
  link->fd = -1;
  rkv_buf_drop(&link->frame), link->got = link->len = link->sent = 0;
}

/* ---- calls that wait ---- */

void link_fail(const struct link *link, struct rkv_call *call, enum rkv_status status) {
  struct rkv_error error;
  if (status == RKV_UNAVAILABLE && WIRE_IS_CLIENTS(call->kind)) status = RKV_ABORTED;
  (void)rkv_fail(&error, status, "peer %" PRIu64 ": no answer (%s)", link->head.envelope.to,
                 rkv_status_name(status));
  if (status == RKV_TOO_LARGE && call->kind == WIRE_APPEND) {
    struct rkv_append_call *append = (struct rkv_append_call *)call;
    append->matched = append->prev;
    (void)rkv_fail(&error, status, "entry %" PRIu64 " of %zu bytes is over the limit of %u",
                   append->prev.index + 1, append->entries->payload.len, WIRE_FRAME_MAX);
  }
  call->done(call, status, &error);
}

void link_hand_in(struct inbound *in) {
  const struct rkv_node_api *node = in->link->t->node;
  switch (in->head.kind) {
#define HAND_IN(name, number, type, function, request, answer)                                     \
  case WIRE_##name: node->function(node->ctx, &in->as.function); break;
    WIRE_CALL_LIST(HAND_IN)
  }
}

void link_expire(struct link *link, uint64_t then_ns, enum rkv_status status) {
  struct rkv_call **at = &link->calls, *call;
  while ((call = *at)) {
    struct inbound *in = (struct inbound *)call;
    if (call->callee[1] > then_ns) {
      at = &call->next;
      continue;
    }
    *at = call->next;
    if (link->outbound)
      link_fail(link, call, status);
    else
      link->open++, in->head.kind = WIRE_SNAPSHOT_ABORT, link_hand_in(in);
  }
}
