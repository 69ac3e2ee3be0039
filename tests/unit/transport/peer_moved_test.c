/* peer_moved_test.c: the name of a peer leads to another address from now on. The program is the
 * resolver: getaddrinfo below is what the core asks. */
#include "peer_harness.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "member.test"
#define BACKOFF_MAX_MS 1000 /* reconnect_backoff_max as it is by default */
#define MARGIN_MS 2000      /* for a loaded machine; the core's own pause was 30 s */

static atomic_uint answer = INADDR_LOOPBACK, asked_for;

#define SEEN_BY_THE_CORE __attribute__((visibility("default")))

/* Fills what freeaddrinfo below frees. */
SEEN_BY_THE_CORE int getaddrinfo(const char *host, const char *service,
                                 const struct addrinfo *hints, struct addrinfo **out) {
  struct {
    struct addrinfo info;
    struct sockaddr_in sin;
  } *it = calloc(1, sizeof *it);
  (void)hints;
  if (!it) return EAI_MEMORY;
  if (strcmp(host, NAME) == 0) atomic_fetch_add(&asked_for, 1);
  it->sin.sin_family = AF_INET;
  it->sin.sin_port = htons((uint16_t)strtoul(service, NULL, 10));
  if (strcmp(host, NAME) == 0)
    it->sin.sin_addr.s_addr = htonl(atomic_load(&answer));
  else if (inet_pton(AF_INET, host, &it->sin.sin_addr) != 1)
    return free(it), EAI_NONAME;
  it->info = (struct addrinfo){.ai_family = AF_INET,
                               .ai_socktype = SOCK_STREAM,
                               .ai_addrlen = sizeof it->sin,
                               .ai_addr = (struct sockaddr *)&it->sin};
  *out = &it->info;
  return 0;
}

SEEN_BY_THE_CORE void freeaddrinfo(struct addrinfo *info) {
  free(info);
}

static const struct timespec moment = {0, 20000000}; /* between two tries */

static uint64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool is_reached(struct rig *rig) {
  struct asked asked;
  ask_vote(rig, &asked, 200);
  return await(&asked) == RKV_OK;
}

static void until_reached(struct rig *rig) {
  const uint64_t begin = now_ms();
  while (!is_reached(rig)) {
    if (now_ms() - begin > BACKOFF_MAX_MS + MARGIN_MS)
      fail_msg("not reached in %d ms; its name was asked for %u times: %s",
               BACKOFF_MAX_MS + MARGIN_MS, atomic_load(&asked_for), rig->log);
    nanosleep(&moment, NULL);
  }
}

/* The peer goes, is looked for in vain for so long, and then its name leads elsewhere. */
static void moves_after(unsigned away_ms) {
  static struct rig rig;
  static struct peer_fake peer;
  char name[64], there[64];
  memset(&peer, 0, sizeof peer);
  atomic_store(&answer, INADDR_LOOPBACK);
  peer_fake_start(&peer, NULL);
  (void)snprintf(name, sizeof name, NAME "%s", strrchr(peer.addr, ':'));
  (void)snprintf(there, sizeof there, "127.0.0.2%s", strrchr(peer.addr, ':'));
  rig_start(&rig, name);
  until_reached(&rig);
  assert_true(atomic_load(&asked_for) > 0);
  peer_fake_stop(&peer);
  for (uint64_t begin = now_ms(); now_ms() - begin < away_ms; nanosleep(&moment, NULL))
    assert_false(is_reached(&rig));
  memset(&peer, 0, sizeof peer);
  peer_fake_start(&peer, there);
  atomic_store(&answer, INADDR_LOOPBACK + 1);
  until_reached(&rig);
  rig_stop(&rig);
  peer_fake_stop(&peer);
}

static void a_peer_that_moved_is_found(void **state) {
  (void)state;
  moves_after(100);
}

/* By then the pauses between two dials have grown. */
static void a_peer_that_moved_late_is_found(void **state) {
  (void)state;
  moves_after(4000);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_peer_that_moved_is_found),
                                     cmocka_unit_test(a_peer_that_moved_late_is_found)};
  (void)setenv("GRPC_DNS_RESOLVER", "native", 1); /* this resolver asks getaddrinfo */
  return cmocka_run_group_tests(tests, NULL, NULL);
}
