/* acts.c: opens, closes and looks at a storage-wal and its files. */
#include "shim.h"
#include "wal.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FILES_MAX = 32, SPARES = 2 };

/* ---- the storage ---- */

static pthread_mutex_t warned_lock = PTHREAD_MUTEX_INITIALIZER;

static void keep_warning(void *ctx, enum rkv_log_level level, const char *module,
                         const char *text) {
  struct wal *w = (struct wal *)((char *)ctx - offsetof(struct wal, host));
  size_t len;
  (void)module;
  if (level < RKV_LOG_WARN || strncmp(text, "sync =", 6) == 0) return;
  (void)pthread_mutex_lock(&warned_lock);
  len = strlen(w->warnings);
  (void)snprintf(w->warning, sizeof w->warning, "%s", text);
  (void)snprintf(w->warnings + len, sizeof w->warnings - len, "%s\n", text);
  (void)pthread_mutex_unlock(&warned_lock);
}

bool wal_warned(struct wal *w, const char *text) {
  bool warned;
  (void)pthread_mutex_lock(&warned_lock);
  warned = strstr(w->warnings, text) != NULL;
  (void)pthread_mutex_unlock(&warned_lock);
  return warned;
}

static void keep_fatal(void *ctx, enum rkv_status status, const char *text) {
  struct wal *w = (struct wal *)((char *)ctx - offsetof(struct wal, host));
  (void)text;
  atomic_store(&w->fatal, (int)status);
}

void wal_init(struct wal *w) {
  fake_host_init(&w->host);
  w->host.host.log = keep_warning;
  w->host.host.fatal = keep_fatal;
  w->ops = &wal_ops;
  w->files = shim_files();
  w->segment_bytes = SEGMENT_SMALL;
  w->queue_bytes_max = UINT64_C(1) << 30;
  w->sync = true;
  atomic_init(&w->fatal, RKV_OK);
}

enum rkv_status wal_open(struct wal *w) {
  const struct rkv_value values[WAL_OPTIONS] = {{.text = w->dir},
                                                {.number = w->segment_bytes},
                                                {.number = SPARES},
                                                {.number = w->queue_bytes_max},
                                                {.number = w->sync}};
  const struct rkv_config config = {sizeof config, WAL_OPTIONS, values};
  enum rkv_status status =
      wal_open_on(&w->host.host, &config, &w->files, &threads_posix, &w->storage, &w->error);
  if (status != RKV_OK) w->storage = NULL;
  return status;
}

void wal_close(struct wal *w) {
  if (w->storage) w->ops->close(w->storage);
  w->storage = NULL;
}

void wal_reopen(struct wal *w) {
  wal_close(w);
  if (wal_open(w) != RKV_OK) fail_msg("%s", w->error.text);
}

void wal_start_anew(struct wal *w) {
  wal_close(w);
  scratch_remove(w->dir);
  scratch_make(w->dir);
  atomic_store(&w->fatal, RKV_OK);
  wal_reopen(w);
}

int wal_setup(void **state) {
  struct wal *w = calloc(1, sizeof *w);
  shim_reset();
  assert_non_null(w);
  wal_init(w);
  w->buffers_before = fake_host_buffers();
  scratch_make(w->dir);
  wal_reopen(w);
  *state = w;
  return 0;
}

int wal_teardown(void **state) {
  struct wal *w = *state;
  shim_reset();           /* a story that failed may have left its plan ... */
  wal_give_descriptors(); /* ... or kept the descriptors */
  wal_close(w);
  assert_int_equal(fake_host_buffers(), w->buffers_before);
  scratch_remove(w->dir);
  free(w);
  return 0;
}

/* ---- descriptors ---- */

static rlim_t limit_before;

void wal_take_descriptors(unsigned left) {
  struct rlimit limit;
  int next = dup(STDERR_FILENO);
  assert_true(next >= 0);
  (void)close(next);
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit_before = limit.rlim_cur;
  limit.rlim_cur = (rlim_t)next + left;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

void wal_give_descriptors(void) {
  struct rlimit limit;
  if (limit_before == 0) return;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit_before;
  limit_before = 0;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* ---- its files ---- */

void wal_path(const struct wal *w, const char *name, char path[2 * SCRATCH_PATH_MAX]) {
  (void)snprintf(path, 2 * SCRATCH_PATH_MAX, "%s/%s", w->dir, name);
}

static int by_name(const void *a, const void *b) {
  return strcmp(a, b);
}

size_t wal_files(const struct wal *w, const char *prefix, char names[][64], size_t max) {
  DIR *dir = opendir(w->dir);
  struct dirent *item;
  size_t count = 0;
  assert_non_null(dir);
  memset(names, 0, max * sizeof names[0]);
  while ((item = readdir(dir)) && count < max)
    if (strncmp(item->d_name, prefix, strlen(prefix)) == 0)
      (void)snprintf(names[count++], 64, "%.63s", item->d_name);
  (void)closedir(dir);
  qsort(names, count, 64, by_name);
  return count;
}

size_t wal_count(const struct wal *w, const char *prefix) {
  char names[FILES_MAX][64];
  return wal_files(w, prefix, names, FILES_MAX);
}

void wal_await_spare(const struct wal *w) {
  UNTIL(wal_count(w, "spare-") > 0);
}

uint64_t wal_file_size(const struct wal *w, const char *name) {
  char path[2 * SCRATCH_PATH_MAX];
  struct stat info;
  wal_path(w, name, path);
  assert_int_equal(stat(path, &info), 0);
  return (uint64_t)info.st_size;
}

static int open_file(const struct wal *w, const char *name) {
  char path[2 * SCRATCH_PATH_MAX];
  int fd;
  wal_path(w, name, path);
  fd = open(path, O_RDWR | O_CLOEXEC);
  assert_true(fd >= 0);
  return fd;
}

void wal_read_file(const struct wal *w, const char *name, uint64_t at, void *bytes, size_t len) {
  int fd = open_file(w, name);
  assert_int_equal(pread(fd, bytes, len, (off_t)at), (ssize_t)len);
  (void)close(fd);
}

void wal_write_file(const struct wal *w, const char *name, uint64_t at, const void *bytes,
                    size_t len) {
  int fd = open_file(w, name);
  assert_int_equal(pwrite(fd, bytes, len, (off_t)at), (ssize_t)len);
  (void)close(fd);
}

void wal_cut_file(const struct wal *w, const char *name, uint64_t size) {
  int fd = open_file(w, name);
  assert_int_equal(ftruncate(fd, (off_t)size), 0);
  (void)close(fd);
}
