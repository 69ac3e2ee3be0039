/* storage_swept.c: law 79: what a killed process left of a snapshot is gone when the storage is
 * open again.
 *
 * Files are judged by two things that every storage shows: whether a file that was not there before
 * holds bytes of a snapshot that was not committed, and whether its name is of a kind that a
 * storage has that nobody killed (digits in names are numbers). A storage may make files at its
 * leisure: before a kind is called strange, one that nobody killed is kept open for as long. */
#include "storage_laws.h"
#include "storage_life.h"

#include "texture.h"
#include "tree.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

STORAGE_LAWS_SWEPT(STORAGE_LAW_PROTOTYPE)

enum {
  OLD = 5,           /* the snapshot that is there before */
  NEW = 8,           /* the one that is killed, of random bytes */
  SIZE = 600 * 1000, /* of each */
  CHUNK = 50 * 1000, /* in which it is written */
  SAMPLES = 12,      /* pieces of a snapshot that are looked for */
  SAMPLE_BYTES = 48,
  PASSING_MS = 1000,
  LIFE_S_MAX = 20,
  KINDS_MAX = 64, /* of names */
  KIND_MAX = 96,
};

/* ---- names ---- */

struct names {
  size_t count;
  char list[KINDS_MAX][KIND_MAX];
};

/* What is wrong with a file. */
struct sight {
  char name[KIND_MAX], kind[KIND_MAX]; /* "": nothing */
  bool of_snapshot; /* it holds bytes of the snapshot; else its kind is strange */
};

/* In memory that all processes share. */
struct files {
  bool before; /* the second snapshot: names are noted */
  struct names names, kinds;
  struct sight sight; /* of the storage that was killed and is open again */
};

static void kind_of(const char *file, char kind[KIND_MAX]) {
  const char *name = strrchr(file, '/') + 1;
  size_t len = 0;
  for (; *name && len + 1 < KIND_MAX; name++) {
    char c = isdigit((unsigned char)*name) ? '#' : *name;
    if (c != '#' || len == 0 || kind[len - 1] != '#') kind[len++] = c;
  }
  kind[len] = '\0';
}

static bool is_known(const struct names *names, const char *name) {
  for (size_t i = 0; i < names->count; i++)
    if (strcmp(names->list[i], name) == 0) return true;
  return false;
}

static void note_name(struct names *names, const char *name) {
  if (names->count < KINDS_MAX && !is_known(names, name))
    (void)snprintf(names->list[names->count++], KIND_MAX, "%.*s", KIND_MAX - 1, name);
}

static void note_file(const char *file, void *arg) {
  struct files *files = arg;
  char kind[KIND_MAX];
  kind_of(file, kind);
  note_name(&files->kinds, kind);
  if (files->before) note_name(&files->names, strrchr(file, '/') + 1);
}

/* ---- bytes ---- */

static bool file_holds(const char *file, uint64_t number) {
  for (uint64_t i = 0; i < SAMPLES; i++) {
    uint8_t sample[SAMPLE_BYTES];
    uint64_t at;
    snapshot_fill(number, i * (SIZE / SAMPLES) + 1000, sample, sizeof sample);
    if (texture_tells(sample, sizeof sample) && tree_file_finds(file, sample, sizeof sample, &at))
      return true;
  }
  return false;
}

/* ---- lives ---- */

struct swept {
  struct contract *c;
  struct files *files;
  bool committed; /* the snapshot that was to be killed is there */
  unsigned at;    /* the call at which the life was killed */
  struct shim_plan plan;
  atomic_uint *opened, *calls; /* of the shim, of a life that nobody killed */
};

static void write_new(struct storage *s) {
  struct step step = {.kind = STEP_SNAPSHOT, .id = {1, NEW}, .len = SIZE};
  struct rkv_error error;
  CONTRACT_REQUIRE(
      s->c, s->ops->snapshot_commit(storage_snapshot_write(s, &step, CHUNK), &error) == RKV_OK,
      "snapshot_commit: %s", error.text);
}

static void make_old(struct contract *c, void *arg) {
  struct swept *w = arg;
  struct storage s;
  struct model *m = model_new(c);
  struct step step;
  storage_init(&s, c);
  storage_open(&s);
  storage_append(&s, m, OLD, 500);
  step = step_snapshot(m, SIZE);
  storage_issue(&s, &step, NULL);
  storage_append(&s, m, NEW - OLD, 500);
  tree_each(s.dir, note_file, w->files);
  storage_close(&s);
  tree_each(s.dir, note_file, w->files);
  model_free(m);
}

/* A life that may be killed in its snapshot. */
static void live_new(struct contract *c, void *arg) {
  struct swept *w = arg;
  char undo[CONTRACT_PATH_MAX];
  struct storage s;
  storage_init(&s, c);
  (void)snprintf(undo, sizeof undo, "%.480s/undo", c->dir);
  shim_begin(s.dir, undo, &w->plan);
  storage_open(&s);
  atomic_store(w->opened, shim_calls());
  write_new(&s);
  atomic_store(w->calls, shim_calls());
  tree_each(s.dir, note_file, w->files);
  storage_close(&s);
}

static void reopen_quietly(struct contract *c, void *arg) {
  struct swept *w = arg;
  struct storage s;
  storage_init(&s, c);
  for (int i = 0; i < 2; i++) {
    storage_open(&s);
    tree_each(s.dir, note_file, w->files);
    storage_close(&s);
    tree_each(s.dir, note_file, w->files);
  }
}

static void look_at(const char *file, void *arg) {
  const struct swept *w = arg;
  struct sight *sight = &w->files->sight;
  const char *name = strrchr(file, '/') + 1;
  char kind[KIND_MAX];
  bool of_snapshot = !w->committed && !is_known(&w->files->names, name) && file_holds(file, NEW);
  kind_of(file, kind);
  if (!of_snapshot && is_known(&w->files->kinds, kind)) return;
  if (sight->of_snapshot) return; /* the worse of two */
  (void)snprintf(sight->name, sizeof sight->name, "%.*s", KIND_MAX - 1, name);
  (void)snprintf(sight->kind, sizeof sight->kind, "%s", kind);
  sight->of_snapshot = of_snapshot;
}

static uint64_t patience_end(const struct contract *c) {
  return contract_now_ms() + (uint64_t)PASSING_MS * c->slow;
}

/* What the storage makes while it is open may have such a name for a moment. */
static void look(struct contract *c, void *arg) {
  struct swept *w = arg;
  struct sight *sight = &w->files->sight;
  struct storage s;
  uint64_t until;
  storage_init(&s, c);
  storage_open(&s);
  w->committed = s.state.snapshot.last.index == NEW;
  until = patience_end(c);
  do {
    *sight = (struct sight){0};
    tree_each(s.dir, look_at, w);
    if (sight->name[0]) contract_pause_ms(10);
  } while (sight->name[0] && contract_now_ms() < until);
  storage_close(&s);
}

/* A storage that nobody killed, until it has a file of the kind that was seen. */
static void await_kind(struct contract *c, void *arg) {
  struct swept *w = arg;
  const uint64_t until = patience_end(c);
  struct storage s;
  storage_init(&s, c);
  storage_open(&s);
  do {
    tree_each(s.dir, note_file, w->files);
    contract_pause_ms(10);
  } while (!is_known(&w->files->kinds, w->files->sight.kind) && contract_now_ms() < until);
  storage_close(&s);
}

/* ---- the law ---- */

static void swept_copy(struct contract *c, const char *from, const char *to) {
  char a[CONTRACT_PATH_MAX], b[CONTRACT_PATH_MAX];
  (void)snprintf(a, sizeof a, "%.400s/%s", c->dir, from);
  (void)snprintf(b, sizeof b, "%.400s/%s", c->dir, to);
  CONTRACT_REQUIRE(c, tree_copy(a, b), "the suite cannot copy %s", a);
}

static void forget_undo(const struct contract *c) {
  char undo[CONTRACT_PATH_MAX];
  (void)snprintf(undo, sizeof undo, "%.480s/undo", c->dir);
  tree_remove(undo);
}

static void judge(struct contract *c, struct swept *w) {
  const struct sight *sight = &w->files->sight;
  if (!sight->name[0]) return;
  CONTRACT_REQUIRE(c, !sight->of_snapshot,
                   "killed at call %u, in a snapshot, and opened again: there is %s, with bytes of "
                   "that snapshot",
                   w->at, sight->name);
  swept_copy(c, "copy", "data");
  contract_apart(c, await_kind, w, LIFE_S_MAX);
  CONTRACT_REQUIRE(c, is_known(&w->files->kinds, sight->kind),
                   "killed at call %u, in a snapshot, and opened again: there is %s, a kind of "
                   "file that no storage has which nobody killed",
                   w->at, sight->name);
}

void storage_law_unfinished_is_swept(struct contract *c) {
  const uint64_t lives = contract_amount(c, 24, 24, 1000);
  struct swept w = {.c = c,
                    .files = contract_share(c, sizeof *w.files),
                    .opened = contract_share(c, sizeof *w.opened),
                    .calls = contract_share(c, sizeof *w.calls)};
  unsigned first, last, step, tried = 0;
  struct storage s;
  storage_init(&s, c);
  storage_since(&s, 5);
  w.files->before = true;
  contract_apart(c, make_old, &w, LIFE_S_MAX);
  contract_apart(c, reopen_quietly, &w, LIFE_S_MAX);
  w.files->before = false;
  swept_copy(c, "data", "copy");
  contract_apart(c, live_new, &w, LIFE_S_MAX);
  forget_undo(c);
  contract_apart(c, reopen_quietly, &w, LIFE_S_MAX);
  first = atomic_load(w.opened) + 1, last = atomic_load(w.calls);
  if (first > last) contract_skip(c, "its writes are not seen");
  step = (unsigned)((last - first) / lives + 1);
  for (w.at = first; w.at <= last; w.at += step, tried++) {
    w.plan = (struct shim_plan){.die_at = w.at, .death = tried % 2 ? SHIM_TORN : SHIM_KILLED};
    swept_copy(c, "copy", "data");
    (void)contract_join(c, contract_fork(c, live_new, &w), LIFE_S_MAX);
    forget_undo(c);
    contract_apart(c, look, &w, LIFE_S_MAX);
    judge(c, &w);
  }
  contract_note(c, "%u lives killed in %u calls of a snapshot, %zu kinds of files", tried,
                last - first + 1, w.files->kinds.count);
}
