/* through_test.c: a directory that is written through a stacked plugin says so (host/through.h). */
#include "support.h"

#include <host/through.h>

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct rkv_option options[] = {
    {.name = "dir", .help = "where", .type = RKV_OPTION_PATH, .flags = RKV_OPTION_REQUIRED}};
static const struct rkv_plugin plugin = {.kind = RKV_KIND_STORAGE,
                                         .name = "storage-files",
                                         .options = options,
                                         .option_count = 1,
                                         .option_size = sizeof options[0]};

/* A place in a new directory, and the storage that is to be opened there. */
struct visit {
  char root[64], path[96], file[128];
  struct host_part part;
  struct rkv_error error;
};

static void begin_visit(struct visit *v) {
  *v = (struct visit){.root = "/tmp/rkv-through-XXXXXX"};
  assert_non_null(mkdtemp(v->root));
  (void)snprintf(v->path, sizeof v->path, "%s/data", v->root);
  (void)snprintf(v->file, sizeof v->file, "%s/" HOST_THROUGH_FILE, v->path);
  v->part.kind = RKV_KIND_STORAGE;
  v->part.plugin = &plugin;
  v->part.values[0].text = v->path;
}

static void put(const struct visit *v, const char *name, const char *text) {
  char path[sizeof v->path + 256];
  (void)snprintf(path, sizeof path, "%s/%s", v->path, name);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_true(fputs(text, file) >= 0);
  assert_int_equal(fclose(file), 0);
}

static void take(const struct visit *v, const char *name) {
  char path[sizeof v->path + 256];
  (void)snprintf(path, sizeof path, "%s/%s", v->path, name);
  assert_int_equal(remove(path), 0);
}

static void end_visit(struct visit *v) {
  DIR *folder = opendir(v->path);
  const struct dirent *item;
  while (folder && (item = readdir(folder)) != NULL)
    if (strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0) take(v, item->d_name);
  if (folder) assert_int_equal(closedir(folder), 0);
  (void)rmdir(v->path);
  assert_int_equal(rmdir(v->root), 0);
}

/* Opens it through this plugin (NULL: by itself). */
static enum rkv_status enter(struct visit *v, const char *through) {
  v->part.through = through;
  v->error = (struct rkv_error){0};
  return host_through_enter(&v->part, &v->error);
}

static void expect_file(const struct visit *v, const char *text) {
  char got[64] = "";
  FILE *file = fopen(v->file, "r");
  if (!text) {
    assert_null(file);
    return;
  }
  assert_non_null(file);
  assert_ptr_equal(fgets(got, sizeof got, file), got);
  assert_int_equal(fclose(file), 0);
  assert_string_equal(got, text);
}

static void expect_refused(struct visit *v, const char *through, const char *text) {
  assert_int_equal(enter(v, through), RKV_FOREIGN);
  if (!strstr(v->error.text, text)) fail_msg("%s", v->error.text);
}

/* A storage by itself needs no file, and no directory is made for it. */
static void a_plain_storage_gets_nothing(void **state) {
  struct visit v;
  (void)state;
  begin_visit(&v);
  assert_int_equal(enter(&v, NULL), RKV_OK);
  assert_int_not_equal(access(v.path, F_OK), 0);
  assert_int_equal(mkdir(v.path, 0700), 0);
  put(&v, "log", "");
  assert_int_equal(enter(&v, NULL), RKV_OK);
  expect_file(&v, NULL);
  end_visit(&v);
}

/* What was written through a plugin is opened through it and in no other way; the text says the
 * lines that are right. Nothing is changed. */
static void it_is_opened_as_it_was_written(void **state) {
  struct visit v;
  (void)state;
  begin_visit(&v);
  assert_int_equal(enter(&v, "storage-crypt"), RKV_OK);
  expect_file(&v, "storage-crypt\n");
  put(&v, "log", "");
  assert_int_equal(enter(&v, "storage-crypt"), RKV_OK);
  expect_refused(&v, NULL,
                 "written through storage-crypt (write: plugin = storage-crypt, over = "
                 "storage-files and its own settings, and those of storage-files in section "
                 "[storage.under], or as under.KEY=VALUE)");
  expect_refused(&v, "storage-packed", "written through storage-crypt, not through storage-packed");
  expect_file(&v, "storage-crypt\n");
  end_visit(&v);
}

static void what_was_written_plainly_is_opened_plainly(void **state) {
  struct visit v;
  (void)state;
  begin_visit(&v);
  assert_int_equal(mkdir(v.path, 0700), 0);
  put(&v, "log", "");
  expect_refused(&v, "storage-crypt",
                 "written without storage-crypt (write: plugin = storage-files, without over");
  expect_file(&v, NULL);
  assert_int_equal(enter(&v, NULL), RKV_OK);
  end_visit(&v);
}

/* A start that failed, or a crash, left the file alone, or a part of it: nothing was written, so
 * any way is right. */
static void a_place_with_nothing_in_it_is_anybodys(void **state) {
  struct visit v;
  (void)state;
  begin_visit(&v);
  assert_int_equal(enter(&v, "storage-crypt"), RKV_OK);
  put(&v, ".backup", "");
  assert_int_equal(enter(&v, "storage-packed"), RKV_OK);
  expect_file(&v, "storage-packed\n");
  put(&v, HOST_THROUGH_FILE, "");
  assert_int_equal(enter(&v, "storage-crypt"), RKV_OK);
  expect_file(&v, "storage-crypt\n");
  assert_int_equal(enter(&v, NULL), RKV_OK);
  expect_file(&v, NULL);
  end_visit(&v);
}

/* Words of somebody else in the file are no damage of the storage. */
static void a_strange_file_is_refused(void **state) {
  struct visit v;
  (void)state;
  begin_visit(&v);
  assert_int_equal(mkdir(v.path, 0700), 0);
  put(&v, "log", "");
  put(&v, HOST_THROUGH_FILE, "a backup of Monday\n");
  expect_refused(&v, NULL, ": names no plugin (write the name of the one");
  expect_refused(&v, "storage-crypt", ": names no plugin (write the name of the one");
  take(&v, HOST_THROUGH_FILE);
  assert_int_equal(enter(&v, NULL), RKV_OK);
  end_visit(&v);
}

/* No directory can be made there: the text says why, and nothing is left. */
static void a_place_that_cannot_be_is_told(void **state) {
  struct visit v;
  (void)state;
  begin_visit(&v);
  (void)snprintf(v.path, sizeof v.path, "%s/none/data", v.root);
  assert_int_equal(enter(&v, NULL), RKV_OK); /* the storage says it */
  assert_int_equal(enter(&v, "storage-crypt"), RKV_IO);
  assert_non_null(strstr(v.error.text, "none/data: No such file or directory"));
  end_visit(&v);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_plain_storage_gets_nothing),
      cmocka_unit_test(it_is_opened_as_it_was_written),
      cmocka_unit_test(what_was_written_plainly_is_opened_plainly),
      cmocka_unit_test(a_place_with_nothing_in_it_is_anybodys),
      cmocka_unit_test(a_strange_file_is_refused),
      cmocka_unit_test(a_place_that_cannot_be_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
