/* transport-tcp.c: frames over TCP; a skeleton of a transport to begin from.
 *
 * Peers and clients speak the frames of wire.h to the node's address. It is real, and plain:
 * payloads are copied into the send buffer, hosts are IPv4 numbers, nobody is authenticated.
 *
 * (T1) One thread, the loop, owns every link. Others leave calls in its mailbox, for which the lock
 *      is, and wake it.
 * (T2) So nothing is locked while done or the node is called: both may call back.
 * (T3) A call is in one place at a time: in the mailbox, in a link's list, or with the node. */
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define ACCEPTED_MAX 256       /* connections of others; more are closed at once */
#define LINKS_MAX 512          /* with those to peers */
#define CALLS_MAX 4096         /* calls of one connection that the node works on */
#define OUT_MAX (256u << 20)   /* bytes that may wait for one connection */
#define READ_MAX (1u << 20)    /* bytes taken off one connection before the others' turn */
#define TICK_MS 20             /* the loop looks at the time at least so often */
#define RETRY_NS 200000000u    /* between two attempts to reach a peer */
#define TIMEOUT_NS 5000000000u /* of a call to a peer that has no deadline */
#define IDLE_NS 10000000000u   /* a snapshot stream silent for so long is given up */

/* A connection: to a peer (what peer_open gives out), or accepted. */
struct link {
  struct transport *t; /* under lock; NULL: the place is free */
  bool live;           /* the loop knows of it */
  int fd;              /* -1: none */
  struct wire_in in;
  struct wire_out out;
  /* What waits for the other side: calls of ours for their answers, an accepted link's snapshot
   * streams for their next steps. callee[0] is the id, callee[1] when the time is up. */
  struct rkv_call *calls;
  size_t open; /* accepted: calls the node works on */
  /* to a peer */
  bool outbound, closed;
  struct sockaddr_in addr;
  uint64_t last_id;
  uint64_t retry_ns;     /* not dialled before */
  struct wire_head head; /* of the next request; its envelope is that of all */
  struct rkv_call mail;  /* peer_close's */
};

/* A request of somebody until its answer; a snapshot stream from its first step to its last, all of
 * which have one id. */
struct inbound {
  union wire_call as; /* first: the node knows nothing else */
  struct link *link;
  struct wire_head head;
  struct rkv_buf frame, step; /* what the call's fields point into */
  void *held;
};

enum mail { MAIL_CLOSE = 256, MAIL_STOP }; /* beside calls, whose kinds are those of the wire */

struct transport {
  const struct rkv_host *host;
  const struct rkv_node_api *node;
  int listener, wake_fd;
  pthread_t thread;
  struct rkv_call stop_mail;
  uint64_t grace_end_ns;
  bool stopping, accept_pause; /* the loop's */
  struct pollfd fds[LINKS_MAX + 2];
  struct link links[LINKS_MAX]; /* accepted ones, then those to peers */
  pthread_mutex_t lock;
  bool running;                      /* under lock */
  struct rkv_call *mail, **mail_end; /* under lock */
};

static uint64_t now_ns(const struct transport *t) {
  return t->host->now_ns(t->host->ctx);
}

/* Leaves mail for the loop. Any thread. False: there is no loop. */
static bool post(struct transport *t, struct link *link, struct rkv_call *call, uint32_t kind) {
  bool running;
  (void)pthread_mutex_lock(&t->lock);
  running = t->running;
  if (running) {
    call->kind = kind, call->callee[0] = (uint64_t)(uintptr_t)link;
    call->next = NULL, *t->mail_end = call, t->mail_end = &call->next;
    (void)eventfd_write(t->wake_fd, 1);
  }
  (void)pthread_mutex_unlock(&t->lock);
  return running;
}

/* ---- calls that wait for the other side ---- */

static void keep(struct link *link, struct rkv_call *call, uint64_t id, uint64_t end_ns) {
  call->callee[0] = id, call->callee[1] = end_ns;
  call->next = link->calls, link->calls = call;
}

/* Takes it off the list; NULL: its time was up. */
static struct rkv_call *take(struct link *link, uint64_t id, uint32_t kind) {
  struct rkv_call **at = &link->calls, *call;
  while ((call = *at) && (call->callee[0] != id || call->kind != kind)) at = &call->next;
  if (call) *at = call->next;
  return call;
}

/* Ends a call to a peer that no answer ends. */
static void fail(const struct link *link, struct rkv_call *call, enum rkv_status status) {
  const unsigned long long peer = link->head.envelope.to;
  struct rkv_error error;
  (void)rkv_fail(&error, status, "peer %llu: no answer (%s)", peer, rkv_status_name(status));
  if (status == RKV_TOO_LARGE && call->kind == WIRE_APPEND) {
    struct rkv_append_call *append = (struct rkv_append_call *)call;
    const struct rkv_entry *entry = append->entries;
    append->matched = append->prev;
    (void)rkv_fail(&error, status, "entry %llu of %zu bytes is over the limit of %u",
                   (unsigned long long)entry->id.index, entry->payload.len, WIRE_FRAME_MAX);
  }
  call->done(call, status, &error);
}

static void hand_in(struct inbound *in) {
  const struct rkv_node_api *node = in->link->t->node;
  in->link->open++;
  switch (in->head.kind) {
#define HAND_IN(name, number, type, function)                                                      \
  case WIRE_##name: node->function(node->ctx, &in->as.function); break;
    WIRE_PEER_LIST(HAND_IN)
    WIRE_CLIENT_LIST(HAND_IN)
  }
}

/* Ends what is kept no longer than `then_ns`: a call with this status, a stream as aborted. */
static void expire(struct link *link, uint64_t then_ns, enum rkv_status status) {
  struct rkv_call **at = &link->calls, *call;
  while ((call = *at)) {
    struct inbound *in = (struct inbound *)call;
    if (call->callee[1] > then_ns) {
      at = &call->next;
      continue;
    }
    *at = call->next;
    if (link->outbound)
      fail(link, call, status);
    else
      in->head.kind = WIRE_SNAPSHOT_ABORT, hand_in(in);
  }
}

/* ---- what the node asks its peers ---- */

static void send_request(struct link *link, struct rkv_call *call) {
  union wire_call *as = (union wire_call *)call;
  const bool is_step = call->kind > WIRE_SNAPSHOT_BEGIN && call->kind <= WIRE_SNAPSHOT_ABORT;
  const uint64_t now = now_ns(link->t),
                 end_ns = call->deadline_ns ? call->deadline_ns : now + TIMEOUT_NS;
  enum rkv_status status = RKV_UNAVAILABLE;
  if (call->kind == WIRE_SNAPSHOT_BEGIN)
    as->snapshot_begin.stream = (void *)(uintptr_t)(link->last_id + 1);
  link->head.id = is_step ? (uintptr_t)as->snapshot_write.stream : ++link->last_id;
  link->head.kind = call->kind;
  link->head.patience_ns = end_ns > now ? end_ns - now : 1;
  if ((link->fd >= 0 || now >= link->retry_ns) && link->out.len < OUT_MAX)
    status = wire_write(&link->out, &link->head, as);
  if (status == RKV_OK)
    keep(link, call, link->head.id, end_ns);
  else
    fail(link, call, status);
}

static void on_answer(struct link *link, struct wire_head *head, struct rkv_buf rest) {
  struct rkv_call *call = take(link, head->id, head->kind & ~WIRE_ANSWER);
  union wire_call *as = (union wire_call *)call;
  void *held = NULL;
  if (!call) return;
  if (head->error.status != RKV_OK)
    call->done(call, (enum rkv_status)head->error.status, &head->error);
  else if (wire_read_call(rest, head, as, &held) != RKV_OK)
    fail(link, call, RKV_UNAVAILABLE);
  else
    call->done(call, RKV_OK, NULL);
}

/* ---- what others ask the node ---- */

/* Every request ends here; a snapshot stream goes on with its next step. */
static void answer(struct inbound *in) {
  struct link *link = in->link;
  struct rkv_error *error = &in->head.error;
  const uint32_t kind = in->head.kind;
  const bool goes_on =
      error->status == RKV_OK && (kind == WIRE_SNAPSHOT_WRITE ||
                                  (kind == WIRE_SNAPSHOT_BEGIN && !in->as.snapshot_begin.finished));
  enum rkv_status status;
  in->head.kind |= WIRE_ANSWER;
  status = wire_write(&link->out, &in->head, &in->as);
  if (status != RKV_OK) {
    (void)rkv_fail(error, status, "the answer is over frame_max, or there is no memory for it");
    (void)wire_write(&link->out, &in->head, &in->as); /* else it times out */
  }
  if (link->fd < 0) link->out.len = 0;
  link->open--;
  if (goes_on) {
    in->as.call.kind = WIRE_SNAPSHOT_BEGIN;
    keep(link, &in->as.call, in->head.id, link->fd < 0 ? 0 : now_ns(link->t) + IDLE_NS);
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
  (void)post(in->link->t, in->link, call, WIRE_ANSWER); /* the loop lives as long as it is open */
}

static void refuse(struct inbound *in, enum rkv_status status, const char *why) {
  (void)rkv_fail(&in->head.error, status, "%s", why);
  in->link->open++;
  answer(in);
}

static void on_request(struct link *link, const struct wire_head *head, struct rkv_buf frame,
                       struct rkv_buf rest) {
  const bool is_step = head->kind > WIRE_SNAPSHOT_BEGIN && head->kind <= WIRE_SNAPSHOT_ABORT;
  struct inbound *stream =
      is_step ? (struct inbound *)take(link, head->id, WIRE_SNAPSHOT_BEGIN) : NULL;
  struct inbound *in = stream ? stream : (struct inbound *)calloc(1, sizeof *in);
  struct rkv_buf *holder;
  enum rkv_status status;
  if (!in) return; /* its time runs out */
  in->link = link, in->head = *head;
  holder = stream ? &in->step : &in->frame; /* the first step's fields stay */
  rkv_buf_drop(holder);
  *holder = rkv_buf_share(frame);
  status = wire_read_call(rest, head, &in->as, &in->held);
  if (stream && status != RKV_OK) in->head.kind = WIRE_SNAPSHOT_ABORT, status = RKV_OK;
  in->as.call.done = answered;
  in->as.call.abi_minor = RKV_ABI_MINOR;
  in->as.call.envelope = head->enveloped ? &in->head.envelope : NULL;
  in->as.call.deadline_ns = head->patience_ns ? now_ns(link->t) + head->patience_ns : 0;
  if (status != RKV_OK)
    refuse(in, status, "this node does not know the call, or it makes no sense");
  else if (is_step && !stream)
    refuse(in, RKV_ABORTED, "no such snapshot stream: begin again");
  else if (link->t->stopping)
    refuse(in, RKV_UNAVAILABLE, "the node is stopping");
  else
    hand_in(in);
}

/* ---- links ---- */

/* A free place among [first, end); NULL: there is none. Any thread. */
static struct link *link_new(struct transport *t, size_t first, size_t end) {
  struct link *link = NULL;
  (void)pthread_mutex_lock(&t->lock);
  for (size_t i = first; i < end && !link; i++)
    if (!t->links[i].t) link = &t->links[i];
  if (link) link->t = t, link->fd = -1;
  (void)pthread_mutex_unlock(&t->lock);
  return link;
}

static void break_link(struct link *link) {
  (void)close(link->fd);
  link->fd = -1;
  rkv_buf_drop(&link->in.frame), link->in.got = 0;
  link->out.len = link->out.sent = 0;
  link->retry_ns = now_ns(link->t) + RETRY_NS;
  expire(link, UINT64_MAX, RKV_UNAVAILABLE);
}

static void link_free(struct link *link) {
  struct transport *t = link->t;
  break_link(link);
  free(link->out.data);
  (void)pthread_mutex_lock(&t->lock);
  memset(link, 0, sizeof *link);
  (void)pthread_mutex_unlock(&t->lock);
}

static void dial(struct link *link) {
  link->fd = wire_socket();
  if (connect(link->fd, (struct sockaddr *)&link->addr, sizeof link->addr) != 0 &&
      errno != EINPROGRESS)
    break_link(link);
}

/* When it fails, for example without descriptors, it pauses for a turn. */
static void accept_one(struct transport *t) {
  const int fd = accept(t->listener, NULL, NULL);
  struct link *link = fd < 0 ? NULL : link_new(t, 0, ACCEPTED_MAX);
  t->accept_pause = fd < 0;
  if (link)
    link->fd = fd, link->live = true;
  else
    (void)close(fd);
}

/* False: it makes no sense. */
static bool on_frame(struct link *link, struct rkv_buf frame) {
  struct rkv_buf rest = frame;
  struct wire_head head;
  memset(&head, 0, sizeof head);
  if (wire_read_head(&rest, &head) != RKV_OK) return false;
  if (link->outbound != ((head.kind & WIRE_ANSWER) != 0)) return false;
  if (link->outbound)
    on_answer(link, &head, rest);
  else
    on_request(link, &head, frame, rest);
  return true;
}

static void receive(struct link *link) {
  size_t total = 0;
  int came = 1;
  while (came > 0 && total < READ_MAX && link->open < CALLS_MAX) {
    struct rkv_buf frame = rkv_buf_none();
    came = wire_receive(&link->in, link->fd, link->t->host, &frame);
    if (came > 0 && !on_frame(link, frame)) came = -1;
    total += WIRE_LENGTH + frame.len;
    rkv_buf_drop(&frame);
  }
  if (came < 0) break_link(link);
}

/* ---- the loop ---- */

static void read_mail(struct transport *t) {
  struct rkv_call *call, *next;
  (void)pthread_mutex_lock(&t->lock);
  call = t->mail, t->mail = NULL, t->mail_end = &t->mail;
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
}

/* Ends what is over, dials, sends. True: the node or a client waits for it. */
static bool tend(struct link *link, struct pollfd *polled) {
  struct transport *t = link->t;
  const uint64_t now = now_ns(t);
  if (link->closed || t->stopping) expire(link, UINT64_MAX, RKV_CANCELLED);
  expire(link, now, RKV_TIMEOUT);
  if (link->outbound && link->fd < 0 && link->calls) dial(link);
  if (link->fd >= 0 && !wire_send(&link->out, link->fd)) break_link(link);
  if (link->outbound ? link->closed : link->fd < 0 && link->open == 0) {
    link_free(link);
    return false;
  }
  polled->fd = link->fd;
  polled->events = (short)((link->open < CALLS_MAX && link->out.len < OUT_MAX ? POLLIN : 0) |
                           (link->out.len > 0 ? POLLOUT : 0));
  return link->open > 0 || (!link->outbound && link->out.len > 0 && now < t->grace_end_ns);
}

static void *loop(void *arg) {
  struct transport *t = (struct transport *)arg;
  for (bool running = true; running;) {
    bool busy = false;
    eventfd_t count;
    read_mail(t);
    for (size_t i = 0; i < LINKS_MAX; i++) {
      t->fds[i].fd = -1;
      if (t->links[i].live && tend(&t->links[i], &t->fds[i])) busy = true;
    }
    t->node->kick(t->node->ctx);
    if (t->stopping && !busy) {
      (void)pthread_mutex_lock(&t->lock);
      running = t->running = t->mail != NULL;
      (void)pthread_mutex_unlock(&t->lock);
    }
    t->fds[LINKS_MAX].fd = t->wake_fd;
    t->fds[LINKS_MAX + 1].fd = t->stopping || t->accept_pause ? -1 : t->listener;
    t->accept_pause = false;
    if (poll(t->fds, LINKS_MAX + 2, TICK_MS) <= 0) continue;
    (void)eventfd_read(t->wake_fd, &count);
    if (t->fds[LINKS_MAX + 1].revents) accept_one(t);
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
  if (t->wake_fd >= 0) (void)close(t->wake_fd);
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
  t->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), t->listener = wire_socket();
  t->fds[LINKS_MAX].events = t->fds[LINKS_MAX + 1].events = POLLIN;
  if (!wire_address(host->node_addr, &addr))
    status =
        rkv_fail(error, RKV_INVALID, "%s: not HOST:PORT (try 127.0.0.1:21001)", host->node_addr);
  else if (t->wake_fd < 0 || t->listener < 0)
    status = rkv_fail(error, RKV_IO, "no socket: %s", strerror(errno));
  else if (bind(t->listener, (struct sockaddr *)&addr, sizeof addr) != 0 ||
           listen(t->listener, SOMAXCONN) != 0)
    status = rkv_fail(error, RKV_ADDRESS, "%s: %s", host->node_addr, strerror(errno));
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
  const uint64_t now = now_ns(t);
  t->grace_end_ns = grace_ns < UINT64_MAX - now ? now + grace_ns : UINT64_MAX;
  (void)post(t, NULL, &t->stop_mail, MAIL_STOP);
  (void)pthread_join(t->thread, NULL);
}

static enum rkv_status tcp_peer_open(void *transport, const struct rkv_peer_info *info, void **peer,
                                     struct rkv_error *error) {
  struct transport *t = (struct transport *)transport;
  struct sockaddr_in addr;
  struct link *link;
  if (!wire_address(info->addr, &addr))
    return rkv_fail(error, RKV_INVALID, "%s: not a numeric HOST:PORT", info->addr);
  link = link_new(t, ACCEPTED_MAX, LINKS_MAX);
  if (!link)
    return rkv_fail(error, RKV_FULL, "over %d connections to peers", LINKS_MAX - ACCEPTED_MAX);
  link->outbound = link->head.enveloped = true, link->addr = addr;
  link->head.envelope.cluster = info->cluster;
  link->head.envelope.to = info->id, link->head.envelope.incarnation = info->incarnation;
  link->head.envelope.from = t->host->node_id;
  link->head.envelope.from_incarnation = info->from_incarnation;
  *peer = link;
  return RKV_OK;
}

static void tcp_peer_close(void *peer) {
  struct link *link = (struct link *)peer;
  (void)post(link->t, link, &link->mail, MAIL_CLOSE);
}

/* ---- the descriptor: in the order of the structs, so that C++ takes it too ---- */

static void ask(struct link *link, struct rkv_call *call, uint32_t kind) {
  if (!post(link->t, link, call, kind)) fail(link, call, RKV_CANCELLED); /* no loop */
}

#define SEND(name, number, type, function)                                                         \
  static void send_##function(void *peer, struct type *call) {                                     \
    ask((struct link *)peer, &call->call, WIRE_##name);                                            \
  }
WIRE_PEER_LIST(SEND)

#define SEND_OPERATION(name, number, type, function) send_##function,
static const struct rkv_transport_ops ops = {tcp_open,
                                             tcp_start,
                                             tcp_stop,
                                             tcp_close,
                                             tcp_peer_open,
                                             tcp_peer_close,
                                             WIRE_PEER_LIST(SEND_OPERATION)};

extern RKV_PLUGIN_EXPORT const struct rkv_plugin rkv_plugin_entry;
const struct rkv_plugin rkv_plugin_entry = {.magic = RKV_PLUGIN_MAGIC,
                                            .abi_major = RKV_ABI_MAJOR,
                                            .abi_minor = RKV_ABI_MINOR,
                                            .struct_size = sizeof(struct rkv_plugin),
                                            .kind = RKV_KIND_TRANSPORT,
                                            .name = "transport-tcp",
                                            .version = "1.0.0",
                                            .description = "frames over TCP: small and plain",
                                            .capabilities = RKV_CAP_STREAMING,
                                            .options = NULL,
                                            .option_count = 0,
                                            .option_size = sizeof(struct rkv_option),
                                            .ops = &ops,
                                            .ops_size = sizeof ops,
                                            .reserved = 0};
