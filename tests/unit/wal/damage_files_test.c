/* damage_files_test.c: damage to older segments, whole files and snapshots, also while it runs. */
#include "victim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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
  victim_find_places(&v);
  for (int i = 0; i < 500; i++) {
    uint64_t at = random_next(&seed) % v.places[v.count];
    victim_restore(&v);
    wal_flip_bit(v.w, FIRST_LOG, at, (unsigned)(random_next(&seed) % 8));
    if (at >= HEAD_SIZE) {
      victim_refused_at(&v, FIRST_LOG, v.places[victim_record_of(&v, at)]);
    } else {
      assert_int_equal(wal_open(v.w), RKV_CORRUPT);
      assert_non_null(strstr(v.w->error.text, FIRST_LOG));
    }
  }
  victim_restore(&v);
  wal_cut_file(v.w, FIRST_LOG, v.places[v.count - 2] + 4);
  victim_refused_at(&v, FIRST_LOG, v.places[v.count - 2]);
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
  victim_refused_at(&v, FIRST_LOG, v.places[1]);
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
    if (v.types[i] == RECORD_ENTRY && ++entry == 4)
      wal_flip_bit(v.w, FIRST_LOG, v.places[i] + 8, 1);
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
    wal_flip_bit(w, "snapshot-0000000000000001", at, (unsigned)(at % 8));
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
    wal_flip_bit(w, "snapshot-0000000000000001", at, (unsigned)(at % 8));
  }
  wal_cut_file(w, "snapshot-0000000000000001", size - 1);
  assert_int_equal(wal_open(w), RKV_CORRUPT);
  free(m);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, wal_setup, wal_teardown)

int main(void) {
  const struct CMUnitTest stories[] = {
      STORY(damage_in_an_older_segment_is_refused),
      STORY(wrong_files_are_refused),
      STORY(misdirected_record_is_refused),
      STORY(newer_format_is_refused),
      STORY(reader_finds_damage),
      STORY(snapshot_damage_is_found),
  };
  return cmocka_run_group_tests_name("storage-wal, its files damaged", stories, NULL, NULL);
}
