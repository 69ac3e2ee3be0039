/* storage_refused.c: law 62: an open that is refused has changed nothing. */
#include "storage.h"
#include "storage_laws.h"

#include "tree.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

STORAGE_LAWS_REFUSED(STORAGE_LAW_PROTOTYPE)

/* ---- damage ---- */

/* X(NAME, text): what is done to a file. */
#define HARM_LIST(X)                                                                               \
  X(FLIP, "a bit flipped in") X(CUT, "half cut off") X(EMPTY, "emptied:") X(GONE, "removed:")

enum harm {
#define HARM_ENUM(name, text) HARM_##name,
  HARM_LIST(HARM_ENUM)
#undef HARM_ENUM
      HARMS
};

static const char *const harm_texts[HARMS] = {
#define HARM_TEXT(name, text) text,
    HARM_LIST(HARM_TEXT)
#undef HARM_TEXT
};

/* False: there is nothing of it to harm. */
static bool do_harm(struct contract *c, const char *path, enum harm harm, uint64_t chance) {
  struct stat info;
  uint8_t byte = 0;
  off_t at;
  int fd;
  if (harm == HARM_GONE) return unlink(path) == 0;
  fd = open(path, O_RDWR | O_CLOEXEC);
  CONTRACT_REQUIRE(c, fd >= 0 && fstat(fd, &info) == 0, "the suite cannot open %s", path);
  at = info.st_size > 0 ? (off_t)(chance % (uint64_t)info.st_size) : 0;
  if (info.st_size > 0 && harm == HARM_FLIP) {
    CONTRACT_REQUIRE(c, pread(fd, &byte, 1, at) == 1, "the suite cannot read %s", path);
    byte ^= 4;
    CONTRACT_REQUIRE(c, pwrite(fd, &byte, 1, at) == 1, "the suite cannot write %s", path);
  }
  if (harm != HARM_FLIP)
    CONTRACT_REQUIRE(c, ftruncate(fd, harm == HARM_CUT ? info.st_size / 2 : 0) == 0,
                     "the suite cannot cut %s", path);
  (void)close(fd);
  return info.st_size > 0;
}

/* ---- the sweep ---- */

struct sweep {
  struct contract *c;
  atomic_int *status; /* of the last open */
  struct rkv_error *said;
  uint64_t seed, refused;
  enum harm harm;
  const char *file;    /* that was harmed */
  uint64_t looked_for; /* a file's hash */
  bool found;
};

static void in(const struct contract *c, const char *name, char path[CONTRACT_PATH_MAX]) {
  (void)snprintf(path, CONTRACT_PATH_MAX, "%.480s/%s", c->dir, name);
}

static void copy(struct contract *c, const char *from, const char *to) {
  char a[CONTRACT_PATH_MAX], b[CONTRACT_PATH_MAX];
  in(c, from, a);
  in(c, to, b);
  CONTRACT_REQUIRE(c, tree_copy(a, b), "the suite cannot copy %s", a);
}

static void leave(struct contract *c, void *arg) {
  struct storage s;
  struct model *m = model_new(c);
  (void)arg;
  storage_init(&s, c);
  storage_open(&s);
  storage_append(&s, m, 20, 200);
  storage_do(&s, m, step_vote(3, 1, false));
  storage_do(&s, m, step_identity(1, true));
  storage_do(&s, m, step_snapshot(m, 4000));
  storage_append(&s, m, 5, 100);
  storage_close(&s);
}

static void try_it(struct contract *c, void *arg) {
  struct sweep *sweep = arg;
  struct storage s;
  storage_init(&s, c);
  s.trouble = true;
  atomic_store(sweep->status, (int)storage_try(&s));
  *sweep->said = s.error;
  storage_close(&s);
}

static void compare(const char *file, void *arg) {
  struct sweep *sweep = arg;
  if (!sweep->found) sweep->found = tree_file_hash(file) == sweep->looked_for;
}

static void look_for(const char *file, void *arg) {
  struct sweep *sweep = arg;
  char data[CONTRACT_PATH_MAX];
  in(sweep->c, "data", data);
  sweep->looked_for = tree_file_hash(file);
  sweep->found = false;
  tree_each(data, compare, sweep);
  CONTRACT_REQUIRE(sweep->c, sweep->found,
                   "%s %s: open was refused (%s), and the bytes of %s are gone",
                   harm_texts[sweep->harm], sweep->file, sweep->said->text, strrchr(file, '/') + 1);
}

static void harm_file(const char *file, void *arg) {
  struct sweep *sweep = arg;
  char path[CONTRACT_PATH_MAX], before[CONTRACT_PATH_MAX];
  bool finds_damage = sweep->c->plugin->capabilities & RKV_CAP_FINDS_DAMAGE;
  sweep->file = strrchr(file, '/') + 1;
  in(sweep->c, "before", before);
  for (int harm = finds_damage ? HARM_FLIP : HARM_FLIP + 1; harm < HARMS; harm++) {
    sweep->harm = (enum harm)harm;
    copy(sweep->c, "whole", "data");
    (void)snprintf(path, sizeof path, "%.300s/data/%.150s", sweep->c->dir, sweep->file);
    if (!do_harm(sweep->c, path, sweep->harm, contract_random(&sweep->seed))) continue;
    copy(sweep->c, "data", "before");
    contract_apart(sweep->c, try_it, sweep, 20);
    if (atomic_load(sweep->status) == RKV_OK) continue;
    sweep->refused++;
    tree_each(before, look_for, sweep);
  }
}

void storage_law_refusal_keeps_every_byte(struct contract *c) {
  struct sweep sweep = {.c = c, .seed = c->seed};
  uint64_t rounds = contract_amount(c, 1, 1, 30);
  char whole[CONTRACT_PATH_MAX];
  sweep.status = contract_share(c, sizeof *sweep.status);
  sweep.said = contract_share(c, sizeof *sweep.said);
  contract_apart(c, leave, NULL, 20);
  copy(c, "data", "whole");
  in(c, "whole", whole);
  for (uint64_t round = 0; round < rounds; round++) tree_each(whole, harm_file, &sweep);
  contract_note(c, "%" PRIu64 " opens refused", sweep.refused);
}
