/* beside_test.c: two storages that would meet on a path, whatever the option is called
 * (host/storage/subject.h). */
#include "support.h"

#include <host/storage/subject.h>

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct rkv_option of_files[] = {
    {.name = "dir", .help = "where", .type = RKV_OPTION_PATH, .default_text = ""},
    {.name = "journal", .help = "a file", .type = RKV_OPTION_PATH, .default_text = ""},
    {.name = "word", .help = "no path", .type = RKV_OPTION_STRING, .default_text = ""},
    {.name = "key", .type = RKV_OPTION_PATH, .flags = RKV_OPTION_SECRET, .default_text = ""}};
static const struct rkv_plugin files = {.kind = RKV_KIND_STORAGE,
                                        .name = "storage-files",
                                        .options = of_files,
                                        .option_count = sizeof of_files / sizeof of_files[0],
                                        .option_size = sizeof of_files[0]};
static const struct rkv_plugin stacked = {.kind = RKV_KIND_STORAGE, .name = "storage-over"};

static struct host_part part_in(const char *dir, const char *journal) {
  struct host_part part = {.kind = RKV_KIND_STORAGE, .plugin = &files};
  part.values[0].text = dir;
  part.values[1].text = journal;
  part.values[2].text = "same";
  part.values[3].text = "/same";
  return part;
}

/* Two folders, and a file of the first storage outside of its own. */
static struct scratch begin_places(char first[], char second[], char journal[], size_t size) {
  struct scratch scratch = scratch_begin("journal", "");
  (void)snprintf(journal, size, "%s", scratch.file);
  (void)snprintf(first, size, "%s/first", scratch.folder);
  (void)snprintf(second, size, "%s/second", scratch.folder);
  assert_int_equal(mkdir(first, 0700), 0);
  return scratch;
}

static void end_places(const struct scratch *scratch, const char *first) {
  assert_int_equal(rmdir(first), 0);
  scratch_end(scratch);
}

static void a_file_that_both_name_is_no_place(void **state) {
  char first[2048], second[2048], journal[2048], other[2064];
  struct scratch scratch = begin_places(first, second, journal, sizeof first);
  struct host_part now = part_in(first, journal), next = part_in(second, journal);
  struct host_part over = {.kind = RKV_KIND_STORAGE, .plugin = &stacked, .under = &next};
  struct subject_meeting meeting;
  (void)state;
  assert_false(subject_is_beside(&now, &next, &meeting));
  assert_string_equal(meeting.own, journal);
  assert_string_equal(meeting.other, journal);
  assert_false(subject_is_beside(&now, &over, &meeting)); /* also under a stacked one */
  (void)snprintf(other, sizeof other, "%s/journal", first);
  next.values[1].text = other; /* or in the directory of the one that is there */
  assert_false(subject_is_beside(&now, &next, &meeting));
  assert_string_equal(meeting.own, first);
  assert_string_equal(meeting.other, other);
  end_places(&scratch, first);
}

/* Words and secrets that both have, and paths that nobody gave, are no places. */
static void what_is_no_path_may_be_the_same(void **state) {
  char first[2048], second[2048], journal[2048], other[2064];
  struct scratch scratch = begin_places(first, second, journal, sizeof first);
  struct host_part now = part_in(first, ""), next = part_in(second, "");
  struct subject_meeting meeting;
  (void)state;
  assert_true(subject_is_beside(&now, &next, &meeting));
  (void)snprintf(other, sizeof other, "%s-2", journal);
  now.values[1].text = journal;
  next.values[1].text = other;
  assert_true(subject_is_beside(&now, &next, &meeting));
  end_places(&scratch, first);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_file_that_both_name_is_no_place),
      cmocka_unit_test(what_is_no_path_may_be_the_same),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
