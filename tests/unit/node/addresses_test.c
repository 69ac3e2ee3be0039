/* addresses_test.c: which texts are one address, and which addresses lead nowhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <node/addresses.h>

#include <string.h>

static enum rkv_status check(const char *first, const char *second, struct rkv_error *error) {
  struct rkv_membership m = {0};
  assert_int_equal(rkv_membership_add_node(&m, 1, first, strlen(first)), RKV_OK);
  assert_int_equal(rkv_membership_add_node(&m, 2, second, strlen(second)), RKV_OK);
  return addresses_check(&m, error);
}

static void one_address_for_two_is_refused(void **state) {
  static const char *const same[][2] = {{"a:1", "a:1"},
                                        {"Host.example:1", "host.EXAMPLE:1"},
                                        {"[::1]:1", "[0:0:0:0:0:0:0:1]:1"},
                                        {"127.0.0.1:1", "127.1:1"},
                                        {"127.0.0.1:1", "[::ffff:127.0.0.1]:1"}};
  static const char *const differ[][2] = {
      {"a:1", "a:2"}, {"a:1", "b:1"}, {"127.0.0.1:1", "127.0.0.2:1"}, {"[::1]:1", "127.0.0.1:1"}};
  struct rkv_error error;
  (void)state;
  for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
    assert_int_equal(check(same[i][0], same[i][1], &error), RKV_INVALID);
    assert_non_null(strstr(error.text, "nodes 1 and 2 have one address"));
  }
  for (size_t i = 0; i < sizeof differ / sizeof differ[0]; i++)
    assert_int_equal(check(differ[i][0], differ[i][1], &error), RKV_OK);
}

static void what_leads_nowhere_is_refused(void **state) {
  static const char *const nowhere[] = {
      "0.0.0.0:1", "0:1", "[::]:1", "[0::0]:1", "*:1", "0.0:1", "[::ffff:0.0.0.0]:1"};
  static const char *const somewhere[] = {"localhost:1", "[::1]:1", "0.0.0.1:1", "zero:1"};
  struct rkv_error error;
  (void)state;
  for (size_t i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++) {
    assert_int_equal(check("a:1", nowhere[i], &error), RKV_INVALID);
    assert_non_null(strstr(error.text, "node 2: "));
    assert_non_null(strstr(error.text, "address that leads to it"));
  }
  for (size_t i = 0; i < sizeof somewhere / sizeof somewhere[0]; i++)
    assert_int_equal(check("a:1", somewhere[i], &error), RKV_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_address_for_two_is_refused),
      cmocka_unit_test(what_leads_nowhere_is_refused),
  };
  return cmocka_run_group_tests_name("addresses", tests, NULL, NULL);
}
