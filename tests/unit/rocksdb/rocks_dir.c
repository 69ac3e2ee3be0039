/* rocks_dir.c: lives of a storage-rocksdb, and what is opened when some of its files are gone. */
#define _GNU_SOURCE /* syscall */
#include "rocks_dir.h"

#include <contract/tree.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FILES_MAX = 64, NAME_BYTES = 64 };

/* ---- the device ---- */

static uint64_t room;
static bool asked;
static const char *unmade; /* a name that no file is opened under */

void device_has(uint64_t bytes) {
  room = bytes;
}

/* The plugin calls these: the test program exports them. */
#define EXPORTED __attribute__((visibility("default")))

EXPORTED int fstatvfs(int fd, struct statvfs *device) {
  (void)fd;
  asked = true;
  *device = (struct statvfs){.f_bsize = 1, .f_frsize = 1, .f_bavail = room};
  return 0;
}

EXPORTED int openat(int dir, const char *name, int flags, ...) {
  va_list args;
  mode_t mode;
  va_start(args, flags);
  mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
  va_end(args);
  if (unmade && strcmp(name, unmade) == 0) {
    errno = ENOSPC;
    return -1;
  }
  return (int)syscall(SYS_openat, dir, name, flags, mode);
}

void device_refuses(const char *name) {
  unmade = name;
}

/* ---- lives ---- */

int lives_setup(void **state) {
  struct lives *l = calloc(1, sizeof *l);
  assert_non_null(l);
  l->log.plugin = fake_host_load("storage-rocksdb");
  l->log.ops = l->log.plugin->ops;
  l->log.buffers_before = fake_host_buffers();
  fake_host_init(&l->log.host);
  scratch_make(l->log.dir);
  scratch_make(l->whole);
  l->buffer = BUFFER;
  l->pairs = getenv("RKV_LONG") != NULL;
  device_has(DEVICE);
  device_refuses(NULL);
  *state = l;
  return 0;
}

int lives_teardown(void **state) {
  struct lives *l = *state;
  if (l->log.storage) l->log.ops->close(l->log.storage);
  assert_true(asked);
  assert_int_equal(fake_host_buffers(), l->log.buffers_before);
  tree_remove(l->log.dir);
  tree_remove(l->whole);
  free(l);
  return 0;
}

enum rkv_status lives_try(struct lives *l, struct rkv_error *error) {
  const struct rkv_plugin *plugin = l->log.plugin;
  struct rkv_value values[16] = {0};
  struct rkv_config config = {sizeof config, plugin->option_count, values};
  for (uint32_t i = 0; i < plugin->option_count; i++) {
    const struct rkv_option *option = &plugin->options[i];
    values[i].text = l->log.dir;
    values[i].number = option->type == RKV_OPTION_BOOL ? 1 : option->min;
    if (strcmp(option->name, "write_buffer_bytes") == 0) values[i].number = l->buffer;
  }
  return l->log.ops->open(&l->log.host.host, &config, &l->log.storage, error);
}

void lives_begin(struct lives *l) {
  struct rkv_error error = {0};
  if (lives_try(l, &error) != RKV_OK) fail_msg("%s", error.text);
}

void lives_vote(struct lives *l) {
  struct told told;
  told_init(&told);
  l->log.ops->save_vote(l->log.storage, (struct rkv_vote){++l->term, 1, true}, &told.completion);
  (void)told_wait(&told);
  assert_int_equal(told.status, RKV_OK);
}

/* Text: what is not as it was; NULL: nothing. */
static const char *is_lost(struct lives *l, rkv_index last) {
  struct rkv_storage_state held;
  if (l->log.ops->load(l->log.storage, &held, NULL) != RKV_OK) return "its state";
  rkv_buf_drop(&held.snapshot.membership);
  if (held.vote.term != l->term) return "the vote";
  if (held.last.index != last) return "the last entry";
  return read_all(&l->log, 1, last) == (int)last ? NULL : "an entry";
}

void lives_hold(struct lives *l, rkv_index last) {
  const char *lost = is_lost(l, last);
  if (lost) fail_msg("%s is lost", lost);
}

static void end(struct lives *l) {
  l->log.ops->close(l->log.storage);
  l->log.storage = NULL;
}

void lives_kill(struct lives *l) {
  assert_true(tree_copy(l->log.dir, l->whole));
  end(l);
  assert_true(tree_copy(l->whole, l->log.dir));
}

void lives_close(struct lives *l) {
  end(l);
  assert_true(tree_copy(l->log.dir, l->whole));
}

/* ---- files that are gone ---- */

struct names {
  char names[FILES_MAX][NAME_BYTES];
  size_t count;
};

static void add_name(const char *file, void *arg) {
  struct names *names = arg;
  assert_true(names->count < FILES_MAX);
  (void)snprintf(names->names[names->count++], NAME_BYTES, "%s", strrchr(file, '/') + 1);
}

/* It may be gone already. */
static void harm(const struct lives *l, const char *name, bool removed) {
  char path[2 * SCRATCH_PATH_MAX];
  (void)snprintf(path, sizeof path, "%s/%s", l->log.dir, name);
  if (access(path, F_OK) == 0) assert_int_equal(removed ? unlink(path) : truncate(path, 0), 0);
}

/* True: it was refused, as it should be. */
static bool decide(struct lives *l, rkv_index last, const char *what) {
  struct rkv_error error = {0};
  uint64_t before = tree_hash(l->log.dir);
  const char *lost;
  if (lives_try(l, &error) != RKV_OK) {
    if (error.status != RKV_CORRUPT) fail_msg("%s: status %u: %s", what, error.status, error.text);
    if (tree_hash(l->log.dir) != before) fail_msg("%s: changed by a refusal", what);
    return true;
  }
  lost = is_lost(l, last);
  if (lost) fail_msg("%s: open said nothing, and %s is lost", what, lost);
  end(l);
  return false;
}

unsigned lives_sweep(struct lives *l, rkv_index last) {
  struct names names = {0};
  unsigned refused = 0;
  tree_each(l->whole, add_name, &names);
  for (size_t i = 0; i < names.count; i++)
    for (size_t k = i; k < (l->pairs ? names.count : i + 1); k++)
      for (int removed = 0; removed <= 1; removed++) {
        char what[256];
        (void)snprintf(what, sizeof what, "%s: %s, %s", removed ? "removed" : "emptied",
                       names.names[i], names.names[k]);
        harm(l, names.names[i], removed);
        harm(l, names.names[k], removed);
        refused += decide(l, last, what);
        assert_true(tree_copy(l->whole, l->log.dir));
      }
  return refused;
}

void lives_refuse(struct lives *l, const char *says) {
  struct rkv_error error = {0};
  uint64_t before = tree_hash(l->log.dir);
  assert_int_equal(lives_try(l, &error), RKV_CORRUPT);
  if (!strstr(error.text, says)) fail_msg("does not say \"%s\": %s", says, error.text);
  assert_int_equal(tree_hash(l->log.dir), before);
}

void lives_find(const struct lives *l, const char *ending, char path[SCRATCH_PATH_MAX]) {
  struct names names = {0};
  bool found = false;
  tree_each(l->log.dir, add_name, &names);
  for (size_t i = 0; i < names.count; i++) {
    size_t len = strlen(names.names[i]), end_len = strlen(ending);
    char file[2 * SCRATCH_PATH_MAX];
    struct stat info;
    (void)snprintf(file, sizeof file, "%s/%s", l->log.dir, names.names[i]);
    if (len < end_len || strcmp(names.names[i] + len - end_len, ending) != 0) continue;
    if (stat(file, &info) != 0 || info.st_size == 0) continue;
    (void)snprintf(path, SCRATCH_PATH_MAX, "%.500s", file);
    found = true;
  }
  assert_true(found);
}
