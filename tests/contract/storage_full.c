/* storage_full.c: laws 63 to 66: a device without room. An operation that frees room must not wait
 * for room. */
#include "shim.h"
#include "storage.h"
#include "storage_laws.h"

#include "tree.h"

#include <host/part.h>
#include <host/values.h>

#include <inttypes.h>
#include <stdio.h>

STORAGE_LAWS_FULL(STORAGE_LAW_PROTOTYPE)

enum {
  CAPACITY = 5 * 1024 * 1024, /* bytes of the device */
  SNAPSHOT = 300 * 1000,
  ENTRY = 6000,
  WAITS_MS = 600,  /* an append that is not told so long waits for room */
  QUIET_MS = 2500, /* it is watched waiting */
  TRIES_MAX = 2,   /* calls that need room, of a storage that waits so long */
  KEPT = 5,        /* entries that a purge leaves */
  ROUNDS = 3,
  LAW_S = 60,
  SETTLES_MS = 60,
  CALLS_MAX = 40, /* that need room, of one snapshot */
  SMALL = 64 * 1024,
  REMEDY_MAX = 128,
};

struct full {
  struct storage s;
  struct model *m; /* all that was acknowledged */
  struct contract_told told;
  struct step waiting; /* the append that waits */
  bool refused;        /* it does not: it ended with NO_SPACE, and nothing succeeds behind it */
};

/* ---- acts ---- */

static void begin_shim(const struct storage *s, const struct shim_plan *plan) {
  char undo[CONTRACT_PATH_MAX];
  (void)snprintf(undo, sizeof undo, "%.480s/undo", s->c->dir);
  shim_begin(s->dir, undo, plan);
}

static const struct shim_plan small_device = {.capacity = CAPACITY};

static bool begin(struct full *f, struct contract *c) {
  memset(f, 0, sizeof *f);
  f->m = model_new(c);
  storage_init(&f->s, c);
  begin_shim(&f->s, &small_device);
  return storage_try(&f->s) == RKV_OK;
}

/* True if it is told meanwhile. */
static bool is_told(struct full *f) {
  uint64_t until = contract_now_ms() + (uint64_t)WAITS_MS * f->s.c->slow;
  while (!contract_told_yet(&f->told) && contract_now_ms() < until) contract_pause_ms(1);
  return contract_told_yet(&f->told);
}

/* False: it waits, or was refused. */
static bool append_one(struct full *f) {
  f->waiting = step_append(f->m, 1, ENTRY | ENTRY_EXACT);
  contract_told_init(&f->told, f->s.c, "append");
  storage_issue(&f->s, &f->waiting, &f->told.completion);
  if (!is_told(f)) return false;
  f->refused = f->told.status == RKV_NO_SPACE;
  if (f->refused) return false;
  contract_told_ok(&f->told);
  model_step(f->s.c, f->m, &f->waiting);
  return true;
}

/* The option that makes a storage smaller: the first size that takes a good part of the device.
 * False: this part has none. */
static bool find_smaller(const struct rkv_plugin *plugin, const struct rkv_value *values,
                         const char *prefix, char out[REMEDY_MAX]) {
  for (uint32_t i = 0; i < plugin->option_count; i++) {
    const struct rkv_option *option = &plugin->options[i];
    const uint64_t small = option->min > SMALL ? option->min : SMALL;
    char size[HOST_NUMBER_MAX];
    if (option->type != RKV_OPTION_SIZE || values[i].number < CAPACITY / 4 || small > CAPACITY / 4)
      continue;
    host_value_print(RKV_OPTION_SIZE, small, size);
    (void)snprintf(out, REMEDY_MAX, " (try --option %s%s=%s)", prefix, option->name, size);
    return true;
  }
  return false;
}

static void too_small(const struct full *f, const char *why) {
  struct contract *c = f->s.c;
  char remedy[REMEDY_MAX] = "";
  if (!find_smaller(c->plugin, c->values, "", remedy) && c->under)
    (void)find_smaller(c->under->plugin, c->under->values, HOST_UNDER_PREFIX, remedy);
  contract_skip(c, "a device of %d MiB is too small for it%s: %s", CAPACITY >> 20, remedy, why);
}

/* The newest one that is of random bytes: where snapshots compress, two of one size may need
 * different room. */
static struct step random_snapshot(const struct model *m) {
  struct step step = step_snapshot(m, SNAPSHOT);
  while (!snapshot_is_random(step.id.index) && step.id.index > m->purged.index + 1) {
    step.id.index--;
    step.id.term = model_at(m, step.id.index)->term;
  }
  return step;
}

/* In a new directory; with a snapshot. */
static void begin_anew(struct full *f, struct contract *c) {
  bool opened = begin(f, c);
  do
    if (!opened || !append_one(f)) too_small(f, opened ? f->s.host.warning : f->s.error.text);
  while (!snapshot_is_random(f->m->last.index));
  storage_do(&f->s, f->m, random_snapshot(f->m));
}

/* One append after the other until one waits or is refused. */
static void fill(struct full *f) {
  uint64_t bytes = 0;
  for (; append_one(f); bytes += ENTRY)
    CONTRACT_REQUIRE(f->s.c, bytes < UINT64_C(2) * CAPACITY,
                     "%" PRIu64 " bytes were acknowledged on a device of %d", bytes, CAPACITY);
}

/* Waiting is what a storage may do; one that fails has failed for good, as it says. */
static void skip_if_refused(const struct full *f) {
  if (f->refused)
    contract_skip(f->s.c,
                  "it does not wait for room: an append that finds none ends with NO_SPACE");
}

/* What a node does about it. Behind the append that waits. */
static void make_room(struct full *f) {
  struct contract *c = f->s.c;
  struct step purge = step_purge(f->m, f->m->last.index - KEPT);
  storage_do(&f->s, f->m, random_snapshot(f->m));
  storage_issue(&f->s, &purge, NULL);
  contract_told_ok(&f->told);
  model_step(c, f->m, &purge);
  model_step(c, f->m, &f->waiting);
}

/* ---- 63 ---- */

static void fill_and_purge(struct contract *c, void *arg) {
  struct full f;
  (void)arg;
  begin_anew(&f, c);
  for (int round = 0; round < ROUNDS; round++) {
    fill(&f);
    skip_if_refused(&f);
    make_room(&f);
    storage_holds(&f.s, f.m);
  }
  storage_keeps(&f.s, f.m);
  storage_close(&f.s);
  model_free(f.m);
}

void storage_law_purge_makes_room(struct contract *c) {
  contract_apart(c, fill_and_purge, NULL, LAW_S);
}

/* ---- 64 ---- */

struct left {
  atomic_bool filled, refused;
  uint64_t last;
};

static void fill_and_die(struct contract *c, void *arg) {
  struct left *left = arg;
  struct full f;
  begin_anew(&f, c);
  fill(&f);
  if (!f.refused) {
    make_room(&f); /* the purge that went ahead is as durable as the rest */
    fill(&f);
  }
  atomic_store(&left->refused, f.refused);
  left->last = f.m->last.index;
  atomic_store(&left->filled, true);
  shim_kill();
}

static void open_full(struct contract *c, void *arg) {
  const struct left *left = arg;
  struct full f;
  bool opened = begin(&f, c);
  char text[RKV_ERROR_TEXT_MAX];
  CONTRACT_REQUIRE(c, opened, "open on the full device: %s", f.s.error.text);
  CONTRACT_REQUIRE(c, storage_look(&f.s, f.m, text), "%s", text);
  CONTRACT_REQUIRE(c, f.m->last.index >= left->last,
                   "entries up to %" PRIu64 " are there, up to %" PRIu64 " were acknowledged",
                   f.m->last.index, left->last);
  if (atomic_load(&left->refused)) {
    contract_note(c, "opened; it does not wait for room");
    shim_kill();
  }
  f.m->term += 10;
  fill(&f);
  make_room(&f);
  storage_keeps(&f.s, f.m);
  storage_close(&f.s);
  model_free(f.m);
}

void storage_law_full_device_opens(struct contract *c) {
  struct left *left = contract_share(c, sizeof *left);
  (void)contract_join(c, contract_fork(c, fill_and_die, left), LAW_S);
  if (!atomic_load(&left->filled)) return; /* the law was skipped */
  CONTRACT_REQUIRE(
      c, contract_join(c, contract_fork(c, open_full, left), LAW_S) || atomic_load(&left->refused),
      "a process of this law was killed from outside");
}

/* ---- 65 ---- */

static void fill_and_watch(struct contract *c, void *arg) {
  struct full f;
  unsigned before;
  (void)arg;
  begin_anew(&f, c);
  fill(&f);
  skip_if_refused(&f);
  before = shim_calls_of(SHIM_SPACE);
  contract_pause_ms(QUIET_MS);
  CONTRACT_REQUIRE(c, !contract_told_yet(&f.told), "an append that waited was told");
  CONTRACT_REQUIRE(c, shim_calls_of(SHIM_SPACE) - before <= TRIES_MAX,
                   "it tried %u times in %d ms to write where there is no room",
                   shim_calls_of(SHIM_SPACE) - before, QUIET_MS);
  shim_kill();
}

void storage_law_waiting_is_quiet(struct contract *c) {
  (void)contract_join(c, contract_fork(c, fill_and_watch, NULL), LAW_S);
}

/* ---- 66 ---- */

struct attempt {
  unsigned call;    /* that needs room and finds none, of those from the snapshot on */
  atomic_uint seen; /* such calls until the snapshot was there; 0: it was refused or failed */
};

/* The snapshot of other bytes than the present one; how it ended. */
static enum rkv_status take_snapshot(struct storage *s, const struct model *m) {
  struct rkv_snapshot_meta meta = {.last = m->last, .id = "again"};
  struct rkv_buf bytes = contract_bytes(s->c, NULL, SNAPSHOT);
  struct rkv_error error;
  void *writer = NULL;
  enum rkv_status status = s->ops->snapshot_begin(s->it, &meta, &writer, contract_ask(&error));
  if (status == RKV_OK &&
      (status = s->ops->snapshot_write(writer, bytes, contract_ask(&error))) != RKV_OK)
    s->ops->snapshot_abort(writer);
  else if (status == RKV_OK)
    status = s->ops->snapshot_commit(writer, contract_ask(&error));
  if (status != RKV_OK) contract_text_ok(s->c, status, &error, "a refused snapshot");
  rkv_buf_drop(&bytes);
  return status;
}

static void attempt(struct contract *c, void *arg) {
  struct attempt *a = arg;
  struct full f;
  unsigned before;
  uint64_t room;
  enum rkv_status status;
  begin_anew(&f, c);
  contract_pause_ms(SETTLES_MS); /* the storage has made its room ahead by then */
  before = shim_calls_of(SHIM_SPACE);
  room = shim_free();
  shim_refuse_room(before + a->call);
  status = take_snapshot(&f.s, f.m);
  shim_heal();
  if (status == RKV_OK) atomic_store(&a->seen, shim_calls_of(SHIM_SPACE) - before);
  if (status == RKV_NO_SPACE && contract_host_fatal(&f.s.host) == RKV_OK)
    CONTRACT_REQUIRE(c, shim_free() + SNAPSHOT / 2 > room,
                     "a snapshot of %d bytes was refused for want of room at call %u, and %" PRIu64
                     " bytes are gone",
                     SNAPSHOT, a->call, room - shim_free());
  shim_kill();
}

void storage_law_refused_snapshot_leaves_nothing(struct contract *c) {
  struct attempt *a = contract_share(c, sizeof *a);
  unsigned refused = 0;
  for (a->call = 1; a->call <= CALLS_MAX; a->call++) {
    tree_remove(c->dir);
    CONTRACT_REQUIRE(c, tree_make(c->dir), "the suite cannot make %s", c->dir);
    (void)contract_join(c, contract_fork(c, attempt, a), LAW_S);
    if (atomic_load(&a->seen) > 0 && atomic_load(&a->seen) < a->call) break;
    refused++;
  }
  contract_note(c, "refused at %u calls", refused);
}
