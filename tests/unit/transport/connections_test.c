/* connections_test.c: which peers hold a connection, and when a new one is accepted. */
#include "connections.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define SECOND_NS UINT64_C(1000000000)

static struct connections_owner owner(const char *text) {
  struct sockaddr_storage addr = {0};
  if (strchr(text, ':')) {
    struct sockaddr_in6 *in = (struct sockaddr_in6 *)(void *)&addr;
    addr.ss_family = AF_INET6;
    assert_int_equal(inet_pton(AF_INET6, text, &in->sin6_addr), 1);
  } else {
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)&addr;
    addr.ss_family = AF_INET;
    assert_int_equal(inet_pton(AF_INET, text, &in->sin_addr), 1);
  }
  return connections_owner_of(&addr);
}

static int new_socket(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  assert_true(fd >= 0);
  return fd;
}

static int add(struct connections *c, const char *from, uint64_t now) {
  int fd = new_socket();
  assert_int_equal(connections_judge(c, owner(from), false, now), CONNECTIONS_TAKE);
  connections_add(c, fd, owner(from));
  return fd;
}

/* The limit of one address does not shut others out; that of all does. */
static void limits(void **state) {
  struct connections *c = connections_new(3, 2, 0);
  int fds[3];
  (void)state;
  fds[0] = add(c, "192.0.2.1", SECOND_NS);
  fds[1] = add(c, "192.0.2.1", SECOND_NS);
  assert_int_equal(connections_judge(c, owner("192.0.2.1"), false, SECOND_NS),
                   CONNECTIONS_FULL_ADDRESS);
  fds[2] = add(c, "192.0.2.2", SECOND_NS);
  assert_int_equal(connections_judge(c, owner("192.0.2.3"), false, SECOND_NS), CONNECTIONS_FULL);
  assert_int_equal(connections_count(c), 3);
  for (int i = 0; i < 3; i++) close(fds[i]);
  assert_int_equal(connections_count(c), 0);
  connections_free(c);
}

/* A descriptor that was closed and is somebody else's now is no connection; one that comes again is
 * counted once. */
static void recycled_descriptors(void **state) {
  struct connections *c = connections_new(2, 2, 0);
  int first, second;
  (void)state;
  first = add(c, "192.0.2.1", SECOND_NS);
  close(first);
  second = new_socket();
  assert_int_equal(first, second); /* the kernel gives the lowest free number */
  assert_int_equal(connections_count(c), 0);
  close(second);
  first = add(c, "192.0.2.1", SECOND_NS);
  close(first);
  second = add(c, "192.0.2.2", SECOND_NS);
  assert_int_equal(connections_count(c), 1);
  close(second);
  connections_free(c);
}

/* At the limit all are looked at, but not for each of a flood's connections. */
static void looks_are_rare(void **state) {
  struct connections *c = connections_new(1, 1, 0);
  const struct connections_owner other = owner("192.0.2.9");
  uint64_t now = SECOND_NS;
  int fd;
  (void)state;
  fd = add(c, "192.0.2.1", now);
  assert_int_equal(connections_judge(c, other, false, now), CONNECTIONS_FULL);
  close(fd);
  assert_int_equal(connections_judge(c, other, false, now + 1), CONNECTIONS_FULL);
  assert_int_equal(connections_judge(c, other, false, now + CONNECTIONS_LOOK_NS), CONNECTIONS_TAKE);
  connections_free(c);
}

/* Members have a few more, beyond both limits, and no more than these. */
static void members_have_a_reserve(void **state) {
  struct connections *c = connections_new(2, 1, 2);
  const struct connections_owner member = owner("192.0.2.9");
  int fds[4];
  (void)state;
  fds[0] = add(c, "192.0.2.1", SECOND_NS);
  fds[1] = add(c, "192.0.2.2", SECOND_NS);
  for (int i = 2; i < 4; i++) {
    assert_int_equal(connections_judge(c, member, false, SECOND_NS), CONNECTIONS_FULL);
    assert_int_equal(connections_judge(c, member, true, SECOND_NS), CONNECTIONS_TAKE);
    fds[i] = new_socket();
    connections_add(c, fds[i], member);
  }
  assert_int_equal(connections_judge(c, member, true, SECOND_NS), CONNECTIONS_FULL);
  for (int i = 0; i < 4; i++) close(fds[i]);
  connections_free(c);
}

/* What the core calls a peer, and what a membership does. */
static void addresses_as_text(void **state) {
  struct connections_owner read;
  (void)state;
  assert_true(connections_owner_read("ipv4:192.0.2.1:21001", &read));
  assert_true(connections_owner_is(read, owner("192.0.2.1")));
  assert_true(connections_owner_read("ipv6:%5B2001:db8:0:1::7%5D:21001", &read));
  assert_true(connections_owner_is(read, owner("2001:db8:0:1::1")));
  assert_true(connections_owner_read("ipv6:%5B::ffff:192.0.2.1%5D:21001", &read));
  assert_true(connections_owner_is(read, owner("192.0.2.1")));
  assert_true(connections_owner_read("192.0.2.1:21001", &read));
  assert_true(connections_owner_is(read, owner("192.0.2.1")));
  assert_true(connections_owner_read("[2001:db8:0:1::7]:21001", &read));
  assert_true(connections_owner_is(read, owner("2001:db8:0:1::1")));
  assert_false(connections_owner_read("192.0.2.1.example:21001", &read));
  assert_false(connections_owner_read("1node:21001", &read));
  assert_false(connections_owner_read("dns:///node:21001", &read));
  assert_false(connections_owner_read("ipv4:999.0.2.1:1", &read));
  assert_false(connections_owner_read("ipv6:%5B:::%5D:1", &read));
  assert_false(connections_owner_read("unix:/tmp/s", &read));
  assert_false(connections_owner_read("", &read));
}

static bool same(const char *a, const char *b) {
  const struct connections_owner x = owner(a), y = owner(b);
  return x.bits == y.bits && x.is_ipv6 == y.is_ipv6;
}

/* One IPv4 address, also where an IPv6 socket shows it; one /64 of IPv6. */
static void owners(void **state) {
  (void)state;
  assert_true(same("192.0.2.1", "::ffff:192.0.2.1"));
  assert_false(same("192.0.2.1", "192.0.2.2"));
  assert_false(same("::ffff:192.0.2.1", "::ffff:192.0.2.2"));
  assert_true(same("2001:db8:0:1::1", "2001:db8:0:1:ffff::2"));
  assert_false(same("2001:db8:0:1::1", "2001:db8:0:2::1"));
  assert_false(same("::1", "0.0.0.0"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(limits),
      cmocka_unit_test(recycled_descriptors),
      cmocka_unit_test(looks_are_rare),
      cmocka_unit_test(members_have_a_reserve),
      cmocka_unit_test(addresses_as_text),
      cmocka_unit_test(owners),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
