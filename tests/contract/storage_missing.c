/* storage_missing.c: law 67: files of a directory that are not there any more, or empty.
 *
 * The directory that a life left is copied, some files of the copy are removed or emptied, and the
 * copy is opened: each file alone, each pair, all of one kind, all but one, and random sets. */
#include "storage.h"
#include "storage_laws.h"

#include "tree.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

STORAGE_LAWS_MISSING(STORAGE_LAW_PROTOTYPE)

enum {
  FILES_MAX = 64, /* that a directory may hold */
  FILE_NAME_MAX = 160,
  BATCH = 15,        /* entries of an append ... */
  ENTRY_LEN = 20000, /* ... so large that a log of small files needs several */
};

/* What became of a file. */
enum fate { KEPT, REMOVED, EMPTIED, FATES };

/* ---- the life ---- */

enum { STEPS = 9 };

/* Step i of the life that m has led so far. */
static struct step step_of(const struct model *m, int i) {
  const struct step steps[STEPS] = {
      step_identity(1, false),          step_vote(3, 1, true),
      step_append(m, BATCH, ENTRY_LEN), step_snapshot(m, 3000),
      step_append(m, BATCH, ENTRY_LEN), step_purge(m, BATCH / 2),
      step_identity(1, true),           step_append(m, BATCH, ENTRY_LEN),
      step_vote(5, 2, false),
  };
  return steps[i];
}

struct life_asked {
  bool closed; /* the life ends in order; else the process just ends */
  bool second; /* there was one before */
};

static void live(struct contract *c, void *arg) {
  const struct life_asked *asked = arg;
  struct storage s;
  struct model *m = model_new(c);
  storage_init(&s, c);
  storage_open(&s);
  for (int i = 0; i < STEPS; i++) {
    storage_do(&s, m, step_of(m, i));
    if (asked->second && i == STEPS / 2) storage_reopen(&s);
  }
  if (asked->closed) storage_close(&s);
}

static struct model *lived(struct contract *c) {
  struct model *m = model_new(c);
  for (int i = 0; i < STEPS; i++) {
    struct step step = step_of(m, i);
    model_step(c, m, &step);
  }
  return m;
}

/* ---- a case ---- */

struct outcome {
  atomic_int status;
  struct rkv_error error;
};

struct sweep {
  struct contract *c;
  struct model *m;
  struct outcome *out; /* of the last open */
  char names[FILES_MAX][FILE_NAME_MAX];
  size_t count;
  enum fate fates[FILES_MAX];
  uint64_t seed, cases, refused;
};

static void in(const struct contract *c, const char *name, char path[CONTRACT_PATH_MAX]) {
  (void)snprintf(path, CONTRACT_PATH_MAX, "%.300s/%.180s", c->dir, name);
}

static void copy(struct contract *c, const char *from, const char *to) {
  char a[CONTRACT_PATH_MAX], b[CONTRACT_PATH_MAX];
  in(c, from, a);
  in(c, to, b);
  CONTRACT_REQUIRE(c, tree_copy(a, b), "the suite cannot copy %s", a);
}

/* "removed log-1; emptied log-2" */
static const char *told(const struct sweep *w, char text[CONTRACT_PATH_MAX]) {
  static const char *const words[FATES] = {NULL, "removed", "emptied"};
  size_t len = 0;
  text[0] = '\0';
  for (size_t i = 0; i < w->count && len + 1 < CONTRACT_PATH_MAX; i++)
    if (w->fates[i] != KEPT)
      len += (size_t)snprintf(text + len, CONTRACT_PATH_MAX - len, "%s%s %s", len ? "; " : "",
                              words[w->fates[i]], w->names[i]);
  return text;
}

static void try_it(struct contract *c, void *arg) {
  struct sweep *w = arg;
  struct storage s;
  char what[CONTRACT_PATH_MAX], text[RKV_ERROR_TEXT_MAX];
  enum rkv_status status;
  storage_init(&s, c);
  s.trouble = true;
  status = storage_try(&s);
  atomic_store(&w->out->status, (int)status);
  w->out->error = s.error;
  if (status != RKV_OK) return;
  CONTRACT_REQUIRE(c, storage_same(&s, w->m, text), "%s: open said nothing: %s", told(w, what),
                   text);
  storage_close(&s);
}

/* The text names a file that is not what it was. */
static bool names_one(const struct sweep *w) {
  for (size_t i = 0; i < w->count; i++)
    if (w->fates[i] != KEPT && strstr(w->out->error.text, w->names[i])) return true;
  return false;
}

static size_t count_of(const struct sweep *w, enum fate fate) {
  size_t count = 0;
  for (size_t i = 0; i < w->count; i++) count += w->fates[i] == fate;
  return count;
}

/* Opens the directory with its files as `fates` says. */
static void decide(struct sweep *w) {
  struct contract *c = w->c;
  char data[CONTRACT_PATH_MAX], path[CONTRACT_PATH_MAX], what[CONTRACT_PATH_MAX];
  uint64_t before;
  if (count_of(w, REMOVED) == w->count || count_of(w, KEPT) == w->count) return;
  copy(c, "whole", "data");
  in(c, "data", data);
  for (size_t i = 0; i < w->count; i++) {
    (void)snprintf(path, sizeof path, "%.300s/data/%.180s", c->dir, w->names[i]);
    if (w->fates[i] == KEPT) continue;
    CONTRACT_REQUIRE(c, (w->fates[i] == REMOVED ? unlink(path) : truncate(path, 0)) == 0,
                     "the suite cannot change %s", path);
  }
  before = tree_hash(data);
  contract_apart(c, try_it, w, 20);
  w->cases++;
  if (atomic_load(&w->out->status) == RKV_OK) return;
  w->refused++;
  CONTRACT_REQUIRE(c, atomic_load(&w->out->status) == RKV_CORRUPT,
                   "%s: open gave %s, not CORRUPT: %s", told(w, what),
                   rkv_status_name((enum rkv_status)atomic_load(&w->out->status)),
                   w->out->error.text);
  CONTRACT_REQUIRE(c, names_one(w), "%s: open is refused and names none of them: %s", told(w, what),
                   w->out->error.text);
  CONTRACT_REQUIRE(c, tree_hash(data) == before,
                   "%s: open was refused (%s) and changed the directory", told(w, what),
                   w->out->error.text);
}

/* ---- which files ---- */

static void add_name(const char *file, void *arg) {
  struct sweep *w = arg;
  char whole[CONTRACT_PATH_MAX];
  in(w->c, "whole", whole);
  CONTRACT_REQUIRE(w->c, w->count < FILES_MAX, "the directory holds more than %d files", FILES_MAX);
  (void)snprintf(w->names[w->count++], FILE_NAME_MAX, "%s", file + strlen(whole) + 1);
}

static void all_are(struct sweep *w, enum fate fate) {
  for (size_t i = 0; i < w->count; i++) w->fates[i] = fate;
}

static void alone_and_in_pairs(struct sweep *w) {
  for (size_t i = 0; i < w->count; i++)
    for (size_t k = i; k < w->count; k++)
      for (int a = REMOVED; a < FATES; a++)
        for (int b = REMOVED; b < (i == k ? EMPTIED : FATES); b++) {
          all_are(w, KEPT);
          w->fates[k] = (enum fate)b;
          w->fates[i] = (enum fate)a;
          decide(w);
        }
}

/* The same but for numbers, which may be hexadecimal. */
static bool same_kind(const char *a, const char *b) {
  for (;; a++, b++) {
    bool number = isxdigit((unsigned char)*a) && isxdigit((unsigned char)*b);
    if (*a != *b && !number) return false;
    if (*a == '\0') return true;
  }
}

static void by_kind(struct sweep *w, enum fate fate) {
  for (size_t i = 0; i < w->count; i++) {
    all_are(w, KEPT);
    for (size_t k = 0; k < w->count; k++)
      if (same_kind(w->names[i], w->names[k])) w->fates[k] = fate;
    decide(w);
  }
}

static void all_but_one(struct sweep *w, enum fate fate) {
  for (size_t i = 0; i < w->count; i++) {
    all_are(w, fate);
    w->fates[i] = KEPT;
    decide(w);
  }
}

static void by_chance(struct sweep *w, uint64_t times) {
  for (uint64_t n = 0; n < times; n++) {
    uint64_t kept = contract_between(&w->seed, 1, 8); /* of ten files: sets of all sizes */
    for (size_t i = 0; i < w->count; i++) {
      uint64_t chance = contract_random(&w->seed) % 10;
      w->fates[i] = chance < kept ? KEPT : chance % 3 == 0 ? EMPTIED : REMOVED;
    }
    decide(w);
  }
}

/* Everything removed: the remedy, and a new directory. */
static void begin_anew(struct contract *c, void *arg) {
  struct storage s;
  struct model *m = model_new(c);
  (void)arg;
  storage_init(&s, c);
  storage_open(&s);
  storage_holds(&s, m);
  storage_append(&s, m, 3, 100);
  storage_keeps(&s, m);
  storage_close(&s);
  model_free(m);
}

static void sweep_life(struct sweep *w, struct life_asked asked) {
  char data[CONTRACT_PATH_MAX], whole[CONTRACT_PATH_MAX];
  in(w->c, "data", data);
  in(w->c, "whole", whole);
  tree_remove(data);
  contract_apart(w->c, live, &asked, 20);
  copy(w->c, "data", "whole");
  w->count = 0;
  tree_each(whole, add_name, w);
  alone_and_in_pairs(w);
  for (int fate = REMOVED; fate < FATES; fate++) {
    by_kind(w, (enum fate)fate);
    all_but_one(w, (enum fate)fate);
  }
  by_chance(w, contract_amount(w->c, 40, 40, 1000));
  tree_remove(data);
  CONTRACT_REQUIRE(w->c, tree_make(data), "the suite cannot make %s", data);
  contract_apart(w->c, begin_anew, NULL, 20);
}

void storage_law_missing_files_are_told(struct contract *c) {
  struct sweep *w = contract_share(c, sizeof *w);
  *w = (struct sweep){.c = c, .m = lived(c), .seed = c->seed};
  w->out = contract_share(c, sizeof *w->out);
  sweep_life(w, (struct life_asked){.closed = true});
  sweep_life(w, (struct life_asked){.second = true});
  contract_note(c, "%" PRIu64 " sets of files, %" PRIu64 " opens refused", w->cases, w->refused);
  model_free(w->m);
}
