/* claim_test.c: the file that says whose a directory is, and the names and files beside it. */
#include "scratch.h"

#include <storage-parts/claim.h>
#include <storage-parts/numbered.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { LINES_MAX = 64 };

static const char *const ours[] = {"data.*", NULL};
static const struct log_ops ops = {.plugin = "storage-x"};
static char dir[SCRATCH_PATH_MAX], lines[LINES_MAX];
static struct rkv_host host;
static struct log owner; /* not begun: a claim needs its folder and names */
static struct folder *const folder = &owner.folder;
static struct claim claim;
static enum claim_state claimed;
static struct rkv_error error;

static const char *maker(const char *name) {
  return strcmp(name, "known") == 0 ? "storage-y" : NULL;
}

static int setup(void **state) {
  (void)state;
  scratch_make(dir);
  host.node_id = 7;
  owner.host = &host;
  owner.ops = &ops;
  *folder = (struct folder){.files = &files_posix, .path = dir};
  claim = (struct claim){
      .log = &owner, .format = 2, .format_unchecked = 1, .ours = ours, .maker = maker};
  return folder_open(folder, &error) == RKV_OK ? 0 : -1;
}

static int teardown(void **state) {
  (void)state;
  folder_close(folder);
  scratch_remove(dir);
  return 0;
}

static void put(const char *name, const char *text) {
  int fd = openat(folder->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  assert_int_equal(write(fd, text, strlen(text)), strlen(text));
  (void)close(fd);
}

static void refuses(enum rkv_status status, const char *text) {
  assert_int_equal(claim_take(&claim, &claimed, lines, sizeof lines, &error), status);
  assert_non_null(strstr(error.text, text));
}

static void takes(enum claim_state state, const char *text) {
  assert_int_equal(claim_take(&claim, &claimed, lines, sizeof lines, &error), RKV_OK);
  assert_int_equal(claimed, state);
  assert_string_equal(lines, text);
}

/* An empty directory is claimed; what is written then is what is read. */
static void claim_is_kept(void **state) {
  (void)state;
  takes(CLAIM_NEW, "");
  takes(CLAIM_NEW, "");
  assert_int_equal(claim_write(&claim, CLAIM_MADE, "log 1\nlog 2\n", &error), RKV_OK);
  takes(CLAIM_MADE, "log 1\nlog 2\n");
  assert_int_equal(claim_write(&claim, CLAIM_CLOSED, "", &error), RKV_OK);
  takes(CLAIM_CLOSED, "");
  host.node_id = 8;
  refuses(RKV_FOREIGN, "node 7");
  host.node_id = 7;
  claim.format = 1;
  refuses(RKV_FOREIGN, "format 2");
}

/* Of a claim each byte counts; one of a format without a checksum ends with its state. */
static void changed_claim_is_refused(void **state) {
  char text[256] = "";
  int fd;
  ssize_t len;
  (void)state;
  assert_int_equal(claim_write(&claim, CLAIM_MADE, "log 1\n", &error), RKV_OK);
  fd = openat(folder->fd, OWNED_FILE, O_RDONLY | O_CLOEXEC);
  len = read(fd, text, sizeof text - 1);
  (void)close(fd);
  assert_true(len > 0);
  for (ssize_t i = 0; i < len; i++) {
    text[i] ^= 4;
    put(OWNED_FILE, text);
    assert_int_not_equal(claim_take(&claim, &claimed, lines, sizeof lines, &error), RKV_OK);
    text[i] ^= 4;
  }
  put(OWNED_FILE, text);
  takes(CLAIM_MADE, "log 1\n");
  put(OWNED_FILE, "raft-key-value storage-x\nformat 1\nnode 7\nmade\n");
  takes(CLAIM_MADE, "");
  put(OWNED_FILE, "raft-key-value storage-x\nformat 1\nnode 7\nmade\nlog 1\n");
  refuses(RKV_CORRUPT, "does not say whose");
  put(OWNED_FILE, "raft-key-value storage-x\nformat 2\nnode 7\nmade\n");
  refuses(RKV_CORRUPT, "does not say whose");
}

/* What is there without a claim is ours and incomplete, or somebody else's. */
static void filled_directory_is_refused(void **state) {
  (void)state;
  put("stranger", "");
  refuses(RKV_FOREIGN, "holds stranger, which somebody else made");
  put("known", "");
  refuses(RKV_FOREIGN, "holds known, which storage-y made");
  put("data.1", "");
  refuses(RKV_CORRUPT, OWNED_FILE " is missing beside data.1");
  assert_true(folder_lacks(folder, OWNED_FILE));
}

/* Other names, with fewer digits or capital ones, are none of that kind. */
static void numbered_files_are_listed(void **state) {
  static const struct numbered kind = {"log-", ".wal"};
  uint64_t *numbers, number;
  size_t count;
  (void)state;
  put(numbered_name(kind, 0x1f).text, "");
  put(numbered_name(kind, 3).text, "");
  put(numbered_name(kind, 0x20).text, "");
  put("log-000000000000001F.wal", "");
  put("log-01.wal", "");
  assert_int_equal(numbered_list(folder, kind, &numbers, &count, &error), RKV_OK);
  assert_int_equal(count, 3);
  assert_int_equal(numbers[0], 3);
  assert_int_equal(numbers[2], 0x20);
  free(numbers);
  assert_int_equal(numbered_drop(folder, kind, 0x1f, &error), RKV_OK);
  assert_true(folder_lacks(folder, "log-0000000000000003.wal"));
  assert_false(folder_lacks(folder, "log-000000000000001f.wal"));
  assert_false(folder_lacks(folder, "log-01.wal"));
  assert_true(numbered_is(kind, "log-000000000000001f.wal", &number));
  assert_int_equal(number, 0x1f);
}

/* A file is filled from where it is, written at any place, and read to its end. */
static void files_hold_their_bytes(void **state) {
  char bytes[8] = "";
  uint64_t size;
  size_t got;
  int fd;
  (void)state;
  assert_int_equal(folder_open_file(folder, "data", O_RDWR | O_CREAT, &fd, &error), RKV_OK);
  assert_int_equal(folder_write(folder, fd, "data", "abc", 3, 0, &error), RKV_OK);
  assert_int_equal(folder_fill(folder, fd, "data", 2, 3000000, &error), RKV_OK);
  assert_int_equal(folder_file_size(folder, fd, "data", &size, &error), RKV_OK);
  assert_int_equal(size, 3000000);
  assert_int_equal(folder_read(folder, fd, "data", bytes, 4, 0, &got, &error), RKV_OK);
  assert_int_equal(got, 4);
  assert_memory_equal(bytes, "ab\0\0", 4);
  assert_int_equal(folder_read(folder, fd, "data", bytes, 8, 2999998, &got, &error), RKV_OK);
  assert_int_equal(got, 2);
  folder_close_file(folder, fd);
  assert_int_equal(folder_rename(folder, "data", "other", &error), RKV_OK);
  assert_true(folder_lacks(folder, "data"));
  assert_int_equal(folder_rename(folder, "data", "other", &error), RKV_IO);
  assert_non_null(strstr(error.text, "/data: cannot rename"));
  assert_int_equal(folder_drop(folder, "other", &error), RKV_OK);
  assert_int_equal(folder_drop(folder, "other", &error), RKV_OK);
}

#define IN_DIRECTORY(story) cmocka_unit_test_setup_teardown(story, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      IN_DIRECTORY(claim_is_kept),
      IN_DIRECTORY(changed_claim_is_refused),
      IN_DIRECTORY(filled_directory_is_refused),
      IN_DIRECTORY(numbered_files_are_listed),
      IN_DIRECTORY(files_hold_their_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
