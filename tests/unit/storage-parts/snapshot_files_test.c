/* snapshot_files_test.c: snapshots of libs/storage-parts as files of a directory. */
#include "fake_host.h"
#include "scratch.h"

#include <storage-parts/snapshot_files.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define FIRST "snapshot-0000000000000001"
#define SECOND "snapshot-0000000000000002"
enum { BYTES = SNAPSHOT_FILE_BLOCK + 1000 }; /* two blocks */

struct fixture {
  struct log log; /* the first member */
  struct fake_host fake;
  char dir[SCRATCH_PATH_MAX];
  uint8_t bytes[BYTES];
  enum rkv_status note; /* how it ends */
  uint64_t noted;
  unsigned fatals;
};

static struct fixture *f;
static struct rkv_error error;

static enum rkv_status note_snapshot(struct log *log, uint64_t number, struct rkv_error *why) {
  assert_false(folder_lacks(&log->folder, number == 1 ? FIRST : SECOND));
  if (f->note != RKV_OK) return rkv_fail(why, f->note, "no");
  f->noted = number;
  return RKV_OK;
}

static const struct log_ops ops = {.plugin = "storage-x",
                                   .section = "x",
                                   .snapshots = &snapshot_files_ops,
                                   .note_snapshot = note_snapshot};

static void on_fatal(void *ctx, enum rkv_status status, const char *text) {
  (void)ctx, (void)status, (void)text;
  f->fatals++;
}

static void opens(void) {
  log_init(&f->log, &f->fake.host, &ops, &threads_posix, 1 << 20);
  f->log.folder = (struct folder){.files = &files_posix, .path = f->dir, .fd = -1, .sync = true};
  assert_int_equal(folder_open(&f->log.folder, &error), RKV_OK);
}

static void closes(void) {
  snapshots_drop(f->log.newest);
  folder_close(&f->log.folder);
  log_destroy(&f->log);
  f->log = (struct log){0};
}

static int setup(void **state) {
  (void)state;
  f = calloc(1, sizeof *f);
  for (size_t i = 0; i < BYTES; i++) f->bytes[i] = (uint8_t)(i * 7 + i / 256);
  fake_host_init(&f->fake);
  f->fake.host.fatal = on_fatal;
  f->fake.host.node_id = 7;
  scratch_make(f->dir);
  opens();
  return 0;
}

static int teardown(void **state) {
  (void)state;
  closes();
  scratch_remove(f->dir);
  assert_int_equal(fake_host_buffers(), 0);
  free(f);
  return 0;
}

static enum rkv_status saves(rkv_index last) {
  struct rkv_snapshot_meta meta = {
      .last = {1, last}, .membership_id = {1, 1}, .membership = fake_host_copy("voters", 6)};
  struct rkv_buf bytes = fake_host_copy(f->bytes, BYTES);
  enum rkv_status status;
  void *w;
  assert_int_equal(snapshots_begin(f, &meta, &w, &error), RKV_OK);
  assert_int_equal(snapshots_write(w, bytes, &error), RKV_OK);
  status = snapshots_commit(w, &error);
  rkv_buf_drop(&bytes);
  rkv_buf_drop(&meta.membership);
  return status;
}

/* Reads all of the newest one, whose last entry this is. */
static enum rkv_status reads(rkv_index last) {
  struct rkv_snapshot_meta meta;
  struct rkv_buf chunk;
  enum rkv_status status;
  void *r;
  assert_int_equal(snapshots_open(f, &r, &meta, &error), RKV_OK);
  assert_int_equal(meta.last.index, last);
  assert_int_equal(meta.size, BYTES);
  assert_memory_equal(meta.membership.data, "voters", 6);
  status = snapshots_read(r, 0, BYTES, &chunk, &error);
  if (status == RKV_OK) assert_memory_equal(chunk.data, f->bytes, BYTES);
  if (status == RKV_OK) rkv_buf_drop(&chunk);
  rkv_buf_drop(&meta.membership);
  snapshots_close(r);
  return status;
}

static void newest_is_found_again(void **state) {
  (void)state;
  assert_int_equal(saves(5), RKV_OK);
  assert_int_equal(saves(9), RKV_OK);
  assert_int_equal(f->noted, 2);
  assert_true(folder_lacks(&f->log.folder, FIRST));
  assert_int_equal(reads(9), RKV_OK);
  closes();
  opens();
  assert_int_equal(snapshot_files_find(&f->log, 2, &error), RKV_OK);
  assert_int_equal(reads(9), RKV_OK);
  f->fake.host.node_id = 8;
  closes();
  opens();
  assert_int_equal(snapshot_files_find(&f->log, 2, &error), RKV_FOREIGN);
}

/* What could not be noted for want of room is gone; what may have been noted stays. */
static void unnoted_snapshot_goes(void **state) {
  (void)state;
  f->note = RKV_NO_SPACE;
  assert_int_equal(saves(5), RKV_NO_SPACE);
  assert_true(folder_lacks(&f->log.folder, FIRST));
  assert_int_equal(f->fatals, 0);
  f->note = RKV_OK;
  assert_int_equal(saves(5), RKV_OK);
  f->note = RKV_IO;
  assert_int_equal(saves(9), RKV_IO);
  assert_int_equal(f->fatals, 1);
  assert_false(folder_lacks(&f->log.folder, FIRST));
  assert_false(folder_lacks(&f->log.folder, SECOND));
}

/* A byte changed, or a file that is not there. */
static void damage_is_told(void **state) {
  uint8_t byte;
  int fd;
  (void)state;
  assert_int_equal(saves(5), RKV_OK);
  fd = openat(f->log.folder.fd, FIRST, O_RDWR | O_CLOEXEC);
  assert_int_equal(pread(fd, &byte, 1, 9000), 1);
  byte ^= 1;
  assert_int_equal(pwrite(fd, &byte, 1, 9000), 1);
  assert_int_equal(reads(5), RKV_CORRUPT);
  assert_non_null(strstr(error.text, FIRST ": offset 4096"));
  assert_int_equal(pwrite(fd, &byte, 1, 200), 1);
  (void)close(fd);
  closes();
  opens();
  assert_int_equal(snapshot_files_find(&f->log, 1, &error), RKV_CORRUPT);
  assert_int_equal(snapshot_files_find(&f->log, 2, &error), RKV_CORRUPT);
  assert_non_null(strstr(error.text, SECOND " is missing"));
  assert_int_equal(snapshot_files_find(&f->log, 0, &error), RKV_OK);
}

static void others_are_dropped(void **state) {
  (void)state;
  assert_int_equal(saves(5), RKV_OK);
  f->note = RKV_IO;
  assert_int_equal(saves(9), RKV_IO);
  (void)close(openat(f->log.folder.fd, "temporary-0000000000000009", O_CREAT | O_CLOEXEC, 0600));
  assert_int_equal(snapshot_files_drop_others(&f->log, &error), RKV_OK);
  assert_false(folder_lacks(&f->log.folder, FIRST));
  assert_true(folder_lacks(&f->log.folder, SECOND));
  assert_true(folder_lacks(&f->log.folder, "temporary-0000000000000009"));
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {STORY(newest_is_found_again), STORY(unnoted_snapshot_goes),
                                     STORY(damage_is_told), STORY(others_are_dropped)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
