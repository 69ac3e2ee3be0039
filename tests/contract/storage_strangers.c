/* storage_strangers.c: law 68: a directory that holds files of something else. */
#include "storage.h"
#include "storage_laws.h"

#include "tree.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

STORAGE_LAWS_MISSING(STORAGE_LAW_PROTOTYPE)

static void path_of(const struct contract *c, const char *name, char path[CONTRACT_PATH_MAX]) {
  (void)snprintf(path, CONTRACT_PATH_MAX, "%.300s/data/%.180s", c->dir, name);
}

static void make_file(struct contract *c, const char *name, const char *bytes) {
  char path[CONTRACT_PATH_MAX];
  int fd;
  path_of(c, name, path);
  fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  CONTRACT_REQUIRE(c, fd >= 0 && write(fd, bytes, strlen(bytes)) == (ssize_t)strlen(bytes),
                   "the suite cannot make %s", path);
  (void)close(fd);
}

static void make_folder(struct contract *c, const char *name) {
  char path[CONTRACT_PATH_MAX];
  path_of(c, name, path);
  CONTRACT_REQUIRE(c, tree_make(path), "the suite cannot make %s", path);
}

/* A directory of which nobody has made anything yet. */
static void begin(struct contract *c) {
  char data[CONTRACT_PATH_MAX];
  (void)snprintf(data, sizeof data, "%.300s/data", c->dir);
  tree_remove(data);
  CONTRACT_REQUIRE(c, tree_make(data), "the suite cannot make %s", data);
  make_folder(c, "lost+found");
  make_file(c, ".keep", "");
  make_file(c, ".trash-0", "nobody's");
}

/* Files of storages that others know, and of nobody. A name that ends with a slash is a
 * folder's. */
static const char *const strangers[] = {
    "letters.txt",
    "photos/",
    "archive/",
    "CURRENT",
    "MANIFEST-000004",
    "000007.log",
    "000009.sst",
    "rkv-owner",
    "log-0000000000000001.wal",
    "spare-0000000000000001.wal",
    "snapshot-0000000000000001",
    "data.mdb",
    "wal.db",
};
enum { STRANGERS = sizeof strangers / sizeof strangers[0] };

static void make_stranger(struct contract *c, const char *name) {
  char folder[64];
  size_t len = strlen(name);
  if (name[len - 1] != '/') {
    make_file(c, name, "raft-key-value storage-nobodys\n");
    return;
  }
  (void)snprintf(folder, sizeof folder, "%.*s", (int)len - 1, name);
  make_folder(c, folder);
}

static void open_it(struct contract *c, void *arg) {
  const char *name = arg;
  struct storage s;
  enum rkv_status status;
  char word[64];
  storage_init(&s, c);
  s.trouble = true;
  status = storage_try(&s);
  CONTRACT_REQUIRE(c, status == RKV_FOREIGN || status == RKV_CORRUPT,
                   "a directory that holds %s of somebody else: open gave %s", name,
                   rkv_status_name(status));
  (void)snprintf(word, sizeof word, "%.*s", (int)strcspn(name, "/"), name);
  CONTRACT_REQUIRE(c, strstr(s.error.text, word),
                   "a directory that holds %s of somebody else: open does not name it: %s", name,
                   s.error.text);
}

static void work(struct contract *c, void *arg) {
  struct storage s;
  struct model *m = model_new(c);
  (void)arg;
  storage_init(&s, c);
  storage_open(&s);
  storage_append(&s, m, 3, 100);
  storage_keeps(&s, m);
  storage_close(&s);
  model_free(m);
}

void storage_law_strangers_are_refused(struct contract *c) {
  char data[CONTRACT_PATH_MAX];
  (void)snprintf(data, sizeof data, "%.300s/data", c->dir);
  for (size_t i = 0; i < STRANGERS; i++) {
    uint64_t before;
    begin(c);
    make_stranger(c, strangers[i]);
    before = tree_hash(data);
    contract_apart(c, open_it, (void *)(uintptr_t)strangers[i], 20);
    CONTRACT_REQUIRE(c, tree_hash(data) == before,
                     "a directory that holds %s of somebody else: the open that was refused "
                     "changed it",
                     strangers[i]);
  }
  begin(c);
  contract_apart(c, work, NULL, 20);
  contract_note(c, "%d strangers", (int)STRANGERS);
}
