/* probe.c: one plain TCP connection, to tell a port that serves something else from a port where
 * nothing listens. */
#include "probe.h"

#include <rkv/address.h>

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
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
  struct rkv_addr_parts parts;
  char host[RKV_ADDR_MAX];
  bool ok = false;
  if (rkv_addr_refusal(endpoint)) return false;
  parts = rkv_addr_split(endpoint);
  rkv_addr_host(&parts, host);
  if (getaddrinfo(host, parts.port, &hints, &list) != 0) return false;
  for (at = list; at && !ok; at = at->ai_next) ok = connects(at);
  freeaddrinfo(list);
  return ok;
}
