/* probe.c: one plain TCP connection, to tell a port of another kind from a dead one. */
#include "probe.h"

#include <rkv/status.h>

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool connects(const struct addrinfo *to) {
  struct pollfd wait = {.events = POLLOUT};
  int error = 0;
  socklen_t size = sizeof error;
  bool ok;
  wait.fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, to->ai_protocol);
  if (wait.fd < 0) return false;
  ok = connect(wait.fd, to->ai_addr, to->ai_addrlen) == 0;
  if (!ok && errno == EINPROGRESS && poll(&wait, 1, PROBE_MS) == 1)
    ok = getsockopt(wait.fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
  (void)close(wait.fd); /* nothing was sent */
  return ok;
}

bool probe_connects(const char *endpoint) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL, *at;
  char host[RKV_ADDR_MAX];
  const char *colon = strrchr(endpoint, ':');
  size_t len = colon ? (size_t)(colon - endpoint) : 0, skip = 0;
  bool ok = false;
  if (len == 0 || len >= sizeof host) return false;
  if (len > 2 && endpoint[0] == '[' && colon[-1] == ']') skip = 1;
  memcpy(host, endpoint + skip, len - 2 * skip);
  host[len - 2 * skip] = '\0';
  if (getaddrinfo(host, colon + 1, &hints, &list) != 0) return false;
  for (at = list; at && !ok; at = at->ai_next) ok = connects(at);
  freeaddrinfo(list);
  return ok;
}
