/* transport_life.c: laws of opening a transport: addresses, open, start. */
#include <stdio.h>

#include "transport.h"
#include "transport_laws.h"

#define TRANSPORT_PROTOTYPE(number, name, level, needs, seconds, says)                             \
  void transport_law_##name(struct contract *c);
TRANSPORT_LAWS(TRANSPORT_PROTOTYPE)

void transport_law_opens_and_closes(struct contract *c) {
  struct side s;
  side_init(&s, c, 1);
  for (int i = 0; i < 3; i++) { /* opened and closed without start, at the same address */
    side_open(&s);
    side_end(&s);
  }
}

void transport_law_starts_and_stops(struct contract *c) {
  struct side s;
  side_init(&s, c, 1);
  for (unsigned i = 0; i < 3; i++) {
    side_open(&s);
    side_start(&s);
    side_stop(&s, i * 100);
    side_end(&s);
  }
}

void transport_law_address_taken(struct contract *c) {
  struct side a, b, other;
  struct rkv_error error;
  enum rkv_status status;
  void *peer;
  side_begin(&a, c, 1);
  side_begin(&b, c, 2);
  side_init(&other, c, 3);
  contract_host_init(&other.host, c, 3);
  other.host.host.node_addr = a.addr;
  status =
      other.ops->open(&other.host.host, &other.config, &other.api, &other.it, contract_ask(&error));
  CONTRACT_REQUIRE(c, status == RKV_ADDRESS, "open at an address in use ended with %s",
                   rkv_status_name(status));
  contract_text_ok(c, status, &error, "open");
  peer = side_peer(&b, &a, 1);
  ask_hello(&b, peer);
  b.ops->peer_close(peer);
  side_end(&a);
  side_end(&b);
}

static const char *const bad[] = {"",           "nonsense",       "127.0.0.1",    "127.0.0.1:",
                                  ":21001",     "127.0.0.1:x",    "127.0.0.1:-1", "127.0.0.1:65536",
                                  "127.0.0.1:", "127.0.0.1:1:2x", "[::1",         "127.0.0.1:1 2"};

static void opens_not(struct contract *c, const char *addr) {
  struct side s;
  struct rkv_error error;
  enum rkv_status status;
  side_init(&s, c, 1);
  contract_host_init(&s.host, c, 1);
  s.host.host.node_addr = addr;
  status = s.ops->open(&s.host.host, &s.config, &s.api, &s.it, contract_ask(&error));
  CONTRACT_REQUIRE(c, status == RKV_INVALID, "open at \"%s\" ended with %s", addr,
                   rkv_status_name(status));
  contract_text_ok(c, status, &error, "open");
}

void transport_law_bad_addresses(struct contract *c) {
  struct side s;
  side_begin(&s, c, 1);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct rkv_peer_info info = {.id = 2, .addr = bad[i]};
    struct rkv_error error;
    void *peer = NULL;
    enum rkv_status status = s.ops->peer_open(s.it, &info, &peer, contract_ask(&error));
    CONTRACT_REQUIRE(c, status == RKV_INVALID, "peer_open to \"%s\" ended with %s", bad[i],
                     rkv_status_name(status));
    contract_text_ok(c, status, &error, "peer_open");
    opens_not(c, bad[i]);
  }
  side_end(&s);
}

void transport_law_serves_from_start(struct contract *c) {
  struct side a, b;
  struct asked early;
  void *peer;
  side_begin(&a, c, 1);
  side_init(&b, c, 2);
  side_open(&b);
  peer = side_peer(&a, &b, 1);
  ask_init(&early, &a, peer, CALL_VOTE);
  early.patience_ms = 300;
  ask(&early);
  ask_unanswered(&early, "a peer that is not started");
  side_start(&b);
  ask_hello(&a, peer);
  a.ops->peer_close(peer);
  side_end(&a);
  side_end(&b);
}
