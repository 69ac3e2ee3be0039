/* link.c: one connection: dialled or accepted, read frame by frame, written as the socket takes it.
 */
#include "tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

struct link *link_new(struct transport *t, bool outbound) {
  struct link *link = (struct link *)calloc(1, sizeof *link);
  bool room;
  if (!link) return NULL;
  link->t = t, link->fd = -1, link->outbound = outbound;
  (void)pthread_mutex_lock(&t->lock);
  room = t->link_count < TCP_LINKS_MAX && (outbound || t->accepted_count < TCP_ACCEPTED_MAX);
  if (room) {
    link->next = t->links, t->links = link;
    t->link_count++;
    if (!outbound) t->accepted_count++;
  }
  (void)pthread_mutex_unlock(&t->lock);
  if (room) return link;
  free(link);
  return NULL;
}

/* A peer that died without a word is noticed by the kernel. Nothing here must succeed. */
static void tune(int fd) {
  int on = 1, idle_s = 5, patience_ms = 10000;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &on, sizeof on);
  (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof patience_ms);
}

void link_dial(struct link *link) {
  link->fd = socket(link->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (link->fd < 0) return link_break(link, "no socket");
  tune(link->fd);
  link->connecting = true;
  if (connect(link->fd, (struct sockaddr *)&link->addr, link->addr_len) != 0 &&
      errno != EINPROGRESS)
    link_break(link, strerror(errno));
}

bool link_accept(struct transport *t) {
  for (int i = 0; i < TCP_ACCEPTED_MAX; i++) {
    int fd = accept(t->listener, NULL, NULL);
    struct link *link;
    if (fd < 0) return errno == EAGAIN || errno == EINTR || errno == ECONNABORTED;
    link = link_new(t, false);
    if (!link) {
      (void)close(fd);
      continue;
    }
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    tune(fd);
    link->fd = fd;
  }
  return true;
}

void link_break(struct link *link, const char *why) {
  struct transport *t = link->t;
  if (link->outbound && link->backoff_ns == 0)
    rkv_log(t->host, RKV_LOG_INFO, "tcp", "connection to %s ended: %s", link->addr_text, why);
  if (link->fd >= 0) (void)close(link->fd);
  link->fd = -1, link->connecting = false;
  rkv_buf_drop(&link->frame);
  link->room = NULL, link->length_got = 0;
  link->out.len = 0, link->sent = 0;
  while (link->first) tcp_end(link, link->first, RKV_UNAVAILABLE);
  link->backoff_ns = link->backoff_ns == 0 ? TCP_BACKOFF_MIN_NS : 2 * link->backoff_ns;
  if (link->backoff_ns > TCP_BACKOFF_MAX_NS) link->backoff_ns = TCP_BACKOFF_MAX_NS;
  link->retry_ns = tcp_now(t) + link->backoff_ns;
}

void link_free(struct link *link) {
  if (link->fd >= 0) (void)close(link->fd);
  rkv_buf_drop(&link->frame);
  free(link->out.data);
  free(link);
}

/* ---- writing ---- */

void link_flush(struct link *link) {
  while (link->fd >= 0 && !link->connecting && link->sent < link->out.len) {
    ssize_t n = send(link->fd, link->out.data + link->sent, link->out.len - link->sent,
                     MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n < 0) return link_break(link, strerror(errno));
    link->sent += (size_t)n;
  }
  if (link->sent == link->out.len) link->out.len = 0, link->sent = 0;
}

/* ---- reading ---- */

/* Takes the kind off a whole frame and hands it on. False: it makes no sense. */
static bool on_frame(struct link *link) {
  struct rkv_buf frame = link->frame;
  struct wire w = {NULL, frame, NULL, false};
  uint64_t id;
  uint32_t kind = frame.data[WIRE_FRAME_MIN - 1];
  bool sane;
  wire_u64(&w, &id);
  w.frame = rkv_buf_slice(w.frame, 1, w.frame.len);
  link->frame = rkv_buf_none(), link->room = NULL, link->length_got = 0;
  if (link->outbound)
    sane = (kind & WIRE_ANSWER) && outbound_answer(link, id, kind & ~WIRE_ANSWER, &w);
  else
    sane = !(kind & WIRE_ANSWER) && inbound_request(link, id, kind, &w, frame);
  rkv_buf_drop(&frame);
  return sane;
}

/* The length is whole: makes room. False: no frame is so long, or there is no memory. */
static bool begin_frame(struct link *link) {
  struct transport *t = link->t;
  size_t len = (size_t)rkv_get_le(link->length, WIRE_LENGTH);
  if (len < WIRE_FRAME_MIN || len > t->frame_max) return false;
  link->room = t->host->buf_alloc(t->host->ctx, len, &link->frame);
  link->frame_got = 0;
  return link->room != NULL;
}

/* Reads once. *n: bytes, 0 = nothing more for now. False: the connection is of no use any more. */
static bool read_once(struct link *link, size_t *n) {
  bool head = !link->room;
  uint8_t *to = head ? link->length + link->length_got : link->room + link->frame_got;
  size_t want = head ? WIRE_LENGTH - link->length_got : link->frame.len - link->frame_got;
  ssize_t got = recv(link->fd, to, want, MSG_DONTWAIT);
  *n = got > 0 ? (size_t)got : 0;
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (got <= 0) return false;
  if (head) {
    link->length_got += *n;
    return link->length_got < WIRE_LENGTH || begin_frame(link);
  }
  link->frame_got += *n;
  return link->frame_got < link->frame.len || on_frame(link);
}

static bool connected(struct link *link) {
  int failed = 0;
  socklen_t len = sizeof failed;
  if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &failed, &len) != 0 || failed != 0) return false;
  link->connecting = false, link->backoff_ns = 0;
  return true;
}

void link_receive(struct link *link, short events) {
  size_t n = 1, total = 0;
  bool alive = !link->connecting || connected(link);
  while (alive && (events & (POLLIN | POLLHUP | POLLERR)) && n > 0 && total < TCP_READ_MAX) {
    alive = read_once(link, &n);
    total += n;
  }
  if (alive) return;
  (void)pthread_mutex_lock(&link->t->lock);
  link_break(link, "the other side ended it or broke the protocol");
  (void)pthread_mutex_unlock(&link->t->lock);
}
