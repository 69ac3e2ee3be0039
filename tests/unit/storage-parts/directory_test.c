/* directory_test.c: the parts of libs/storage-parts that know files: checksum, texts, directory. */
#include "scratch.h"

#include <storage-parts/crc32c.h>
#include <storage-parts/folder.h>
#include <storage-parts/owned.h>
#include <storage-parts/refuse.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* The check value of the polynomial, and the examples of RFC 3720, appendix B.4. */
static void checksum_is_castagnolis(void **state) {
  uint8_t bytes[32];
  (void)state;
  assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283u);
  assert_int_equal(crc32c(0, "", 0), 0);
  memset(bytes, 0, sizeof bytes);
  assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x8a9136aau);
  memset(bytes, 0xff, sizeof bytes);
  assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x62a8ab43u);
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)i;
  assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x46dd794eu);
}

/* Instruction and table agree at every length and alignment, in one piece and in two. */
static void checksum_is_the_same_everywhere(void **state) {
  uint8_t bytes[80];
  (void)state;
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 37 + 11);
  for (size_t from = 0; from < 9; from++)
    for (size_t len = 0; from + len <= sizeof bytes; len++) {
      uint32_t whole = crc32c(5, bytes + from, len);
      assert_int_equal(whole, crc32c_by_table(5, bytes + from, len));
      assert_int_equal(
          whole, crc32c(crc32c(5, bytes + from, len / 3), bytes + from + len / 3, len - len / 3));
    }
}

/* ---- texts ---- */

static void limit_is_named(void **state) {
  struct rkv_error error;
  (void)state;
  errno = EMFILE;
  assert_int_equal(refuse_errno("d", "open it", &error), RKV_FULL);
  assert_non_null(strstr(error.text, "d: cannot open it: all "));
  assert_non_null(strstr(error.text, "LimitNOFILE"));
  errno = ENFILE;
  assert_int_equal(refuse_errno("d", "open it", &error), RKV_FULL);
  assert_non_null(strstr(error.text, "fs.file-max"));
  errno = ENOSPC;
  assert_int_equal(refuse_errno("d", "open it", &error), RKV_NO_SPACE);
  errno = EIO;
  assert_int_equal(refuse_errno("d", "open it", &error), RKV_IO);
}

static enum rkv_status belongs(const char *text, struct rkv_error *error) {
  return owned_check_plugin("d/rkv-owner", "storage-x", text, strlen(text), error);
}

static void owner_is_told(void **state) {
  struct rkv_error error;
  (void)state;
  assert_int_equal(belongs("raft-key-value storage-x\nmore", &error), RKV_OK);
  assert_int_equal(belongs("raft-key-value storage-y\n", &error), RKV_FOREIGN);
  assert_non_null(strstr(error.text, "d/rkv-owner: this directory belongs to storage-y"));
  assert_int_equal(belongs("raft-key-value storage-xx\n", &error), RKV_FOREIGN);
  assert_int_equal(belongs("raft-key-value \n", &error), RKV_CORRUPT);
  assert_int_equal(belongs("raft-key-value storage-", &error), RKV_CORRUPT); /* cut off */
  assert_int_equal(belongs("raft-key", &error), RKV_CORRUPT);
  assert_int_equal(belongs("", &error), RKV_CORRUPT);
  assert_int_equal(owned_check_format("d", 3, 2, &error), RKV_FOREIGN);
  assert_int_equal(owned_check_format("d", 2, 2, &error), RKV_OK);
  assert_int_equal(owned_check_node("d", 3, 2, &error), RKV_FOREIGN);
  assert_int_equal(owned_check_node("d", 2, 2, &error), RKV_OK);
}

/* ---- the directory ---- */

static char dir[SCRATCH_PATH_MAX];
static struct folder folder;

static int setup(void **state) {
  struct rkv_error error;
  (void)state;
  scratch_make(dir);
  folder = (struct folder){.files = &files_posix, .path = dir, .sync = true};
  return folder_open(&folder, &error) == RKV_OK ? 0 : -1;
}

static int teardown(void **state) {
  (void)state;
  (void)unlinkat(folder.fd, ".hidden", 0);
  folder_close(&folder);
  scratch_remove(dir);
  return 0;
}

static void make(const char *name) {
  int fd = openat(folder.fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  (void)close(fd);
}

static void directory_is_for_one_alone(void **state) {
  struct folder other = folder;
  struct rkv_error error;
  (void)state;
  assert_int_equal(folder_open(&other, &error), RKV_UNAVAILABLE);
  assert_int_equal(other.fd, -1);
  assert_non_null(strstr(error.text, "another node"));
  assert_true(folder_free_bytes(&folder) > 0);
}

static void directory_is_made_for_its_owner(void **state) {
  char inner[SCRATCH_PATH_MAX + 8];
  struct folder made = {.files = &files_posix, .path = inner};
  struct rkv_error error;
  struct stat info;
  (void)state;
  (void)snprintf(inner, sizeof inner, "%s/inner", dir);
  assert_int_equal(folder_open(&made, &error), RKV_OK);
  assert_int_equal(fstat(made.fd, &info), 0);
  assert_int_equal(info.st_mode & 0777, 0700);
  folder_close(&made);
  assert_int_equal(rmdir(inner), 0);
}

static enum folder_maker maker_of(const void *arg, const char *name) {
  assert_null(arg);
  if (name[0] == 'n') return FOLDER_NOBODY;
  return name[0] == 'o' ? FOLDER_OURS : FOLDER_OTHERS;
}

/* Dot files and lost+found, which a new file system has, do not fill a directory. */
static void names_say_whose_they_are(void **state) {
  struct folder_found found;
  struct rkv_error error;
  (void)state;
  make(".hidden");
  make("lost+found");
  make("nobody");
  assert_int_equal(folder_look(&folder, maker_of, NULL, &found, &error), RKV_OK);
  assert_string_equal(found.ours, "");
  assert_string_equal(found.others, "");
  make("o2");
  make("o1");
  make("stranger");
  assert_int_equal(folder_look(&folder, maker_of, NULL, &found, &error), RKV_OK);
  assert_string_equal(found.ours, "o1");
  assert_string_equal(found.others, "stranger");
}

/* Nobody waits for who would write into the pipe; a link may lead anywhere. */
static void what_is_no_file_is_refused(void **state) {
  struct rkv_error error;
  int fd;
  (void)state;
  make("file");
  assert_int_equal(folder_open_file(&folder, "file", O_RDONLY, &fd, &error), RKV_OK);
  (void)close(fd);
  assert_int_equal(mkfifoat(folder.fd, "pipe", 0600), 0);
  assert_int_equal(symlinkat("file", folder.fd, "link"), 0);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(folder_open_file(&folder, i ? "link" : "pipe", O_RDONLY, &fd, &error), RKV_IO);
    assert_int_equal(fd, -1);
    assert_non_null(strstr(error.text, i ? "link: no plain file" : "pipe: no plain file"));
  }
  assert_int_equal(folder_open_file(&folder, "none", O_RDONLY, &fd, &error), RKV_IO);
  assert_non_null(strstr(error.text, "none: cannot open"));
  (void)unlinkat(folder.fd, "pipe", 0);
}

#define IN_DIRECTORY(story) cmocka_unit_test_setup_teardown(story, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(checksum_is_castagnolis), cmocka_unit_test(checksum_is_the_same_everywhere),
      cmocka_unit_test(limit_is_named),          cmocka_unit_test(owner_is_told),
      IN_DIRECTORY(directory_is_for_one_alone),  IN_DIRECTORY(directory_is_made_for_its_owner),
      IN_DIRECTORY(names_say_whose_they_are),    IN_DIRECTORY(what_is_no_file_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
