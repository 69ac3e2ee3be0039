/* addresses.c: compares HOST:PORT texts as what they mean. */
#include <node/addresses.h>

#include <rkv/address.h>

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>

enum { IP_BYTES = 16 };

/* What an address means: an IP (IPv4 as IPv6 has it) or a name. */
struct place {
  bool ip;
  uint8_t bytes[IP_BYTES];
  char host[RKV_ADDR_MAX]; /* in lower case; unused if it is an IP */
  const char *port;
};

static bool parse_ip(const char *host, uint8_t bytes[IP_BYTES]) {
  struct in_addr four;
  if (inet_pton(AF_INET6, host, bytes) == 1) return true;
  if (inet_aton(host, &four) == 0) return false; /* also "0" and "127.1", as resolvers take them */
  memset(bytes, 0, IP_BYTES);
  bytes[10] = bytes[11] = 0xff;
  memcpy(bytes + 12, &four, sizeof four);
  return true;
}

static void parse_place(const char *addr, struct place *p) {
  const struct rkv_addr_parts parts = rkv_addr_split(addr);
  memset(p, 0, sizeof *p);
  p->port = parts.port;
  rkv_addr_host(&parts, p->host);
  for (char *at = p->host; *at; at++) *at = (char)tolower((unsigned char)*at);
  p->ip = parse_ip(p->host, p->bytes);
}

static bool leads_nowhere(const char *addr) {
  static const uint8_t zeros[IP_BYTES];
  struct place p;
  parse_place(addr, &p);
  if (!p.ip) return strcmp(p.host, "*") == 0;
  return memcmp(p.bytes, zeros, 10) == 0 && memcmp(p.bytes + 12, zeros, 4) == 0 &&
         (p.bytes[10] == p.bytes[11]) && (p.bytes[10] == 0 || p.bytes[10] == 0xff);
}

static bool places_equal(const struct place *a, const struct place *b) {
  if (strcmp(a->port, b->port) != 0 || a->ip != b->ip) return false;
  return a->ip ? memcmp(a->bytes, b->bytes, IP_BYTES) == 0 : strcmp(a->host, b->host) == 0;
}

bool addresses_equal(const char *a, const char *b) {
  struct place left, right;
  parse_place(a, &left);
  parse_place(b, &right);
  return places_equal(&left, &right);
}

enum rkv_status addresses_check_one(const struct rkv_membership *m, rkv_node_id id,
                                    struct rkv_error *error) {
  const struct rkv_member *member = rkv_membership_find(m, id);
  if (leads_nowhere(member->addr))
    return rkv_fail(error, RKV_INVALID,
                    "node %" PRIu64
                    ": %s is where a node may listen, not where others find it (give an "
                    "address that leads to it)",
                    id, member->addr);
  for (uint32_t i = 0; i < m->node_count; i++)
    if (m->nodes[i].id != id && addresses_equal(m->nodes[i].addr, member->addr))
      return rkv_fail(error, RKV_INVALID, "nodes %" PRIu64 " and %" PRIu64 " have one address, %s",
                      (m->nodes[i].id < id ? m->nodes[i].id : id),
                      (m->nodes[i].id < id ? id : m->nodes[i].id), member->addr);
  return RKV_OK;
}

enum rkv_status addresses_check(const struct rkv_membership *m, struct rkv_error *error) {
  enum rkv_status status = RKV_OK;
  for (uint32_t i = 0; i < m->node_count && status == RKV_OK; i++)
    status = addresses_check_one(m, m->nodes[i].id, error);
  return status;
}
