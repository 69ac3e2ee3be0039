/* tail_test.c: log files as RocksDB writes them, whole, torn and damaged: what is told apart. */
#include "scratch.h"
#include "tail.h"

#include <rkv/membership.h>
#include <storage-parts/crc32c.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { BLOCK = 32768, HEADER = 7, LOG_MAX = 4 * BLOCK, CHANGES = 3 };

struct log {
  uint8_t bytes[LOG_MAX];
  size_t len, began; /* where the last batch began */
  uint64_t next;     /* sequence number */
};

static char dir[SCRATCH_PATH_MAX];

static void put_record(struct log *log, unsigned type, const uint8_t *payload, size_t len) {
  uint8_t *at = log->bytes + log->len;
  uint32_t crc;
  rkv_put_le(at + 4, len, 2);
  at[6] = (uint8_t)type;
  memcpy(at + HEADER, payload, len);
  crc = crc32c(0, at + 6, len + 1);
  rkv_put_le(at, ((crc >> 15) | (crc << 17)) + UINT32_C(0xa282ead8), 4);
  log->len += HEADER + len;
}

/* A batch of CHANGES changes and `size` bytes, in as many records as it takes. */
static void put_batch(struct log *log, size_t size) {
  static uint8_t batch[2 * BLOCK];
  size_t done = 0;
  bool first = true;
  for (size_t i = 0; i < size; i++) batch[i] = (uint8_t)(i * 7 + log->next);
  rkv_put_le(batch, log->next, 8);
  rkv_put_le(batch + 8, CHANGES, 4);
  log->next += CHANGES;
  while (first || done < size) {
    size_t room = BLOCK - log->len % BLOCK, len;
    if (room < HEADER) {
      memset(log->bytes + log->len, 0, room);
      log->len += room;
      continue;
    }
    len = size - done < room - HEADER ? size - done : room - HEADER;
    if (first) log->began = log->len;
    put_record(log, done + len == size ? (first ? 1 : 4) : (first ? 2 : 3), batch + done, len);
    done += len;
    first = false;
  }
}

static void store(unsigned number, const uint8_t *bytes, size_t len) {
  char path[SCRATCH_PATH_MAX + 16];
  int fd;
  (void)snprintf(path, sizeof path, "%s/%06u.log", dir, number);
  fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  assert_true(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
  (void)close(fd);
}

static void expect(bool torn, uint64_t sequence, uint64_t file, uint64_t offset) {
  struct tail tail;
  struct rkv_error error;
  enum rkv_status status = tail_find(dir, &tail, &error);
  if (status != RKV_OK) fail_msg("%s", error.text);
  assert_int_equal(tail.torn, torn);
  assert_int_equal(tail.sequence, sequence);
  if (torn) assert_int_equal(tail.file, file);
  if (torn) assert_int_equal(tail.offset, offset);
}

static void expect_corrupt(const char *place) {
  struct tail tail;
  struct rkv_error error;
  assert_int_equal(tail_find(dir, &tail, &error), RKV_CORRUPT);
  assert_non_null(strstr(error.text, place));
}

/* Three batches, the last one `size` bytes. */
static struct log *three(size_t size) {
  struct log *log = calloc(1, sizeof *log);
  assert_non_null(log);
  log->next = 1;
  put_batch(log, 300);
  put_batch(log, 50);
  put_batch(log, size);
  return log;
}

static void nothing_is_no_tail(void **state) {
  (void)state;
  expect(false, 0, 0, 0);
  store(4, (const uint8_t *)"", 0);
  expect(false, 0, 0, 0);
}

static void whole_log_is_whole(void **state) {
  struct log *log = three(2000);
  (void)state;
  store(4, log->bytes, log->len);
  expect(false, 9, 0, 0);
  free(log);
}

/* (T1) Cut at any byte of the last batch: that one is torn, the others count. */
static void cut_batch_is_torn(void **state) {
  struct log *log = three(400);
  (void)state;
  for (size_t len = log->began + 1; len < log->len; len++) {
    store(4, log->bytes, len);
    expect(true, 6, 4, log->began);
  }
  store(4, log->bytes, log->began);
  expect(false, 6, 0, 0);
  free(log);
}

/* (T1) A bit flipped in any byte before the last batch: a whole one follows. */
static void damage_before_the_last_is_refused(void **state) {
  struct log *log = three(400);
  char place[64];
  (void)state;
  (void)snprintf(place, sizeof place, "follows at byte %zu", log->began);
  for (size_t at = 0; at < log->began; at++) {
    log->bytes[at] ^= (uint8_t)(1u << at % 8);
    store(4, log->bytes, log->len);
    expect_corrupt(at < 307 ? "follows at byte 307" : place);
    log->bytes[at] ^= (uint8_t)(1u << at % 8);
  }
  free(log);
}

/* A batch of several blocks whose begin did not reach the device: its whole records behind begin
 * nothing. */
static void end_of_a_torn_batch_is_no_batch(void **state) {
  struct log *log = three(2 * BLOCK - 100);
  (void)state;
  memset(log->bytes + log->began, 0, 512);
  store(4, log->bytes, log->len);
  expect(true, 6, 4, log->began);
  memset(log->bytes + BLOCK, 0, 512);
  store(4, log->bytes, log->len);
  expect(true, 6, 4, log->began);
  free(log);
}

/* Wherever a block ends, also within the first bytes of a batch. */
static void batches_cross_blocks(void **state) {
  (void)state;
  for (size_t room = 0; room < 40; room++) {
    struct log *log = calloc(1, sizeof *log);
    assert_non_null(log);
    log->next = 1;
    put_batch(log, BLOCK - HEADER - room);
    put_batch(log, 100);
    put_batch(log, 100);
    store(4, log->bytes, log->len);
    expect(false, 9, 0, 0);
    store(4, log->bytes, log->len - 1);
    expect(true, 6, 4, log->began);
    free(log);
  }
}

/* A later file counts: with a batch in it the torn one was acknowledged, without it was not. */
static void later_file_counts(void **state) {
  struct log *log = three(400), *later = calloc(1, sizeof *later);
  (void)state;
  assert_non_null(later);
  later->next = 10;
  put_batch(later, 100);
  store(4, log->bytes, log->len - 1);
  store(9, (const uint8_t *)"", 0);
  expect(true, 6, 4, log->began);
  store(9, later->bytes, later->len);
  expect_corrupt("000009.log");
  store(4, log->bytes, log->len);
  expect(false, 12, 0, 0);
  free(log);
  free(later);
}

/* (T2) */
static void torn_batch_is_cut_off(void **state) {
  struct log *log = three(400);
  struct tail tail;
  struct rkv_error error;
  (void)state;
  store(4, log->bytes, log->len - 5);
  assert_int_equal(tail_find(dir, &tail, &error), RKV_OK);
  assert_int_equal(tail_cut(dir, &tail, &error), RKV_OK);
  expect(false, 6, 0, 0);
  free(log);
}

static int make_dir(void **state) {
  (void)state;
  scratch_make(dir);
  return 0;
}

static int remove_dir(void **state) {
  (void)state;
  scratch_remove(dir);
  return 0;
}

#define IN_A_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int main(void) {
  const struct CMUnitTest tests[] = {
      IN_A_DIR(nothing_is_no_tail),
      IN_A_DIR(whole_log_is_whole),
      IN_A_DIR(cut_batch_is_torn),
      IN_A_DIR(damage_before_the_last_is_refused),
      IN_A_DIR(end_of_a_torn_batch_is_no_batch),
      IN_A_DIR(batches_cross_blocks),
      IN_A_DIR(later_file_counts),
      IN_A_DIR(torn_batch_is_cut_off),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
