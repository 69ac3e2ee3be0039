/* leaves_test.c: the leaves of storage-wal alone: records, headers, the sparse index. */
#include "head.h"
#include "image.h"
#include "record.h"

#include <storage-parts/crc32c.h>
#include <storage-parts/little.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* docs/wal-format.md, byte by byte: other programs rely on it. */
static void record_stands_as_documented(void **state) {
  static const uint8_t expected[RECORD_HEADER - 4] = {
      0x04, 0x03, 0x02, 0x01, 0x14, 0x13, 0x12, 0x11, 0x00, 0x10, 0,    0,
      5,    0,    0,    0,    1,    0,    2,    0,    0x28, 0x27, 0x26, 0x25,
      0x24, 0x23, 0x22, 0x21, 0x38, 0x37, 0x36, 0x35, 0x34, 0x33, 0x32, 0x31};
  struct record record = {.payload_crc = 0x01020304,
                          .prev = 0x11121314,
                          .batch = 4096,
                          .length = 5,
                          .type = RECORD_ENTRY,
                          .kind = 2,
                          .term = UINT64_C(0x2122232425262728),
                          .index = UINT64_C(0x3132333435363738)},
                again;
  uint8_t bytes[RECORD_HEADER];
  (void)state;
  record_encode(&record, 99, 4096, bytes);
  assert_memory_equal(bytes + 4, expected, sizeof expected);
  assert_int_equal(get_u32(bytes), record.header_crc);
  record_decode(bytes, &again);
  assert_memory_equal(&again, &record, sizeof record);
  assert_int_equal(record_size(0), 40);
  assert_int_equal(record_size(1), 48);
  assert_int_equal(record_size(8), 48);
}

/* A record passes only in its own segment and at its own place, and no bit of it may change. */
static void record_belongs_to_its_place(void **state) {
  struct record record = {.type = RECORD_VOTE, .term = 7, .index = 2};
  uint8_t bytes[RECORD_HEADER];
  (void)state;
  record_encode(&record, 99, 8192, bytes);
  assert_int_equal(record_header_crc(bytes, 99, 8192), record.header_crc);
  assert_int_not_equal(record_header_crc(bytes, 98, 8192), record.header_crc);
  assert_int_not_equal(record_header_crc(bytes, 99, 8200), record.header_crc);
  for (size_t bit = 32; bit < 8 * sizeof bytes; bit++) {
    bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    assert_int_not_equal(record_header_crc(bytes, 99, 8192), record.header_crc);
    bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
  }
}

/* Every bit of a segment's header is covered, the newer format is told apart from damage. */
static void header_is_checked(void **state) {
  struct head head = {.format = HEAD_FORMAT,
                      .node_id = 3,
                      .sequence = 9,
                      .size = 65536,
                      .prev_end = 60000,
                      .vote = {4, 3, true},
                      .purged = {1, 10},
                      .last = {2, 20}},
              again;
  struct rkv_error error;
  uint8_t bytes[HEAD_SIZE];
  (void)state;
  head_encode(&head, bytes);
  assert_int_equal(head_decode("x", bytes, &again, &error), RKV_OK);
  assert_true(again.vote.committed && again.vote.term == 4 && again.vote.node_id == 3);
  assert_true(again.last.index == 20 && again.purged.index == 10 && again.prev_end == 60000);
  for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
    bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    assert_int_equal(head_decode("x", bytes, &again, &error), RKV_CORRUPT);
    bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
  }
  head.purged.index = 21; /* a head that contradicts itself, with a right checksum */
  head_encode(&head, bytes);
  assert_int_equal(head_decode("x", bytes, &again, &error), RKV_CORRUPT);
  head.format = HEAD_FORMAT + 1;
  head_encode(&head, bytes);
  assert_int_equal(head_decode("x", bytes, &again, &error), RKV_FOREIGN);
}

/* ---- the index against a table of every entry's place ---- */

enum { ENTRIES = 3000, PLACES = 40 * ENTRIES };

struct table {
  struct index index;
  uint64_t place[ENTRIES]; /* of entry i */
  rkv_index at[PLACES];    /* the entry at a place, 0: none */
  rkv_index purged, last;
  uint64_t end;
};

/* Walking from the slot on, entry by entry, comes to the entry where it stands. */
static void finds(const struct table *t, rkv_index wanted) {
  const struct index_slot *next, *slot = index_find(&t->index, wanted, &next);
  rkv_index expected;
  uint64_t at;
  assert_non_null(slot);
  assert_true(slot->first <= wanted && (!next || next->first > wanted));
  for (expected = slot->first, at = slot->offset; expected <= wanted; at++) {
    assert_true(at < t->end);
    if (t->at[at] == 0) continue;
    assert_int_equal(t->at[at], expected);
    if (expected++ == wanted) assert_int_equal(at, t->place[wanted]);
  }
}

static void append(struct table *t, struct segment *segment) {
  rkv_index i = ++t->last;
  assert_int_equal(index_place(&t->index, i, 1, segment, t->end, NULL), RKV_OK);
  assert_int_equal(index_note_term(&t->index, (struct rkv_log_id){i / 100 + 1, i}, NULL), RKV_OK);
  t->at[t->end] = i;
  t->place[i] = t->end++;
}

/* Appends, truncations and purges by chance: every entry held is found, with its term. */
static void index_finds_every_entry(void **state) {
  struct table *t = calloc(1, sizeof *t);
  struct segment segment = {.sequence = 1};
  (void)state;
  assert_non_null(t);
  srand(3);
  while (t->end < PLACES - 100 && t->last < ENTRIES - 100) {
    for (int n = rand() % 90; n > 0; n--) append(t, &segment);
    if (rand() % 2 == 0) t->end++; /* a record that is no entry */
    if (rand() % 2 == 0 && t->last > t->purged) {
      t->last = t->purged + (rkv_index)rand() % (t->last - t->purged + 1);
      index_truncate(&t->index, t->last);
    }
    if (rand() % 3 == 0 && t->last > t->purged + 1) {
      t->purged += (rkv_index)rand() % (t->last - t->purged);
      index_purge(&t->index, t->purged);
    }
    for (rkv_index i = t->purged + 1; i <= t->last; i++) {
      finds(t, i);
      assert_int_equal(index_term(&t->index, i), i / 100 + 1);
    }
    if (t->last > t->purged) assert_true(index_first(&t->index) <= t->purged + 1);
  }
  index_clear(&t->index);
  assert_null(index_oldest(&t->index));
  index_free(&t->index);
  free(t);
}

/* The index of a long log is a slot for many entries. */
static void index_is_sparse(void **state) {
  struct index index = {0};
  struct segment segment = {.sequence = 1};
  (void)state;
  for (rkv_index i = 1; i <= 100000; i++)
    assert_int_equal(index_place(&index, i, 1, &segment, i * 300, NULL), RKV_OK);
  assert_true(index.slot_count <= 100000 / INDEX_RUN_ENTRIES + 1);
  index_purge(&index, 99999);
  assert_int_equal(index.slot_count, 1);
  index_free(&index);
}

/* Indexes are not counted on from 0 behind the greatest: no entry has index 0. */
static void entry_behind_the_greatest_index_is_refused(void **state) {
  struct image image = {.held = {.last = {1, UINT64_MAX}, .purged = {1, UINT64_MAX - 1}}};
  struct segment segment = {.sequence = 1};
  const struct record record = {.type = RECORD_ENTRY, .term = 1, .index = 0};
  struct rkv_error error;
  (void)state;
  assert_int_equal(image_replay(&image, &record, &segment, HEAD_SIZE, &error), RKV_CORRUPT);
  assert_non_null(strstr(error.text, "found entry 0"));
  index_free(&image.index);
}

int main(void) {
  const struct CMUnitTest stories[] = {
      cmocka_unit_test(record_stands_as_documented),
      cmocka_unit_test(record_belongs_to_its_place),
      cmocka_unit_test(header_is_checked),
      cmocka_unit_test(index_finds_every_entry),
      cmocka_unit_test(index_is_sparse),
      cmocka_unit_test(entry_behind_the_greatest_index_is_refused),
  };
  return cmocka_run_group_tests_name("storage-wal leaves", stories, NULL, NULL);
}
