/* missing_test.c: storage-rocksdb in a directory that does not hold what it held. The contract
 * (law 67) sweeps what lives of any storage leave; here are those that only this one can leave. */
#include "rocks_dir.h"

#include <contract/tree.h>

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void log_kept_in_a_life_with_little_room_is_missed(void **state) {
  struct lives *l = *state;
  lives_begin(l);
  append(&l->log, 1, 9);
  lives_vote(l);
  lives_kill(l);
  device_has(FEW);
  lives_begin(l);
  lives_vote(l);
  lives_kill(l);
  assert_true(lives_sweep(l, 9) > 0);
  lives_begin(l);
  lives_hold(l, 9);
  lives_vote(l);
  lives_close(l);
  assert_true(lives_sweep(l, 9) > 0);
}

/* Entries and snapshots are written by two threads while RocksDB takes new log files. */
static void *make_snapshots(void *arg) {
  struct lives *l = arg;
  for (int i = 0; i < 20; i++) {
    struct rkv_snapshot_meta meta = {.last = id_of(5), .membership_id = id_of(1)};
    void *writer;
    meta.membership = fake_host_copy(arg, 200);
    assert_int_equal(l->log.ops->snapshot_begin(l->log.storage, &meta, &writer, NULL), RKV_OK);
    rkv_buf_drop(&meta.membership);
    assert_int_equal(l->log.ops->snapshot_commit(writer, NULL), RKV_OK);
  }
  return NULL;
}

static void logs_of_two_writers_are_missed(void **state) {
  struct lives *l = *state;
  pthread_t thread;
  rkv_index last = 0;
  l->buffer = BUFFER / 16;
  lives_begin(l);
  lives_vote(l);
  append(&l->log, 1, 9);
  assert_int_equal(pthread_create(&thread, NULL, make_snapshots, l), 0);
  for (last = 9; last < 2000; last += 100) append(&l->log, last + 1, last + 100);
  (void)pthread_join(thread, NULL);
  lives_kill(l);
  assert_true(lives_sweep(l, last) > 0);
}

static void take_fatal(void *ctx, enum rkv_status status, const char *text) {
  (void)ctx, (void)text;
  assert_int_equal(status, RKV_IO);
}

/* A description that is written and cannot be noted is there: what it describes must stay, and
 * nothing may be acknowledged any more. */
static void snapshot_that_cannot_be_noted_is_the_last(void **state) {
  struct lives *l = *state;
  struct rkv_snapshot_meta meta = {.last = id_of(9), .membership_id = id_of(1)};
  struct rkv_buf bytes = fake_host_copy("state", 5), found;
  struct rkv_error error;
  struct told told;
  void *it;
  l->log.host.host.fatal = take_fatal;
  lives_begin(l);
  assert_int_equal(l->log.ops->snapshot_begin(l->log.storage, &meta, &it, NULL), RKV_OK);
  assert_int_equal(l->log.ops->snapshot_write(it, bytes, NULL), RKV_OK);
  rkv_buf_drop(&bytes);
  device_refuses("rkv-owner.new");
  assert_int_equal(l->log.ops->snapshot_commit(it, &error), RKV_IO);
  assert_non_null(strstr(error.text, "rkv-owner"));
  append_at(&l->log, 1, 9, &told);
  assert_int_equal(told.status, RKV_IO);
  lives_close(l);
  device_refuses(NULL);
  lives_begin(l);
  assert_int_equal(l->log.ops->snapshot_open(l->log.storage, &it, &meta, NULL), RKV_OK);
  assert_int_equal(l->log.ops->snapshot_read(it, 0, 9, &found, &error), RKV_OK);
  assert_int_equal(found.len, 5);
  rkv_buf_drop(&found);
  rkv_buf_drop(&meta.membership);
  l->log.ops->snapshot_close(it);
}

static uint64_t size_of(const char *path) {
  struct stat info;
  assert_int_equal(stat(path, &info), 0);
  return (uint64_t)info.st_size;
}

/* Behind an orderly close even a whole batch that is gone is missed. */
static void log_cut_between_batches_after_a_close_is_refused(void **state) {
  struct lives *l = *state;
  char log[SCRATCH_PATH_MAX];
  uint64_t size;
  lives_begin(l);
  append(&l->log, 1, 5);
  lives_find(l, ".log", log);
  size = size_of(log);
  append(&l->log, 6, 9);
  lives_close(l);
  assert_int_equal(truncate(log, (off_t)size), 0);
  lives_refuse(l, strrchr(log, '/'));
  assert_true(tree_copy(l->whole, l->log.dir));
  lives_begin(l);
  lives_hold(l, 9);
}

/* ---- rkv-owner ---- */

static void write_owner(const struct lives *l, const char *name, const char *text) {
  char path[2 * SCRATCH_PATH_MAX];
  int fd;
  (void)snprintf(path, sizeof path, "%s/%s", l->log.dir, name);
  fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
  (void)close(fd);
}

static void cut_owner(const struct lives *l, size_t len, char *was, size_t *size) {
  char path[2 * SCRATCH_PATH_MAX];
  int fd;
  (void)snprintf(path, sizeof path, "%s/rkv-owner", l->log.dir);
  fd = open(path, O_RDONLY | O_CLOEXEC);
  assert_true(fd >= 0);
  *size = (size_t)read(fd, was, 4000);
  (void)close(fd);
  assert_int_equal(truncate(path, (off_t)len), 0);
}

/* What it says is taken as a whole or not at all: a note less would be a file less that is
 * missed. */
static void owner_that_is_cut_is_refused(void **state) {
  struct lives *l = *state;
  char was[4000] = "";
  size_t size;
  lives_begin(l);
  append(&l->log, 1, 9);
  lives_kill(l);
  cut_owner(l, 0, was, &size);
  for (size_t len = 0; len < size; len++) {
    was[size] = '\0';
    write_owner(l, "rkv-owner", was);
    cut_owner(l, len, was, &size);
    lives_refuse(l, "rkv-owner");
  }
}

/* Directories of format 1, which had no notes, go on, and get them. */
static void format_1_goes_on(struct lives *l, const char *text, uint64_t room) {
  lives_begin(l);
  append(&l->log, 1, 9);
  lives_vote(l);
  if (strstr(text, "closed"))
    lives_close(l);
  else
    lives_kill(l);
  write_owner(l, "rkv-owner", text);
  device_has(room);
  lives_begin(l);
  lives_hold(l, 9);
  lives_kill(l);
  assert_true(lives_sweep(l, 9) > 0);
}

#define FORMAT_1 "raft-key-value storage-rocksdb\nformat 1\nnode 1\n"

static void format_1_made_goes_on(void **state) {
  format_1_goes_on(*state, FORMAT_1 "made\n", DEVICE);
}

static void format_1_closed_goes_on(void **state) {
  format_1_goes_on(*state, FORMAT_1 "closed\n", DEVICE);
}

static void format_1_with_little_room_goes_on(void **state) {
  format_1_goes_on(*state, FORMAT_1 "made\n", FEW);
}

static void format_1_new_is_new(void **state) {
  struct lives *l = *state;
  write_owner(l, "rkv-owner", FORMAT_1 "new\n");
  lives_begin(l);
  lives_hold(l, 0);
}

static void format_to_come_is_refused(void **state) {
  struct lives *l = *state;
  struct rkv_error error;
  write_owner(l, "rkv-owner", "raft-key-value storage-rocksdb\nformat 3\nnode 1\nmade\nmore\n");
  assert_int_equal(lives_try(l, &error), RKV_FOREIGN);
  assert_non_null(strstr(error.text, "a newer raft-key-value wrote it"));
}

/* ---- what others made ---- */

/* A crash in the middle of the first claim leaves a directory that is as good as new. */
static void claim_that_crashed_is_none(void **state) {
  struct lives *l = *state;
  write_owner(l, ".rkv-owner", "raft-key");
  lives_begin(l);
  append(&l->log, 1, 9);
  lives_hold(l, 9);
}

static void refuse_storage_wal(struct lives *l) {
  struct rkv_error error;
  uint64_t before = tree_hash(l->log.dir);
  assert_int_equal(lives_try(l, &error), RKV_FOREIGN);
  assert_non_null(strstr(error.text, "storage-wal"));
  assert_non_null(strstr(error.text, "a directory of its own"));
  assert_int_equal(tree_hash(l->log.dir), before);
}

/* Also one of its format 1, in which no file says so. */
static void directory_of_storage_wal_is_refused(void **state) {
  struct lives *l = *state;
  struct log_test *wal;
  char owner[2 * SCRATCH_PATH_MAX];
  log_choose("storage-wal");
  assert_int_equal(log_setup((void **)&wal), 0);
  append(wal, 1, 9);
  wal->ops->close(wal->storage);
  wal->storage = NULL;
  assert_true(tree_copy(wal->dir, l->log.dir));
  refuse_storage_wal(l);
  (void)snprintf(owner, sizeof owner, "%s/rkv-owner", l->log.dir);
  (void)unlink(owner);
  refuse_storage_wal(l);
  assert_int_equal(log_teardown((void **)&wal), 0);
}

#define LIVES(test) cmocka_unit_test_setup_teardown(test, lives_setup, lives_teardown)

static int put_link(const char *at) {
  return symlink(".aside", at);
}

static int put_pipe(const char *at) {
  return mkfifo(at, 0600);
}

static int put_folder(const char *at) {
  return mkdir(at, 0700);
}

/* The file stands aside, and something else in its place. */
static void refuse_in_the_place_of(struct lives *l, const char *name, int (*put)(const char *at)) {
  char at[2 * SCRATCH_PATH_MAX], aside[2 * SCRATCH_PATH_MAX];
  struct rkv_error error = {0};
  (void)snprintf(at, sizeof at, "%s/%s", l->log.dir, name);
  (void)snprintf(aside, sizeof aside, "%s/.aside", l->log.dir);
  assert_int_equal(rename(at, aside), 0);
  assert_int_equal(put(at), 0);
  assert_int_equal(lives_try(l, &error), RKV_IO);
  assert_non_null(strstr(error.text, name));
  assert_non_null(strstr(error.text, "no plain file"));
  assert_int_equal(remove(at), 0);
  assert_int_equal(rename(aside, at), 0);
}

/* A pipe, a link or a folder in the place of a file, of any file: nobody waits for it, nobody
 * follows it, and RocksDB's words are not what is said of it. */
static void what_is_no_file_is_refused(void **state) {
  enum { FILES_MAX = 32 };
  struct lives *l = *state;
  char names[FILES_MAX][NAME_MAX + 1];
  size_t count = 0;
  lives_begin(l);
  append(&l->log, 1, 9);
  lives_kill(l);
  DIR *items = opendir(l->log.dir);
  assert_non_null(items);
  for (const struct dirent *item = readdir(items); item; item = readdir(items)) {
    if (item->d_name[0] == '.') continue;
    assert_true(count < FILES_MAX);
    (void)snprintf(names[count++], sizeof names[0], "%s", item->d_name);
  }
  (void)closedir(items);
  assert_true(count > 5); /* rkv-owner, CURRENT, a manifest, a log, IDENTITY and more */
  for (size_t i = 0; i < count; i++) {
    refuse_in_the_place_of(l, names[i], put_pipe);
    refuse_in_the_place_of(l, names[i], put_link);
    refuse_in_the_place_of(l, names[i], put_folder);
  }
  lives_begin(l);
  lives_hold(l, 9);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      LIVES(what_is_no_file_is_refused),
      LIVES(log_kept_in_a_life_with_little_room_is_missed),
      LIVES(logs_of_two_writers_are_missed),
      LIVES(snapshot_that_cannot_be_noted_is_the_last),
      LIVES(log_cut_between_batches_after_a_close_is_refused),
      LIVES(owner_that_is_cut_is_refused),
      LIVES(format_1_made_goes_on),
      LIVES(format_1_closed_goes_on),
      LIVES(format_1_with_little_room_goes_on),
      LIVES(format_1_new_is_new),
      LIVES(format_to_come_is_refused),
      LIVES(claim_that_crashed_is_none),
      LIVES(directory_of_storage_wal_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
