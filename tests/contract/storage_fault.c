/* storage_fault.c: laws 46 to 51: syncs, and devices that fail. */
#include "storage_laws.h"
#include "storage_life.h"

#include "tree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

STORAGE_LAWS_CRASH(STORAGE_LAW_PROTOTYPE)

/* ---- an acknowledgement waits for a sync ---- */

static void count_syncs(struct contract *c, void *arg) {
  struct shim_plan none = {0};
  struct storage s;
  struct model *m = model_new(c);
  char undo[CONTRACT_PATH_MAX];
  (void)arg;
  storage_init(&s, c);
  (void)snprintf(undo, sizeof undo, "%.480s/undo", c->dir);
  shim_begin(s.dir, undo, &none);
  storage_open(&s);
  storage_append(&s, m, 1, 10);
  if (shim_calls_of(SHIM_WRITE) == 0)
    contract_skip(c, "its writes are not seen: it does not call the C library's");
  for (unsigned i = 0; i < 60; i++) {
    unsigned before = shim_synced();
    struct step step = i % 3 == 2 ? step_vote(i + 1, 1, i % 2) : step_append(m, 1 + i, 100);
    storage_do(&s, m, step);
    CONTRACT_REQUIRE(c, shim_synced() > before, "%s was acknowledged before anything was synced",
                     i % 3 == 2 ? "save_vote" : "append");
  }
  storage_close(&s);
  model_free(m);
}

void storage_law_ack_waits_for_sync(struct contract *c) {
  contract_apart(c, count_syncs, NULL, 20);
}

/* ---- calls that fail ---- */

static void plan_work(struct life *life) {
  struct model *m = model_copy(life->c, life->start);
  life->count = 0;
  for (unsigned i = 0; i < 24; i++) {
    life_plan(life, m, step_append(m, 1 + i % 5, i % 6 ? 200 : 3000));
    if (i % 5 == 4) life_plan(life, m, step_vote(life->start->vote.term + i, 1, false));
    if (i % 8 == 7) life_plan(life, m, step_truncate(m->last.index - 2));
    if (i % 10 == 9) life_plan(life, m, step_purge(m, m->last.index - 8));
    if (i == 3) life_plan(life, m, step_snapshot(m, 5000)); /* early: each of its calls fails */
  }
  model_free(m);
}

/* What fails, how often, and how it must be told. */
struct failing {
  enum shim_call call;
  unsigned times;
  int error;
  bool is_final;
};

/* A life whose n-th call of the kind fails, and power is lost behind it: what was acknowledged is
 * there all the same. How many calls failed. */
static unsigned fail_once(struct life *life, const struct failing *f, unsigned n, uint64_t seed) {
  struct contract *c = life->c;
  struct progress *p = life->progress;
  unsigned failures;
  life_afresh(life);
  plan_work(life);
  life->plan = (struct shim_plan){.track = true,
                                  .sector = n % 2 ? 512 : 4096,
                                  .seed = seed + n,
                                  .death = SHIM_POWER,
                                  .fail = f->call,
                                  .fail_from = n,
                                  .fail_times = f->times,
                                  .fail_errno = f->error};
  CONTRACT_REQUIRE(c, life_run(life), "a life that nobody ended was killed");
  failures = atomic_load(&p->failures);
  CONTRACT_REQUIRE(
      c, !f->is_final || atomic_load(&p->wrong) == RKV_OK || atomic_load(&p->fatal) != RKV_OK,
      "an operation failed with %s (failure at call %u) and fatal was not called",
      rkv_status_name((enum rkv_status)atomic_load(&p->wrong)), n);
  life_judge(life, "failure at call", n);
  return failures;
}

/* n = 1, 2, ... until nothing fails any more; with operations that wait for each other, each its
 * own write, and with several at a time; and with power lost as soon as anything succeeds behind
 * the failure. */
static void fail_each(struct contract *c, struct failing f) {
  static const struct {
    size_t window;
    bool at_success;
  } ways[] = {{0, false}, {LIFE_WINDOW, false}, {0, true}};
  uint64_t most = contract_amount(c, 20, 20, 100000), lives = 0;
  struct life *life = life_new(c);
  life->shimmed = life->trouble = life->lose_power = true;
  for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++) {
    unsigned failures = 1;
    life->window = ways[w].window;
    life->lose_at_success = ways[w].at_success;
    for (unsigned n = 1; failures > 0 && n <= most; n++) {
      failures = fail_once(life, &f, n, c->seed);
      lives += failures > 0;
    }
  }
  if (lives == 0) contract_skip(c, "its writes are not seen: none could be made to fail");
  contract_note(c, "%" PRIu64 " lives", lives);
  life_free(life);
}

void storage_law_failed_write_is_final(struct contract *c) {
  fail_each(c, (struct failing){SHIM_WRITE, 1, EIO, true});
}

void storage_law_failed_sync_is_final(struct contract *c) {
  fail_each(c, (struct failing){SHIM_SYNC, 1, EIO, true});
}

void storage_law_full_device_loses_nothing(struct contract *c) {
  fail_each(c, (struct failing){SHIM_SPACE, 1000000, ENOSPC, false});
}

/* ---- descriptors ---- */

static void open_with_few(struct contract *c, void *arg) {
  const unsigned *spare = arg;
  struct storage s;
  int probe = dup(0);
  struct rlimit limit;
  CONTRACT_REQUIRE(c, probe >= 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0, "the suite cannot dup");
  (void)close(probe);
  limit.rlim_cur = (rlim_t)probe + *spare;
  CONTRACT_REQUIRE(c, setrlimit(RLIMIT_NOFILE, &limit) == 0, "the suite cannot limit descriptors");
  storage_init(&s, c);
  s.trouble = true;
  if (storage_try(&s) == RKV_OK) storage_close(&s); /* storage_try checks the text of a refusal */
}

static void make_some(struct contract *c, void *arg) {
  struct storage s;
  struct model *m = arg;
  storage_init(&s, c);
  storage_open(&s);
  storage_append(&s, m, 20, 200);
  storage_do(&s, m, step_vote(3, 1, false));
  storage_do(&s, m, step_snapshot(m, 4000));
  storage_close(&s);
}

static void find_all(struct contract *c, void *arg) {
  struct storage s;
  char text[RKV_ERROR_TEXT_MAX];
  storage_init(&s, c);
  storage_open(&s);
  CONTRACT_REQUIRE(c, storage_same(&s, arg, text), "%s", text);
  storage_close(&s);
}

/* What make_some does in its process, for this one. */
static struct model *made(struct contract *c) {
  struct model *m = model_new(c);
  struct step steps[] = {step_append(m, 20, 200), step_vote(3, 1, false)};
  struct step snapshot;
  contract_apart(c, make_some, m, 20);
  for (size_t i = 0; i < 2; i++) model_step(c, m, &steps[i]);
  snapshot = step_snapshot(m, 4000);
  model_step(c, m, &snapshot);
  return m;
}

void storage_law_few_descriptors(struct contract *c) {
  struct model *m = made(c);
  for (unsigned spare = 0; spare < 16; spare++) {
    contract_apart(c, open_with_few, &spare, 20);
    contract_apart(c, find_all, m, 20);
  }
  model_free(m);
}

/* ---- a directory that cannot be written ---- */

static void open_read_only(struct contract *c, void *arg) {
  struct shim_plan plan = {
      .fail = SHIM_MODIFY, .fail_from = 1, .fail_times = 1000000, .fail_errno = EROFS};
  struct storage s;
  char undo[CONTRACT_PATH_MAX];
  enum rkv_status status;
  (void)arg;
  storage_init(&s, c);
  (void)snprintf(undo, sizeof undo, "%.480s/undo", c->dir);
  shim_begin(s.dir, undo, &plan);
  status = storage_try(&s);
  if (shim_failed() == 0) contract_skip(c, "it opens no file for writing that could be seen");
  CONTRACT_REQUIRE(c, status == RKV_IO || status == RKV_INVALID || status == RKV_PRECONDITION,
                   "on a read-only file system open gave %s instead of IO",
                   rkv_status_name(status));
}

void storage_law_read_only_directory(struct contract *c) {
  struct model *m = made(c);
  char data[CONTRACT_PATH_MAX];
  uint64_t before;
  (void)snprintf(data, sizeof data, "%.480s/data", c->dir);
  before = tree_hash(data);
  contract_apart(c, open_read_only, NULL, 20);
  CONTRACT_REQUIRE(c, tree_hash(data) == before, "an open that was refused changed the directory");
  contract_apart(c, find_all, m, 20);
  model_free(m);
}
