/* settings_test.c: the INI file line by line, and which source overrides which. */
#include "support.h"

#include <host/ini.h>

#include <stdio.h>

/* One configuration being read. */
struct reading {
  struct host_settings settings;
  struct host_problems problems;
};

/* Reads `text` as node.ini; end with done. */
static struct reading *read_text(const char *text, struct scratch *scratch) {
  struct reading *r = calloc(1, sizeof *r);
  assert_non_null(r);
  *scratch = scratch_begin("node.ini", text);
  host_ini_read(scratch->file, &r->settings, &r->problems);
  return r;
}

static void done(struct reading *r, const struct scratch *scratch) {
  host_settings_free(&r->settings);
  host_problems_free(&r->problems);
  free(r);
  scratch_end(scratch);
}

static const char *text_of(struct reading *r, const char *section, const char *key) {
  const struct host_setting *setting = host_settings_find(&r->settings, section, key);
  return setting ? setting->text : "(none)";
}

static void assert_problem(const struct reading *r, size_t i, unsigned line, const char *part) {
  assert_true(i < r->problems.count);
  assert_int_equal(r->problems.list[i].line, line);
  assert_holds(r->problems.list[i].text, part);
}

/* Everything that a careful and a careless writer may write. */
static void settings_are_found_with_their_lines(void **state) {
  struct scratch s;
  struct reading *r = read_text("\xEF\xBB\xBF; a comment\r\n"
                                "[node]   ; behind a header\r\n"
                                "id=1\n"
                                "   addr = 127.0.0.1:1 ; indented, commented\n"
                                "# another comment\n"
                                "\n"
                                "[storage]\n"
                                "path = a;b c\n"
                                "empty =\n"
                                "last = no newline",
                                &s);
  (void)state;
  assert_int_equal(r->problems.count, 0);
  assert_string_equal(text_of(r, "node", "id"), "1");
  assert_string_equal(text_of(r, "node", "addr"), "127.0.0.1:1");
  assert_string_equal(text_of(r, "storage", "path"), "a;b c");
  assert_string_equal(text_of(r, "storage", "empty"), "");
  assert_string_equal(text_of(r, "storage", "last"), "no newline");
  assert_int_equal(host_settings_find(&r->settings, "node", "addr")->line, 4);
  assert_int_equal(host_settings_find(&r->settings, "storage", "last")->line, 10);
  assert_holds(host_settings_find(&r->settings, "node", "id")->origin, "node.ini:3");
  done(r, &s);
}

/* A line that inih would skip or misread is told, with its number; the others are read all the
 * same. */
static void lines_that_are_no_settings_are_told(void **state) {
  struct scratch s;
  struct reading *r = read_text("early = 1\n"
                                "[node]\n"
                                "just words\n"
                                "[open\n"
                                "[storage] x = 1\n"
                                "id = 7\n"
                                "more words",
                                &s);
  (void)state;
  assert_int_equal(r->problems.count, 5);
  assert_problem(r, 0, 1, "node.ini:1: early = \"1\": stands before the first [section]");
  assert_problem(r, 1, 3, "node.ini:3: \"just words\": not a setting");
  assert_problem(r, 2, 4, "node.ini:4: \"[open\": not a setting");
  assert_problem(r, 3, 5, "node.ini:5: text behind [storage]");
  assert_problem(r, 4, 7, "node.ini:7: \"more words\": not a setting");
  assert_string_equal(text_of(r, "storage", "id"), "7");
  done(r, &s);
}

/* The first setting counts; the second one is reported when its section is read. */
static void a_key_or_section_given_twice_is_noticed(void **state) {
  struct scratch s;
  struct reading *r = read_text("[node]\nid = 1\n[storage]\nid = 1\n[node]\nid = 2\n", &s);
  (void)state;
  assert_int_equal(r->problems.count, 1);
  assert_problem(r, 0, 5, "[node]: given twice, first at");
  assert_string_equal(text_of(r, "node", "id"), "1");
  assert_null(r->settings.list[1].overridden_by);
  assert_ptr_equal(r->settings.list[2].overridden_by, &r->settings.list[0]);
  done(r, &s);
}

/* Flag beats --set beats file, in whatever order they come. */
static void the_strongest_source_wins(void **state) {
  struct scratch s;
  struct reading *r = read_text("[node]\na = file\nb = file\nc = file\n", &s);
  struct host_settings *all = &r->settings;
  (void)state;
  host_settings_add(all, HOST_SOURCE_FLAG, "node", "a", "flag", "--a", 0, &r->problems);
  host_settings_add(all, HOST_SOURCE_SET, "node", "a", "set", "--set", 0, &r->problems);
  host_settings_add(all, HOST_SOURCE_SET, "node", "b", "set", "--set", 0, &r->problems);
  assert_int_equal(r->problems.count, 0);
  assert_string_equal(text_of(r, "node", "a"), "flag");
  assert_string_equal(text_of(r, "node", "b"), "set");
  assert_string_equal(text_of(r, "node", "c"), "file");
  assert_string_equal(text_of(r, "node", "d"), "(none)");
  done(r, &s);
}

/* ---- limits ---- */

/* `prefix` and then `count` times the letter x and a newline. */
static char *long_line(const char *prefix, size_t count) {
  size_t head = strlen(prefix);
  char *text = malloc(head + count + 2);
  assert_non_null(text);
  memcpy(text, prefix, head);
  memset(text + head, 'x', count);
  memcpy(text + head + count, "\n", 2);
  return text;
}

/* At the edge a line is read whole, one byte more is refused and the next line is still read. */
static void a_line_may_be_just_so_long(void **state) {
  size_t room = HOST_INI_LINE_MAX - strlen("k = ");
  struct scratch s;
  struct reading *r;
  char *text = long_line("[a]\nk = ", room - 1);
  (void)state;
  r = read_text(text, &s);
  assert_int_equal(r->problems.count, 0);
  assert_int_equal(strlen(text_of(r, "a", "k")), room - 1);
  done(r, &s);
  free(text);
  text = long_line("[a]\nk = ", room + 1);
  r = read_text(text, &s);
  assert_int_equal(r->problems.count, 1);
  assert_problem(r, 0, 2, "node.ini:2: the line is 4097 bytes long (at most 4096)");
  done(r, &s);
  free(text);
}

static void bytes_that_are_no_text_are_refused(void **state) {
  struct scratch s = scratch_begin("node.ini", "");
  struct reading *r = calloc(1, sizeof *r);
  FILE *file = fopen(s.file, "w");
  static const char bytes[] = "[a]\nk = 1\0 2\nl = \x01\n";
  (void)state;
  assert_true(r && file);
  assert_int_equal(fwrite(bytes, 1, sizeof bytes - 1, file), sizeof bytes - 1);
  assert_int_equal(fclose(file), 0);
  host_ini_read(s.file, &r->settings, &r->problems);
  assert_int_equal(r->problems.count, 2);
  assert_problem(r, 0, 2, "a NUL byte in the line");
  assert_problem(r, 1, 3, "the value has control characters");
  done(r, &s);
}

/* Files made of pieces that mean something, cut and mixed by chance: whatever comes, every setting
 * and problem names a line of the file, and no text leaves its limits (sanitizers watch). */
static void any_bytes_are_read_or_refused(void **state) {
  static const char *const pieces[] = {"[node]", "[",    "]",    "id", "=",    " ",
                                       "\n",     "\r\n", ";",    "#",  "x",    "${",
                                       "}",      "\t",   "\xff", ":",  "\x01", "\n["};
  uint32_t chance = 20261123;
  (void)state;
  for (int round = 0; round < 1000; round++) {
    char text[512] = "";
    unsigned lines = 1;
    struct scratch s;
    struct reading *r;
    for (size_t len = 0; len < sizeof text - 8;) {
      chance = chance * 1664525u + 1013904223u;
      len += (size_t)snprintf(text + len, sizeof text - len, "%s",
                              pieces[(chance >> 16) % (sizeof pieces / sizeof *pieces)]);
      if ((chance >> 8) % 97 == 0) break;
    }
    for (const char *at = text; *at; at++) lines += *at == '\n';
    r = read_text(text, &s);
    for (size_t i = 0; i < r->settings.count; i++)
      assert_in_range(r->settings.list[i].line, 1, lines);
    for (size_t i = 0; i < r->problems.count; i++)
      assert_in_range(r->problems.list[i].line, 1, lines);
    done(r, &s);
  }
}

static void a_file_that_cannot_be_read_is_one_problem(void **state) {
  struct reading *r = calloc(1, sizeof *r);
  (void)state;
  assert_non_null(r);
  host_ini_read("/nowhere/node.ini", &r->settings, &r->problems);
  assert_problem(r, 0, 0, "/nowhere/node.ini: cannot open: No such file");
  host_ini_read("/", &r->settings, &r->problems);
  assert_problem(r, 1, 0, "/: cannot read");
  host_ini_read("/dev/zero", &r->settings, &r->problems);
  assert_problem(r, 2, 0, "/dev/zero: larger than 1048576 bytes");
  host_settings_free(&r->settings);
  host_problems_free(&r->problems);
  free(r);
}

/* 100 problems are shown, the rest is counted. */
static void problems_are_bounded(void **state) {
  struct host_problems *problems = calloc(1, sizeof *problems);
  char *text = NULL;
  size_t len;
  FILE *out = open_memstream(&text, &len);
  (void)state;
  assert_true(problems && out);
  for (unsigned i = 0; i < HOST_PROBLEMS_MAX + 5; i++)
    host_problems_add(problems, HOST_BLAME_CONFIG, HOST_PROBLEMS_MAX + 5 - i, "problem %u", i);
  host_problems_print(problems, out);
  (void)fclose(out);
  assert_holds(text, "and 5 more");
  assert_true(strstr(text, "problem 99\n") == text); /* ordered by line */
  free(text);
  host_problems_free(problems);
  free(problems);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(settings_are_found_with_their_lines),
      cmocka_unit_test(lines_that_are_no_settings_are_told),
      cmocka_unit_test(a_key_or_section_given_twice_is_noticed),
      cmocka_unit_test(the_strongest_source_wins),
      cmocka_unit_test(a_line_may_be_just_so_long),
      cmocka_unit_test(bytes_that_are_no_text_are_refused),
      cmocka_unit_test(any_bytes_are_read_or_refused),
      cmocka_unit_test(a_file_that_cannot_be_read_is_one_problem),
      cmocka_unit_test(problems_are_bounded),
  };
  return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
