/* moved_test.c: what the two storages of a move say, in each of its rows (node/moved.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <node/moved.h>

#define TO "storage-x, dir=/x"

static const struct rkv_identity own = {{11, 12}, 13, true};

/* A storage that holds one entry. */
static struct {
  struct rkv_entry last;
  enum rkv_status status; /* of its read */
  rkv_index cut;          /* of its truncate */
} held;

static enum rkv_status read_last(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                                 struct rkv_entry *entries, size_t capacity, size_t *count,
                                 struct rkv_error *error) {
  (void)storage, (void)bytes_max;
  if (held.status != RKV_OK) return rkv_fail(error, held.status, "no");
  assert_int_equal(from, held.last.id.index);
  assert_int_equal(to, held.last.id.index);
  assert_true(capacity >= 1);
  entries[0] = held.last;
  *count = 1;
  return RKV_OK;
}

static void truncate_last(void *storage, rkv_index after) {
  (void)storage;
  held.cut = after;
}

static const struct rkv_storage_ops ops = {.read = read_last, .truncate = truncate_last};

static struct rkv_storage_state state_of(struct rkv_identity identity, struct rkv_log_id last) {
  return (struct rkv_storage_state){.last = last, .identity = identity};
}

/* What moved_check says; "" if a node may start. */
static const char *refusal(struct rkv_identity identity, struct rkv_log_id last) {
  static struct rkv_error error;
  struct rkv_storage_state state = state_of(identity, last);
  enum rkv_status status = moved_check(&ops, NULL, &state, &error);
  if (status == RKV_OK) return "";
  assert_int_equal(status, held.status == RKV_OK ? RKV_FOREIGN : held.status);
  return error.text;
}

static void assert_begins(const char *text, const char *with) {
  if (strncmp(text, with, strlen(with)) != 0) fail_msg("\"%s\" begins otherwise: %s", with, text);
}

static void the_identity_comes_back_from_each_row(void **state) {
  struct rkv_identity retired = moved_retired(&own, TO, 0), unfinished = moved_unfinished(&own);
  struct rkv_identity finished = moved_finished(&retired, &unfinished);
  (void)state;
  assert_true(retired.incarnation == RKV_INCARNATION_RETIRED);
  assert_true(unfinished.incarnation == RKV_INCARNATION_UNFINISHED);
  assert_memory_equal(&finished.cluster, &own.cluster, sizeof own.cluster);
  assert_true(finished.incarnation == own.incarnation && finished.settled == own.settled);
}

static void a_source_is_retired_for_one_storage(void **state) {
  struct rkv_identity retired = moved_retired(&own, TO, 0);
  (void)state;
  assert_true(moved_is_for(&retired, TO, 0));
  assert_false(moved_is_for(&retired, "storage-x, dir=/y", 0));
  assert_false(moved_is_for(&retired, "", 0));
  assert_false(moved_is_for(&retired, TO, 1)); /* another copy that was begun there */
  retired = moved_retired(&own, TO, 7);
  assert_true(moved_is_for(&retired, TO, 7));
  assert_false(moved_is_for(&retired, TO, 0));
  assert_false(moved_is_for(&retired, TO, 8));
}

static void a_node_starts_on_its_own_alone(void **state) {
  (void)state;
  held.last = (struct rkv_entry){.id = {3, 7}, .kind = RKV_ENTRY_COMMAND};
  assert_string_equal(refusal(own, held.last.id), "");
  assert_string_equal(refusal((struct rkv_identity){0}, (struct rkv_log_id){0}), "");
  assert_begins(refusal(moved_unfinished(&own), held.last.id), "an unfinished copy of another ");
  assert_begins(refusal(moved_retired(&own, TO, 0), held.last.id),
                "retired at index 7, its node goes on in the storage that it was copied to");
}

static void the_note_says_where_it_goes_on(void **state) {
  struct rkv_storage_state s = state_of(own, (struct rkv_log_id){3, 7});
  (void)state;
  held.last = moved_note(&s, TO);
  assert_int_equal(held.last.id.index, 8);
  assert_int_equal(held.last.id.term, 3);
  assert_begins(refusal(moved_retired(&own, TO, 0), held.last.id),
                "retired at index 7, its node goes on in " TO);
}

/* The log was empty: the note is its first entry. */
static void a_note_stands_in_an_empty_log(void **state) {
  struct rkv_storage_state s = state_of(own, (struct rkv_log_id){0});
  char to[MOVED_TO_MAX + 1];
  struct rkv_log_id last;
  struct rkv_error error;
  (void)state;
  held.last = moved_note(&s, TO);
  s.last = held.last.id;
  assert_int_equal(moved_find_note(&ops, NULL, &s, &last, to, &error), RKV_OK);
  assert_int_equal(last.index, 0);
  assert_int_equal(last.term, 0);
  assert_string_equal(to, TO);
}

/* ... and behind what was purged, the purged entry is the last of the node's own. */
static void a_note_stands_behind_what_was_purged(void **state) {
  struct rkv_storage_state s = state_of(own, (struct rkv_log_id){4, 90});
  char to[MOVED_TO_MAX + 1];
  struct rkv_log_id last;
  struct rkv_error error;
  (void)state;
  s.purged = s.last;
  assert_int_equal(moved_find_note(&ops, NULL, &s, &last, to, &error), RKV_OK);
  assert_string_equal(to, "");
  held.last = moved_note(&s, TO);
  s.last = held.last.id;
  assert_int_equal(moved_find_note(&ops, NULL, &s, &last, to, &error), RKV_OK);
  assert_int_equal(last.index, 90);
  assert_int_equal(last.term, 4);
}

/* No host wrote it: whatever its length, it is cut. */
static void a_note_of_any_length_is_read(void **state) {
  static char longer[3 * MOVED_TO_MAX];
  (void)state;
  memset(longer, 'x', sizeof longer);
  for (size_t len = 0; len <= sizeof longer; len += 64) {
    held.last = (struct rkv_entry){
        .id = {3, 8}, .kind = RKV_ENTRY_MOVED, .payload = rkv_buf_static(longer, len)};
    assert_begins(refusal(moved_retired(&own, TO, 0), held.last.id),
                  len ? "retired at index 7, its node goes on in x" : "retired at index 7, ");
  }
}

static void a_read_that_fails_is_told(void **state) {
  (void)state;
  held.last.id = (struct rkv_log_id){3, 8};
  held.status = RKV_IO;
  assert_string_equal(refusal(moved_retired(&own, TO, 0), held.last.id), "no");
  held.status = RKV_OK;
}

/* ---- a start after a crash ---- */

static void a_note_before_its_retirement_is_forgotten(void **state) {
  struct rkv_storage_state s = state_of(own, (struct rkv_log_id){3, 7});
  struct rkv_error error;
  (void)state;
  held.last = moved_note(&s, TO);
  s.last = held.last.id;
  assert_int_equal(moved_forget_note(&ops, NULL, &s, &error), RKV_OK);
  assert_int_equal(held.cut, 7);
  assert_int_equal(s.last.index, 7);
  assert_int_equal(s.last.term, 3);
  held.cut = 0;
  held.last = (struct rkv_entry){.id = {3, 7}, .kind = RKV_ENTRY_COMMAND};
  assert_int_equal(moved_forget_note(&ops, NULL, &s, &error), RKV_OK);
  assert_int_equal(held.cut, 0);
  assert_int_equal(s.last.index, 7);
}

/* How a start on a storage that was retired for TO is settled. */
struct settled {
  enum rkv_status status;
  enum moved_left left;
  struct rkv_identity finished;
};

static struct settled settle(struct rkv_identity copy, struct rkv_vote vote, const char *to) {
  struct rkv_storage_state source = {.vote = {5, 2, false}, .identity = moved_retired(&own, TO, 0)};
  const struct rkv_storage_state there = {.vote = vote, .identity = copy};
  struct rkv_error error = {0};
  struct settled s = {0};
  s.status = moved_settle(&source, &there, to, 0, &s.left, &s.finished, &error);
  assert_true(s.status == RKV_OK || error.text[0]);
  return s;
}

static void a_retired_source_finishes_its_copy(void **state) {
  static const struct rkv_vote votes[] = {{5, 2, false}, {5, 2, true}, {6, 1, false}};
  (void)state;
  for (size_t i = 0; i < sizeof votes / sizeof votes[0]; i++) {
    struct settled s = settle(moved_unfinished(&own), votes[i], TO);
    assert_int_equal(s.status, RKV_OK);
    assert_int_equal(s.left, MOVED_LEFT_FINISH);
    assert_true(s.finished.incarnation == own.incarnation);
    assert_true(rkv_cluster_id_equal(s.finished.cluster, own.cluster));
    s = settle(own, votes[i], TO);
    assert_true(s.status == RKV_OK && s.left == MOVED_LEFT_NOTHING);
    s = settle(moved_retired(&own, "storage-y", 0), votes[i], TO); /* the node went on from there */
    assert_true(s.status == RKV_OK && s.left == MOVED_LEFT_NOTHING);
  }
}

static void nothing_else_is_finished(void **state) {
  const struct rkv_vote same = {5, 2, false}, older = {4, 2, true}, other = {5, 3, false};
  struct rkv_identity stranger = own;
  (void)state;
  stranger.incarnation++;
  assert_int_equal(settle(moved_unfinished(&own), same, "storage-y").status, RKV_FOREIGN);
  assert_int_equal(settle(stranger, same, TO).status, RKV_FOREIGN);
  assert_int_equal(settle((struct rkv_identity){0}, same, TO).status, RKV_FOREIGN);
  assert_int_equal(settle(moved_retired(&stranger, TO, 0), same, TO).status, RKV_FOREIGN);
  assert_int_equal(settle(moved_unfinished(&own), older, TO).status, RKV_CORRUPT);
  assert_int_equal(settle(moved_unfinished(&own), other, TO).status, RKV_CORRUPT);
  assert_int_equal(settle(own, older, TO).status, RKV_CORRUPT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_identity_comes_back_from_each_row),
      cmocka_unit_test(a_source_is_retired_for_one_storage),
      cmocka_unit_test(a_node_starts_on_its_own_alone),
      cmocka_unit_test(the_note_says_where_it_goes_on),
      cmocka_unit_test(a_note_stands_in_an_empty_log),
      cmocka_unit_test(a_note_stands_behind_what_was_purged),
      cmocka_unit_test(a_note_of_any_length_is_read),
      cmocka_unit_test(a_read_that_fails_is_told),
      cmocka_unit_test(a_note_before_its_retirement_is_forgotten),
      cmocka_unit_test(a_retired_source_finishes_its_copy),
      cmocka_unit_test(nothing_else_is_finished),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
