/* bench_test.c: the arithmetic behind the bench's numbers. */
#include "histogram.h"
#include "pace.h"
#include "wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A quantile is less than 1 % off, over the whole range of 64 bits. */
static void quantiles_are_close(void **state) {
  struct histogram *h = calloc(1, sizeof *h);
  uint64_t value;
  (void)state;
  assert_non_null(h);
  for (value = 1; value < UINT64_MAX / 3; value = value * 3 + 1) {
    uint64_t read;
    memset(h, 0, sizeof *h);
    histogram_add(h, value);
    read = histogram_quantile(h, 0.5);
    assert_true(read > value ? read - value <= value / 100 : value - read <= value / 100);
  }
  memset(h, 0, sizeof *h);
  histogram_add(h, UINT64_MAX); /* the last bucket is inside the array */
  assert_true(histogram_quantile(h, 1) > UINT64_MAX / 100 * 99);
  free(h);
}

static void quantiles_split_the_count(void **state) {
  struct histogram *h = calloc(1, sizeof *h);
  (void)state;
  assert_non_null(h);
  assert_int_equal(histogram_quantile(h, 0.5), 0);
  for (uint64_t i = 0; i < 100; i++)
    histogram_add(h, i); /* below 128 every value has its own bucket */
  assert_int_equal(histogram_quantile(h, 0.5), 50);
  assert_int_equal(histogram_quantile(h, 0.99), 99);
  assert_int_equal(histogram_quantile(h, 1), 99);
  assert_int_equal(histogram_quantile(h, 0), 0);
  free(h);
}

/* The bytes of interop.md: Set foo=bar, which is etcd's Put as well. */
static void a_put_has_the_golden_bytes(void **state) {
  static const uint8_t golden[] = {0x0a, 3, 'f', 'o', 'o', 0x12, 3, 'b', 'a', 'r'};
  uint8_t out[32];
  size_t len = 0;
  (void)state;
  wire_put_bytes(out, &len, 1, "foo", 3);
  wire_put_bytes(out, &len, 2, "bar", 3);
  assert_int_equal(len, sizeof golden);
  assert_memory_equal(out, golden, len);
}

/* Fields of other numbers and types are passed over; damage is "not there", never a read behind the
 * end. */
static void fields_are_found_among_others(void **state) {
  static const uint8_t message[] = {0x09, 1,    2,   3,   4, 5, 6, 7, 8, /* 1: fixed64 */
                                    0x1d, 1,    2,   3,   4,             /* 3: fixed32 */
                                    0x12, 2,    'h', 'i',                /* 2: bytes */
                                    0x28, 0xAC, 0x02};                   /* 5: 300 */
  const uint8_t *data;
  uint64_t number;
  size_t size, cut;
  (void)state;
  assert_true(wire_get_number(message, sizeof message, 5, &number));
  assert_int_equal(number, 300);
  assert_true(wire_get_bytes(message, sizeof message, 2, &data, &size));
  assert_int_equal(size, 2);
  assert_memory_equal(data, "hi", 2);
  for (cut = 0; cut < sizeof message; cut++) {
    uint8_t *copy = test_malloc(cut + 1);
    memcpy(copy, message, cut);
    assert_false(wire_get_number(copy, cut, 5, &number));
    test_free(copy);
  }
}

/* Arrivals neither drift nor bunch, and counting them agrees with when they are due. */
static void arrivals_are_even(void **state) {
  const struct pace pace = {.begin_ns = 500, .rate = 3};
  const struct pace fast = {.begin_ns = 7, .rate = PACE_RATE_MAX};
  uint64_t n;
  (void)state;
  assert_int_equal(pace_due_ns(&pace, 0), 500);
  assert_int_equal(pace_due_ns(&pace, 1), 500 + 333333333);
  assert_int_equal(pace_due_ns(&pace, 3000000000), 500 + UINT64_C(1000000000000000000));
  assert_int_equal(pace_count(&pace, 499), 0);
  assert_int_equal(pace_count(&pace, 500), 1);
  for (n = 1; n < 1000; n++) {
    assert_int_equal(pace_count(&pace, pace_due_ns(&pace, n)), n + 1);
    assert_int_equal(pace_count(&pace, pace_due_ns(&pace, n) - 1), n);
    assert_int_equal(pace_due_ns(&fast, n), 7 + 100 * n);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(quantiles_are_close),
      cmocka_unit_test(quantiles_split_the_count),
      cmocka_unit_test(arrivals_are_even),
      cmocka_unit_test(a_put_has_the_golden_bytes),
      cmocka_unit_test(fields_are_found_among_others),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
