/* log_test.c: the running log of libs/storage-parts: what is held, read, completed and refused at
 * each moment. */
#include "log_acts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void entries_are_read_before_they_are_durable(void **state) {
  (void)state;
  append(1, 1, 5);
  append(1, 6, 5);
  assert_int_equal(reads(1, 20), 10);
  assert_int_equal(f->finds, 0);
  assert_int_equal(f->told, 0);
  assert_int_equal(write_one(&f->log, f->log.first, NULL, NULL), RKV_OK);
  assert_int_equal(f->told, 1);
  assert_int_equal(f->log.durable_last, 5);
  assert_int_equal(reads(3, 8), 6);
  assert_int_equal(f->finds, 3);
  write_all();
}

static void what_is_saved_is_loaded_at_once(void **state) {
  struct snapshot newest = {.meta = {.last = {1, 2}, .size = 10}};
  (void)state;
  queue_save_vote(f, (struct rkv_vote){3, 2, true}, next_call());
  queue_save_identity(f, (struct rkv_identity){.incarnation = 7}, next_call());
  f->log.newest = &newest;
  assert_int_equal(load_state().vote.term, 3);
  assert_int_equal(load_state().identity.incarnation, 7);
  assert_int_equal(load_state().snapshot.size, 10);
  assert_int_equal(log_next_snapshot(&f->log, 99), 15);
  write_all();
}

/* The entry that is the last one then tells its term. */
static void truncation_cuts_what_waits(void **state) {
  (void)state;
  append(1, 1, 4);
  append(2, 5, 4);
  write_all();
  append(3, 9, 4);
  queue_truncate(f, 10);
  dropped(11, 12);
  assert_int_equal(reads(9, 20), 2);
  queue_truncate(f, 4);
  dropped(5, 10);
  assert_int_equal(reads(4, 20), 1);
  assert_int_equal(f->log.durable_last, 4);
  assert_int_equal(load_state().last.index, 4);
  assert_int_equal(load_state().last.term, 1);
  assert_int_equal(write_one(&f->log, f->log.first, NULL, NULL), RKV_OK);
  assert_int_equal(f->log.durable_last, 4); /* none of that append is held */
  append(4, 5, 1);
  assert_int_equal(load_state().last.term, 4);
  write_all();
  assert_int_equal(f->log.durable_last, 5);
  assert_int_equal(reads(1, 20), 5);
}

/* Entries of before and after a truncation are never given together. */
static void truncation_ends_a_read(void **state) {
  (void)state;
  append(1, 1, 8);
  write_all();
  f->truncates = true;
  assert_int_equal(reads(1, 8), 1);
  write_all();
}

/* A truncation waits for the device, and so do the entries behind it: what still stands there in
 * their place is not given. */
static void what_was_cut_is_not_given_from_the_device(void **state) {
  static const rkv_term terms[] = {1, 1, 1, 2, 2};
  (void)state;
  append(1, 1, 6);
  write_all();
  queue_truncate(f, 3);
  append(2, 4, 2);
  reads_terms(1, 9, terms, 5);
  reads_terms(4, 5, terms + 3, 2);
  write_all();
  reads_terms(2, 5, terms + 1, 4);
}

static void purged_entries_are_not_found(void **state) {
  (void)state;
  append(1, 1, 8);
  queue_purge(f, (struct rkv_log_id){1, 3});
  dropped(1, 3);
  assert_int_equal(read_fails(3), RKV_NOT_FOUND);
  assert_int_equal(reads(4, 8), 5);
  queue_purge(f, (struct rkv_log_id){1, 2}); /* is purged already */
  assert_int_equal(load_state().purged.index, 3);
  queue_purge(f, (struct rkv_log_id){5, 20});
  dropped(4, 8);
  assert_int_equal(load_state().last.index, 20);
  assert_int_equal(load_state().last.term, 5);
  assert_int_equal(f->log.durable_purged, 0);
  write_all();
  assert_int_equal(f->log.durable_purged, 20);
}

/* What came before is carried out, what comes later is not, nothing is held of it. */
static void broken_contract_is_refused_in_order(void **state) {
  (void)state;
  append(1, 1, 3);
  append(1, 5, 1);
  queue_save_vote(f, (struct rkv_vote){9, 9, false}, next_call());
  queue_truncate(f, 1);
  write_all();
  assert_int_equal(f->status[0], RKV_OK);
  assert_int_equal(f->status[1], RKV_BROKEN);
  assert_int_equal(f->status[2], RKV_BROKEN);
  assert_int_equal(f->fatals, 1);
  assert_int_equal(load_state().last.index, 3);
  assert_int_equal(load_state().vote.term, 0);
}

static void append_of_nothing_is_refused(void **state) {
  (void)state;
  append(1, 1, 3);
  append(1, 4, 0);
  write_all();
  assert_int_equal(f->status[0], RKV_OK);
  assert_int_equal(f->status[1], RKV_BROKEN);
  assert_int_equal(load_state().last.index, 3);
}

static void truncation_below_what_is_purged_is_refused(void **state) {
  (void)state;
  append(1, 1, 8);
  queue_purge(f, (struct rkv_log_id){1, 5});
  queue_truncate(f, 4);
  assert_int_equal(f->fatals, 1);
  append(1, 9, 1);
  write_all();
  assert_int_equal(f->status[1], RKV_BROKEN);
  assert_int_equal(f->fatals, 1);
}

/* The caller's id counts, inside the log, at its end and behind it. */
static void a_purge_keeps_the_term_that_it_was_given(void **state) {
  (void)state;
  append(3, 1, 8);
  write_all();
  queue_purge(f, (struct rkv_log_id){7, 3});
  assert_int_equal(load_state().purged.term, 7);
  queue_purge(f, (struct rkv_log_id){1, 8});
  assert_int_equal(load_state().purged.term, 1);
  assert_int_equal(load_state().last.term, 1);
  assert_int_equal(load_state().last.index, 8);
  write_all();
}

static void after_a_failure_nothing_succeeds(void **state) {
  struct rkv_error why;
  (void)state;
  append(1, 1, 3);
  write_all();
  append(1, 4, 3);
  (void)rkv_fail(&why, RKV_IO, "the device burns");
  log_fail(&f->log, &why);
  log_fail(&f->log, &why);
  assert_int_equal(f->fatals, 1);
  assert_int_equal(read_fails(4), RKV_IO);
  assert_int_equal(reads(1, 9), 3);
  queue_finish(&f->log, NULL);
  append(1, 7, 1);
  queue_finish(&f->log, NULL);
  assert_int_equal(f->status[0], RKV_OK);
  assert_int_equal(f->status[1], RKV_IO);
  assert_int_equal(f->status[2], RKV_IO);
  assert_int_equal(f->log.durable_last, 3);
}

static void what_waits_has_a_limit(void **state) {
  (void)state;
  log_note_lack(&f->log, RKV_FULL, "none for a file");
  log_note_lack(&f->log, RKV_FULL, "none for a file");
  assert_int_equal(f->warnings, 1);
  for (unsigned i = 0; f->fatals == 0 && i < 32; i++) append(1, 1 + i * 60, 60);
  assert_int_equal(f->fatals, 1);
  assert_int_equal(f->log.failed.status, RKV_FULL);
  assert_non_null(strstr(f->log.failed.text, "limit of open files"));
  assert_non_null(strstr(f->log.failed.text, "more than queue_bytes_max"));
  queue_finish(&f->log, NULL);
}

static void hope_ends_with_the_storage(void **state) {
  struct rkv_error error;
  (void)state;
  assert_int_equal(log_pause(&f->log, 1, &error), RKV_OK);
  append(1, 1, 3);
  log_close(&f->log);
  append(1, 4, 1);
  assert_int_equal(log_hopes(&f->log, false, &error), RKV_OK);
  assert_int_equal(log_pause(&f->log, 60000, &error), RKV_CANCELLED);
  queue_serve(&f->log);
  assert_int_equal(f->status[0], RKV_OK);
  assert_int_equal(f->status[1], RKV_CANCELLED);
  assert_int_equal(f->ends, 1);
}

/* What waits is written together, up to a limit that the last operation may pass. */
static void batch_ends_at_its_limit(void **state) {
  struct queue_batch batch;
  (void)state;
  queue_save_vote(f, (struct rkv_vote){1, 2, false}, next_call());
  batch = queue_gather(f->log.first, f->log.last, 1 << 20);
  assert_false(batch.entries);
  assert_int_equal(batch.bytes, f->log.bytes_queued);
  for (unsigned i = 0; i < 3; i++) append(1, 1 + i, 1);
  batch = queue_gather(f->log.first, f->log.last, 1 << 20);
  assert_ptr_equal(batch.last, f->log.last);
  assert_int_equal(batch.bytes, f->log.bytes_queued);
  assert_true(batch.entries);
  batch = queue_gather(f->log.first, f->log.last, f->log.first->bytes + 1);
  assert_ptr_equal(batch.last, f->log.first->next);
  write_all();
}

/* A purge goes ahead of what waits only if all that it drops is durable, and once. */
static void purge_goes_ahead_of_what_waits(void **state) {
  (void)state;
  append(1, 1, 4);
  queue_purge(f, (struct rkv_log_id){1, 2});
  assert_int_equal(queue_purge_ahead(&f->log, 0).index, 0); /* not durable yet */
  write_all();
  append(1, 5, 4);
  queue_purge(f, (struct rkv_log_id){1, 4});
  assert_int_equal(queue_purge_ahead(&f->log, 2).index, 4);
  assert_int_equal(queue_purge_ahead(&f->log, 4).index, 0);
  queue_purge(f, (struct rkv_log_id){1, 6});
  assert_int_equal(queue_purge_ahead(&f->log, 4).index, 0);
  write_all();
}

static void failed_write_is_everybodys(void **state) {
  (void)state;
  append(1, 1, 3);
  append(1, 4, 3);
  log_close(&f->log);
  f->fails = true;
  queue_serve(&f->log);
  assert_int_equal(f->status[0], RKV_IO);
  assert_int_equal(f->status[1], RKV_IO);
  assert_int_equal(f->fatals, 1);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, log_setup, log_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      STORY(entries_are_read_before_they_are_durable),
      STORY(what_is_saved_is_loaded_at_once),
      STORY(truncation_cuts_what_waits),
      STORY(truncation_ends_a_read),
      STORY(what_was_cut_is_not_given_from_the_device),
      STORY(purged_entries_are_not_found),
      STORY(broken_contract_is_refused_in_order),
      STORY(append_of_nothing_is_refused),
      STORY(truncation_below_what_is_purged_is_refused),
      STORY(a_purge_keeps_the_term_that_it_was_given),
      STORY(after_a_failure_nothing_succeeds),
      STORY(what_waits_has_a_limit),
      STORY(hope_ends_with_the_storage),
      STORY(batch_ends_at_its_limit),
      STORY(purge_goes_ahead_of_what_waits),
      STORY(failed_write_is_everybodys),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
