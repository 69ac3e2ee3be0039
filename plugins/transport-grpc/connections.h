/* connections.h: who holds a connection to this server, and whether another one is taken.
 *
 * The core owns a connection's descriptor from the first moment and tells nobody when it closes it.
 * So a connection is remembered as descriptor and inode, and looked at again (fstat) only when a
 * limit is near or somebody asks for the count. No locks: the owner serialises. */
#ifndef TRANSPORT_CONNECTIONS_H
#define TRANSPORT_CONNECTIONS_H

#include <rkv/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Connections beyond both limits, for those that come from a member's address: strangers do not
 * keep the cluster apart. One member has one or two. */
#define CONNECTIONS_RESERVE 32

#define CONNECTIONS_LOOK_NS UINT64_C(20000000) /* no two looks at all of them within this time */

/* Of whom a connection is: an IPv4 address, or the first 64 bits of an IPv6 one, for these are what
 * one customer of a provider gets. */
struct connections_owner {
  uint64_t bits;
  bool is_ipv6;
};

enum connections_verdict {
  CONNECTIONS_TAKE,
  CONNECTIONS_FULL,         /* connections_max */
  CONNECTIONS_FULL_ADDRESS, /* connections_per_address_max */
};

struct connections;

/* `reserve`: so many more for members. NULL without memory. */
struct connections *connections_new(size_t max, size_t per_address_max, size_t reserve);
void connections_free(struct connections *c);

struct connections_owner connections_owner_of(const struct sockaddr_storage *addr);

/* Of an address as text, `192.0.2.1:21001` or `[2001:db8::1]:21001`, also as the core writes it:
 * `ipv4:192.0.2.1:21001`, `ipv6:%5B2001:db8::1%5D:21001`. False: it is a name, or none. */
bool connections_owner_read(const char *addr, struct connections_owner *out);
bool connections_owner_is(struct connections_owner a, struct connections_owner b);

/* Is a connection of this owner taken? Changes nothing but forgets who has gone. */
enum connections_verdict connections_judge(struct connections *c, struct connections_owner owner,
                                           bool is_member, uint64_t now_ns);
/* One more, which was judged TAKE. It is still the caller's to close. */
void connections_add(struct connections *c, int fd, struct connections_owner owner);

/* Ends all that are open, whatever the core does with them. */
void connections_hang_up(struct connections *c);

/* Those that are open now. */
size_t connections_count(struct connections *c);

#endif
