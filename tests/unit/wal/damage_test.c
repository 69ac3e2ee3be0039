/* damage_test.c: what is damaged is found and named; what a crash cut off is dropped, no more. */
#include "victim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ThreadSanitizer looks at threads, not at bytes, and takes ten times as long for each. */
#if defined(__SANITIZE_THREAD__)
#define BYTES_APART 7
#else
#define BYTES_APART 1
#endif

/* ---- a tail cut off ---- */

enum cut { CUT_FILE, CUT_ZEROS, CUT_GARBAGE };

/* Replaces everything from `at` on. Returns how many whole records are left. */
static size_t cut(struct victim *v, uint64_t at, enum cut how, uint64_t *seed) {
  static uint8_t bytes[FILE_BYTES];
  size_t whole = 0;
  memcpy(bytes, v->bytes, sizeof bytes);
  for (size_t i = at; i < sizeof bytes; i++)
    bytes[i] = how == CUT_GARBAGE ? (uint8_t)random_next(seed) : 0;
  if (how == CUT_FILE)
    wal_cut_file(v->w, FIRST_LOG, at);
  else
    wal_write_file(v->w, FIRST_LOG, 0, bytes, sizeof bytes);
  while (whole < v->count && (how != CUT_FILE || v->places[whole + 1] <= at) &&
         memcmp(bytes + v->places[whole], v->bytes + v->places[whole],
                v->places[whole + 1] - v->places[whole]) == 0)
    whole++;
  return whole;
}

static void cut_everywhere(struct wal *w, bool closed) {
  struct victim v;
  uint64_t seed = 5;
  victim_make(&v, w, closed);
  for (uint64_t at = v.places[v.count - 3]; at <= v.places[v.count]; at += BYTES_APART)
    for (int how = CUT_FILE; how <= CUT_GARBAGE; how++) {
      size_t whole;
      victim_restore(&v);
      whole = cut(&v, at, (enum cut)how, &seed);
      if (wal_open(w) != RKV_OK) fail_msg("cut at %" PRIu64 ": %s", at, w->error.text);
      if (how == CUT_GARBAGE) assert_non_null(strstr(w->warning, FIRST_LOG));
      victim_holds_records(&v, whole);
    }
  wal_close(w);
  victim_free(&v);
}

/* The tail cut, zeroed or overwritten from every byte of the last three records on: the storage
 * opens with exactly the whole records before that, and goes on. */
static void cut_tail_opens_to_the_whole_records(void **state) {
  cut_everywhere(*state, false);
}

static void cut_tail_of_a_closed_log_too(void **state) {
  cut_everywhere(*state, true);
}

/* Of a batch that a crash cut off the device may have kept any part. The first record of one is
 * lost, those behind it are whole: the batch is dropped (nobody was told it is durable), and its
 * rest does not come back behind a new record of the same length. */
static void torn_batch_is_dropped_for_good(void **state) {
  struct wal *w = *state;
  struct model *m = model_new(), *torn;
  char copy[SCRATCH_PATH_MAX];
  uint8_t zeros[RECORD_HEADER] = {0};
  scratch_make(copy);
  wal_do(w, m, step_append(m, 1, 1));
  torn = model_new();
  *torn = *m;
  wal_do(w, m, step_append(m, 1, 5));
  scratch_copy(w->dir, copy);
  wal_close(w);
  scratch_copy(copy, w->dir);
  struct victim v = {.w = w};
  victim_find_places(&v);
  wal_write_file(w, FIRST_LOG, v.places[1], zeros, sizeof zeros);
  w->warning[0] = '\0';
  wal_reopen(w);
  assert_non_null(strstr(w->warning, "crash"));
  wal_holds(w, torn);
  wal_do(w, torn, step_append(torn, 1, 1)); /* the same entry as the one lost */
  scratch_copy(w->dir, copy);
  wal_close(w);
  scratch_copy(copy, w->dir);
  wal_reopen(w);
  wal_holds(w, torn);
  scratch_remove(copy);
  free(torn);
  free(m);
}

/* ---- damage ---- */

/* One bit flipped, in every byte of every record of a closed log: refused with the place. Padding
 * counts. Only damage to the very last record cannot be told from a crash. */
static void flipped_bit_is_refused_with_its_place(void **state) {
  struct victim v;
  victim_make(&v, *state, true);
  for (uint64_t at = v.places[0]; at < v.places[v.count - 1]; at += BYTES_APART) {
    victim_restore(&v);
    wal_flip_bit(v.w, FIRST_LOG, at, (unsigned)(at % 8));
    victim_refused_at(&v, FIRST_LOG, v.places[victim_record_of(&v, at)]);
  }
  victim_free(&v);
}

/* The same where the storage was killed: each record proves that the one before was durable. */
static void flipped_bit_after_a_crash_is_refused_too(void **state) {
  struct victim v;
  victim_make(&v, *state, false);
  for (uint64_t at = v.places[0]; at < v.places[v.count]; at += 3 * BYTES_APART) {
    size_t record = victim_record_of(&v, at);
    victim_restore(&v);
    wal_flip_bit(v.w, FIRST_LOG, at, (unsigned)(at % 8));
    if (record + 1 < v.count) {
      victim_refused_at(&v, FIRST_LOG, v.places[record]);
      continue;
    }
    if (wal_open(v.w) != RKV_OK) fail_msg("%s", v.w->error.text);
    assert_non_null(strstr(v.w->warning, "crash"));
    victim_holds_records(&v, record);
  }
  wal_close(v.w);
  victim_free(&v);
}

/* A record of any type proves that what stands before its batch was durable: of each there is one
 * behind an entry, of which a bit flips. */
static void any_record_is_a_proof(void **state) {
  static const uint16_t types[] = {
#define TYPE_NUMBER(name, number, text) number,
      RECORD_TYPE_LIST(TYPE_NUMBER)
#undef TYPE_NUMBER
  };
  struct victim v;
  struct head head;
  victim_make(&v, *state, false);
  assert_int_equal(head_decode(FIRST_LOG, v.bytes, &head, NULL), RKV_OK);
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    uint64_t end = v.places[v.count], entry = v.places[v.count - 1];
    uint32_t seed = head_seed(&head);
    struct record record = {.type = types[i], .batch = (uint32_t)end, .term = 3, .index = 9};
    uint8_t bytes[RECORD_HEADER];
    record.payload_crc = record_payload_crc(seed, NULL, 0);
    record_encode(&record, seed, end, bytes);
    victim_restore(&v);
    wal_write_file(v.w, FIRST_LOG, end, bytes, sizeof bytes);
    wal_flip_bit(v.w, FIRST_LOG, entry + RECORD_HEADER, 3);
    victim_refused_at(&v, FIRST_LOG, entry);
  }
  victim_free(&v);
}

/* A refusal changes nothing: the damage can still be looked at. */
static void refusal_changes_nothing(void **state) {
  static uint8_t before[FILE_BYTES], after[FILE_BYTES];
  struct victim v;
  char names[PLACES_MAX][64], again[PLACES_MAX][64];
  size_t count;
  victim_make(&v, *state, true);
  wal_flip_bit(v.w, FIRST_LOG, v.places[2], 0);
  wal_read_file(v.w, FIRST_LOG, 0, before, sizeof before);
  count = wal_files(v.w, "", names, PLACES_MAX);
  victim_refused_at(&v, FIRST_LOG, v.places[2]);
  wal_read_file(v.w, FIRST_LOG, 0, after, sizeof after);
  assert_memory_equal(before, after, sizeof before);
  assert_int_equal(wal_files(v.w, "", again, PLACES_MAX), count);
  assert_memory_equal(names, again, count * sizeof names[0]);
  victim_free(&v);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, wal_setup, wal_teardown)

int main(void) {
  const struct CMUnitTest stories[] = {
      STORY(cut_tail_opens_to_the_whole_records),
      STORY(cut_tail_of_a_closed_log_too),
      STORY(torn_batch_is_dropped_for_good),
      STORY(flipped_bit_is_refused_with_its_place),
      STORY(flipped_bit_after_a_crash_is_refused_too),
      STORY(any_record_is_a_proof),
      STORY(refusal_changes_nothing),
  };
  return cmocka_run_group_tests_name("storage-wal damaged", stories, NULL, NULL);
}
