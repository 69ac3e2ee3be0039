/* split_test.c: the plan of parts, and what is read out of a peer's refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <raft-wire/wire/codec.h>
#include <raft-wire/client/limit.h>
#include <raft-wire/client/split.h>

#define MANY 64

/* ---- split ---- */

static struct split plan(const size_t *heads, const size_t *sizes, size_t count, size_t limit) {
  return (struct split){heads, sizes, count, limit, true};
}

/* The mission's case: ten sets of 200 bytes are 2181 bytes in one message and need 3 of 1024. */
static void ten_values_of_200_bytes_need_three_parts(void **state) {
  uint8_t set[206]; /* key of 1, value of 200 bytes */
  struct rkv_entry entry = {{1, 5}, RKV_ENTRY_COMMAND, 0, {set, sizeof set, NULL}};
  struct codec_append_head head = {{1, 1, true}, {1, 4}, {1, 4}, 0, 0};
  size_t heads[10] = {0}, sizes[10] = {0}, i;
  struct split split = plan(heads, sizes, 10, 1024);
  (void)state;
  for (i = 0; i < 10; i++) {
    heads[i] = codec_append_head_size(&head);
    assert_int_equal(codec_entry_size(&entry, &sizes[i], NULL), RKV_OK);
    entry.id.index++;
  }
  assert_in_range(split_bytes(&split, 0), 2171, 2191);
  assert_int_equal(split_parts(&split, 0), 3);
}

/* A message of exactly the limit fits, one byte more does not. */
static void the_limit_itself_fits(void **state) {
  const size_t heads[] = {10, 10}, sizes[] = {45, 45};
  struct split split = plan(heads, sizes, 2, 100);
  size_t bytes;
  (void)state;
  assert_int_equal(split_take(&split, 0, &bytes), 2);
  assert_int_equal(bytes, 100);
  split.limit = 99;
  assert_int_equal(split_take(&split, 0, &bytes), 1);
  assert_int_equal(bytes, 55);
  assert_int_equal(split_parts(&split, 0), 2);
}

/* An entry over a limit that the peer named is told by its place and size; the parts before it are
 * planned. */
static void an_entry_that_never_fits_is_found(void **state) {
  const size_t heads[] = {10, 11, 11}, sizes[] = {20, 500, 20};
  struct split split = plan(heads, sizes, 3, 100);
  size_t bytes;
  (void)state;
  assert_int_equal(split_take(&split, 0, &bytes), 1);
  assert_int_equal(split_take(&split, 1, &bytes), 0);
  assert_int_equal(bytes, 511);
  assert_int_equal(split_parts(&split, 0), 1);
  assert_int_equal(split_parts(&split, 1), 0);
}

/* A guessed limit does not condemn an entry: it is tried alone. */
static void a_guess_lets_one_entry_go_alone(void **state) {
  const size_t heads[] = {10, 11, 11}, sizes[] = {20, 500, 20};
  struct split split = plan(heads, sizes, 3, 100);
  size_t bytes;
  (void)state;
  split.exact = false;
  assert_int_equal(split_take(&split, 1, &bytes), 1);
  assert_int_equal(bytes, 511);
  assert_int_equal(split_parts(&split, 0), 3);
}

/* Fewest parts by trying every way to cut. */
static size_t fewest(const struct split *split, size_t limit) {
  size_t best[MANY + 1], from, to, bytes;
  best[split->count] = 0;
  for (from = split->count; from-- > 0;) {
    best[from] = SIZE_MAX;
    bytes = split->heads[from];
    for (to = from; to < split->count && (bytes += split->sizes[to]) <= limit; to++)
      if (best[to + 1] != SIZE_MAX && best[to + 1] + 1 < best[from]) best[from] = best[to + 1] + 1;
  }
  return best[0];
}

/* Greedy parts are the fewest possible, for heads as they really grow: by less than what the
 * entry before is long. */
static void parts_are_the_fewest_possible(void **state) {
  size_t heads[MANY] = {0}, sizes[MANY] = {0}, i;
  int round;
  (void)state;
  srand(7);
  for (round = 0; round < 2000; round++) {
    size_t count = 1 + (size_t)rand() % MANY;
    struct split split = plan(heads, sizes, count, 70 + (size_t)rand() % 200);
    heads[0] = 10;
    for (i = 0; i < count; i++) {
      sizes[i] = 4 + (size_t)rand() % 40;
      if (i) heads[i] = heads[i - 1] + (heads[i - 1] < 20 && rand() % 4 == 0 ? 3 : 0);
    }
    assert_int_equal(split_parts(&split, 0), fewest(&split, split.limit));
  }
}

/* ---- limit ---- */

static size_t learned(const char *text, size_t refused) {
  struct limit limit = {0};
  limit_learn(&limit, text, refused, 1);
  return limit.exact ? limit.bytes : 0;
}

/* Each known way to say it. */
static void a_named_limit_is_read(void **state) {
  (void)state;
  assert_int_equal(
      learned("decoded message length too large: found 2181 bytes, the limit is 1024 bytes", 2181),
      1024);
  assert_int_equal(learned("Error, decoded message length too large: found 2181 bytes, the limit "
                           "is: 1024 bytes",
                           2181),
                   1024);
  assert_int_equal(learned("Received message larger than max (2181 vs. 1024)", 2181), 1024);
  /* A number that cannot be the limit is not taken for it. */
  assert_int_equal(learned("the limit is 9999 bytes", 2181), 0);
  assert_int_equal(learned("the limit is 3 bytes", 2181), 0);
  assert_int_equal(learned("the limit is high", 2181), 0);
  assert_int_equal(learned("", 2181), 0);
}

/* Without a number: half, and smaller with every refusal, down to a byte. */
static void an_unnamed_limit_is_guessed_downwards(void **state) {
  struct limit limit = {0};
  size_t refused = 5000;
  (void)state;
  while (refused > 1) {
    limit_learn(&limit, "too large", refused, 1);
    assert_false(limit.exact);
    assert_in_range(limit.bytes, 1, refused - 1);
    refused = limit.bytes;
  }
  limit_learn(&limit, "too large", 5000, 1); /* a larger message refused earlier teaches nothing */
  assert_int_equal(limit.bytes, 1);
}

/* A busy peer is not a small one. */
static void only_size_counts_as_refusal(void **state) {
  (void)state;
  assert_true(limit_is_refusal(GRPC_STATUS_OUT_OF_RANGE, ""));
  assert_true(limit_is_refusal(GRPC_STATUS_RESOURCE_EXHAUSTED,
                               "Received message larger than max (2 vs. 1)"));
  assert_false(limit_is_refusal(GRPC_STATUS_RESOURCE_EXHAUSTED, "inbox full"));
  assert_false(limit_is_refusal(GRPC_STATUS_UNAVAILABLE, "too large"));
}

static void a_limit_is_forgotten_in_time(void **state) {
  struct limit limit = {0};
  (void)state;
  limit_learn(&limit, "the limit is 1024 bytes", 2000, 100);
  assert_int_equal(limit_now(&limit, 100 + LIMIT_KEEP_NS), 1024);
  assert_int_equal(limit_now(&limit, 101 + LIMIT_KEEP_NS), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ten_values_of_200_bytes_need_three_parts),
      cmocka_unit_test(the_limit_itself_fits),
      cmocka_unit_test(an_entry_that_never_fits_is_found),
      cmocka_unit_test(a_guess_lets_one_entry_go_alone),
      cmocka_unit_test(parts_are_the_fewest_possible),
      cmocka_unit_test(a_named_limit_is_read),
      cmocka_unit_test(an_unnamed_limit_is_guessed_downwards),
      cmocka_unit_test(only_size_counts_as_refusal),
      cmocka_unit_test(a_limit_is_forgotten_in_time),
  };
  return cmocka_run_group_tests_name("transport split", tests, NULL, NULL);
}
