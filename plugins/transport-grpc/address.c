/* address.c: checks HOST:PORT, and finds out why one cannot be bound (the core only logs it). */
#include "address.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT_DIGITS_MAX 5
#define PORT_MAX 65535

struct host_port {
  char host[RKV_ADDR_MAX];
  char port[PORT_DIGITS_MAX + 1];
};

static bool port_ok(const char *port) {
  unsigned number = 0;
  size_t len = strlen(port);
  if (len == 0 || len > PORT_DIGITS_MAX) return false;
  for (size_t i = 0; i < len; i++) {
    if (port[i] < '0' || port[i] > '9') return false;
    number = number * 10 + (unsigned)(port[i] - '0');
  }
  return number >= 1 && number <= PORT_MAX;
}

/* Brackets belong to an IPv6 address and to nothing else. */
static bool split(const char *addr, struct host_port *out) {
  const char *colon = strrchr(addr, ':');
  size_t len;
  if (!colon || strlen(addr) >= RKV_ADDR_MAX || !port_ok(colon + 1)) return false;
  len = (size_t)(colon - addr);
  if (len >= 2 && addr[0] == '[' && addr[len - 1] == ']') {
    addr++;
    len -= 2;
  } else if (memchr(addr, ':', len)) {
    return false;
  }
  if (len == 0 || memchr(addr, ' ', len) || memchr(addr, '/', len)) return false;
  memcpy(out->host, addr, len);
  out->host[len] = '\0';
  memcpy(out->port, colon + 1, strlen(colon + 1) + 1);
  return true;
}

enum rkv_status address_check(const char *addr, struct rkv_error *error) {
  struct host_port parts;
  if (split(addr, &parts)) return RKV_OK;
  return rkv_fail(error, RKV_INVALID,
                  "address \"%s\" is not HOST:PORT (for example 127.0.0.1:21001 or [::1]:21001)",
                  addr);
}

/* 0, or the errno that binding all of the name's addresses ends with. */
static int try_bind(const struct addrinfo *list) {
  int result = 0;
  for (const struct addrinfo *ai = list; ai && result == 0; ai = ai->ai_next) {
    const int on = 1;
    int fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC, ai->ai_protocol);
    if (fd < 0) return errno;
    /* As the core does: a port whose last owner has just gone is free. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, ai->ai_addr, ai->ai_addrlen) != 0 || listen(fd, 1) != 0)
      result = errno;
    (void)close(fd); /* a probe that nobody used: there is nothing to lose */
  }
  return result;
}

enum rkv_status address_why_not(const char *addr, struct rkv_error *error) {
  struct addrinfo hints, *list = NULL;
  struct host_port parts;
  int code;
  if (!split(addr, &parts)) return address_check(addr, error);
  memset(&hints, 0, sizeof hints);
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  code = getaddrinfo(parts.host, parts.port, &hints, &list);
  if (code != 0)
    return rkv_fail(error, RKV_ADDRESS,
                    "address %s: cannot resolve \"%s\": %s (give an address of "
                    "this machine)",
                    addr, parts.host, gai_strerror(code));
  code = try_bind(list);
  freeaddrinfo(list);
  switch (code) {
  case 0:
    return rkv_fail(error, RKV_ADDRESS, "address %s could not be bound, but is free now: try again",
                    addr);
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
  default: return rkv_fail(error, RKV_ADDRESS, "address %s cannot be bound: errno %d", addr, code);
  }
}
