/* storage_laws_snapshot.c: the laws of a storage's snapshots, as stories. */
#include "storage_laws.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* ---- acts ---- */

/* Byte n of the snapshot at `last` is fixed by both. */
static uint8_t byte_of(rkv_index last, size_t n) {
  return (uint8_t)(n * 31 + last * 7 + n / 251);
}

static void *begin(struct log_test *t, rkv_index last) {
  struct rkv_snapshot_meta meta = {.last = {2, last}, .membership_id = {1, 1}, .id = "snap"};
  void *writer;
  meta.membership = fake_host_copy("members", 7);
  assert_int_equal(t->ops->snapshot_begin(t->storage, &meta, &writer, NULL), RKV_OK);
  rkv_buf_drop(&meta.membership);
  return writer;
}

/* Writes `size` bytes in chunks of 1, 2, 3, ... bytes. */
static void write_bytes(struct log_test *t, void *writer, rkv_index last, size_t size) {
  for (size_t at = 0, step = 1; at < size; at += step++) {
    struct rkv_buf chunk;
    uint8_t bytes[4096];
    if (step > size - at) step = size - at;
    assert_true(step <= sizeof bytes);
    for (size_t i = 0; i < step; i++) bytes[i] = byte_of(last, at + i);
    chunk = fake_host_copy(bytes, step);
    assert_int_equal(t->ops->snapshot_write(writer, chunk, NULL), RKV_OK);
    rkv_buf_drop(&chunk);
  }
}

void make_snapshot(struct log_test *t, rkv_index last, size_t size) {
  void *writer = begin(t, last);
  write_bytes(t, writer, last, size);
  assert_int_equal(t->ops->snapshot_commit(writer, NULL), RKV_OK);
}

size_t read_to_end(struct log_test *t, void *reader, rkv_index last, uint64_t offset, size_t max) {
  size_t right = 0;
  for (;;) {
    struct rkv_buf chunk;
    if (t->ops->snapshot_read(reader, offset, max, &chunk, NULL) != RKV_OK) return 0;
    if (chunk.len == 0) return right;
    if (chunk.len > max) return 0;
    for (size_t i = 0; i < chunk.len; i++)
      right += chunk.data[i] == byte_of(last, (size_t)offset + i);
    offset += chunk.len;
    rkv_buf_drop(&chunk);
  }
}

void *open_newest(struct log_test *t, rkv_index last, size_t size) {
  struct rkv_snapshot_meta meta;
  void *reader;
  assert_int_equal(t->ops->snapshot_open(t->storage, &reader, &meta, NULL), RKV_OK);
  assert_int_equal(meta.last.index, last);
  assert_int_equal(meta.membership_id.index, 1);
  assert_int_equal(meta.size, size);
  assert_string_equal(meta.id, "snap");
  assert_memory_equal(meta.membership.data, "members", 7);
  rkv_buf_drop(&meta.membership);
  return reader;
}

/* ---- stories ---- */

/* The bytes written come back at any offset in pieces of any size; load knows the snapshot. */
void snapshot_is_read_back(void **state) {
  struct log_test *t = *state;
  struct rkv_storage_state held;
  void *reader;
  make_snapshot(t, 10, 5000);
  assert_int_equal(t->ops->load(t->storage, &held, NULL), RKV_OK);
  assert_int_equal(held.snapshot.last.index, 10);
  assert_int_equal(held.snapshot.size, 5000);
  rkv_buf_drop(&held.snapshot.membership);
  reader = open_newest(t, 10, 5000);
  assert_int_equal(read_to_end(t, reader, 10, 0, 1), 5000);
  assert_int_equal(read_to_end(t, reader, 10, 0, 777), 5000);
  assert_int_equal(read_to_end(t, reader, 10, 0, SIZE_MAX), 5000);
  assert_int_equal(read_to_end(t, reader, 10, 4999, 777), 1);
  assert_int_equal(read_to_end(t, reader, 10, 5000, 777), 0);
  assert_int_equal(read_to_end(t, reader, 10, UINT64_MAX, 777), 0);
  t->ops->snapshot_close(reader);
}

/* Before the commit there is none, after an abort the old one; an empty one is one as well. */
void snapshot_appears_at_commit_only(void **state) {
  struct log_test *t = *state;
  struct rkv_snapshot_meta meta;
  struct rkv_error error;
  void *reader, *writer = begin(t, 5);
  write_bytes(t, writer, 5, 100);
  assert_int_equal(t->ops->snapshot_open(t->storage, &reader, &meta, &error), RKV_NOT_FOUND);
  assert_int_equal(t->ops->snapshot_commit(writer, NULL), RKV_OK);
  writer = begin(t, 6);
  write_bytes(t, writer, 6, 100);
  t->ops->snapshot_abort(writer);
  t->ops->snapshot_close(open_newest(t, 5, 100));
  make_snapshot(t, 7, 0);
  t->ops->snapshot_close(open_newest(t, 7, 0));
}

/* Who reads the old snapshot goes on reading it, and keeps slices of it beyond that. */
void snapshot_outlives_its_successor(void **state) {
  struct log_test *t = *state;
  struct rkv_buf kept;
  void *old, *new;
  make_snapshot(t, 1, 3000);
  old = open_newest(t, 1, 3000);
  make_snapshot(t, 2, 50);
  new = open_newest(t, 2, 50);
  assert_int_equal(read_to_end(t, old, 1, 0, 500), 3000);
  assert_int_equal(read_to_end(t, new, 2, 0, 500), 50);
  assert_int_equal(t->ops->snapshot_read(old, 2990, 10, &kept, NULL), RKV_OK);
  t->ops->snapshot_close(old);
  t->ops->snapshot_close(new);
  for (size_t i = 0; i < kept.len; i++) assert_int_equal(kept.data[i], byte_of(1, 2990 + i));
  assert_int_equal(kept.len, 10);
  rkv_buf_drop(&kept);
}

struct reading {
  struct log_test *t;
  atomic_bool stop;
  int whole, torn;
};

static void *read_snapshots(void *arg) {
  struct reading *reading = arg;
  struct log_test *t = reading->t;
  do {
    struct rkv_snapshot_meta meta;
    void *reader;
    if (t->ops->snapshot_open(t->storage, &reader, &meta, NULL) != RKV_OK) continue;
    if (read_to_end(t, reader, meta.last.index, 0, 300) == meta.size)
      reading->whole++;
    else
      reading->torn++;
    rkv_buf_drop(&meta.membership);
    t->ops->snapshot_close(reader);
  } while (!atomic_load(&reading->stop));
  return NULL;
}

/* A reader in another thread sees one whole snapshot each time, while new ones are made. */
void snapshot_readers_overlap_the_writer(void **state) {
  struct log_test *t = *state;
  struct reading reading = {.t = t};
  pthread_t thread;
  make_snapshot(t, 1, 2000);
  assert_int_equal(pthread_create(&thread, NULL, read_snapshots, &reading), 0);
  for (rkv_index last = 2; last < 200; last++) make_snapshot(t, last, 1000 + 13 * (size_t)last);
  atomic_store(&reading.stop, true);
  assert_int_equal(pthread_join(thread, NULL), 0);
  assert_int_equal(reading.torn, 0);
  assert_true(reading.whole > 0);
}
