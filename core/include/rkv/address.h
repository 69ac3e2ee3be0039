/* rkv/address.h: HOST:PORT, taken apart and checked in one place for the host, its tools and the
 * transports. Helpers of the header only: nothing of them is in the binary interface. */
#ifndef RKV_ADDRESS_H
#define RKV_ADDRESS_H

#include <rkv/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RKV_PORT_MAX 65535
#define RKV_PORT_DIGITS_MAX 5

/* Borrowed from the text. The brackets of an IPv6 host are no part of it; a text without ':' is all
 * host, and its port is "". */
struct rkv_addr_parts {
  const char *host; /* host_len bytes, no NUL behind them */
  size_t host_len;
  const char *port; /* NUL-terminated */
  bool bracketed;
};

/* Takes any text apart at its last ':', also one that rkv_addr_refusal would refuse: an address in
 * a log may come from a node that did not check it. */
static inline struct rkv_addr_parts rkv_addr_split(const char *addr) {
  const char *colon = strrchr(addr, ':');
  struct rkv_addr_parts parts = {addr, 0, "", false};
  parts.host_len = colon ? (size_t)(colon - addr) : strlen(addr);
  if (colon) parts.port = colon + 1;
  parts.bracketed = parts.host_len >= 2 && addr[0] == '[' && addr[parts.host_len - 1] == ']';
  if (parts.bracketed) {
    parts.host++;
    parts.host_len -= 2;
  }
  return parts;
}

/* The number of a port from 1 to 65535; 0: it is none. */
static inline unsigned rkv_port_number(const char *port) {
  unsigned number = 0;
  size_t len = strlen(port);
  if (len > RKV_PORT_DIGITS_MAX) return 0;
  for (size_t i = 0; i < len; i++) {
    if (port[i] < '0' || port[i] > '9') return 0;
    number = number * 10 + (unsigned)(port[i] - '0');
  }
  return number <= RKV_PORT_MAX ? number : 0;
}

/* NULL if `addr` is HOST:PORT: a name, an IPv4 address or an IPv6 address in brackets, and a port
 * from 1 to 65535. Otherwise what is wrong, and what would be right. */
static inline const char *rkv_addr_refusal(const char *addr) {
  struct rkv_addr_parts parts;
  if (strlen(addr) >= RKV_ADDR_MAX) return "longer than 255 bytes (try 127.0.0.1:21001)";
  parts = rkv_addr_split(addr);
  if (!strrchr(addr, ':') || parts.host_len == 0) return "not HOST:PORT (try 127.0.0.1:21001)";
  if (!parts.bracketed && memchr(parts.host, ':', parts.host_len))
    return "an IPv6 host without brackets (try [::1]:21001)";
  for (const char *at = addr; *at; at++)
    if ((unsigned char)*at <= ' ' || *at == '/')
      return "a blank or '/' in HOST:PORT (try 127.0.0.1:21001)";
  if (rkv_port_number(parts.port) == 0) return "the port is no number from 1 to 65535";
  return NULL;
}

/* Copies the host of an address that was not refused, with a NUL behind it. */
static inline void rkv_addr_host(const struct rkv_addr_parts *parts, char out[RKV_ADDR_MAX]) {
  size_t len = parts->host_len < RKV_ADDR_MAX ? parts->host_len : RKV_ADDR_MAX - 1;
  memcpy(out, parts->host, len);
  out[len] = '\0';
}

#ifdef __cplusplus
}
#endif

#endif
