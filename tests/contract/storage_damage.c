/* storage_damage.c: laws 55 to 57: bytes that a crash or a decaying device has changed.
 *
 * Which bytes are the log's is seen by the writes (shim.h), whatever the format: of those that were
 * not synced nothing is promised; those that were synced must not change unnoticed. */
#include "storage_laws.h"
#include "storage_life.h"

#include "tree.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

STORAGE_LAWS_CRASH(STORAGE_LAW_PROTOTYPE)

enum {
  APPENDS = 6,      /* of a story whose last write does not reach the device as it was written */
  BATCH = 5,        /* entries of its largest append */
  ENTRIES = 14,     /* of a log whose bytes decay */
  SPARED = 4,       /* its last ones: damage there cannot be told from a crash */
  WRITES_MAX = 512, /* that are kept in mind */
  FILE_NAME_MAX = 64,
};

/* ---- what was not synced ---- */

static void plan_appends(struct life *life) {
  struct model *m = model_copy(life->c, life->start);
  life->count = 0;
  for (int i = 0; i < APPENDS; i++) life_plan(life, m, step_append(m, i % 2 ? BATCH : 1, 300));
  life_plan(life, m, step_vote(2, 3, false));
  life_plan(life, m, step_truncate(m->last.index - BATCH));
  life_plan(life, m, step_append(m, 1, 5000));
  model_free(m);
}

/* Power is lost behind every call of a storage that is open, and what was not synced is not what
 * was written. While it is opened, sectors are lost as wholes (laws 43 to 45): some stores that are
 * taken for good refuse it if the end of their own list of files holds other bytes. */
static void lose_at_every_call(struct contract *c, const enum shim_loss *losses, size_t count,
                               uint64_t rounds) {
  struct life *life = life_new(c);
  uint64_t seed = c->seed, lives = 0;
  unsigned calls, opened;
  life->shimmed = true;
  calls = life_calls(life, plan_appends);
  opened = atomic_load(&life->progress->opened);
  for (uint64_t round = 0; round < rounds; round++)
    for (size_t i = 0; i < count; i++)
      for (unsigned n = opened + 1; n <= calls; n++, lives++) {
        life_afresh(life);
        plan_appends(life);
        life->window = (n + round) % 2 ? LIFE_WINDOW : 0;
        life->plan = (struct shim_plan){
            .die_at = n, .death = SHIM_POWER, .loss = losses[i], .seed = contract_random(&seed)};
        (void)life_run(life);
        life_judge(life, "loss of power at call", n);
        life_carry_on(life);
      }
  contract_note(c, "%u calls, %" PRIu64 " lives", calls - opened, lives);
  life_free(life);
}

void storage_law_torn_tail_is_cut(struct contract *c) {
  static const enum shim_loss losses[] = {SHIM_CUT, SHIM_FLIP};
  lose_at_every_call(c, losses, sizeof losses / sizeof losses[0], contract_amount(c, 1, 1, 20));
}

void storage_law_garbage_is_no_entry(struct contract *c) {
  static const enum shim_loss losses[] = {SHIM_NOISE};
  lose_at_every_call(c, losses, sizeof losses / sizeof losses[0], contract_amount(c, 1, 1, 20));
}

/* ---- what was synced ---- */

/* A write whose bytes were durable. */
struct written {
  char file[FILE_NAME_MAX];
  uint64_t at, len;
};

/* In memory that outlives the process that wrote. */
struct writes {
  size_t count, spared; /* so many in all; of them those behind which are the last entries' */
  struct written list[WRITES_MAX];
};

static void keep_in_mind(void *arg, const char *path, uint64_t at, uint64_t len) {
  struct writes *w = arg;
  const char *name = strrchr(path, '/') + 1;
  if (w->count == WRITES_MAX || strlen(name) >= FILE_NAME_MAX) return;
  w->list[w->count] = (struct written){.at = at, .len = len};
  (void)snprintf(w->list[w->count++].file, FILE_NAME_MAX, "%s", name);
}

static void leave_log(struct contract *c, void *arg) {
  struct writes *w = arg;
  const struct shim_plan plan = {.track = true, .remember = true};
  struct storage s;
  struct model *m = model_new(c);
  char undo[CONTRACT_PATH_MAX];
  storage_init(&s, c);
  (void)snprintf(undo, sizeof undo, "%.480s/undo", c->dir);
  shim_begin(s.dir, undo, &plan);
  storage_open(&s);
  for (int i = 0; i < ENTRIES; i++) {
    if (i == ENTRIES - SPARED) {
      w->count = 0;
      shim_each_synced(keep_in_mind, w);
      w->spared = w->count;
    }
    storage_append(&s, m, 1, 200);
  }
  w->count = 0;
  shim_each_synced(keep_in_mind, w);
  shim_kill();
}

struct question {
  const struct model *m; /* what was acknowledged */
  const struct written *hit;
  uint64_t place;
  atomic_bool *found; /* it said so */
};

static void same_or_corrupt(struct storage *s, const struct question *q, rkv_index i) {
  struct contract *c = s->c;
  const struct model_entry *is = model_at(q->m, i);
  struct rkv_entry entry;
  struct rkv_error error;
  size_t count = 0;
  enum rkv_status status =
      s->ops->read(s->it, i, i, UINT64_MAX, &entry, 1, &count, contract_ask(&error));
  bool ok = status == RKV_OK;
  bool same = ok && count == 1 && entry_is(&entry, (struct rkv_log_id){is->term, i}, is);
  if (!ok) contract_text_ok(c, status, &error, "read");
  CONTRACT_REQUIRE(c, same || status == RKV_CORRUPT,
                   "a bit flipped at byte %" PRIu64 " of %s: entry %" PRIu64 " was read as %s",
                   q->place, q->hit->file, i, ok ? "other bytes" : rkv_status_name(status));
  if (same) rkv_buf_drop(&entry.payload);
  if (!same) atomic_store(q->found, true);
}

/* It is refused, or all is there, or a read says CORRUPT. Who finds another's name in a file cannot
 * know that it is damaged. */
static void ask(struct contract *c, void *arg) {
  const struct question *q = arg;
  struct storage s;
  enum rkv_status status;
  storage_init(&s, c);
  s.trouble = true;
  status = storage_try(&s);
  if (status == RKV_CORRUPT || status == RKV_FOREIGN) {
    atomic_store(q->found, true);
    return;
  }
  CONTRACT_REQUIRE(c, status == RKV_OK, "a bit flipped at byte %" PRIu64 " of %s: open: %s: %s",
                   q->place, q->hit->file, rkv_status_name(status), s.error.text);
  CONTRACT_REQUIRE(c, s.state.last.index == q->m->last.index,
                   "a bit flipped at byte %" PRIu64 " of %s: open said nothing, and the log ends "
                   "at entry %" PRIu64 " instead of %" PRIu64,
                   q->place, q->hit->file, s.state.last.index, q->m->last.index);
  for (rkv_index i = 1; i <= q->m->last.index; i++) same_or_corrupt(&s, q, i);
  storage_close(&s);
}

/* A byte that one of the first writes wrote, and none of the last entries'. False: not this one. */
static bool choose(const struct writes *w, uint64_t *seed, struct question *q) {
  q->hit = &w->list[contract_random(seed) % w->spared];
  if (q->hit->len == 0) return false;
  q->place = contract_between(seed, q->hit->at, q->hit->at + q->hit->len - 1);
  for (const struct written *later = w->list + w->spared; later < w->list + w->count; later++)
    if (strcmp(later->file, q->hit->file) == 0 && q->place >= later->at &&
        q->place - later->at < later->len)
      return false;
  return true;
}

static void copy(struct contract *c, const char *from, const char *to) {
  char a[CONTRACT_PATH_MAX], b[CONTRACT_PATH_MAX];
  (void)snprintf(a, sizeof a, "%.400s/%s", c->dir, from);
  (void)snprintf(b, sizeof b, "%.400s/%s", c->dir, to);
  CONTRACT_REQUIRE(c, tree_copy(a, b), "the suite cannot copy %s", a);
}

/* False: the file has no such byte any more. */
static bool flip(struct contract *c, const struct question *q, unsigned bit) {
  char path[CONTRACT_PATH_MAX];
  uint8_t byte;
  int fd;
  bool there;
  (void)snprintf(path, sizeof path, "%.400s/data/%s", c->dir, q->hit->file);
  fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return false; /* the storage has removed the file since */
  there = pread(fd, &byte, 1, (off_t)q->place) == 1;
  byte ^= (uint8_t)(1u << bit);
  CONTRACT_REQUIRE(c, !there || pwrite(fd, &byte, 1, (off_t)q->place) == 1,
                   "the suite cannot write %s", path);
  (void)close(fd);
  return there;
}

void storage_law_damage_is_found(struct contract *c) {
  struct writes *w = contract_share(c, sizeof *w);
  struct model *m = model_new(c);
  struct question q = {.m = m, .found = contract_share(c, sizeof *q.found)};
  uint64_t seed = c->seed, flips = contract_amount(c, 120, 120, 4000), done = 0, found = 0;
  for (int i = 0; i < ENTRIES; i++) {
    struct step step = step_append(m, 1, 200);
    model_step(c, m, &step);
  }
  (void)contract_join(c, contract_fork(c, leave_log, w), 20);
  copy(c, "data", "copy");
  if (w->spared == 0) contract_skip(c, "its writes are not seen");
  for (uint64_t tries = 0; tries < 100 * flips && done < flips; tries++) {
    if (!choose(w, &seed, &q)) continue;
    copy(c, "copy", "data");
    if (!flip(c, &q, (unsigned)(contract_random(&seed) % 8))) continue;
    atomic_store(q.found, false);
    contract_apart(c, ask, &q, 20);
    found += atomic_load(q.found);
    done++;
  }
  contract_note(c, "%" PRIu64 " bits flipped in %zu writes, %" PRIu64 " found", done, w->spared,
                found);
  model_free(m);
}
