/* address.h: HOST:PORT: its text, and the sockets that listen there. */
#ifndef TRANSPORT_ADDRESS_H
#define TRANSPORT_ADDRESS_H

#include <rkv/status.h>
#include <stddef.h>

/* Checks that `addr` is HOST:PORT: a name, an IPv4 address or an IPv6 address in brackets, and a
 * port from 1 to 65535. Errors: RKV_INVALID. Any thread. */
enum rkv_status address_check(const char *addr, struct rkv_error *error);

#define ADDRESS_LISTENERS_MAX 8 /* addresses that one name may stand for; further ones are left */

struct address_listeners {
  int fds[ADDRESS_LISTENERS_MAX]; /* non-blocking */
  size_t count;
};

/* Listens on every address that `addr` stands for. May block (it resolves the name). Errors:
 * RKV_INVALID (not HOST:PORT), RKV_ADDRESS with the address and the remedy; nothing is open
 * then. */
enum rkv_status address_listen(const char *addr, struct address_listeners *out,
                               struct rkv_error *error);
void address_close(struct address_listeners *listeners);

#endif
