/* transport_trouble.c: laws of peers that are away, hang up, fall silent, are slow or come back;
 * and of other programs that connect. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport.h"

void transport_law_nobody_there(struct contract *c);
void transport_law_hangs_up(struct contract *c);
void transport_law_silent(struct contract *c);
void transport_law_slow_node(struct contract *c);
void transport_law_restarted_peer(struct contract *c);
void transport_law_strangers(struct contract *c);

enum { PATIENCE_MS = 700, KINDS = CALL_SNAPSHOT_BEGIN + 1, CONNECTIONS_MAX = 256 };

/* What a bare TCP listener does with a connection. */
enum manner { CLOSES, RESETS, READS_THEN_RESETS, READS, IGNORES };

struct listener {
  struct contract *c;
  enum manner manner;
  int fd, held[CONNECTIONS_MAX];
  size_t held_count;
  char addr[RKV_ADDR_MAX];
  pthread_t thread;
  atomic_bool over;
};

static void hang_up(int fd, bool reset) {
  struct linger now = {1, 0};
  if (reset) (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  (void)close(fd);
}

static void meet_one(struct listener *l, int fd) {
  struct pollfd wait = {fd, POLLIN, 0};
  char bytes[4096];
  ssize_t got;
  if (l->manner == READS_THEN_RESETS || l->manner == READS) {
    (void)poll(&wait, 1, 200);
    got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    (void)got; /* the bytes themselves do not matter */
  }
  if (l->manner == READS && l->held_count < CONNECTIONS_MAX)
    l->held[l->held_count++] = fd;
  else
    hang_up(fd, l->manner != CLOSES);
}

static void *listen_on(void *arg) {
  struct listener *l = arg;
  while (!atomic_load(&l->over)) {
    struct pollfd wait = {l->fd, POLLIN, 0};
    int fd;
    if (poll(&wait, 1, 20) <= 0 || l->manner == IGNORES) {
      if (l->manner == IGNORES) contract_pause_ms(20);
      continue;
    }
    fd = accept(l->fd, NULL, NULL);
    if (fd >= 0) meet_one(l, fd);
  }
  return NULL;
}

static void listener_open(struct listener *l, struct contract *c, enum manner manner) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof at;
  memset(l, 0, sizeof *l);
  l->c = c;
  l->manner = manner;
  l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CONTRACT_REQUIRE(c,
                   l->fd >= 0 && bind(l->fd, (struct sockaddr *)&at, sizeof at) == 0 &&
                       listen(l->fd, 16) == 0 &&
                       getsockname(l->fd, (struct sockaddr *)&at, &len) == 0 &&
                       pthread_create(&l->thread, NULL, listen_on, l) == 0,
                   "the suite cannot listen");
  (void)snprintf(l->addr, sizeof l->addr, "127.0.0.1:%u", (unsigned)ntohs(at.sin_port));
}

static void listener_close(struct listener *l) {
  atomic_store(&l->over, true);
  (void)pthread_join(l->thread, NULL);
  for (size_t i = 0; i < l->held_count; i++) (void)close(l->held[i]);
  (void)close(l->fd);
}

/* A wire may have no answer of its own to a snapshot's first steps: the last one has. */
static void end_unanswered(struct asked *a, const char *what) {
  static const uint8_t bytes[10];
  if (a->kind == CALL_SNAPSHOT_BEGIN && ask_wait(a) == RKV_OK) {
    ask_write(a, bytes, sizeof bytes);
    if (a->status == RKV_OK) {
      a->kind = CALL_SNAPSHOT_FINISH;
      ask(a);
    }
  }
  ask_unanswered(a, what);
}

/* One call of each kind, twice, all at once. */
static void try_all(struct side *s, void *peer, const char *what) {
  struct rkv_entry *entries = entries_make(s->c, 1, 3, 50, s->c->seed);
  struct asked *all = calloc(2 * KINDS, sizeof *all);
  CONTRACT_REQUIRE(s->c, all, "the suite has no memory");
  for (size_t i = 0; i < 2 * KINDS; i++) {
    ask_init(&all[i], s, peer, (enum call_kind)(i % KINDS));
    all[i].patience_ms = PATIENCE_MS;
    if (all[i].kind == CALL_APPEND) {
      all[i].call.append.entries = entries;
      all[i].call.append.entry_count = 3;
    }
    ask(&all[i]);
  }
  for (size_t i = 0; i < 2 * KINDS; i++) end_unanswered(&all[i], what);
  free(all);
  entries_free(entries, 3);
}

void transport_law_nobody_there(struct contract *c) {
  struct side s;
  char addr[RKV_ADDR_MAX];
  void *peer;
  side_begin(&s, c, 1);
  free_addr(c, addr);
  peer = side_dial(&s, addr);
  for (uint64_t i = 0; i < contract_amount(c, 2, 2, 20); i++)
    try_all(&s, peer, "an address where nobody listens");
  s.ops->peer_close(peer);
  side_end(&s);
}

static void try_manner(struct contract *c, enum manner manner, const char *what) {
  struct listener l;
  struct side s;
  void *peer;
  side_begin(&s, c, 1);
  listener_open(&l, c, manner);
  peer = side_dial(&s, l.addr);
  for (uint64_t i = 0; i < contract_amount(c, 1, 2, 10); i++) try_all(&s, peer, what);
  s.ops->peer_close(peer);
  side_end(&s);
  listener_close(&l);
}

void transport_law_hangs_up(struct contract *c) {
  try_manner(c, CLOSES, "a peer that closes connections");
  try_manner(c, RESETS, "a peer that resets connections");
  try_manner(c, READS_THEN_RESETS, "a peer that resets connections when something came");
}

void transport_law_silent(struct contract *c) {
  try_manner(c, READS, "a peer that accepts and says nothing");
  try_manner(c, IGNORES, "a peer that does not accept");
}

void transport_law_slow_node(struct contract *c) {
  uint64_t seed = c->seed;
  struct side a, b;
  void *peer;
  side_begin(&a, c, 1);
  side_begin(&b, c, 2);
  peer = side_peer(&a, &b, 1);
  ask_hello(&a, peer);
  side_hold(&b, true);
  try_all(&a, peer, "a peer whose node does not answer");
  side_hold(&b, false);
  side_release(&b, &seed, 0); /* answers to calls that nobody waits for any more */
  ask_hello(&a, peer);
  a.ops->peer_close(peer);
  side_end(&a);
  side_end(&b);
}

void transport_law_restarted_peer(struct contract *c) {
  uint64_t rounds = contract_amount(c, 2, 2, 15);
  struct side a, b;
  void *peer;
  side_begin(&a, c, 1);
  side_begin(&b, c, 2);
  peer = side_peer(&a, &b, 1);
  for (uint64_t i = 0; i < rounds; i++) {
    struct rkv_entry *entries = entries_make(c, 1, 30, 100, c->seed + i);
    ask_hello(&a, peer);
    (void)lead(&a, peer, entries, 0, 30);
    follower_holds(&b, entries, 30);
    side_end(&b);
    try_all(&a, peer, "a peer that has gone");
    side_open(&b);
    side_start(&b);
    entries_free(entries, 30);
  }
  ask_hello(&a, peer);
  contract_note(c, "%" PRIu64 " restarts", rounds);
  a.ops->peer_close(peer);
  side_end(&a);
  side_end(&b);
}

/* ---- strangers ---- */

static int dial(struct contract *c, const char *addr) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  at.sin_port = htons((uint16_t)strtoul(strrchr(addr, ':') + 1, NULL, 10));
  CONTRACT_REQUIRE(c, fd >= 0, "the suite has no socket");
  if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0) return fd;
  (void)close(fd);
  return -1;
}

/* Bytes by chance, behind a beginning that some protocol knows. */
static void say_something(int fd, uint64_t *seed) {
  static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                    get[] = "GET / HTTP/1.1\r\n\r\n";
  uint8_t bytes[600];
  size_t len = contract_between(seed, 0, 500), head = 0;
  uint64_t chance = contract_random(seed) % 4;
  ssize_t sent;
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)contract_random(seed);
  if (chance == 0) memcpy(bytes, preface, head = sizeof preface - 1);
  if (chance == 1) memcpy(bytes, get, head = sizeof get - 1);
  if (chance == 2) { /* many a protocol takes this for a short frame */
    memset(bytes, 0, 4);
    bytes[contract_random(seed) % 4] = (uint8_t)contract_between(seed, 1, 60);
  }
  sent = send(fd, bytes, head + len, MSG_NOSIGNAL | MSG_DONTWAIT);
  (void)sent; /* whether the bytes were taken does not matter to a stranger */
}

void transport_law_strangers(struct contract *c) {
  uint64_t rounds = lighter(c, contract_amount(c, 200, 200, 5000)), seed = c->seed;
  struct side a, b;
  void *peer;
  side_begin(&a, c, 1);
  side_begin(&b, c, 2);
  peer = side_peer(&a, &b, 1);
  for (uint64_t i = 0; i < rounds; i++) {
    int fd = dial(c, b.addr);
    if (fd >= 0) {
      say_something(fd, &seed);
      if (i % 8 == 0) contract_pause_ms(5); /* time for the transport to read them */
      hang_up(fd, i % 3 == 0);
    }
    if (i % 40 == 0) ask_hello(&a, peer);
  }
  ask_hello(&a, peer);
  CONTRACT_REQUIRE(c, b.others == 0, "%zu calls of clients were made of bytes by chance", b.others);
  contract_note(c, "%" PRIu64 " connections", rounds);
  a.ops->peer_close(peer);
  side_end(&a);
  side_end(&b);
}
