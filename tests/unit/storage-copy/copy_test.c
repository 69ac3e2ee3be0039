/* copy_test.c: what is copied, and what is refused. */
#include "story.h"

#include <contract/tree.h>

#include <stdio.h>
#include <unistd.h>

enum { LAST_CALLS = 24 }; /* of a copy, among which its source is retired */

static const struct filling plenty = {.first = 1, .last = 120, .term = 2, .size = 700};
static const struct filling more = {
    .first = 121, .last = 300, .term = 5, .size = 600, .snapshot_bytes = 70000, .purge = 200};

static struct story story;
static struct place wal, copy, third;

static int begin(void **state) {
  (void)state;
  story_begin(&story, "copy.d");
  wal = (struct place){"storage-wal", story.from};
  copy = (struct place){"storage-wal", story.to};
  third = (struct place){"storage-wal", story.other};
  return 0;
}

static int end(void **state) {
  (void)state;
  story_end(&story);
  return 0;
}

/* ---- helpers ---- */

static void assert_says(const char *text, const char *part) {
  if (!strstr(text, part)) fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static struct holding holding_of(struct place place) {
  struct seen seen = story_look(&story, place);
  assert_int_equal(seen.standing, STANDS_READY);
  return seen.holding;
}

static void copies(struct place from, struct place to, const char *said) {
  struct copied copied = story_copy(&story, from, to, NULL);
  if (!copied.ended || copied.code != HOST_EXIT_OK) fail_msg("copy: %s", copied.text);
  assert_says(copied.text, said);
}

static void refuses(struct place from, struct place to, const char *said) {
  struct copied copied = story_copy(&story, from, to, NULL);
  assert_true(copied.ended);
  assert_int_equal(copied.code, HOST_EXIT_CONFIG);
  assert_says(copied.text, said);
}

/* How many calls change the device while it is copied; nothing of it is left. */
static unsigned calls_of(struct place from, struct place to) {
  const struct shim_plan none = {0};
  struct copied copied;
  assert_true(tree_copy(from.dir, story.kept));
  copied = story_copy(&story, from, to, &none);
  assert_int_equal(copied.code, HOST_EXIT_OK);
  tree_remove(to.dir);
  assert_true(tree_copy(story.kept, from.dir));
  return copied.calls;
}

/* False: it came to its end before. */
static bool is_killed(struct place from, struct place to, unsigned call) {
  const struct shim_plan plan = {.die_at = call, .death = SHIM_KILLED};
  return !story_copy(&story, from, to, &plan).ended;
}

/* A copy is ended half-way. */
static void is_begun(struct place from, struct place to) {
  unsigned call = calls_of(from, to) / 2;
  for (; story_look(&story, to).standing != STANDS_REFUSED; call++) {
    tree_remove(to.dir);
    assert_true(is_killed(from, to, call));
  }
  assert_int_equal(story_look(&story, from).standing, STANDS_READY);
}

/* The node is `all` on its copy, and on nothing else. */
static void has_moved(struct place from, struct place to, const struct holding *all) {
  struct holding held = holding_of(to);
  assert_memory_equal(&held, all, sizeof held);
  assert_int_equal(story_look(&story, from).standing, STANDS_REFUSED);
}

static void moves(const struct filling *filling) {
  struct holding all;
  assert_true(story_fill(&story, wal, filling));
  all = holding_of(wal);
  copies(wal, copy, "copied and compared");
  has_moved(wal, copy, &all);
  copies(copy, third, "copied and compared");
  has_moved(copy, third, &all);
}

/* ---- what is copied ---- */

static void a_log_and_a_snapshot_are_copied_there_and_on(void **state) {
  (void)state;
  assert_true(story_fill(&story, wal, &plenty));
  moves(&more);
}

static void a_log_that_was_purged_to_its_end_is_copied(void **state) {
  struct filling filling = plenty;
  (void)state;
  filling.snapshot_bytes = 3000;
  filling.purge = filling.last;
  moves(&filling);
}

static void a_vote_alone_is_copied(void **state) {
  const struct filling vote = {.term = 9, .vote_only = true};
  (void)state;
  moves(&vote);
}

static void an_empty_snapshot_is_copied(void **state) {
  struct filling filling = plenty;
  (void)state;
  filling.snapshot_bytes = 1;
  moves(&filling);
}

static void a_snapshot_of_the_empty_state_is_copied(void **state) {
  struct filling filling = plenty;
  (void)state;
  filling.snapshot_bytes = 3000;
  filling.empty_state = true;
  moves(&filling);
}

/* ... and compared: the copy must have none if its source has none. */
static void a_snapshot_of_the_empty_state_is_compared(void **state) {
  const struct filling strange = {
      .term = 1, .vote_only = true, .snapshot_bytes = 3000, .empty_state = true};
  struct copied copied;
  (void)state;
  assert_true(story_fill(&story, wal, &plenty));
  is_begun(wal, copy);
  assert_true(story_fill(&story, copy, &strange));
  copied = story_copy(&story, wal, copy, NULL);
  assert_true(copied.ended);
  assert_int_equal(copied.code, HOST_EXIT_STORAGE);
  assert_says(copied.text, "the newest snapshot: not as in the source (empty the copy's place");
  assert_int_equal(story_look(&story, wal).standing, STANDS_READY);
}

/* The copy was ended half-way, and the node was started on its source once more before the next. */
static void a_copy_that_was_overtaken_is_copied_anew(void **state) {
  struct holding all;
  (void)state;
  assert_true(story_fill(&story, wal, &plenty));
  is_begun(wal, copy);
  assert_true(story_fill(&story, wal, &more));
  all = holding_of(wal);
  copies(wal, copy, "copied and compared");
  has_moved(wal, copy, &all);
}

/* A path too long for the note is cut in it, and nothing else suffers. */
static void a_long_path_is_cut(void **state) {
  char dir[STORY_PATH_MAX];
  const struct place far = {"storage-wal", dir};
  struct holding all;
  struct seen source;
  int len = snprintf(dir, sizeof dir, "%s", story.to);
  (void)state;
  assert_true(tree_make(dir));
  while (len < 520) {
    len += snprintf(dir + len, sizeof dir - (size_t)len, "/%050d", len);
    assert_true(tree_make(dir));
  }
  assert_true(story_fill(&story, wal, &plenty));
  all = holding_of(wal);
  copies(wal, far, "copied and compared");
  has_moved(wal, far, &all);
  source = story_look(&story, wal);
  assert_says(source.text, "its node goes on in storage-wal, dir=");
  copies(wal, far, "nothing to do");
}

/* ---- what is refused ---- */

static void what_was_copied_is_not_copied_again(void **state) {
  struct holding all;
  (void)state;
  assert_true(story_fill(&story, wal, &plenty));
  all = holding_of(wal);
  copies(wal, copy, "copied and compared");
  copies(wal, copy, "nothing to do, it was copied before");
  refuses(wal, third, "retired at index 120, its node goes on in storage-wal, dir=");
  refuses(copy, wal, "not empty");
  refuses(copy, copy, "source and copy are in the same place");
  has_moved(wal, copy, &all);
  assert_int_equal(story_look(&story, third).standing, STANDS_EMPTY);
}

/* The node went on on its copy, the copy was lost: its vote is lost too, and the old one must not
 * come back. Nothing is made where the copy was: a node that starts there would be a new one. */
static void a_retired_source_is_not_copied_to_where_its_copy_was(void **state) {
  (void)state;
  assert_true(story_fill(&story, wal, &plenty));
  copies(wal, copy, "copied and compared");
  tree_remove(copy.dir);
  refuses(wal, copy, "where nothing is");
  assert_int_not_equal(access(copy.dir, F_OK), 0);
}

/* Who removes the old directory would remove the copy with it. */
static void a_copy_inside_of_its_source_is_refused(void **state) {
  char below[STORY_PATH_MAX + 8], beside[STORY_PATH_MAX + 8];
  struct holding all;
  (void)state;
  assert_true(story_fill(&story, wal, &plenty));
  (void)snprintf(below, sizeof below, "%s/a/b", story.from);
  refuses(wal, (struct place){"storage-wal", below}, "source and copy are in the same place");
  refuses(wal, (struct place){"storage-wal", story.root}, "source and copy are in the same place");
  all = holding_of(wal);
  (void)snprintf(beside, sizeof beside, "%s-2", story.from);
  copies(wal, (struct place){"storage-wal", beside}, "copied and compared");
  has_moved(wal, (struct place){"storage-wal", beside}, &all);
}

static void an_unfinished_copy_is_no_source(void **state) {
  (void)state;
  assert_true(story_fill(&story, wal, &plenty));
  is_begun(wal, copy);
  refuses(copy, third, "the source is itself an unfinished copy");
  assert_says(story_look(&story, copy).text, "an unfinished copy of another storage");
}

static void an_empty_source_is_refused(void **state) {
  (void)state;
  assert_int_equal(story_look(&story, wal).standing, STANDS_EMPTY);
  refuses(wal, copy, "the source is empty: there is nothing to copy");
}

static void an_unfinished_copy_of_another_cluster_is_refused(void **state) {
  (void)state;
  assert_true(story_fill(&story, wal, &plenty));
  is_begun(wal, copy);
  assert_true(story_fill(&story, third, &(struct filling){.term = 1, .vote_only = true}));
  refuses(third, copy, "not empty: an unfinished copy of another storage");
}

/* A copy was whole and ended before its source was retired; then the node moved elsewhere. Whatever
 * was begun before stays unfinished, or the node would be on two storages. */
static void of_two_copies_one_is_finished(void **state) {
  unsigned calls, met = 0;
  (void)state;
  assert_true(story_fill(&story, wal, &plenty));
  calls = calls_of(wal, copy);
  for (unsigned n = calls - LAST_CALLS; n < calls; n++) {
    struct holding all;
    tree_remove(copy.dir);
    tree_remove(third.dir);
    assert_true(tree_copy(story.kept, wal.dir));
    all = holding_of(wal);
    if (!is_killed(wal, copy, n)) break;
    if (story_look(&story, wal).standing != STANDS_READY) continue; /* retired for `copy` */
    met++;
    copies(wal, third, "copied and compared");
    refuses(wal, copy, "retired at index 120, its node goes on in storage-wal, dir=");
    has_moved(wal, third, &all);
    assert_int_equal(story_look(&story, copy).standing, STANDS_REFUSED);
  }
  assert_in_range(met, 1, LAST_CALLS - 1);
}

/* The source is retired for a copy on another disk than now stands at that place, with a copy that
 * was begun there earlier: that one is not finished. */
static void a_copy_that_was_begun_before_is_not_finished(void **state) {
  unsigned calls, n;
  (void)state;
  assert_true(story_fill(&story, wal, &plenty));
  is_begun(wal, copy);
  assert_true(tree_copy(copy.dir, third.dir));
  tree_remove(copy.dir);
  calls = calls_of(wal, copy);
  for (n = calls - LAST_CALLS; n < calls; n++) {
    tree_remove(copy.dir);
    assert_true(tree_copy(story.kept, wal.dir));
    if (is_killed(wal, copy, n) && story_look(&story, wal).standing == STANDS_REFUSED) break;
  }
  assert_in_range(n, calls - LAST_CALLS, calls - 1);
  tree_remove(copy.dir);
  assert_int_equal(rename(third.dir, copy.dir), 0);
  refuses(wal, copy, "retired at index 120, its node goes on in ");
  assert_int_equal(story_look(&story, copy).standing, STANDS_REFUSED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_log_and_a_snapshot_are_copied_there_and_on),
      TEST(a_log_that_was_purged_to_its_end_is_copied),
      TEST(a_vote_alone_is_copied),
      TEST(an_empty_snapshot_is_copied),
      TEST(a_snapshot_of_the_empty_state_is_copied),
      TEST(a_snapshot_of_the_empty_state_is_compared),
      TEST(a_copy_that_was_overtaken_is_copied_anew),
      TEST(a_long_path_is_cut),
      TEST(what_was_copied_is_not_copied_again),
      TEST(a_retired_source_is_not_copied_to_where_its_copy_was),
      TEST(a_copy_inside_of_its_source_is_refused),
      TEST(an_unfinished_copy_is_no_source),
      TEST(an_empty_source_is_refused),
      TEST(an_unfinished_copy_of_another_cluster_is_refused),
      TEST(of_two_copies_one_is_finished),
      TEST(a_copy_that_was_begun_before_is_not_finished),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
