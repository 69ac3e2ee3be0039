/* storage_blocks.c: law 77: calls that must not block.
 *
 * What a call takes is its time without that in which its thread could have run and others did: a
 * busy machine does not count. The device takes LINGER_MS for each of its own calls, so that who
 * waits for one shows. */
#define _GNU_SOURCE /* RUSAGE_THREAD */
#include "shim.h"
#include "storage.h"
#include "storage_laws.h"

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

STORAGE_LAWS_BLOCKS(STORAGE_LAW_PROTOTYPE)

enum {
  LINGER_MS = 1000,
  ALLOWED_MS = 100, /* what the header says is a hundred times less (plugin.h) */
  LATE_MAX = 2,     /* so many calls may be late by chance: a machine that pages, for example */
  ROUNDS = 8,
  ENTRIES = 40,
  LARGE = 8 * 1024 * 1024, /* bytes of an entry: what is done to each byte shows, too */
  LARGES = LATE_MAX + 4,
};

/* ---- what a thread takes ---- */

struct clock_now {
  uint64_t wall, ran, ready; /* nanoseconds; ready: it could have run, and others did */
  long waits;                /* so often it gave the processor up by itself */
};

static uint64_t clock_ns(clockid_t which) {
  struct timespec now = {0, 0};
  (void)clock_gettime(which, &now);
  return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* 0 where the system does not tell. */
static uint64_t ready_ns(void) {
  uint64_t ran = 0, ready = 0;
  FILE *file = fopen("/proc/thread-self/schedstat", "re");
  if (file && fscanf(file, "%" SCNu64 " %" SCNu64, &ran, &ready) != 2) ready = 0;
  if (file) (void)fclose(file);
  return ready;
}

static struct clock_now clock_look(void) {
  struct clock_now now = {.ready = ready_ns()};
  struct rusage usage = {.ru_nvcsw = 0};
  (void)getrusage(RUSAGE_THREAD, &usage);
  now.waits = usage.ru_nvcsw;
  now.ran = clock_ns(CLOCK_THREAD_CPUTIME_ID);
  now.wall = clock_ns(CLOCK_MONOTONIC);
  return now;
}

/* Who never waited took what it ran. */
static uint64_t taken_ms(const struct clock_now *from) {
  struct clock_now to = clock_look();
  uint64_t all = to.wall - from->wall, ready = to.ready - from->ready;
  if (to.waits == from->waits) return (to.ran - from->ran) / 1000000;
  return ready < all ? (all - ready) / 1000000 : 0;
}

/* ---- calls ---- */

/* X(NAME, call): what must not block. */
#define BLOCKS_CALL_LIST(X)                                                                        \
  X(APPEND, "append")                                                                              \
  X(LARGE, "append of an entry of 8 MiB")                                                          \
  X(VOTE, "save_vote")                                                                             \
  X(IDENTITY, "save_identity")                                                                     \
  X(TRUNCATE, "truncate")                                                                          \
  X(PURGE, "purge")

enum blocks_call {
#define BLOCKS_ENUM(name, text) CALL_##name,
  BLOCKS_CALL_LIST(BLOCKS_ENUM)
#undef BLOCKS_ENUM
      BLOCKS_CALLS
};

static const char *const call_names[BLOCKS_CALLS] = {
#define BLOCKS_NAME(name, text) text,
    BLOCKS_CALL_LIST(BLOCKS_NAME)
#undef BLOCKS_NAME
};

static struct step step_of(const struct model *m, enum blocks_call call) {
  switch (call) {
  case CALL_VOTE: return step_vote(m->vote.term + 1, 1, false);
  case CALL_IDENTITY: return step_identity(m->last.index, true);
  case CALL_TRUNCATE: return step_truncate(m->last.index - 1);
  case CALL_PURGE: return step_purge(m, m->purged.index + 2);
  default: return step_append(m, 3, 5000);
  }
}

struct measured {
  uint64_t most_ms[BLOCKS_CALLS];
  unsigned late[BLOCKS_CALLS];
};

static void judge_time(const struct storage *s, enum blocks_call call, uint64_t ms,
                       struct measured *all) {
  if (ms > all->most_ms[call]) all->most_ms[call] = ms;
  if (ms <= (uint64_t)ALLOWED_MS * s->c->slow) return;
  CONTRACT_REQUIRE(s->c, ++all->late[call] <= LATE_MAX,
                   "%s, which must not block, took %" PRIu64 " ms, allowed are %u ms (so %u times; "
                   "the device takes %u ms for each of its calls)",
                   call_names[call], ms, ALLOWED_MS * s->c->slow, all->late[call],
                   LINGER_MS * s->c->slow);
}

static void measure(struct storage *s, struct model *m, enum blocks_call call,
                    struct contract_told *told, struct measured *all) {
  struct step step = step_of(m, call);
  struct clock_now from = clock_look();
  uint64_t ms;
  storage_issue(s, &step, &told->completion);
  ms = taken_ms(&from);
  model_step(s->c, m, &step);
  judge_time(s, call, ms, all);
}

/* The entry is made before. */
static void measure_large(struct storage *s, struct model *m, struct contract_told *told,
                          struct measured *all) {
  struct step step = step_append(m, 1, LARGE | ENTRY_EXACT);
  struct rkv_entry entry = {step.id, RKV_ENTRY_COMMAND, 0, contract_bytes(s->c, NULL, LARGE)};
  struct clock_now from;
  uint64_t ms;
  entry_fill(step.id, (uint8_t *)(uintptr_t)entry.payload.data, LARGE);
  from = clock_look();
  s->ops->append(s->it, &entry, 1, &told->completion);
  ms = taken_ms(&from);
  rkv_buf_drop(&entry.payload);
  model_step(s->c, m, &step);
  judge_time(s, CALL_LARGE, ms, all);
}

static void note(struct contract *c, const struct measured *all) {
  uint64_t most = 0;
  for (unsigned i = 0; i < BLOCKS_CALLS; i++)
    if (all->most_ms[i] > most) most = all->most_ms[i];
  contract_note(c, "a call took at most %" PRIu64 " ms, allowed are %u", most,
                ALLOWED_MS * c->slow);
}

void storage_law_calls_do_not_block(struct contract *c) {
  struct contract_told told[ROUNDS][BLOCKS_CALLS], large[LARGES];
  struct measured all = {{0}, {0}};
  const struct shim_plan plan = {.linger_ms = LINGER_MS * c->slow};
  char undo[CONTRACT_PATH_MAX];
  struct storage s;
  struct model *m = model_new(c);
  storage_init(&s, c);
  storage_open(&s);
  storage_append(&s, m, ENTRIES, 5000);
  storage_do(&s, m, step_vote(1, 1, true));
  (void)snprintf(undo, sizeof undo, "%.480s/undo", c->dir);
  shim_begin(s.dir, undo, &plan);
  for (unsigned i = 0; i < ROUNDS; i++)
    for (unsigned call = 0; call < BLOCKS_CALLS; call++) {
      if (call == CALL_LARGE) continue;
      contract_told_init(&told[i][call], c, call_names[call]);
      measure(&s, m, (enum blocks_call)call, &told[i][call], &all);
    }
  for (unsigned i = 0; i < LARGES; i++) {
    contract_told_init(&large[i], c, call_names[CALL_LARGE]);
    measure_large(&s, m, &large[i], &all);
  }
  shim_heal();
  for (unsigned i = 0; i < ROUNDS; i++) {
    contract_told_ok(&told[i][CALL_APPEND]);
    contract_told_ok(&told[i][CALL_VOTE]);
    contract_told_ok(&told[i][CALL_IDENTITY]);
  }
  for (unsigned i = 0; i < LARGES; i++) contract_told_ok(&large[i]);
  storage_keeps(&s, m);
  note(c, &all);
  storage_close(&s);
  model_free(m);
}
