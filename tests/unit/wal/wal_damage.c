/* wal_damage.c: what is damaged is found and named; what a crash cut off is dropped, no more. */
#include "scan.h"
#include "wal_test.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ENTRIES = 12, PLACES_MAX = 1024, FILE_BYTES = SEGMENT_SMALL };

#define FIRST_LOG "log-0000000000000001.wal"
#define SECOND_LOG "log-0000000000000002.wal"

/* A log in one segment, and where its records stand. */
struct victim {
  struct wal *w;
  char source[SCRATCH_PATH_MAX]; /* as it was: wal_damage damages copies */
  struct model *model;           /* what is held after all records */
  uint8_t bytes[FILE_BYTES];
  uint64_t places[PLACES_MAX]; /* of each record, and of the end */
  uint16_t types[PLACES_MAX];  /* of each record */
  size_t count;                /* records */
};

/* ---- acts ---- */

static void find_places(struct victim *v) {
  char path[2 * SCRATCH_PATH_MAX];
  struct scan scan;
  bool found = true;
  int fd;
  wal_path(v->w, FIRST_LOG, path);
  fd = open(path, O_RDONLY | O_CLOEXEC);
  assert_int_equal(scan_begin(&scan, fd, dir_name(DIR_LOG, 1), NULL), RKV_OK);
  for (v->count = 0;; v->count++) {
    v->places[v->count] = scan.offset;
    assert_int_equal(scan_next(&scan, &found, NULL), RKV_OK);
    if (!found) break;
    v->types[v->count] = scan.record.type;
    assert_true(v->count + 1 < PLACES_MAX);
  }
  scan_end(&scan);
  (void)close(fd);
}

/* Each entry is durable before the next is written. Closed: the log ends with a record that says
 * so; else it is left as a crash leaves it. */
static void victim_make(struct victim *v, struct wal *w, bool closed) {
  v->w = w;
  v->model = model_new();
  w->sync = false; /* thousands of storages are opened */
  wal_reopen(w);
  wal_do(w, v->model, step_vote(3));
  for (int i = 0; i < ENTRIES; i++) wal_do(w, v->model, step_append(v->model, 3, 1));
  scratch_make(v->source);
  if (closed) wal_close(w);
  scratch_copy(w->dir, v->source);
  wal_close(w);
  scratch_copy(v->source, w->dir);
  wal_read_file(w, FIRST_LOG, 0, v->bytes, sizeof v->bytes);
  find_places(v);
}

static void victim_free(struct victim *v) {
  scratch_remove(v->source);
  free(v->model);
}

static void victim_restore(struct victim *v) {
  wal_close(v->w);
  scratch_copy(v->source, v->w->dir);
  v->w->warning[0] = '\0';
}

/* The victim holds what its first `records` records say. */
static void holds_records(struct victim *v, size_t records) {
  struct model *m = model_new();
  *m = *v->model;
  m->vote = (struct rkv_vote){0};
  m->last = (struct rkv_log_id){0};
  for (size_t i = 0; i < records; i++) {
    if (v->types[i] == RECORD_VOTE) m->vote = v->model->vote;
    if (v->types[i] == RECORD_ENTRY) m->last = (struct rkv_log_id){3, m->last.index + 1};
  }
  wal_holds(v->w, m);
  wal_do(v->w, m, step_append(m, 4, 2)); /* and the log goes on from there */
  wal_reopen(v->w);
  wal_holds(v->w, m);
  free(m);
}

/* Opening is refused, and the text names the file and the record at `place`. */
static void refused_at(struct victim *v, const char *name, uint64_t place) {
  char offset[64];
  if (wal_open(v->w) != RKV_CORRUPT) fail_msg("not refused: damage at %" PRIu64, place);
  (void)snprintf(offset, sizeof offset, "offset %" PRIu64 ":", place);
  if (!strstr(v->w->error.text, name) || !strstr(v->w->error.text, offset) ||
      !strstr(v->w->error.text, "expected") || !strstr(v->w->error.text, "found"))
    fail_msg("expected %s %s, found: %s", name, offset, v->w->error.text);
}

static void flip(const struct wal *w, const char *name, uint64_t at, unsigned bit) {
  uint8_t byte;
  wal_read_file(w, name, at, &byte, 1);
  byte ^= (uint8_t)(1u << bit);
  wal_write_file(w, name, at, &byte, 1);
}

/* The record that holds the byte. */
static size_t record_of(const struct victim *v, uint64_t at) {
  size_t i = 0;
  while (i + 1 < v->count && v->places[i + 1] <= at) i++;
  return i;
}

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
  for (uint64_t at = v.places[v.count - 3]; at <= v.places[v.count]; at++)
    for (int how = CUT_FILE; how <= CUT_GARBAGE; how++) {
      size_t whole;
      victim_restore(&v);
      whole = cut(&v, at, (enum cut)how, &seed);
      if (wal_open(w) != RKV_OK) fail_msg("cut at %" PRIu64 ": %s", at, w->error.text);
      if (how == CUT_GARBAGE) assert_non_null(strstr(w->warning, FIRST_LOG)); /* it is said */
      holds_records(&v, whole);
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
  find_places(&v);
  wal_write_file(w, FIRST_LOG, v.places[1], zeros, sizeof zeros);
  w->warning[0] = '\0';
  wal_reopen(w);
  assert_non_null(strstr(w->warning, "crash"));
  wal_holds(w, torn);
  wal_do(w, torn, step_append(torn, 1, 1)); /* the very entry that was lost */
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
  for (uint64_t at = v.places[0]; at < v.places[v.count - 1]; at++) {
    victim_restore(&v);
    flip(v.w, FIRST_LOG, at, (unsigned)(at % 8));
    refused_at(&v, FIRST_LOG, v.places[record_of(&v, at)]);
  }
  victim_free(&v);
}

/* The same where the storage was killed: each record proves that the one before was durable. */
static void flipped_bit_after_a_crash_is_refused_too(void **state) {
  struct victim v;
  victim_make(&v, *state, false);
  for (uint64_t at = v.places[0]; at < v.places[v.count]; at += 3) {
    size_t record = record_of(&v, at);
    victim_restore(&v);
    flip(v.w, FIRST_LOG, at, (unsigned)(at % 8));
    if (record + 1 < v.count) {
      refused_at(&v, FIRST_LOG, v.places[record]);
      continue;
    }
    if (wal_open(v.w) != RKV_OK) fail_msg("%s", v.w->error.text);
    assert_non_null(strstr(v.w->warning, "crash"));
    holds_records(&v, record);
  }
  wal_close(v.w);
  victim_free(&v);
}

/* A refusal changes nothing: the damage can still be looked at. */
static void refusal_changes_nothing(void **state) {
  static uint8_t before[FILE_BYTES], after[FILE_BYTES];
  struct victim v;
  char names[PLACES_MAX][64], again[PLACES_MAX][64];
  size_t count;
  victim_make(&v, *state, true);
  flip(v.w, FIRST_LOG, v.places[2], 0);
  wal_read_file(v.w, FIRST_LOG, 0, before, sizeof before);
  count = wal_files(v.w, "", names, PLACES_MAX);
  refused_at(&v, FIRST_LOG, v.places[2]);
  wal_read_file(v.w, FIRST_LOG, 0, after, sizeof after);
  assert_memory_equal(before, after, sizeof before);
  assert_int_equal(wal_files(v.w, "", again, PLACES_MAX), count);
  assert_memory_equal(names, again, count * sizeof names[0]);
  victim_free(&v);
}

/* ---- several segments ---- */

static struct model *fill_segments(struct wal *w, size_t segments) {
  struct model *m = model_new();
  char names[PLACES_MAX][64];
  w->sync = false;
  wal_reopen(w);
  while (wal_files(w, "log-", names, PLACES_MAX) < segments) wal_do(w, m, step_append(m, 1, 20));
  wal_close(w);
  return m;
}

/* Bits anywhere in the header and the records of a segment that is not the last. */
static void damage_in_an_older_segment_is_refused(void **state) {
  struct victim v = {.w = *state};
  uint64_t seed = 21;
  v.model = fill_segments(v.w, 3);
  scratch_make(v.source);
  scratch_copy(v.w->dir, v.source);
  find_places(&v);
  for (int i = 0; i < 500; i++) {
    uint64_t at = random_next(&seed) % v.places[v.count];
    victim_restore(&v);
    flip(v.w, FIRST_LOG, at, (unsigned)(random_next(&seed) % 8));
    if (at >= HEAD_SIZE) {
      refused_at(&v, FIRST_LOG, v.places[record_of(&v, at)]);
    } else {
      assert_int_equal(wal_open(v.w), RKV_CORRUPT);
      assert_non_null(strstr(v.w->error.text, FIRST_LOG));
    }
  }
  victim_restore(&v);
  wal_cut_file(v.w, FIRST_LOG, v.places[v.count - 2] + 4);
  refused_at(&v, FIRST_LOG, v.places[v.count - 2]);
  victim_free(&v);
}

/* The storage refuses to open and its text says this. */
static void refused(struct wal *w, enum rkv_status status, const char *text) {
  assert_int_equal(wal_open(w), status);
  if (!strstr(w->error.text, text)) fail_msg("expected %s, found: %s", text, w->error.text);
}

static void copy_log(const struct wal *w, const char *from, const char *to) {
  static uint8_t bytes[FILE_BYTES];
  wal_read_file(w, from, 0, bytes, sizeof bytes);
  wal_write_file(w, to, 0, bytes, sizeof bytes);
}

/* A segment that is missing, in another one's place, empty, or only a link. */
static void wrong_files_are_refused(void **state) {
  struct victim v = {.w = *state};
  char path[2 * SCRATCH_PATH_MAX], other[2 * SCRATCH_PATH_MAX];
  v.model = fill_segments(v.w, 3);
  scratch_make(v.source);
  scratch_copy(v.w->dir, v.source);
  wal_path(v.w, FIRST_LOG, path);
  assert_int_equal(unlink(path), 0);
  refused(v.w, RKV_CORRUPT, "expected entries from 1 on");
  victim_restore(&v);
  wal_path(v.w, SECOND_LOG, path);
  assert_int_equal(unlink(path), 0);
  refused(v.w, RKV_CORRUPT, "expected log-0000000000000002.wal, found log-0000000000000003.wal");
  victim_restore(&v);
  copy_log(v.w, FIRST_LOG, SECOND_LOG);
  refused(v.w, RKV_CORRUPT, "expected segment 2, found 1");
  victim_restore(&v);
  wal_cut_file(v.w, SECOND_LOG, 0);
  refused(v.w, RKV_CORRUPT, "expected a header of 4096 bytes, found 0");
  victim_restore(&v);
  wal_path(v.w, FIRST_LOG, path);
  wal_path(v.w, "elsewhere", other);
  assert_int_equal(rename(path, other), 0);
  assert_int_equal(symlink("elsewhere", path), 0);
  refused(v.w, RKV_IO, FIRST_LOG);
  victim_free(&v);
}

/* A record that the device wrote to the wrong place is none, though every byte of it is right. */
static void misdirected_record_is_refused(void **state) {
  struct victim v;
  uint8_t bytes[FILE_BYTES];
  size_t len;
  victim_make(&v, *state, true);
  len = (size_t)(v.places[3] - v.places[2]);
  memcpy(bytes, v.bytes + v.places[2], len);
  wal_write_file(v.w, FIRST_LOG, v.places[1], bytes, len);
  refused_at(&v, FIRST_LOG, v.places[1]);
  victim_free(&v);
}

/* A format that this version does not know is not guessed at. */
static void newer_format_is_refused(void **state) {
  struct victim v;
  uint8_t bytes[HEAD_SIZE];
  struct head head;
  victim_make(&v, *state, true);
  assert_int_equal(head_decode("x", v.bytes, &head, NULL), RKV_OK);
  head.format = HEAD_FORMAT + 1;
  head_encode(&head, bytes);
  wal_write_file(v.w, FIRST_LOG, 0, bytes, sizeof bytes);
  refused(v.w, RKV_FOREIGN, "newer");
  victim_free(&v);
}

/* ---- while it runs, and snapshots ---- */

/* Damage that happens after the storage was opened is met by whoever reads there. */
static void reader_finds_damage(void **state) {
  struct victim v;
  struct rkv_entry entries[ENTRIES];
  struct rkv_error error;
  size_t count, entry = 0;
  victim_make(&v, *state, true);
  wal_reopen(v.w);
  for (size_t i = 0; i < v.count; i++)
    if (v.types[i] == RECORD_ENTRY && ++entry == 4) flip(v.w, FIRST_LOG, v.places[i] + 8, 1);
  assert_int_equal(v.w->ops->read(v.w->storage, 1, 3, 1 << 20, entries, ENTRIES, &count, &error),
                   RKV_OK);
  for (size_t i = 0; i < count; i++) rkv_buf_drop(&entries[i].payload);
  assert_int_equal(
      v.w->ops->read(v.w->storage, 1, ENTRIES, 1 << 20, entries, ENTRIES, &count, &error),
      RKV_CORRUPT);
  assert_int_equal(count, 0);
  assert_non_null(strstr(error.text, FIRST_LOG));
  wal_close(v.w);
  victim_free(&v);
}

/* A snapshot's header is checked at the opening, its data when it is read; each bit counts. */
static void snapshot_damage_is_found(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  struct rkv_snapshot_meta meta;
  struct rkv_error error;
  struct rkv_buf chunk;
  void *reader;
  uint64_t size;
  wal_do(w, m, step_append(m, 1, 3));
  wal_do(w, m, step_snapshot(600000));
  wal_close(w);
  size = wal_file_size(w, "snapshot-0000000000000001");
  for (uint64_t at = 0; at < size; at += at < 4096 ? 13 : 9973) {
    enum rkv_status status;
    flip(w, "snapshot-0000000000000001", at, (unsigned)(at % 8));
    status = wal_open(w);
    if (at < 4096) {
      assert_int_equal(status, RKV_CORRUPT);
      assert_non_null(strstr(w->error.text, "snapshot-0000000000000001"));
    } else {
      assert_int_equal(status, RKV_OK);
      assert_int_equal(w->ops->snapshot_open(w->storage, &reader, &meta, &error), RKV_OK);
      assert_int_equal(w->ops->snapshot_read(reader, 0, 1 << 20, &chunk, &error), RKV_CORRUPT);
      assert_int_equal(chunk.len, 0);
      w->ops->snapshot_close(reader);
    }
    wal_close(w);
    flip(w, "snapshot-0000000000000001", at, (unsigned)(at % 8));
  }
  wal_cut_file(w, "snapshot-0000000000000001", size - 1);
  assert_int_equal(wal_open(w), RKV_CORRUPT);
  free(m);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, wal_setup, wal_teardown)

int main(void) {
  const struct CMUnitTest stories[] = {
      STORY(cut_tail_opens_to_the_whole_records),
      STORY(cut_tail_of_a_closed_log_too),
      STORY(torn_batch_is_dropped_for_good),
      STORY(flipped_bit_is_refused_with_its_place),
      STORY(flipped_bit_after_a_crash_is_refused_too),
      STORY(refusal_changes_nothing),
      STORY(damage_in_an_older_segment_is_refused),
      STORY(wrong_files_are_refused),
      STORY(misdirected_record_is_refused),
      STORY(newer_format_is_refused),
      STORY(reader_finds_damage),
      STORY(snapshot_damage_is_found),
  };
  return cmocka_run_group_tests_name("storage-wal damaged", stories, NULL, NULL);
}
