/* text_test.c: what rkvctl reads (metrics, memberships) and writes (tables, JSON). */
#include "metrics.h"
#include "print.h"
#include "wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Both dialects' separators, values with colons, and braces with pairs inside; words without a
 * value are passed over. */
static void metrics_of_every_dialect(void **state) {
  const char *text = "Metrics{ id:3, state:leader term:2, junk addr:127.0.0.1:21001 "
                     "snap:{a:1, b:2} last_log:7 last_applied:T1-N2.6 committed:1.7 last_log2:9";
  size_t len = strlen(text);
  char value[32];
  uint64_t number;
  (void)state;
  assert_true(metrics_text(text + 9, len - 9, "state", value, sizeof value));
  assert_string_equal(value, "leader");
  assert_true(metrics_text(text + 9, len - 9, "addr", value, sizeof value));
  assert_string_equal(value, "127.0.0.1:21001");
  assert_true(metrics_text(text + 9, len - 9, "snap", value, sizeof value));
  assert_string_equal(value, "{a:1, b:2}");
  assert_true(metrics_number(text + 9, len - 9, "last_log", &number));
  assert_int_equal(number, 7);
  assert_true(metrics_number(text + 9, len - 9, "committed", &number));
  assert_int_equal(number, 7);
  assert_false(metrics_number(text + 9, len - 9, "state", &number));
  assert_false(metrics_text(text + 9, len - 9, "junk", value, sizeof value));
  assert_string_equal(value, "");
}

/* As OpenRaft's example writes it. */
static void metrics_of_the_example(void **state) {
  const char *text =
      "Metrics{id:1, Leader, term:2, vote:<T2-N1:Q>, last_log:9, last_applied:2.8, "
      "leader:1(quorum_acked_time:21:23:41.975344, 842.845us ago), membership:"
      "{log_id:1.4, {voters:[{1:Node { node_id: 1 }}], learners:[]}}, snapshot:None}";
  size_t len = strlen(text);
  char value[32];
  uint64_t number;
  (void)state;
  assert_true(metrics_number(text, len, "id", &number));
  assert_int_equal(number, 1);
  assert_true(metrics_number(text, len, "last_log", &number));
  assert_int_equal(number, 9);
  assert_true(metrics_number(text, len, "last_applied", &number));
  assert_int_equal(number, 8);
  assert_true(metrics_number(text, len, "leader", &number));
  assert_int_equal(number, 1);
  assert_true(metrics_text(text, len, "snapshot", value, sizeof value));
  assert_string_equal(value, "None");
  assert_false(metrics_text(text, len, "learners", value, sizeof value));
}

/* No byte behind the end is read and nothing loops, wherever the text is cut. */
static void metrics_may_be_cut_anywhere(void **state) {
  const char *text = "a:1, b:{c:2, d:[3, x:4";
  size_t cut;
  (void)state;
  for (cut = 0; cut <= strlen(text); cut++) {
    char *copy = test_malloc(cut + 1);
    const char *at = copy;
    struct metrics_pair pair;
    unsigned pairs = 0;
    memcpy(copy, text, cut);
    while (metrics_next(&at, copy + cut, &pair)) {
      assert_true(pair.value + pair.value_len <= copy + cut);
      pairs++;
    }
    assert_true(pairs <= 2);
    test_free(copy);
  }
}

static void assert_json(const char *bytes, size_t size, const char *expected) {
  char *out = NULL;
  size_t out_size = 0;
  FILE *file = open_memstream(&out, &out_size);
  assert_non_null(file);
  print_json_bytes(file, bytes, size);
  assert_int_equal(fclose(file), 0);
  assert_string_equal(out, expected);
  free(out);
}

/* Whatever bytes a key holds, scripts get JSON that parses. */
static void json_of_any_bytes(void **state) {
  (void)state;
  assert_json("a\"\\\n", 4, "\"a\\\"\\\\\\u000a\"");
  assert_json("\0x", 2, "\"\\u0000x\"");
  assert_json("\xC3\xA9\xF0\x9F\x98\x80", 6, "\"\xC3\xA9\xF0\x9F\x98\x80\"");
  assert_json("\xC3", 1, "\"\\ufffd\"");                                  /* cut */
  assert_json("\xC0\x80", 2, "\"\\ufffd\\ufffd\"");                       /* overlong */
  assert_json("\xED\xA0\x80", 3, "\"\\ufffd\\ufffd\\ufffd\"");            /* a surrogate */
  assert_json("\xF4\x90\x80\x80", 4, "\"\\ufffd\\ufffd\\ufffd\\ufffd\""); /* over U+10FFFF */
}

static void assert_json_value(const char *text, const char *expected) {
  char *out = NULL;
  size_t out_size = 0;
  FILE *file = open_memstream(&out, &out_size);
  assert_non_null(file);
  print_json_value(file, text, strlen(text));
  assert_int_equal(fclose(file), 0);
  assert_string_equal(out, expected);
  free(out);
}

/* Numbers are numbers, as far as every JSON reader keeps them; the rest are strings. */
static void json_of_metrics(void **state) {
  (void)state;
  assert_json_value("0", "0");
  assert_json_value("123456789012345", "123456789012345");
  assert_json_value("1234567890123456", "\"1234567890123456\"");
  assert_json_value("1.7", "\"1.7\"");
  assert_json_value("007", "\"007\"");
  assert_json_value("", "\"\"");
}

/* OpenRaft's names are counted on to Raft's count, whatever stands before the index; others
 * stay. */
static void people_count_from_one(void **state) {
  static const char *const cases[][3] = {
      {"last_log", "0", "1"},
      {"last_applied", "3.81", "3.82"},
      {"snapshot", "T1-N2.4", "T1-N2.5"},
      {"purged", "none", "none"},
      {"snapshot", "None", "None"},
      {"committed", "3.82", "3.82"},
      {"term", "7", "7"},
      {"last_log", "", ""},
      {"last_log", "18446744073709551615", "18446744073709551615"}};
  char out[64];
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    wire_count(cases[i][0], cases[i][1], strlen(cases[i][1]), out, sizeof out);
    assert_string_equal(out, cases[i][2]);
  }
}

/* What would steer a terminal is shown, in text and in JSON. */
static void bytes_are_printed_safely(void **state) {
  static const char rude[] = "a\x1b[2J\x7f\xC2\x9B\xff\xC3\xA9";
  char *out = NULL;
  size_t size = 0;
  FILE *file = open_memstream(&out, &size);
  (void)state;
  assert_non_null(file);
  print_safe(file, rude, sizeof rude - 1);
  assert_int_equal(fclose(file), 0);
  assert_string_equal(out, "a\\x1b[2J\\x7f\\xc2\\x9b\\xff\xC3\xA9");
  free(out);
  assert_json("\xC2\x9B", 2, "\"\\u009b\"");
}

static void tables_line_up(void **state) {
  static const char *const titles[] = {"ID", "ADDR"};
  struct print_table *table = print_table_new(titles, 2);
  char(*row)[PRINT_CELL_MAX];
  char *out = NULL;
  size_t size = 0;
  FILE *file = open_memstream(&out, &size);
  (void)state;
  assert_non_null(table);
  assert_non_null(file);
  row = print_table_row(table);
  memcpy(row[0], "1000", sizeof "1000");
  memcpy(row[1], "a:1", sizeof "a:1");
  print_table_out(table, file);
  assert_int_equal(fclose(file), 0);
  assert_string_equal(out, "ID    ADDR\n1000  a:1\n");
  free(out);
  free(table);
}

/* Of a joint membership it is said who comes and who goes. */
static void roles_in_a_joint_membership(void **state) {
  struct rkv_membership m = {.config_count = 2};
  (void)state;
  assert_int_equal(rkv_config_add(&m.configs[0], 1), RKV_OK);
  assert_int_equal(rkv_config_add(&m.configs[0], 2), RKV_OK);
  assert_int_equal(rkv_config_add(&m.configs[1], 2), RKV_OK);
  assert_int_equal(rkv_config_add(&m.configs[1], 3), RKV_OK);
  assert_string_equal(wire_role(&m, 1), "leaving");
  assert_string_equal(wire_role(&m, 2), "voter");
  assert_string_equal(wire_role(&m, 3), "joining");
  assert_string_equal(wire_role(&m, 4), "learner");
}

/* A membership as a foreign node may send it: no nodes' records, configs over the limit. */
static void memberships_with_gaps_are_read(void **state) {
  Openraftpb__Membership message = OPENRAFTPB__MEMBERSHIP__INIT;
  Openraftpb__Membership__NodesEntry entry = OPENRAFTPB__MEMBERSHIP__NODES_ENTRY__INIT;
  Openraftpb__Membership__NodesEntry *entries[] = {&entry};
  Openraftpb__NodeIdSet set = OPENRAFTPB__NODE_ID_SET__INIT;
  Openraftpb__NodeIdSet *sets[] = {&set, &set, &set};
  struct rkv_membership m;
  (void)state;
  entry.key = 5;
  message.n_nodes = 1;
  message.nodes = entries;
  message.n_configs = 3;
  message.configs = sets;
  wire_membership(&message, &m);
  assert_int_equal(m.config_count, RKV_CONFIGS_MAX);
  assert_int_equal(m.node_count, 1);
  assert_string_equal(m.nodes[0].addr, "-");
  wire_membership(NULL, &m);
  assert_int_equal(m.config_count, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(metrics_of_every_dialect),
      cmocka_unit_test(metrics_of_the_example),
      cmocka_unit_test(metrics_may_be_cut_anywhere),
      cmocka_unit_test(json_of_any_bytes),
      cmocka_unit_test(json_of_metrics),
      cmocka_unit_test(people_count_from_one),
      cmocka_unit_test(bytes_are_printed_safely),
      cmocka_unit_test(tables_line_up),
      cmocka_unit_test(roles_in_a_joint_membership),
      cmocka_unit_test(memberships_with_gaps_are_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
