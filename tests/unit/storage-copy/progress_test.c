/* progress_test.c: a line of progress is never broken, however narrow the terminal is. */
#define _GNU_SOURCE /* posix_openpt */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <host/storage/progress.h>

/* What one look of the line is on a terminal of so many columns, without what steers it. `from` of
 * `done` was before the first look. */
static size_t shown(unsigned short columns, enum progress_unit unit, uint64_t total, uint64_t from,
                    uint64_t done, char line[512]) {
  const struct winsize size = {.ws_row = 24, .ws_col = columns};
  int user = posix_openpt(O_RDWR | O_NOCTTY), terminal;
  struct progress p;
  ssize_t len;
  FILE *out;
  assert_true(user >= 0 && grantpt(user) == 0 && unlockpt(user) == 0);
  terminal = open(ptsname(user), O_RDWR | O_NOCTTY);
  assert_true(terminal >= 0 && ioctl(terminal, TIOCSWINSZ, &size) == 0);
  out = fdopen(terminal, "w");
  assert_non_null(out);
  progress_init(&p, out);
  progress_begin(&p, "comparing the snapshot", unit, total);
  if (from > 0) progress_join(&p, from);
  progress_add(&p, done - from);
  len = read(user, line, 511);
  assert_true(len >= 4);
  assert_memory_equal(line, "\r\033[K", 4);
  memmove(line, line + 4, (size_t)len - 4);
  line[len - 4] = '\0';
  (void)fclose(out);
  (void)close(user);
  return strlen(line);
}

static void a_line_fits(void **state) {
  static const uint64_t totals[] = {1, 100, 1000000, UINT64_C(1) << 40, UINT64_MAX};
  char line[512];
  (void)state;
  for (unsigned short columns = 1; columns <= 300; columns++)
    for (size_t i = 0; i < sizeof totals / sizeof totals[0]; i++) {
      assert_true(shown(columns, PROGRESS_ENTRIES, totals[i], 0, totals[i], line) < columns);
      assert_true(shown(columns, PROGRESS_BYTES, totals[i], 0, totals[i] / 2, line) < columns);
    }
}

static void a_line_says_how_far_it_is(void **state) {
  char line[512];
  (void)state;
  (void)shown(100, PROGRESS_ENTRIES, 1000, 0, 500, line);
  assert_ptr_equal(strstr(line, "comparing the snapshot [###############...............]  50% of "
                                "1000, "),
                   line);
  (void)shown(0, PROGRESS_BYTES, 3 << 20, 0, 3 << 20, line); /* it does not know: 80 */
  assert_non_null(strstr(line, "#] 100% of 3.0 MiB, "));
  (void)shown(45, PROGRESS_ENTRIES, 1000, 0, 500, line);
  assert_null(strchr(line, '['));
}

/* Whoever looks at what others began counts from there. */
static void a_rate_is_of_what_was_seen(void **state) {
  char line[512];
  (void)state;
  (void)shown(100, PROGRESS_ENTRIES, 1000, 500, 500, line);
  assert_non_null(strstr(line, " 50% of 1000, 0/s"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_line_fits),
      cmocka_unit_test(a_line_says_how_far_it_is),
      cmocka_unit_test(a_rate_is_of_what_was_seen),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
