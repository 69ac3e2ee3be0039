/* doorstep_test.c: what a connection says first, before the core has it. */
#include "doorstep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

/* What the guest is once the other end has said `words` and, if `leaves`, hung up. */
static enum doorstep_state after(const char *words, bool leaves, uint64_t now_ns) {
  struct doorstep_guest guest = {.until_ns = 100};
  enum doorstep_state state;
  int ends[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  guest.fd = ends[0];
  assert_int_equal(send(ends[1], words, strlen(words), 0), strlen(words));
  if (leaves) (void)close(ends[1]);
  state = doorstep_look(&guest, now_ns);
  assert_int_equal(doorstep_look(&guest, now_ns), state); /* the first look took no bytes */
  if (!leaves) (void)close(ends[1]);
  (void)close(ends[0]);
  return state;
}

static void its_first_words_tell(void **state) {
  static const char *const strange[] = {"GET / HTTP/1.1\r\n\r\n",
                                        "\x16\x03\x01",
                                        "PRJ",
                                        "pri * HTTP/2.0",
                                        "PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n",
                                        "X"};
  (void)state;
  assert_int_equal(after(PREFACE, false, 0), DOORSTEP_BEGUN);
  assert_int_equal(after(PREFACE "and frames", false, 0), DOORSTEP_BEGUN);
  assert_int_equal(after("P", false, 0), DOORSTEP_BEGUN);
  assert_int_equal(after(PREFACE, true, 0), DOORSTEP_BEGUN);
  for (size_t i = 0; i < sizeof strange / sizeof *strange; i++)
    assert_int_equal(after(strange[i], i % 2, 0), DOORSTEP_STRANGE);
}

/* Words that came count, however late they are looked at. */
static void silence_has_an_end(void **state) {
  (void)state;
  assert_int_equal(after("", false, 99), DOORSTEP_WAITS);
  assert_int_equal(after("", false, 100), DOORSTEP_SILENT);
  assert_int_equal(after("", true, 99), DOORSTEP_GONE);
  assert_int_equal(after("", true, 100), DOORSTEP_GONE);
  assert_int_equal(after(PREFACE, false, 100), DOORSTEP_BEGUN);
}

static void whoever_waits_longest_is_looked_at_in_time(void **state) {
  const uint64_t ms = 1000000;
  const struct doorstep_guest guests[] = {{.until_ns = 50 * ms}, {.until_ns = 20 * ms + 1}};
  (void)state;
  assert_int_equal(doorstep_patience_ms(guests, 0, 0), -1);
  assert_int_equal(doorstep_patience_ms(guests, 1, 10 * ms), 40);
  assert_int_equal(doorstep_patience_ms(guests, 2, 10 * ms), 11);
  assert_int_equal(doorstep_patience_ms(guests, 2, 60 * ms), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(its_first_words_tell),
      cmocka_unit_test(silence_has_an_end),
      cmocka_unit_test(whoever_waits_longest_is_looked_at_in_time),
  };
  return cmocka_run_group_tests_name("transport: doorstep", tests, NULL, NULL);
}
