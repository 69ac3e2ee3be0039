/* address.c: checks HOST:PORT and listens there. */
#include "address.h"

#include <rkv/address.h>

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum rkv_status address_check(const char *addr, struct rkv_error *error) {
  if (!rkv_addr_refusal(addr)) return RKV_OK;
  return rkv_fail(error, RKV_INVALID,
                  "address \"%s\" is not HOST:PORT (for example 127.0.0.1:21001 or [::1]:21001)",
                  addr);
}

/* Says what an errno means for the address. */
static enum rkv_status cannot_listen(const char *addr, int code, struct rkv_error *error) {
  switch (code) {
  case EADDRINUSE:
    return rkv_fail(error, RKV_ADDRESS,
                    "address %s is in use: stop the process that has it or "
                    "give this node another address",
                    addr);
  case EADDRNOTAVAIL:
    return rkv_fail(error, RKV_ADDRESS, "address %s is not of this machine: give one that is",
                    addr);
  case EACCES:
    return rkv_fail(error, RKV_ADDRESS,
                    "address %s may not be bound by this user: give a port "
                    "from 1024 up",
                    addr);
  case EMFILE:
  case ENFILE:
    return rkv_fail(error, RKV_ADDRESS,
                    "address %s: no file descriptor is left to listen with: raise the limit "
                    "(ulimit -n, LimitNOFILE= of systemd)",
                    addr);
  default: return rkv_fail(error, RKV_ADDRESS, "address %s cannot be bound: errno %d", addr, code);
  }
}

/* A socket that listens, -1 with errno. */
static int listen_one(const struct addrinfo *ai) {
  const int on = 1, off = 0;
  int fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, ai->ai_protocol);
  int code;
  if (fd < 0) return -1;
  /* REUSEADDR: a port whose last owner has just gone is free. [::] takes IPv4 as well. */
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
      (ai->ai_family != AF_INET6 ||
       setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0) &&
      bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
    return fd;
  code = errno;
  (void)close(fd); /* nobody used it: there is nothing to lose */
  errno = code;
  return -1;
}

/* A name may stand for addresses of a family that this machine has switched off. */
static bool is_absent(int code) {
  return code == EADDRNOTAVAIL || code == EAFNOSUPPORT;
}

/* 0, or the errno that listening on all of the name's addresses ends with. */
static int listen_all(const struct addrinfo *list, struct address_listeners *out) {
  int absent = 0;
  for (const struct addrinfo *ai = list; ai && out->count < ADDRESS_LISTENERS_MAX;
       ai = ai->ai_next) {
    const int fd = listen_one(ai);
    if (fd >= 0)
      out->fds[out->count++] = fd;
    else if (is_absent(errno))
      absent = errno;
    else
      return errno;
  }
  return out->count > 0 ? 0 : absent;
}

enum rkv_status address_listen(const char *addr, struct address_listeners *out,
                               struct rkv_error *error) {
  struct addrinfo hints, *list = NULL;
  struct rkv_addr_parts parts;
  char host[RKV_ADDR_MAX];
  int code;
  out->count = 0;
  if (rkv_addr_refusal(addr)) return address_check(addr, error);
  parts = rkv_addr_split(addr);
  rkv_addr_host(&parts, host);
  memset(&hints, 0, sizeof hints);
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  code = getaddrinfo(host, parts.port, &hints, &list);
  if (code != 0)
    return rkv_fail(error, RKV_ADDRESS,
                    "address %s: cannot resolve \"%s\": %s (give an address of "
                    "this machine)",
                    addr, host, gai_strerror(code));
  code = listen_all(list, out);
  freeaddrinfo(list);
  if (code == 0) return RKV_OK;
  address_close(out);
  return cannot_listen(addr, code, error);
}

void address_close(struct address_listeners *listeners) {
  for (size_t i = 0; i < listeners->count; i++) (void)close(listeners->fds[i]);
  listeners->count = 0;
}
