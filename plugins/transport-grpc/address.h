/* address.h: HOST:PORT texts. */
#ifndef TRANSPORT_ADDRESS_H
#define TRANSPORT_ADDRESS_H

#include <rkv/status.h>

/* Checks that `addr` is HOST:PORT: a name, an IPv4 address or an IPv6 address in brackets, and a
 * port from 1 to 65535. Errors: RKV_INVALID. Any thread. */
enum rkv_status address_check(const char *addr, struct rkv_error *error);

/* Says why `addr` could not be bound, by trying it with a socket of its own. Always an error:
 * RKV_ADDRESS with the address and the remedy. May block (it resolves the name). */
enum rkv_status address_why_not(const char *addr, struct rkv_error *error);

#endif
