/* transport-tcp.c: frames over TCP; a skeleton of a transport to begin from.
 *
 * Peers and clients speak the frames of wire.h to the node's address. It works, and is simple:
 * bytes are copied into the send buffer, hosts are IPv4 numbers, no peer is authenticated. To make
 * it yours, write another link.c for your wire and sockets. */
#include "tcp.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Puts mail into the loop's mailbox. Any thread. False: there is no loop. */
static bool post(struct transport *t, struct link *link, struct rkv_call *call, uint32_t kind) {
  bool running;
  (void)pthread_mutex_lock(&t->lock);
  running = t->running;
  if (running) {
    call->kind = kind, call->callee[0] = (uint64_t)(uintptr_t)link;
    call->next = NULL, *t->mail_end = call, t->mail_end = &call->next;
    (void)eventfd_write(t->fds[WAKE].fd, 1);
  }
  (void)pthread_mutex_unlock(&t->lock);
  return running;
}

/* ---- what the node asks its peers ---- */

static void send_request(struct link *link, struct rkv_call *call) {
  union wire_call *as = (union wire_call *)call;
  const bool is_step = WIRE_IS_STEP(call->kind); /* a later step has the id of the first */
  const uint64_t now = tcp_now(link->t),
                 end_ns = call->deadline_ns ? call->deadline_ns : now + TIMEOUT_NS;
  enum rkv_status status = RKV_UNAVAILABLE;
  if (call->kind == WIRE_SNAPSHOT_BEGIN) as->snapshot_begin.stream = (void *)(link->last_id + 1);
  link->head.id = is_step ? (uintptr_t)as->snapshot_write.stream : ++link->last_id;
  link->head.kind = call->kind, link->head.enveloped = !WIRE_IS_CLIENTS(call->kind);
  link->head.patience_ns = end_ns > now ? end_ns - now : 1; /* 0 would mean none */
  if ((link->fd >= 0 || now >= link->retry_ns) && link->len < OUT_MAX)
    status = link_write(link, &link->head, as);
  if (status == RKV_OK)
    link_keep(link, call, link->head.id, end_ns);
  else
    link_fail(link, call, status);
}

static void on_answer(struct link *link, struct wire_head *head, struct rkv_buf rest) {
  struct rkv_call *call = link_take(link, head->id, head->kind & ~WIRE_ANSWER);
  void *held = NULL;
  if (!call) return;
  if (head->error.status != RKV_OK)
    call->done(call, (enum rkv_status)head->error.status, &head->error);
  else if (wire_read_call(rest, head, (union wire_call *)call, &held) != RKV_OK)
    link_fail(link, call, RKV_UNAVAILABLE);
  else
    call->done(call, RKV_OK, NULL);
}

/* ---- what others ask the node ---- */

/* Ends a request with its answer; a snapshot stream goes on with its next step. */
static void answer(struct inbound *in) {
  struct link *link = in->link;
  struct rkv_error *error = &in->head.error;
  const bool goes_on =
      error->status == RKV_OK && !in->as.snapshot_begin.finished &&
      (in->head.kind == WIRE_SNAPSHOT_BEGIN || in->head.kind == WIRE_SNAPSHOT_WRITE);
  enum rkv_status status;
  in->head.kind |= WIRE_ANSWER;
  status = link_write(link, &in->head, &in->as);
  if (status != RKV_OK) {
    (void)rkv_fail(error, status, "the answer is over the limit, or there is no memory for it");
    (void)link_write(link, &in->head, &in->as); /* else it times out at the peer */
  }
  if (link->fd < 0) link->len = 0; /* the connection is closed: the answer is dropped */
  assert(link->open > 0);          /* (T2) */
  link->open--;
  if (goes_on) {
    in->as.call.kind = WIRE_SNAPSHOT_BEGIN;
    link_keep(link, &in->as.call, in->head.id, link->fd < 0 ? 0 : tcp_now(link->t) + IDLE_NS);
    return;
  }
  rkv_buf_drop(&in->frame), rkv_buf_drop(&in->step);
  free(in->held);
  free(in);
}

/* The node's done. Any thread. */
static void answered(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct inbound *in = (struct inbound *)call;
  if (error) in->head.error = *error;
  in->head.error.status = (uint32_t)status;
  (void)post(in->link->t, in->link, call, WIRE_ANSWER); /* the loop outlives open calls */
}

static void on_request(struct link *link, const struct wire_head *head, struct rkv_buf frame,
                       struct rkv_buf rest) {
  const bool is_step = WIRE_IS_STEP(head->kind);
  struct inbound *stream =
      (struct inbound *)(is_step ? link_take(link, head->id, WIRE_SNAPSHOT_BEGIN) : NULL);
  struct inbound *in = stream ? stream : (struct inbound *)calloc(1, sizeof *in);
  enum rkv_status status;
  if (!in) return; /* no answer: the request times out at the peer */
  in->link = link, in->head = *head;
  rkv_buf_drop(&in->step);
  *(stream ? &in->step : &in->frame) = rkv_buf_share(frame); /* the first step's fields stay */
  status = wire_read_call(rest, head, &in->as, &in->held);
  in->as.call.done = answered;
  in->as.call.abi_minor = RKV_ABI_MINOR;
  in->as.call.envelope = head->enveloped ? &in->head.envelope : NULL;
  in->as.call.deadline_ns = head->patience_ns ? tcp_now(link->t) + head->patience_ns : 0;
  if (status == RKV_OK && is_step && !stream) status = RKV_ABORTED; /* the peer begins again */
  if (status == RKV_OK && link->t->stopping) status = RKV_UNAVAILABLE;
  if (stream && status != RKV_OK) in->head.kind = WIRE_SNAPSHOT_ABORT, status = RKV_OK;
  link->open++;
  if (status != RKV_OK)
    (void)rkv_fail(&in->head.error, status, "transport refused: %s", rkv_status_name(status));
  status == RKV_OK ? link_hand_in(in) : answer(in);
}

/* A free link among [first, end); NULL: there is none. Any thread. */
static struct link *link_new(struct transport *t, size_t first, size_t end) {
  struct link *link = NULL;
  (void)pthread_mutex_lock(&t->lock);
  while (first < end && t->links[first].t) first++;
  if (first < end) link = &t->links[first], link->t = t, link->fd = -1;
  (void)pthread_mutex_unlock(&t->lock);
  return link;
}

static void break_link(struct link *link) {
  link_hang_up(link);
  link->retry_ns = tcp_now(link->t) + RETRY_NS;
  link_expire(link, UINT64_MAX, RKV_UNAVAILABLE);
}

static void link_free(struct link *link) {
  struct transport *t = link->t;
  link_hang_up(link);
  free(link->out);
  (void)pthread_mutex_lock(&t->lock);
  memset(link, 0, sizeof *link);
  (void)pthread_mutex_unlock(&t->lock);
}

static void accept_one(struct transport *t) {
  const int fd = accept(t->listener, NULL, NULL);
  struct link *link = fd < 0 ? NULL : link_new(t, 0, ACCEPTED_MAX);
  if (fd < 0) t->fds[LISTENER].fd = -1; /* a pause, for example without descriptors */
  if (link)
    link->fd = fd, link->live = true;
  else
    (void)close(fd);
}

static void receive(struct link *link) {
  size_t total = 0;
  int came = 1;
  struct wire_head head;
  struct rkv_buf frame, rest;
  while (came > 0 && total < READ_MAX && link->open < CALLS_MAX &&
         (came = link_receive(link, &frame)) > 0) {
    total += WIRE_LENGTH + frame.len;
    rest = frame;
    memset(&head, 0, sizeof head);
    if (wire_read_head(&rest, &head) != RKV_OK || link->outbound != (head.kind >= WIRE_ANSWER))
      came = -1;
    else if (link->outbound)
      on_answer(link, &head, rest);
    else
      on_request(link, &head, frame, rest);
    rkv_buf_drop(&frame);
  }
  if (came < 0) break_link(link);
}

/* ---- the loop ---- */

/* False: the transport was stopped, and nothing is left to do. */
static bool read_mail(struct transport *t) {
  struct rkv_call *call, *next;
  (void)pthread_mutex_lock(&t->lock);
  call = t->mail, t->mail = NULL, t->mail_end = &t->mail;
  t->running = call || !t->stopping || t->busy;
  (void)pthread_mutex_unlock(&t->lock);
  for (; call; call = next) {
    struct link *link = (struct link *)(uintptr_t)call->callee[0];
    next = call->next;
    if (link) link->live = true;
    if (call->kind == MAIL_STOP)
      t->stopping = true;
    else if (call->kind == MAIL_CLOSE)
      link->closed = true;
    else if (call->kind == WIRE_ANSWER)
      answer((struct inbound *)call);
    else
      send_request(link, call);
  }
  return t->running;
}

/* Ends what timed out, dials, sends. */
static void tend(struct link *link, struct pollfd *polled) {
  struct transport *t = link->t;
  const uint64_t now = tcp_now(t);
  const bool grace_over = t->stopping && now >= t->grace_end_ns;
  if (link->closed || t->stopping) link_expire(link, UINT64_MAX, RKV_CANCELLED);
  link_expire(link, now, RKV_TIMEOUT);
  if (link->outbound && link->fd < 0 && link->calls && !link_dial(link)) break_link(link);
  if (link->fd >= 0 && (grace_over || !link_send(link))) break_link(link);
  if (link->outbound ? link->closed : link->fd < 0 && link->open == 0) {
    link_free(link);
    return;
  }
  polled->fd = link->fd;
  polled->events = link->open < CALLS_MAX && link->len < OUT_MAX ? POLLIN : 0;
  if (link->len > 0) polled->events |= POLLOUT;
  if (link->open > 0 || (link->len > 0 && !link->outbound)) t->busy = true;
}

static void *loop(void *arg) {
  struct transport *t = (struct transport *)arg;
  while (read_mail(t)) {
    t->busy = false;
    for (size_t i = 0; i < LINKS_MAX; i++) {
      t->fds[i].fd = -1;
      if (t->links[i].live) tend(&t->links[i], &t->fds[i]);
    }
    t->node->kick(t->node->ctx); /* once for all calls that were handed in and answered */
    if (poll(t->fds, LISTENER + 1, TICK_MS) < 0) continue;
    if (t->fds[WAKE].revents) (void)eventfd_read(t->fds[WAKE].fd, &t->wakes);
    t->fds[LISTENER].fd = t->stopping ? -1 : t->listener;
    if (t->fds[LISTENER].revents) accept_one(t);
    for (size_t i = 0; i < LINKS_MAX; i++)
      if (t->fds[i].revents) receive(&t->links[i]);
  }
  return NULL;
}

/* ---- life ---- */

static void tcp_close(void *transport) {
  struct transport *t = (struct transport *)transport;
  for (size_t i = 0; i < LINKS_MAX; i++)
    if (t->links[i].t) link_free(&t->links[i]);
  if (t->listener >= 0) (void)close(t->listener);
  if (t->fds[WAKE].fd >= 0) (void)close(t->fds[WAKE].fd);
  (void)pthread_mutex_destroy(&t->lock);
  free(t);
}

static enum rkv_status tcp_open(const struct rkv_host *host, const struct rkv_config *config,
                                const struct rkv_node_api *node, void **transport,
                                struct rkv_error *error) {
  struct transport *t = (struct transport *)calloc(1, sizeof *t);
  struct sockaddr_in addr;
  enum rkv_status status;
  (void)config; /* there are no options */
  if (!t) return rkv_fail(error, RKV_NO_MEMORY, "no memory for the transport");
  (void)pthread_mutex_init(&t->lock, NULL); /* a default mutex: cannot fail on Linux */
  t->host = host, t->node = node, t->mail_end = &t->mail;
  t->fds[WAKE].fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  t->fds[LISTENER].fd = t->listener = link_socket();
  t->fds[WAKE].events = t->fds[LISTENER].events = POLLIN;
  if (!link_address(host->node_addr, &addr))
    status = rkv_fail(error, RKV_INVALID, "%s: not a numeric HOST:PORT", host->node_addr);
  else if (t->fds[WAKE].fd < 0 || bind(t->listener, (struct sockaddr *)&addr, sizeof addr) != 0 ||
           listen(t->listener, SOMAXCONN) != 0)
    status = rkv_fail(error, t->listener < 0 || t->fds[WAKE].fd < 0 ? RKV_IO : RKV_ADDRESS,
                      "%s: %s", host->node_addr, strerror(errno));
  else
    status = RKV_OK, *transport = t;
  if (status != RKV_OK) tcp_close(t);
  return status;
}

static enum rkv_status tcp_start(void *transport, struct rkv_error *error) {
  struct transport *t = (struct transport *)transport;
  int failed;
  (void)pthread_mutex_lock(&t->lock);
  failed = pthread_create(&t->thread, NULL, loop, t);
  t->running = failed == 0;
  (void)pthread_mutex_unlock(&t->lock);
  return failed == 0 ? RKV_OK : rkv_fail(error, RKV_NO_MEMORY, "no thread: %s", strerror(failed));
}

static void tcp_stop(void *transport, uint64_t grace_ns) {
  struct transport *t = (struct transport *)transport;
  const uint64_t now = tcp_now(t);
  t->grace_end_ns = grace_ns < UINT64_MAX - now ? now + grace_ns : UINT64_MAX;
  (void)post(t, NULL, &t->stop_mail, MAIL_STOP);
  (void)pthread_join(t->thread, NULL);
}

static enum rkv_status tcp_peer_open(void *transport, const struct rkv_peer_info *info, void **peer,
                                     struct rkv_error *error) {
  struct transport *t = (struct transport *)transport;
  const struct rkv_envelope envelope = {info->cluster, info->id, info->incarnation,
                                        t->host->node_id, info->from_incarnation};
  struct sockaddr_in addr;
  struct link *link;
  if (!link_address(info->addr, &addr))
    return rkv_fail(error, RKV_INVALID, "%s: not a numeric HOST:PORT", info->addr);
  link = link_new(t, ACCEPTED_MAX, LINKS_MAX);
  if (!link)
    return rkv_fail(error, RKV_FULL, "over %d connections to peers", LINKS_MAX - ACCEPTED_MAX);
  link->outbound = true, link->addr = addr, link->head.envelope = envelope;
  *peer = link;
  return RKV_OK;
}

static void tcp_peer_close(void *peer) {
  struct link *link = (struct link *)peer;
  (void)post(link->t, link, &link->mail, MAIL_CLOSE);
}

/* ---- the descriptor: in the order of the structs, so that C++ takes it too ---- */

#define SEND(name, number, type, function, request, answer)                                        \
  static void send_##function(void *peer, struct type *call) {                                     \
    struct link *link = (struct link *)peer;                                                       \
    if (!post(link->t, link, &call->call, WIRE_##name))                                            \
      link_fail(link, &call->call, RKV_CANCELLED);                                                 \
  }
WIRE_PEER_LIST(SEND)
WIRE_ASKED_LIST(SEND)

#define NOT_CARRIED NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL /* from send_add_learner on */
#define SEND_OPERATION(name, number, type, function, request, answer) send_##function,
static const struct rkv_transport_ops ops = {tcp_open,
                                             tcp_start,
                                             tcp_stop,
                                             tcp_close,
                                             tcp_peer_open,
                                             tcp_peer_close,
                                             WIRE_PEER_LIST(SEND_OPERATION)
                                                 WIRE_ASKED_LIST(SEND_OPERATION) NOT_CARRIED};

RKV_PLUGIN(TRANSPORT, "transport-tcp", "1.0.0", "frames over TCP: small and plain",
           RKV_CAP_STREAMING, RKV_NO_OPTIONS, ops);
