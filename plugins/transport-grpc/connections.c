/* connections.c: counts open connections, all of them and by address. */
#include "connections.h"

#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct connection {
  ino_t inode;
  int fd;
  struct connections_owner owner;
};

struct connections {
  size_t count, max, per_address_max, reserve;
  uint64_t looked_ns; /* when all were looked at last, 0: never */
  struct connection list[];
};

struct connections *connections_new(size_t max, size_t per_address_max, size_t reserve) {
  struct connections *c = calloc(1, sizeof *c + (max + reserve) * sizeof c->list[0]);
  if (!c) return NULL;
  c->max = max;
  c->per_address_max = per_address_max;
  c->reserve = reserve;
  return c;
}

void connections_free(struct connections *c) {
  free(c);
}

struct connections_owner connections_owner_of(const struct sockaddr_storage *addr) {
  struct connections_owner owner = {0, false};
  if (addr->ss_family == AF_INET) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)addr;
    owner.bits = in->sin_addr.s_addr;
  } else if (addr->ss_family == AF_INET6) {
    const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)addr;
    const uint8_t *bytes = in->sin6_addr.s6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&in->sin6_addr)) {
      uint32_t ipv4;
      memcpy(&ipv4, bytes + 12, sizeof ipv4);
      owner.bits = ipv4;
    } else {
      memcpy(&owner.bits, bytes, sizeof owner.bits);
      owner.is_ipv6 = true;
    }
  }
  return owner;
}

bool connections_owner_read(const char *addr, struct connections_owner *out) {
  struct sockaddr_storage read = {0};
  struct sockaddr_in *in4 = (struct sockaddr_in *)(void *)&read;
  struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&read;
  char host[INET6_ADDRSTRLEN], end[2];
  if (sscanf(addr, "ipv4:%15[0-9.]%1[:]", host, end) == 2 ||
      sscanf(addr, "%15[0-9.]%1[:]", host, end) == 2) {
    read.ss_family = AF_INET;
    if (inet_pton(AF_INET, host, &in4->sin_addr) != 1) return false;
  } else if (sscanf(addr, "ipv6:%%5B%45[0-9a-fA-F:.]%1[%]", host, end) == 2 ||
             sscanf(addr, "[%45[0-9a-fA-F:.]%1[]]", host, end) == 2) {
    read.ss_family = AF_INET6;
    if (inet_pton(AF_INET6, host, &in6->sin6_addr) != 1) return false;
  } else {
    return false;
  }
  *out = connections_owner_of(&read);
  return true;
}

bool connections_owner_is(struct connections_owner a, struct connections_owner b) {
  return a.bits == b.bits && a.is_ipv6 == b.is_ipv6;
}

static bool is_at(const struct connection *connection, int fd) {
  struct stat now;
  return fstat(fd, &now) == 0 && S_ISSOCK(now.st_mode) && now.st_ino == connection->inode;
}

static bool is_open(const struct connection *connection) {
  return is_at(connection, connection->fd);
}

static void forget_closed(struct connections *c) {
  size_t kept = 0;
  for (size_t i = 0; i < c->count; i++)
    if (is_open(&c->list[i])) c->list[kept++] = c->list[i];
  c->count = kept;
}

static size_t count_of(const struct connections *c, struct connections_owner owner) {
  size_t count = 0;
  for (size_t i = 0; i < c->count; i++) count += connections_owner_is(c->list[i].owner, owner);
  return count;
}

static enum connections_verdict judge(const struct connections *c, struct connections_owner owner,
                                      bool is_member) {
  const size_t more = is_member ? c->reserve : 0;
  if (c->count >= c->max + more) return CONNECTIONS_FULL;
  return count_of(c, owner) >= c->per_address_max + more ? CONNECTIONS_FULL_ADDRESS
                                                         : CONNECTIONS_TAKE;
}

enum connections_verdict connections_judge(struct connections *c, struct connections_owner owner,
                                           bool is_member, uint64_t now_ns) {
  const enum connections_verdict verdict = judge(c, owner, is_member);
  if (verdict == CONNECTIONS_TAKE) return verdict;
  if (c->looked_ns != 0 && now_ns - c->looked_ns < CONNECTIONS_LOOK_NS) return verdict;
  forget_closed(c);
  c->looked_ns = now_ns;
  return judge(c, owner, is_member);
}

void connections_add(struct connections *c, int fd, struct connections_owner owner) {
  struct connection *last;
  struct stat now;
  /* Whoever had this descriptor before has closed it. */
  for (size_t i = 0; i < c->count; i++)
    if (c->list[i].fd == fd) c->list[i--] = c->list[--c->count];
  assert(c->count < c->max + c->reserve);
  if (fstat(fd, &now) != 0) return; /* not a descriptor: nothing is held */
  last = &c->list[c->count++];
  last->fd = fd;
  last->inode = now.st_ino;
  last->owner = owner;
}

/* The core may close the descriptor at any moment, and somebody else get its number: a copy stays
 * what it is between the look and the act. */
static void hang_up(const struct connection *connection) {
  const int copy = fcntl(connection->fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return;
  if (is_at(connection, copy)) (void)shutdown(copy, SHUT_RDWR);
  (void)close(copy);
}

void connections_hang_up(struct connections *c) {
  for (size_t i = 0; i < c->count; i++) hang_up(&c->list[i]);
}

size_t connections_count(struct connections *c) {
  forget_closed(c);
  return c->count;
}
