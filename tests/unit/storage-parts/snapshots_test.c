/* snapshots_test.c: snapshots of libs/storage-parts in a storage whose blocks are in memory. */
#include "fake_host.h"

#include <storage-parts/snapshots.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BLOCK = 8, HEAD = 2, BLOCKS_MAX = 16, NUMBERS_MAX = 8 };

struct fixture {
  struct log log; /* the first member */
  struct fake_host fake;
  uint8_t blocks[NUMBERS_MAX][BLOCKS_MAX][HEAD + BLOCK];
  bool dropped[NUMBERS_MAX];
  uint64_t next;
  unsigned begun, ended, reads, fatals;
  enum rkv_status refusal; /* of the next write or finish */
};

static struct fixture *f;

/* ---- the storage ---- */

static enum rkv_status refuse(struct rkv_error *error) {
  return f->refusal == RKV_OK ? RKV_OK : rkv_fail(error, f->refusal, "no");
}

static enum rkv_status begin(struct snapshot_writer *w, struct rkv_error *error) {
  w->snapshot->number = f->next++;
  f->begun++;
  return refuse(error);
}

static enum rkv_status write_block(struct snapshot_writer *w, struct rkv_error *error) {
  w->block[0] = 'H';
  memcpy(f->blocks[w->snapshot->number][w->number], w->block, HEAD + w->filled);
  return refuse(error);
}

static enum rkv_status finish(struct snapshot_writer *w, struct rkv_error *error) {
  (void)w;
  return refuse(error);
}

static void end(struct snapshot_writer *w) {
  (void)w;
  f->ended++;
}

static void drop(struct snapshot *snapshot) {
  f->dropped[snapshot->number] = true;
}

static enum rkv_status read_block(struct snapshot_reader *r, uint64_t number, uint32_t len,
                                  struct rkv_buf *block, struct rkv_error *error) {
  (void)error;
  f->reads++;
  *block = fake_host_copy(f->blocks[r->snapshot->number][number] + HEAD, len);
  return RKV_OK;
}

static const struct snapshots_ops snapshots = {.snapshot_size = sizeof(struct snapshot),
                                               .writer_size = sizeof(struct snapshot_writer),
                                               .reader_size = sizeof(struct snapshot_reader),
                                               .block_head = HEAD,
                                               .block_bytes = BLOCK,
                                               .begin = begin,
                                               .write = write_block,
                                               .finish = finish,
                                               .end = end,
                                               .drop = drop,
                                               .read = read_block};
static const struct log_ops ops = {.plugin = "storage-x", .section = "x", .snapshots = &snapshots};

static void on_fatal(void *ctx, enum rkv_status status, const char *text) {
  (void)ctx, (void)status, (void)text;
  f->fatals++;
}

static int setup(void **state) {
  f = calloc(1, sizeof *f);
  *state = f;
  f->next = 1;
  fake_host_init(&f->fake);
  f->fake.host.fatal = on_fatal;
  log_init(&f->log, &f->fake.host, &ops, &threads_posix, 1 << 20);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  snapshots_drop(f->log.newest);
  assert_int_equal(f->begun, f->ended);
  assert_int_equal(fake_host_buffers(), 0);
  log_destroy(&f->log);
  free(f);
  return 0;
}

/* ---- acts ---- */

static void *begins(rkv_index last) {
  struct rkv_snapshot_meta meta = {
      .last = {1, last}, .size = 99, .membership = fake_host_copy("m", 1)};
  struct rkv_error error;
  void *w;
  assert_int_equal(snapshots_begin(f, &meta, &w, &error), RKV_OK);
  rkv_buf_drop(&meta.membership);
  return w;
}

static enum rkv_status writes(void *w, const char *text, size_t len) {
  struct rkv_error error;
  struct rkv_buf chunk = fake_host_copy(text, len);
  enum rkv_status status = snapshots_write(w, chunk, &error);
  rkv_buf_drop(&chunk);
  return status;
}

/* `text` in pieces of `step` bytes. */
static void saves(rkv_index last, const char *text, size_t step) {
  struct rkv_error error;
  void *w = begins(last);
  for (size_t at = 0, len = strlen(text); at < len; at += step)
    assert_int_equal(writes(w, text + at, step < len - at ? step : len - at), RKV_OK);
  assert_int_equal(snapshots_commit(w, &error), RKV_OK);
}

static void *opens(rkv_index last, uint64_t size) {
  struct rkv_snapshot_meta meta;
  struct rkv_error error;
  void *r;
  assert_int_equal(snapshots_open(f, &r, &meta, &error), RKV_OK);
  assert_int_equal(meta.last.index, last);
  assert_int_equal(meta.size, size);
  assert_int_equal(meta.membership.len, 1);
  rkv_buf_drop(&meta.membership);
  return r;
}

static void reads(void *r, uint64_t offset, size_t max, const char *expected) {
  struct rkv_buf chunk;
  struct rkv_error error;
  assert_int_equal(snapshots_read(r, offset, max, &chunk, &error), RKV_OK);
  assert_int_equal(chunk.len, strlen(expected));
  if (chunk.len > 0) assert_memory_equal(chunk.data, expected, chunk.len);
  rkv_buf_drop(&chunk);
}

#define TEXT "abcdefghijklmnopqrst"

/* ---- stories ---- */

static void bytes_come_back_however_they_were_cut(void **state) {
  (void)state;
  for (size_t step = 1; step <= 7; step += 2) {
    void *r;
    saves(step, TEXT, step);
    r = opens(step, 20);
    f->reads = 0;
    reads(r, 0, 3, "abc");
    reads(r, 3, 5, "defgh");
    assert_int_equal(f->reads, 1); /* the reader keeps its block */
    reads(r, 3, 100, "defghijklmnopqrst");
    reads(r, 7, 2, "hi");
    reads(r, 16, 100, "qrst");
    reads(r, 20, 100, "");
    reads(r, UINT64_MAX, 100, "");
    snapshots_close(r);
  }
}

static void empty_snapshot_is_one(void **state) {
  void *r;
  (void)state;
  saves(3, "", 1);
  r = opens(3, 0);
  reads(r, 0, 10, "");
  snapshots_close(r);
}

static void replaced_one_stays_for_its_readers(void **state) {
  void *first, *second;
  (void)state;
  saves(1, "first", 5);
  first = opens(1, 5);
  second = opens(1, 5);
  saves(2, "second", 6);
  saves(3, "third", 5);
  assert_true(f->dropped[2]); /* snapshot 2 has no reader */
  reads(first, 0, 9, "first");
  snapshots_close(first);
  assert_false(f->dropped[1]);
  reads(second, 0, 9, "first");
  snapshots_close(second);
  assert_true(f->dropped[1]);
  assert_false(f->dropped[3]);
}

static void abort_leaves_the_present_one(void **state) {
  struct rkv_snapshot_meta meta;
  struct rkv_error error;
  void *r;
  (void)state;
  snapshots_abort(begins(1));
  assert_int_equal(snapshots_open(f, &r, &meta, &error), RKV_NOT_FOUND);
  saves(2, TEXT, 9);
  snapshots_abort(begins(3));
  snapshots_close(opens(2, 20));
}

/* A full device can be trusted with the log; one that fails cannot. */
static void refused_write_is_final_unless_for_want_of_room(void **state) {
  struct rkv_error error;
  void *w = begins(1);
  (void)state;
  f->refusal = RKV_NO_SPACE;
  assert_int_equal(writes(w, TEXT, 9), RKV_NO_SPACE);
  snapshots_abort(w);
  f->refusal = RKV_OK;
  w = begins(2);
  f->refusal = RKV_NO_SPACE;
  assert_int_equal(snapshots_commit(w, &error), RKV_NO_SPACE);
  assert_int_equal(f->fatals, 0);
  f->refusal = RKV_OK;
  saves(3, TEXT, 9);
  w = begins(4);
  f->refusal = RKV_IO;
  assert_int_equal(writes(w, TEXT, 9), RKV_IO);
  assert_int_equal(f->fatals, 1);
  f->refusal = RKV_OK;
  assert_int_equal(snapshots_commit(w, &error), RKV_IO);
  snapshots_close(opens(3, 20));
}

static void refused_begin_leaves_nothing(void **state) {
  struct rkv_snapshot_meta meta = {.membership = rkv_buf_none()};
  struct rkv_error error;
  void *w;
  (void)state;
  f->refusal = RKV_TOO_LARGE;
  assert_int_equal(snapshots_begin(f, &meta, &w, &error), RKV_TOO_LARGE);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      STORY(bytes_come_back_however_they_were_cut),
      STORY(empty_snapshot_is_one),
      STORY(replaced_one_stays_for_its_readers),
      STORY(abort_leaves_the_present_one),
      STORY(refused_write_is_final_unless_for_want_of_room),
      STORY(refused_begin_leaves_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
