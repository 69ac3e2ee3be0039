/* transport-tcp.c: frames over TCP; a skeleton of a transport to begin from.
 *
 * Peers and clients speak the frames of wire.h to the node's address. One thread, the loop, polls
 * all sockets. It is real, and plain: payloads are copied into the send buffer, hosts are numbers,
 * nobody is authenticated. It needs <rkv/rkv.h> and nothing else, and compiles as C11 and as C++.
 *
 * To make it yours: another wire is another wire.c, other sockets (TLS, a Unix socket, RDMA)
 * another link.c; inbound.c and outbound.c are what every transport must keep track of. */
#include "tcp.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define ACCEPT_PAUSE_MS 100 /* after an accept that failed, for example without descriptors */
#define TICK_MS 1000        /* the loop looks around at least this often */

enum option { OPTION_FRAME_MAX, OPTION_COUNT };

static const struct rkv_option options[OPTION_COUNT] = {
    {.name = "frame_max",
     .default_text = "16MiB",
     .help = "bytes of one message between nodes; the same on all of them",
     .choices = NULL,
     .min = 4096,
     .max = 1u << 30,
     .type = RKV_OPTION_SIZE,
     .flags = 0},
};

void tcp_wake(struct transport *t) {
  uint64_t one = 1;
  ssize_t written = write(t->wake_fd, &one, sizeof one);
  (void)written; /* full: it is awake already */
}

bool tcp_address(const char *text, struct sockaddr_storage *addr, socklen_t *len) {
  const char *colon = strrchr(text, ':');
  char host[RKV_ADDR_MAX];
  struct addrinfo hints, *found = NULL;
  size_t host_len = colon ? (size_t)(colon - text) : 0;
  if (host_len > 2 && text[0] == '[' && colon[-1] == ']') text++, host_len -= 2;
  if (host_len == 0 || host_len >= sizeof host) return false;
  if (strspn(colon + 1, "0123456789") != strlen(colon + 1) || strtoul(colon + 1, NULL, 10) == 0 ||
      strtoul(colon + 1, NULL, 10) > 65535)
    return false;
  memcpy(host, text, host_len);
  host[host_len] = '\0';
  memset(&hints, 0, sizeof hints);
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV; /* asks no server: does not block */
  if (getaddrinfo(host, colon + 1, &hints, &found) != 0) return false;
  memcpy(addr, found->ai_addr, found->ai_addrlen);
  *len = found->ai_addrlen;
  freeaddrinfo(found);
  return true;
}

/* ---- the loop ---- */

/* What one turn of the loop waits for: [0] wake, [1] listener, then links. */
struct tcp_round {
  struct pollfd fds[TCP_LINKS_MAX + 2];
  struct link *links[TCP_LINKS_MAX];
  size_t count; /* links that are polled */
  int timeout_ms;
};

static void wait_for(struct tcp_round *r, size_t at, int fd, short events) {
  r->fds[at].fd = fd;
  r->fds[at].events = events;
  r->fds[at].revents = 0;
}

static int sooner(int timeout_ms, uint64_t then_ns, uint64_t now_ns) {
  uint64_t left_ms = then_ns > now_ns ? (then_ns - now_ns) / 1000000 + 1 : 0;
  return left_ms < (uint64_t)timeout_ms ? (int)left_ms : timeout_ms;
}

/* Ends the calls whose time is up, and all of them when the link closes or we stop. */
static void expire(struct link *link, uint64_t now_ns, int *timeout_ms) {
  struct rkv_call *call = link->first, *next;
  for (; call; call = next) {
    next = call->next;
    if (link->closed || link->t->stopping)
      tcp_end(link, call, RKV_CANCELLED);
    else if (call->callee[1] <= now_ns)
      tcp_end(link, call, RKV_TIMEOUT);
    else
      *timeout_ms = sooner(*timeout_ms, call->callee[1], now_ns);
  }
}

/* True if nothing needs the link any more. */
static bool is_over(const struct link *link) {
  if (link->outbound) return link->closed;
  return link->fd < 0 && link->open == 0 && !link->streams;
}

static short interest(const struct link *link) {
  bool full = link->open >= TCP_CALLS_MAX || link->out.len - link->sent > TCP_OUT_MAX;
  int events = link->connecting || full ? 0 : POLLIN;
  if (link->connecting || link->out.len > 0) events |= POLLOUT;
  return (short)events;
}

/* Dials, sends, ends what is over. Under the lock. */
static void tend(struct link *link, struct tcp_round *r, uint64_t now_ns) {
  struct transport *t = link->t;
  expire(link, now_ns, &r->timeout_ms); /* first: a call that stop ends is cancelled */
  if (t->stopping && link->fd >= 0 && now_ns >= t->grace_end_ns) link_break(link, "grace is over");
  if (is_over(link)) return;
  if (link->outbound && link->fd < 0 && link->first) link_dial(link);
  link_flush(link);
  if (link->fd < 0) return;
  wait_for(r, 2 + r->count, link->fd, interest(link));
  r->links[r->count++] = link;
}

static void prepare(struct transport *t) {
  struct tcp_round *r = t->round;
  uint64_t now_ns = tcp_now(t);
  (void)pthread_mutex_lock(&t->lock);
  r->count = 0;
  r->timeout_ms = t->stopping ? sooner(TICK_MS, t->grace_end_ns, now_ns) : TICK_MS;
  wait_for(r, 0, t->wake_fd, POLLIN);
  wait_for(r, 1, t->stopping || t->accept_pause ? -1 : t->listener, POLLIN);
  if (t->accept_pause) r->timeout_ms = ACCEPT_PAUSE_MS;
  for (struct link *link = t->links; link; link = link->next) tend(link, r, now_ns);
  if (t->ended) r->timeout_ms = 0;
  (void)pthread_mutex_unlock(&t->lock);
}

/* Waits, then reads and hands in what came. */
static void work(struct transport *t) {
  struct tcp_round *r = t->round;
  uint64_t count;
  if (poll(r->fds, 2 + r->count, r->timeout_ms) <= 0) r->fds[0].revents = 0;
  if (r->fds[0].revents && read(t->wake_fd, &count, sizeof count) < 0) return; /* nothing lost */
  t->accept_pause = r->fds[1].revents && !link_accept(t);
  for (size_t i = 0; i < r->count; i++)
    if (r->fds[2 + i].revents) link_receive(r->links[i], r->fds[2 + i].revents);
}

/* Frees the links that are over. True: we were asked to stop, and nothing is left to do. */
static bool reap(struct transport *t) {
  struct link **at = &t->links, *over = NULL, *next;
  bool done;
  (void)pthread_mutex_lock(&t->lock);
  done = t->stopping && !t->ended;
  while (*at) {
    struct link *link = *at;
    if (link->open > 0 || link->streams || link->first) done = false;
    if (!link->outbound && link->fd >= 0 && link->out.len > 0) done = false;
    if (is_over(link) && !link->first) {
      *at = link->next, link->next = over, over = link;
      t->link_count--;
      if (!link->outbound) t->accepted_count--;
    } else {
      at = &link->next;
    }
  }
  (void)pthread_mutex_unlock(&t->lock);
  for (; over; over = next) {
    next = over->next;
    link_free(over);
  }
  return done;
}

static void *loop(void *arg) {
  struct transport *t = (struct transport *)arg;
  do {
    prepare(t);
    work(t);
    outbound_finish(t);
    inbound_abort_idle(t);
    t->node->kick(t->node->ctx);
  } while (!reap(t));
  return NULL;
}

/* ---- life ---- */

static void tcp_close(void *transport) {
  struct transport *t = (struct transport *)transport;
  while (t->links) {
    struct link *link = t->links;
    t->links = link->next;
    link_free(link);
  }
  if (t->listener >= 0) (void)close(t->listener);
  if (t->wake_fd >= 0) (void)close(t->wake_fd);
  (void)pthread_mutex_destroy(&t->lock);
  free(t->round);
  free(t);
}

static enum rkv_status bind_address(struct transport *t, struct rkv_error *error) {
  const char *text = t->host->node_addr;
  struct sockaddr_storage addr;
  socklen_t len;
  int on = 1;
  if (!tcp_address(text, &addr, &len))
    return rkv_fail(error, RKV_INVALID, "%s: not a numeric HOST:PORT (try 127.0.0.1:21001)", text);
  t->listener = socket(addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (t->listener < 0) return rkv_fail(error, RKV_IO, "no socket: %s", strerror(errno));
  (void)setsockopt(t->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(t->listener, (struct sockaddr *)&addr, len) != 0 || listen(t->listener, SOMAXCONN) != 0)
    return rkv_fail(error, RKV_ADDRESS, "%s: %s", text, strerror(errno));
  return RKV_OK;
}

static enum rkv_status tcp_open(const struct rkv_host *host, const struct rkv_config *config,
                                const struct rkv_node_api *node, void **transport,
                                struct rkv_error *error) {
  struct transport *t = (struct transport *)calloc(1, sizeof *t);
  enum rkv_status status;
  if (!t) return rkv_fail(error, RKV_NO_MEMORY, "no memory for the transport");
  (void)pthread_mutex_init(&t->lock, NULL); /* a default mutex: cannot fail on Linux */
  t->host = host, t->node = node;
  t->frame_max = (size_t)config->values[OPTION_FRAME_MAX].number;
  t->listener = -1;
  t->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  t->round = (struct tcp_round *)calloc(1, sizeof *t->round);
  if (t->wake_fd < 0 || !t->round)
    status = rkv_fail(error, RKV_NO_MEMORY, "no memory or file descriptor for the loop");
  else
    status = bind_address(t, error);
  if (status == RKV_OK)
    *transport = t;
  else
    tcp_close(t);
  return status;
}

static enum rkv_status tcp_start(void *transport, struct rkv_error *error) {
  struct transport *t = (struct transport *)transport;
  int failed;
  (void)pthread_mutex_lock(&t->lock);
  failed = pthread_create(&t->thread, NULL, loop, t);
  t->running = failed == 0;
  (void)pthread_mutex_unlock(&t->lock);
  if (failed == 0) return RKV_OK;
  return rkv_fail(error, RKV_NO_MEMORY, "no thread: %s", strerror(failed));
}

static void tcp_stop(void *transport, uint64_t grace_ns) {
  struct transport *t = (struct transport *)transport;
  uint64_t now_ns = tcp_now(t);
  (void)pthread_mutex_lock(&t->lock);
  t->stopping = true;
  t->grace_end_ns = grace_ns < UINT64_MAX - now_ns ? now_ns + grace_ns : UINT64_MAX;
  tcp_wake(t);
  (void)pthread_mutex_unlock(&t->lock);
  (void)pthread_join(t->thread, NULL);
}

static enum rkv_status tcp_peer_open(void *transport, const struct rkv_peer_info *info, void **peer,
                                     struct rkv_error *error) {
  struct transport *t = (struct transport *)transport;
  struct sockaddr_storage addr;
  socklen_t len;
  struct link *link;
  if (!tcp_address(info->addr, &addr, &len) || strlen(info->addr) >= RKV_ADDR_MAX)
    return rkv_fail(error, RKV_INVALID, "%s: not a numeric HOST:PORT", info->addr);
  link = link_new(t, true);
  if (!link) return rkv_fail(error, RKV_FULL, "no memory, or over %d connections", TCP_LINKS_MAX);
  link->addr = addr, link->addr_len = len;
  link->info.cluster = info->cluster, link->info.to = info->id;
  link->info.incarnation = info->incarnation;
  memcpy(link->addr_text, info->addr, strlen(info->addr) + 1);
  *peer = link;
  return RKV_OK;
}

static void tcp_peer_close(void *peer) {
  struct link *link = (struct link *)peer;
  struct transport *t = link->t;
  (void)pthread_mutex_lock(&t->lock);
  link->closed = true;
  tcp_wake(t);
  (void)pthread_mutex_unlock(&t->lock);
}

/* ---- the descriptor: in the order of the structs, so that C++ takes it too ---- */

static const struct rkv_transport_ops ops = {
    .open = tcp_open,
    .start = tcp_start,
    .stop = tcp_stop,
    .close = tcp_close,
    .peer_open = tcp_peer_open,
    .peer_close = tcp_peer_close,
    .send_vote = outbound_vote,
    .send_append = outbound_append,
    .send_snapshot_begin = outbound_snapshot_begin,
    .send_snapshot_write = outbound_snapshot_write,
    .send_snapshot_finish = outbound_snapshot_finish,
    .send_snapshot_abort = outbound_snapshot_abort,
    .send_pre_vote = outbound_pre_vote,
    .send_timeout_now = outbound_timeout_now,
    .send_read_index = outbound_read_index,
    .send_hello = outbound_hello,
};

extern RKV_PLUGIN_EXPORT const struct rkv_plugin rkv_plugin_entry;
const struct rkv_plugin rkv_plugin_entry = {
    .magic = RKV_PLUGIN_MAGIC,
    .abi_major = RKV_ABI_MAJOR,
    .abi_minor = RKV_ABI_MINOR,
    .struct_size = sizeof(struct rkv_plugin),
    .kind = RKV_KIND_TRANSPORT,
    .name = "transport-tcp",
    .version = "1.0.0",
    .description = "frames over TCP: small and plain",
    .capabilities = RKV_CAP_STREAMING,
    .options = options,
    .option_count = OPTION_COUNT,
    .option_size = sizeof(struct rkv_option),
    .ops = &ops,
    .ops_size = sizeof ops,
    .reserved = 0,
};
