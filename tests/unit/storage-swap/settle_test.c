/* settle_test.c: a crash between any two writes of a move, and the starts that follow: the node
 * starts on exactly one of its storages, and what it says on the other leads there. */
#include "rig.h"

#include <contract/tree.h>
#include <host/contract.h>
#include <host/storage/note.h>
#include <host/storage/token.h>

#include <stdio.h>
#include <stdlib.h>

enum { LAST = 5, TEXT_MAX = 3 * RIG_PATH_MAX };

static const struct rkv_identity own = {{11, 12}, 13, true};
static const struct rkv_vote vote = {3, 2, false};

static struct rig rig;

static int begin(void **state) {
  (void)state;
  rig_begin(&rig, "settle.d");
  return 0;
}

static int end(void **state) {
  (void)state;
  rig_end(&rig);
  return 0;
}

/* ---- helpers ---- */

/* Lines of section [storage]. */
static const char *lines_of(const char *dir) {
  static char lines[4][RIG_PATH_MAX + 64];
  static unsigned next;
  char *out = lines[next++ % 4];
  (void)snprintf(out, sizeof lines[0], "plugin = storage-wal\ndir = %s", dir);
  return out;
}

static void leaves(const char *from, const char *note) {
  const struct rig_held held = {vote, moved_retired(&own, note, 0), LAST, note};
  rig_fill(from, &held);
}

static void copied(const char *to, struct rkv_identity identity) {
  const struct rig_held held = {vote, identity, LAST, NULL};
  rig_fill(to, &held);
}

static void starts_on(const char *dir) {
  const char *text = rig_start(&rig, lines_of(dir));
  if (text[0]) fail_msg("%s: %s", dir, text);
}

/* What is said on `left` leads to `dir`, and the node starts there as what it was. */
static void leads_to(const char *left, const char *dir) {
  char expected[TEXT_MAX];
  const char *text = rig_start(&rig, lines_of(left));
  struct rkv_storage_state state;
  (void)snprintf(expected, sizeof expected,
                 "storage-wal: retired at index %d, its node goes on in %s (in %s, section "
                 "[storage], write: plugin = storage-wal; dir = %s",
                 LAST, rig_wal(dir), rig.config, dir);
  assert_says(text, expected);
  state = rig_look(rig_wal(dir));
  assert_memory_equal(&state.identity.cluster, &own.cluster, sizeof own.cluster);
  assert_true(state.identity.incarnation == own.incarnation && state.identity.settled);
  starts_on(dir);
}

/* ---- the rows of a move (node/moved.h) ---- */

/* Before anything of the retirement is durable: the copy is nobody's. */
static void the_node_starts_on_its_source(void **state) {
  (void)state;
  copied(rig_wal(rig.first), own);
  copied(rig_wal(rig.second), moved_unfinished(&own));
  assert_says(rig_start(&rig, lines_of(rig.second)),
              "an unfinished copy of another storage (start the node on that one");
  starts_on(rig.first);
  assert_true(rig_look(rig_wal(rig.second)).identity.incarnation == RKV_INCARNATION_UNFINISHED);
}

/* The note came, the retirement did not: the node starts on its source, and the note is no entry of
 * its log. */
static void a_note_of_a_move_that_did_not_happen_is_dropped(void **state) {
  const struct rig_held noted = {vote, own, LAST, rig_wal(rig.second)};
  (void)state;
  rig_fill(rig_wal(rig.first), &noted);
  copied(rig_wal(rig.second), moved_unfinished(&own));
  assert_int_equal(rig_look(rig_wal(rig.first)).last.index, LAST + 1);
  starts_on(rig.first);
  assert_int_equal(rig_look(rig_wal(rig.first)).last.index, LAST);
}

/* Retired, and the copy not finished: nobody starts; the start on the source finishes it. */
static void a_start_finishes_the_copy(void **state) {
  (void)state;
  copied(rig_wal(rig.second), moved_unfinished(&own));
  leaves(rig_wal(rig.first), rig_wal(rig.second));
  assert_says(rig_start(&rig, lines_of(rig.second)), "an unfinished copy of another storage");
  assert_says(rig_start(&rig, lines_of(rig.first)),
              "; the node had ended before that copy was finished, which is done now)");
  leads_to(rig.first, rig.second);
}

/* ... also one that the node voted on and wrote to meanwhile. */
static void a_copy_that_got_further_is_finished(void **state) {
  struct rig_held further = {{4, 3, true}, moved_unfinished(&own), LAST + 20, NULL};
  (void)state;
  rig_fill(rig_wal(rig.second), &further);
  leaves(rig_wal(rig.first), rig_wal(rig.second));
  leads_to(rig.first, rig.second);
  assert_int_equal(rig_look(rig_wal(rig.second)).last.index, LAST + 20);
  assert_int_equal(rig_look(rig_wal(rig.second)).vote.term, 4);
}

static void a_finished_copy_is_where_it_goes_on(void **state) {
  (void)state;
  copied(rig_wal(rig.second), own);
  leaves(rig_wal(rig.first), rig_wal(rig.second));
  leads_to(rig.first, rig.second);
  leads_to(rig.first, rig.second); /* as often as it is asked */
}

/* The node moved twice and was never started anew; the second copy was not finished. */
static void a_node_that_moved_twice_is_found(void **state) {
  (void)state;
  copied(rig_wal(rig.third), moved_unfinished(&own));
  leaves(rig_wal(rig.second), rig_wal(rig.third));
  leaves(rig_wal(rig.first), rig_wal(rig.second));
  leads_to(rig.first, rig.third);
  leads_to(rig.second, rig.third);
}

/* ---- what cannot be settled ---- */

static void is_left_alone(const char *dir, const char *said) {
  const uint64_t before = rig_is_there(dir) ? tree_hash(dir) : 0;
  assert_says(rig_start(&rig, lines_of(rig.first)), said);
  assert_true((rig_is_there(dir) ? tree_hash(dir) : 0) == before);
}

static void a_copy_with_an_older_vote_is_refused(void **state) {
  const struct rig_held stale = {{2, 1, false}, moved_unfinished(&own), LAST, NULL};
  (void)state;
  rig_fill(rig_wal(rig.second), &stale);
  leaves(rig_wal(rig.first), rig_wal(rig.second));
  is_left_alone(rig.second, "which was not to be looked into: its vote is of term 2, the one that "
                            "was left behind of term 3");
}

static void another_copy_is_refused(void **state) {
  const struct rkv_identity other = {{11, 12}, 14, true};
  (void)state;
  copied(rig_wal(rig.second), other);
  leaves(rig_wal(rig.first), rig_wal(rig.second));
  is_left_alone(rig.second, "the storage of another life of the node is there");
}

static void a_copy_that_is_gone_is_not_made_anew(void **state) {
  (void)state;
  leaves(rig_wal(rig.first), rig_wal(rig.second));
  is_left_alone(rig.second, ", where nothing is (put that storage back, and in ");
  assert_false(rig_is_there(rig.second));
}

static void what_went_to_memory_is_gone(void **state) {
  (void)state;
  leaves(rig_wal(rig.first), "storage-mem");
  is_left_alone(rig.second, "its node goes on in storage-mem, which forgot its vote and its log "
                            "when the node stopped (in ");
}

static void a_plugin_that_is_not_there_is_told(void **state) {
  (void)state;
  leaves(rig_wal(rig.first), "storage-gone, dir=/x");
  is_left_alone(rig.second, "its node goes on in storage-gone, dir=/x, which was not to be looked "
                            "into: no such plugin");
  is_left_alone(rig.second, "name that storage, a plugin of your own by its path; ");
}

/* What a note names is loaded by the rules of the node's own section. */
static void a_plugin_without_its_contract_is_not_loaded(void **state) {
  const struct note_place where = {RKV_BINARY_DIR "/plugins", HOST_CONTRACT_FULL};
  struct subject *s = calloc(1, sizeof *s);
  struct rkv_error error;
  (void)state;
  assert_non_null(s);
  assert_int_equal(note_read(rig_wal(rig.second), &where, s, &error), RKV_INVALID);
  assert_says(error.text, "(run rkv-contract ");
  subject_free(s);
  free(s);
}

static void a_note_that_is_missing_is_told(void **state) {
  const struct rig_held held = {vote, moved_retired(&own, rig_wal(rig.second), 0), LAST, NULL};
  (void)state;
  rig_fill(rig_wal(rig.first), &held);
  is_left_alone(rig.second, "its node goes on in the storage that it was copied to, which was not "
                            "to be looked into: there was no room to note where it is");
}

/* No host wrote such a note: whatever it says, no path of a plugin is opened. */
static void notes_of_strangers_open_nothing(void **state) {
  static const char *const notes[][2] = {
      {RKV_BINARY_DIR "/plugins/storage-wal.so", "its note names no plugin"},
      {"../plugins/storage-wal, dir=/y", "its note names no plugin"},
      {", dir=/y", "no such plugin"},
      {"storage-wal, , dir=", "dir"},
      {"sm-protobuf", "kind"}};
  (void)state;
  for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++) {
    leaves(rig_wal(rig.first), notes[i][0]);
    is_left_alone(rig.second, notes[i][1]);
    tree_remove(rig.first);
  }
}

/* The note is of another move than the retirement: neither copy is finished. */
static void a_note_that_does_not_fit_is_refused(void **state) {
  const struct rig_held held = {vote, moved_retired(&own, rig_wal(rig.third), 0), LAST,
                                rig_wal(rig.second)};
  (void)state;
  copied(rig_wal(rig.second), moved_unfinished(&own));
  rig_fill(rig_wal(rig.first), &held);
  is_left_alone(rig.second, "the storage at hand was retired for another one");
}

/* Another disk stands at the copy's place, with a copy that was begun there before and given up: it
 * is never taken for the one that the source was retired for, whatever it holds. */
static void a_copy_that_was_begun_before_is_refused(void **state) {
  uint64_t older, token;
  struct rkv_error error;
  (void)state;
  copied(rig_wal(rig.second), moved_unfinished(&own));
  assert_int_equal(token_draw(rig.second, &older, &error), RKV_OK);
  copied(rig_wal(rig.third), moved_unfinished(&own)); /* the right one, which is not mounted */
  assert_int_equal(token_draw(rig.third, &token, &error), RKV_OK);
  const struct rig_held held = {vote, moved_retired(&own, rig_wal(rig.second), token), LAST,
                                rig_wal(rig.second)};
  rig_fill(rig_wal(rig.first), &held);
  is_left_alone(rig.second, "which was not to be looked into: the storage at hand was retired for "
                            "another one than is there");
  tree_remove(rig.second);
  assert_int_equal(rename(rig.third, rig.second), 0);
  leads_to(rig.first, rig.second);
}

/* A directory may have the note's own separator in its name. */
static void a_name_with_commas_is_read(void **state) {
  char odd[RIG_PATH_MAX + 32];
  (void)state;
  (void)snprintf(odd, sizeof odd, "%.500s/a, b=c, d", rig.folder);
  copied(rig_wal(odd), moved_unfinished(&own));
  leaves(rig_wal(rig.first), rig_wal(odd));
  leads_to(rig.first, odd);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      STORY(the_node_starts_on_its_source),
      STORY(a_note_of_a_move_that_did_not_happen_is_dropped),
      STORY(a_start_finishes_the_copy),
      STORY(a_copy_that_got_further_is_finished),
      STORY(a_finished_copy_is_where_it_goes_on),
      STORY(a_node_that_moved_twice_is_found),
      STORY(a_copy_with_an_older_vote_is_refused),
      STORY(another_copy_is_refused),
      STORY(a_copy_that_is_gone_is_not_made_anew),
      STORY(what_went_to_memory_is_gone),
      STORY(a_plugin_that_is_not_there_is_told),
      STORY(a_plugin_without_its_contract_is_not_loaded),
      STORY(a_note_that_is_missing_is_told),
      STORY(notes_of_strangers_open_nothing),
      STORY(a_note_that_does_not_fit_is_refused),
      STORY(a_copy_that_was_begun_before_is_refused),
      STORY(a_name_with_commas_is_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
