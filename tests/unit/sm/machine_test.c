/* machine_test.c: the laws of a state machine, as stories on sm-protobuf. */
#include "machine.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- acts ---- */

static struct rkv_buf literal(const char *bytes, size_t len) {
  return rkv_buf_static(bytes, len);
}

#define BYTES(text) literal(text, sizeof text - 1)

static enum rkv_status validate(struct machine *m, struct rkv_buf command,
                                struct rkv_error *error) {
  return m->ops->validate(m->sm, command, error);
}

static enum rkv_status query(struct machine *m, struct rkv_buf request, struct rkv_error *error) {
  struct rkv_buf answer = RKV_BUF_NONE_INIT;
  enum rkv_status status = m->ops->query(m->sm, request, &answer, error);
  rkv_buf_drop(&answer);
  return status;
}

/* ---- stories ---- */

/* What was set is read back; a key that is not there has no value; an empty value is a value. */
static void set_and_get(void **state) {
  struct machine *m = *state;
  machine_set(m, "foo", "bar");
  machine_set(m, "empty", "");
  assert_true(machine_has(m, "foo", "bar"));
  assert_true(machine_has(m, "empty", ""));
  assert_true(machine_has(m, "fo", NULL));
  assert_true(machine_has(m, "fooo", NULL));
  machine_set(m, "foo", "baz");
  assert_true(machine_has(m, "foo", "baz"));
}

/* The answer to Set carries the value; both answers are the bytes of interop.md. */
static void answers_have_the_golden_bytes(void **state) {
  struct machine *m = *state;
  struct rkv_buf set = BYTES("\x0a\3foo\x12\3bar"), answer, later;
  answer = machine_apply(m, RKV_ENTRY_COMMAND, set.data, set.len);
  assert_true(rkv_buf_equal(answer, BYTES("\x0a\3bar")));
  assert_int_equal(m->ops->query(m->sm, BYTES("\x0a\3foo"), &later, NULL), RKV_OK);
  assert_ptr_equal(later.data, answer.data); /* no copy: slices of one item */
  machine_set(m, "foo", "replaced while both are held");
  assert_true(rkv_buf_equal(answer, BYTES("\x0a\3bar")));
  rkv_buf_drop(&answer);
  rkv_buf_drop(&later);
  set = BYTES("\x0a\1e");
  answer = machine_apply(m, RKV_ENTRY_COMMAND, set.data, set.len);
  assert_true(rkv_buf_equal(answer, BYTES("\x0a\0")));
  rkv_buf_drop(&answer);
  assert_int_equal(m->ops->query(m->sm, BYTES("\x0a\1x"), &later, NULL), RKV_OK);
  assert_int_equal(later.len, 0);
}

/* Keys with NUL are different keys, as they are for every other implementation. */
static void keys_may_hold_nul(void **state) {
  struct machine *m = *state;
  machine_set_bytes(m, "a", 1, "1", 1);
  machine_set_bytes(m, "a\0", 2, "2", 1);
  machine_set_bytes(m, "a\0b", 3, "x\0y", 3);
  assert_true(machine_has_bytes(m, "a", 1, "1", 1));
  assert_true(machine_has_bytes(m, "a\0", 2, "2", 1));
  assert_true(machine_has_bytes(m, "a\0b", 3, "x\0y", 3));
  assert_true(machine_has_bytes(m, "a\0c", 3, NULL, 0));
}

/* Bad commands and queries get a status and a text that names the field. */
static void refuses_by_name(void **state) {
  struct machine small, *m = *state;
  struct rkv_error error;
  assert_int_equal(validate(m, BYTES("\x0a\1k\x12\1v"), &error), RKV_OK);
  assert_int_equal(validate(m, BYTES("\x12\1v"), &error), RKV_INVALID);
  assert_non_null(strstr(error.text, "SetRequest.key: empty"));
  assert_int_equal(validate(m, BYTES("\x0a\1\xff"), &error), RKV_INVALID);
  assert_non_null(strstr(error.text, "SetRequest.key: not UTF-8"));
  assert_int_equal(validate(m, BYTES("\x0a\1k\x12\1\xff"), &error), RKV_INVALID);
  assert_non_null(strstr(error.text, "SetRequest.value: not UTF-8"));
  assert_int_equal(validate(m, BYTES("\x0a\5k"), &error), RKV_INVALID);
  assert_non_null(strstr(error.text, "malformed"));
  assert_int_equal(query(m, BYTES(""), &error), RKV_INVALID);
  assert_non_null(strstr(error.text, "GetRequest.key: empty"));
  assert_int_equal(error.status, RKV_INVALID);
  machine_open(&small, 2, 3);
  assert_int_equal(validate(&small, BYTES("\x0a\2kk\x12\3vvv"), &error), RKV_OK);
  assert_int_equal(validate(&small, BYTES("\x0a\3kkk\x12\3vvv"), &error), RKV_TOO_LARGE);
  assert_int_equal(validate(&small, BYTES("\x0a\2kk\x12\4vvvv"), &error), RKV_TOO_LARGE);
  assert_int_equal(query(&small, BYTES("\x0a\3kkk"), &error), RKV_INVALID);
  small.ops->close(small.sm);
}

/* What is committed is applied whatever this node's limits are, or nodes would differ. */
static void limits_do_not_change_the_state(void **state) {
  struct machine small, *m = *state;
  struct whole a, b;
  machine_open(&small, 2, 3);
  machine_set(m, "long key", "long value"), machine_set(&small, "long key", "long value");
  machine_set(m, "", "of an empty key"), machine_set(&small, "", "of an empty key");
  a = machine_snapshot(m, 100), b = machine_snapshot(&small, 100);
  assert_true(whole_equal(&a, &b));
  whole_free(&a), whole_free(&b);
  small.ops->close(small.sm);
}

/* Random bytes: what validate accepts, apply takes; what apply cannot take, validate refuses and
 * apply ignores: a machine that got blank entries instead has the same state. */
static void validate_knows_what_apply_takes(void **state) {
  struct machine *m = *state, *other = m + 1;
  struct whole a, b;
  unsigned taken = 0;
  srand(21);
  for (unsigned n = 0; n < 50000; n++) {
    uint8_t bytes[10] = {0x0a, (uint8_t)(rand() % 4), 'k', (uint8_t)(rand() >> 8)};
    size_t len = (size_t)rand() % sizeof bytes;
    for (size_t i = 4; i < len; i++) bytes[i] = (uint8_t)(rand() >> 8);
    struct rkv_buf command = rkv_buf_static(bytes, len), answer, same;
    bool good = validate(m, command, NULL) == RKV_OK;
    answer = machine_apply(m, RKV_ENTRY_COMMAND, bytes, len);
    /* the empty key is refused at the door, but taken if a foreign leader committed it */
    if (good) assert_true(answer.len >= 2);
    same = machine_apply(other, answer.len > 0 ? RKV_ENTRY_COMMAND : RKV_ENTRY_BLANK, bytes,
                         answer.len > 0 ? len : 0);
    assert_true(rkv_buf_equal(answer, same));
    taken += good;
    rkv_buf_drop(&answer);
    rkv_buf_drop(&same);
  }
  assert_true(taken > 1000);
  assert_true(m->host.logged > 0 && m->host.logged < 32); /* logged, but not 40,000 times */
  a = machine_snapshot(m, 4096), b = machine_snapshot(other, 4096);
  assert_true(whole_equal(&a, &b));
  whole_free(&a), whole_free(&b);
}

/* applied tells the last entry, whatever its kind, and the last membership with its id. */
static void notes_what_was_applied(void **state) {
  struct machine *m = *state;
  struct rkv_snapshot_meta meta;
  struct rkv_membership members;
  assert_int_equal(m->ops->applied(m->sm, &meta, NULL), RKV_OK);
  assert_int_equal(meta.last.index, 0);
  assert_int_equal(meta.membership.len, 0);
  machine_set_membership(m, 1);
  machine_set_membership(m, 3);
  (void)machine_apply(m, RKV_ENTRY_BLANK, NULL, 0);
  assert_int_equal(m->ops->applied(m->sm, &meta, NULL), RKV_OK);
  assert_int_equal(meta.last.index, 3);
  assert_int_equal(meta.membership_id.index, 2);
  assert_int_equal(rkv_membership_decode(meta.membership.data, meta.membership.len, &members, NULL),
                   RKV_OK);
  assert_int_equal(members.node_count, 3);
  rkv_buf_drop(&meta.membership);
}

/* Several entries in one call, each with its own answer. */
static void applies_a_batch(void **state) {
  struct machine *m = *state;
  struct rkv_buf results[3] = {RKV_BUF_NONE_INIT, RKV_BUF_NONE_INIT, RKV_BUF_NONE_INIT};
  const struct rkv_entry entries[3] = {
      {.id = {1, 1}, .kind = RKV_ENTRY_COMMAND, .payload = BYTES("\x0a\1a\x12\1x")},
      {.id = {1, 2}, .kind = RKV_ENTRY_BLANK},
      {.id = {1, 3}, .kind = RKV_ENTRY_COMMAND, .payload = BYTES("\x0a\1a\x12\1y")}};
  assert_int_equal(m->ops->apply(m->sm, entries, 3, results, NULL), RKV_OK);
  assert_true(rkv_buf_equal(results[0], BYTES("\x0a\1x")));
  assert_int_equal(results[1].len, 0);
  assert_true(rkv_buf_equal(results[2], BYTES("\x0a\1y")));
  for (int i = 0; i < 3; i++) rkv_buf_drop(&results[i]);
}

/* An entry that does not follow the last one is a broken contract: it is not applied. */
static void refuses_a_gap(void **state) {
  struct machine *m = *state;
  struct rkv_buf result = RKV_BUF_NONE_INIT;
  struct rkv_entry entry = {.id = {1, 5}, .kind = RKV_ENTRY_BLANK};
  struct rkv_error error;
  machine_set(m, "k", "v");
  assert_int_equal(m->ops->apply(m->sm, &entry, 1, &result, &error), RKV_BROKEN);
  entry.id.index = 1;
  assert_int_equal(m->ops->apply(m->sm, &entry, 1, &result, &error), RKV_BROKEN);
}

struct asker {
  struct machine *m;
  atomic_bool stop;
  unsigned answers, wrong;
};

static unsigned number_at(struct machine *m, const char *request) {
  struct rkv_buf answer;
  unsigned number = 0;
  if (m->ops->query(m->sm, rkv_buf_static(request, 3), &answer, NULL) != RKV_OK) return 0;
  for (size_t i = 2; i < answer.len; i++) number = number * 10 + (unsigned)(answer.data[i] - '0');
  rkv_buf_drop(&answer);
  return number;
}

static void *ask(void *arg) {
  struct asker *asker = arg;
  unsigned seen = 0;
  do {
    unsigned second = number_at(asker->m, "\x0a\1z"), first = number_at(asker->m, "\x0a\1a");
    if (first < second || second < seen) asker->wrong++;
    seen = second;
    asker->answers++;
  } while (!atomic_load(&asker->stop));
  return NULL;
}

/* Queries in other threads see a prefix of the log: "a" is always written before "z". */
static void queries_see_a_prefix(void **state) {
  struct machine *m = *state;
  struct asker askers[2] = {{.m = m}, {.m = m}};
  pthread_t threads[2];
  for (int i = 0; i < 2; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
  for (unsigned n = 1; n < 5000; n++) {
    char number[16], key[16];
    (void)snprintf(number, sizeof number, "%u", n);
    (void)snprintf(key, sizeof key, "m%u", n); /* so that the tree grows and splits */
    machine_set(m, "a", number);
    machine_set(m, key, number);
    machine_set(m, "z", number);
  }
  for (int i = 0; i < 2; i++) {
    atomic_store(&askers[i].stop, true);
    assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(askers[i].wrong, 0);
    assert_true(askers[i].answers > 0);
  }
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, machines_setup, machines_teardown)

int main(void) {
  const struct CMUnitTest stories[] = {
      STORY(set_and_get),
      STORY(answers_have_the_golden_bytes),
      STORY(keys_may_hold_nul),
      STORY(refuses_by_name),
      STORY(limits_do_not_change_the_state),
      STORY(validate_knows_what_apply_takes),
      STORY(notes_what_was_applied),
      STORY(applies_a_batch),
      STORY(refuses_a_gap),
      STORY(queries_see_a_prefix),
      STORY(snapshot_has_the_golden_bytes),
      STORY(snapshot_of_nothing),
      STORY(same_log_same_bytes),
      STORY(snapshot_stays_as_it_was),
      STORY(snapshot_read_while_applying),
      STORY(restore_takes_any_cut),
      STORY(restore_of_a_part_changes_nothing),
      STORY(restore_takes_foreign_bytes),
      STORY(restore_refuses_bad_bytes),
      STORY(restore_survives_changed_bytes),
      STORY(restore_wants_mark_and_checksum),
      STORY(restore_wants_its_meta),
      STORY(restore_wants_its_membership),
      STORY(restore_overlaps_apply),
  };
  return cmocka_run_group_tests_name("sm-protobuf", stories, NULL, NULL);
}
