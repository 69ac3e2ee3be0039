/* pair_orders_test.c: a node moves from one storage to another, in every order (pair_story.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pair_story.h"

static void tell(const struct story *s) {
  const unsigned orders = story_play_all(s);
  print_message("%s%s%s: %u orders\n", s->script, s->nested ? " nested " : "",
                s->nested ? s->nested : "", orders);
}

static void a_move_loses_nothing_in_any_order(void **state) {
  (void)state;
  tell(&(struct story){.script = "abcjvra"});
  tell(&(struct story){.script = "bcjvrafa"});
  tell(&(struct story){.script = "bjrvfiax"});
  tell(&(struct story){.script = "ibicjirif"});
}

static void a_storage_may_end_writes_at_once(void **state) {
  (void)state;
  tell(&(struct story){.script = "abcjavtaravfaxv", .at_once = {true, false}});
  tell(&(struct story){.script = "aabcjavtaravfaxv", .at_once = {false, true}});
  tell(&(struct story){.script = "aabcjavtaravfaxv", .at_once = {true, true}});
}

static void a_truncation_reaches_the_copy(void **state) {
  (void)state;
  tell(&(struct story){.script = "abctacjr"});
  tell(&(struct story){.script = "abcjtarfa"});
  tell(&(struct story){.script = "abcjartaf"});
}

static void a_move_back_is_a_move(void **state) {
  (void)state;
  tell(&(struct story){.script = "bjarafxbcjavravfaxa", .at_once = {true, false}});
  tell(&(struct story){.script = "bjarafxbcjavrafa", .at_once = {false, true}});
  tell(&(struct story){.script = "bjadaxbcjr"});
}

static void a_completion_may_write(void **state) {
  (void)state;
  tell(&(struct story){.script = "abcjara", .nested = "v"});
  tell(&(struct story){.script = "bjavrf", .nested = "a"});
  tell(&(struct story){.script = "bjaada", .nested = "av"});
  tell(&(struct story){.script = "bjaNaara", .nested = "a"});
}

/* A stop closes both sides: what waits is cancelled, and nothing was acknowledged too early. */
static void the_node_may_stop_at_any_moment(void **state) {
  (void)state;
  tell(&(struct story){.script = "bjarvf", .may_stop = true});
  tell(&(struct story){.script = "abcjadax", .may_stop = true});
}

static void either_side_may_fail_at_any_write(void **state) {
  (void)state;
  for (unsigned nth = 1; nth <= 7; nth++) {
    tell(&(struct story){.script = "abcjarvf", .fails = {nth, 0}});
    tell(&(struct story){.script = "abcjarvf", .fails = {0, nth}});
    tell(&(struct story){.script = "bjvadvx", .fails = {0, nth}});
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_move_loses_nothing_in_any_order),
      cmocka_unit_test(a_storage_may_end_writes_at_once),
      cmocka_unit_test(a_truncation_reaches_the_copy),
      cmocka_unit_test(a_move_back_is_a_move),
      cmocka_unit_test(a_completion_may_write),
      cmocka_unit_test(the_node_may_stop_at_any_moment),
      cmocka_unit_test(either_side_may_fail_at_any_write),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
