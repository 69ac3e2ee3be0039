/* acceptor.c: the thread that accepts; invariants in acceptor.h. */
#define _GNU_SOURCE /* accept4 */
#include "acceptor.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grpc/grpc_security.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>
#include "address.h"
#include "connections.h"
#include "doorstep.h"
#include "ended.h"
#include "peer.h"
#include "server.h"

#define EXTERNAL "external:rkv" /* the core's prefix for a port that it does not bind */
#define BURST 64                /* connections taken between two looks at the stop */
#define PAUSE_MS 100            /* before the next try while the machine has nothing to give */
#define DEV_NULL "/dev/null"

/* grpc_core::TcpServerFdHandler of the core 1.51, a C++ class without data: two destructors, then
 * Handle(listener, fd, bytes read already). The descriptor is the core's afterwards. */
struct acceptor_door {
  const struct {
    void (*destructors[2])(struct acceptor_door *self);
    void (*handle)(struct acceptor_door *self, int listener, int fd, grpc_byte_buffer *read);
  } * functions;
};

struct acceptor {
  struct transport *t;
  struct acceptor_door *door; /* the core's */
  struct address_listeners listeners;
  int spare;   /* given up for a moment to turn a connection away; -1: none could be had */
  int stop_fd; /* readable: end */
  pthread_t thread;
  bool running;
  struct doorstep_guest guests[DOORSTEP_MAX]; /* the thread's */
  unsigned guest_count;
  pthread_mutex_t mutex;
  struct connections *connections; /* under mutex */
  struct rkv_metric open_metric;
};

/* ---- the core's side ---- */

static void *door_copy(void *door) {
  return door;
}
static void door_destroy(void *door) {
  (void)door; /* the server's, not the argument's */
}
static int door_compare(void *a, void *b) {
  return ((uintptr_t)a > (uintptr_t)b) - ((uintptr_t)a < (uintptr_t)b);
}

grpc_arg acceptor_arg(struct acceptor_door **door) {
  static const grpc_arg_pointer_vtable vtable = {door_copy, door_destroy, door_compare};
  grpc_arg arg;
  arg.type = GRPC_ARG_POINTER;
  arg.key = (char *)(uintptr_t)EXTERNAL;
  arg.value.pointer.p = (void *)door;
  arg.value.pointer.vtable = &vtable;
  return arg;
}

static enum rkv_status open_door(grpc_server *core, struct acceptor_door *const *door,
                                 struct rkv_error *error) {
  grpc_server_credentials *plain = grpc_insecure_server_credentials_create();
  (void)grpc_server_add_http2_port(core, EXTERNAL, plain); /* the door tells, not the result */
  grpc_server_credentials_release(plain);
  if (*door) return RKV_OK;
  return rkv_fail(error, RKV_BROKEN,
                  "gRPC %s takes no connections from outside (use the version that this plugin was "
                  "built for, 1.51)",
                  grpc_version_string());
}

/* ---- one connection ---- */

/* tsan.supp names it: it only closes. */
static __attribute__((noinline)) void close_unserved(int fd) {
  (void)close(fd);
}

static void refuse(struct acceptor *a, enum ended_kind why, int fd) {
  server_ended(a->t, why);
  close_unserved(fd); /* at once: nothing was read */
}

static void hand_over(struct acceptor *a, const struct doorstep_guest *guest) {
  a->door->functions->handle(a->door, guest->listener, guest->fd, NULL);
}

/* False: the guest waits on. */
static bool settle(struct acceptor *a, const struct doorstep_guest *guest) {
  switch (doorstep_look(guest, transport_now(a->t))) {
  case DOORSTEP_WAITS: return false;
  case DOORSTEP_BEGUN: hand_over(a, guest); break;
  case DOORSTEP_STRANGE: refuse(a, ENDED_STRANGE, guest->fd); break;
  case DOORSTEP_SILENT: refuse(a, ENDED_SPEECHLESS, guest->fd); break;
  case DOORSTEP_GONE: close_unserved(guest->fd); break;
  }
  return true;
}

static void welcome(struct acceptor *a, int listener, int fd) {
  const struct doorstep_guest guest = {fd, listener, transport_now(a->t) + DOORSTEP_WAIT_NS};
  if (settle(a, &guest)) return;
  if (a->guest_count == DOORSTEP_MAX)
    hand_over(a, &guest);
  else
    a->guests[a->guest_count++] = guest;
}

static void take(struct acceptor *a, int listener, int fd, const struct sockaddr_storage *from) {
  const struct connections_owner owner = connections_owner_of(from);
  const bool is_member = peers_live_at(a->t, owner);
  const int on = 1;
  const unsigned patience_ms = (unsigned)(a->t->options.answer_timeout / MS);
  enum connections_verdict verdict;
  pthread_mutex_lock(&a->mutex);
  verdict = connections_judge(a->connections, owner, is_member, transport_now(a->t));
  if (verdict == CONNECTIONS_TAKE) connections_add(a->connections, fd, owner);
  pthread_mutex_unlock(&a->mutex);
  if (verdict != CONNECTIONS_TAKE) {
    refuse(a, verdict == CONNECTIONS_FULL ? ENDED_MAX : ENDED_PER_ADDRESS, fd);
    return;
  }
  server_count(a->t, SERVER_COUNT_connections);
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* slower without, not wrong */
  /* Whoever takes nothing from its socket for so long is hung up on by the kernel: the core would
   * wait for ever to write. */
  (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof patience_ms);
  welcome(a, listener, fd);
}

/* By itself, so that a report of the thread sanitizer can name it (tests/support/tsan.supp). */
static int accept_next(int listener, struct sockaddr_storage *from) {
  socklen_t len = sizeof *from;
  *from = (struct sockaddr_storage){0};
  return accept4(listener, (struct sockaddr *)from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static void reopen_spare(struct acceptor *a) {
  if (a->spare < 0) a->spare = open(DEV_NULL, O_RDONLY | O_CLOEXEC);
}

/* No descriptor is left: the spare one lets the client hear of it. False: nor is there a spare. */
static bool turn_away(struct acceptor *a, int listener) {
  struct sockaddr_storage from;
  int fd;
  if (a->spare < 0) return false;
  (void)close(a->spare);
  a->spare = -1;
  fd = accept_next(listener, &from);
  if (fd >= 0) refuse(a, ENDED_DESCRIPTORS, fd);
  reopen_spare(a);
  return fd >= 0;
}

/* False: the machine has nothing to give, pause. */
static bool accept_some(struct acceptor *a, int listener) {
  for (int i = 0; i < BURST; i++) {
    struct sockaddr_storage from;
    int fd = accept_next(listener, &from);
    if (fd >= 0) {
      take(a, listener, fd, &from);
      continue;
    }
    if (errno == EAGAIN) return true;
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if ((errno != EMFILE && errno != ENFILE) || !turn_away(a, listener)) return false;
  }
  return true;
}

/* ---- the thread ---- */

#define POLLED_MAX (1 + ADDRESS_LISTENERS_MAX + DOORSTEP_MAX) /* the stop, listeners, guests */

/* poll() takes no more descriptors than the process may open, and that limit may fall below what is
 * open: all are looked at after a pause then. False: the end. */
static bool await_unpolled(struct acceptor *a, struct pollfd *fds, nfds_t count) {
  uint64_t told;
  (void)poll(NULL, 0, PAUSE_MS);
  for (nfds_t i = 1; i < count; i++) fds[i].revents = POLLIN;
  return read(a->stop_fd, &told, sizeof told) != (ssize_t)sizeof told;
}

/* False: the end. */
static bool await(struct acceptor *a, struct pollfd fds[POLLED_MAX]) {
  const int patience = doorstep_patience_ms(a->guests, a->guest_count, transport_now(a->t));
  nfds_t count = 1 + a->listeners.count;
  for (nfds_t i = 0; i < count; i++) fds[i].revents = 0;
  for (unsigned i = 0; i < a->guest_count; i++)
    fds[count++] = (struct pollfd){.fd = a->guests[i].fd, .events = POLLIN};
  if (poll(fds, count, patience) < 0 && errno != EINTR) return await_unpolled(a, fds, count);
  return fds[0].revents == 0;
}

/* The last ones first: who takes a place that became free was looked at. */
static void look_at_guests(struct acceptor *a, const struct pollfd *fds) {
  const uint64_t now = transport_now(a->t);
  for (unsigned i = a->guest_count; i-- > 0;) {
    if (fds[i].revents == 0 && now < a->guests[i].until_ns) continue;
    if (settle(a, &a->guests[i])) a->guests[i] = a->guests[--a->guest_count];
  }
}

static void *acceptor_main(void *arg) {
  struct acceptor *a = arg;
  struct pollfd fds[POLLED_MAX] = {{.fd = a->stop_fd, .events = POLLIN}};
  for (size_t i = 0; i < a->listeners.count; i++)
    fds[1 + i] = (struct pollfd){.fd = a->listeners.fds[i], .events = POLLIN};
  while (await(a, fds)) {
    struct pollfd stop = {.fd = a->stop_fd, .events = POLLIN};
    bool more = true;
    look_at_guests(a, &fds[1 + a->listeners.count]);
    for (size_t i = 0; i < a->listeners.count; i++)
      if (fds[1 + i].revents) more = accept_some(a, fds[1 + i].fd) && more;
    if (!more) (void)poll(&stop, 1, PAUSE_MS);
    reopen_spare(a);
  }
  return NULL;
}

/* ---- life ---- */

static uint64_t read_open(void *arg) {
  struct acceptor *a = arg;
  size_t count;
  pthread_mutex_lock(&a->mutex);
  count = connections_count(a->connections);
  pthread_mutex_unlock(&a->mutex);
  return count;
}

/* connections_max, or less where the process may not open so many descriptors; *reserve: how many
 * more for members. */
static size_t affordable(const struct transport *t, size_t *reserve) {
  const uint64_t wanted = t->options.connections_max;
  struct rlimit limit;
  uint64_t room;
  *reserve = CONNECTIONS_RESERVE;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return wanted;
  room = limit.rlim_cur > 2 * ACCEPTOR_RESERVE ? limit.rlim_cur - ACCEPTOR_RESERVE
                                               : limit.rlim_cur / 2;
  if (*reserve > room / 4) *reserve = room / 4;
  room -= *reserve;
  if (wanted <= room) return wanted;
  rkv_log(t->host, RKV_LOG_INFO, TRANSPORT_LOG,
          "connections_max=%" PRIu64 " lowered to %" PRIu64 ": this process may open %" PRIu64
          " descriptors (raise the limit: LimitNOFILE= of systemd, ulimit -n)",
          wanted, room, (uint64_t)limit.rlim_cur);
  return room;
}

static enum rkv_status open_parts(struct acceptor *a, struct rkv_error *error) {
  struct transport *t = a->t;
  size_t reserve;
  const size_t max = affordable(t, &reserve);
  server_set_connections_max(t, max);
  a->connections = connections_new(max, t->options.connections_per_address_max, reserve);
  if (!a->connections)
    return rkv_fail(error, RKV_NO_MEMORY,
                    "connections_max = %zu: no memory to count so many (make it less)", max);
  a->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  reopen_spare(a);
  if (a->stop_fd < 0 || a->spare < 0)
    return rkv_fail(error, RKV_UNAVAILABLE,
                    "no file descriptor is left: raise the limit (ulimit -n, LimitNOFILE= of "
                    "systemd)");
  a->open_metric.name = "connections_open";
  a->open_metric.help = "connections to this node that are open";
  a->open_metric.read = read_open;
  a->open_metric.arg = a;
  return t->host->metric_register(t->host->ctx, &a->open_metric, error);
}

enum rkv_status acceptor_open(struct transport *t, grpc_server *core, struct acceptor_door **door,
                              struct acceptor **out, struct rkv_error *error) {
  struct acceptor *a = calloc(1, sizeof *a);
  enum rkv_status status;
  if (!a) return rkv_fail(error, RKV_NO_MEMORY, "transport-grpc: no memory to listen");
  a->t = t;
  a->spare = a->stop_fd = -1;
  if (pthread_mutex_init(&a->mutex, NULL) != 0) {
    free(a);
    return rkv_fail(error, RKV_NO_MEMORY, "transport-grpc: no mutex to be had");
  }
  *out = a;
  status = open_parts(a, error);
  if (status == RKV_OK) status = open_door(core, door, error);
  a->door = *door;
  return status != RKV_OK ? status : address_listen(t->host->node_addr, &a->listeners, error);
}

enum rkv_status acceptor_start(struct acceptor *a, struct rkv_error *error) {
  assert(!a->running && a->door); /* (D1) */
  int code = pthread_create(&a->thread, NULL, acceptor_main, a);
  if (code != 0)
    return rkv_fail(error, RKV_NO_MEMORY, "transport-grpc: no thread to be had (errno %d)", code);
  a->running = true;
  return RKV_OK;
}

void acceptor_stop(struct acceptor *a) {
  if (!a) return;
  if (a->running) {
    const uint64_t one = 1;
    ssize_t wrote = write(a->stop_fd, &one, sizeof one);
    assert(wrote == (ssize_t)sizeof one); /* (D2): an eventfd that was never read has room */
    (void)wrote;
    pthread_join(a->thread, NULL);
    a->running = false;
    while (a->guest_count > 0) close_unserved(a->guests[--a->guest_count].fd);
  }
  address_close(&a->listeners);
}

void acceptor_hang_up(struct acceptor *a) {
  pthread_mutex_lock(&a->mutex);
  connections_hang_up(a->connections);
  pthread_mutex_unlock(&a->mutex);
}

void acceptor_free(struct acceptor *a) {
  if (!a) return;
  assert(!a->running && a->listeners.count == 0); /* (D1) */
  if (a->spare >= 0) (void)close(a->spare);
  if (a->stop_fd >= 0) (void)close(a->stop_fd);
  connections_free(a->connections);
  pthread_mutex_destroy(&a->mutex);
  free(a);
}
