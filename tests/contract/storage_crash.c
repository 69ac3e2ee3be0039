/* storage_crash.c: laws 42 to 45: what survives kill -9 and the loss of power. */
#include "storage_laws.h"
#include "storage_life.h"

#include <inttypes.h>

STORAGE_LAWS_CRASH(STORAGE_LAW_PROTOTYPE)

enum { ENTRIES_MAX = 3000 }; /* held, after which a new storage is begun */

/* ---- random work, ended at random moments ---- */

void storage_law_acked_survives_kills(struct contract *c) {
  uint64_t kills = contract_amount(c, 40, 40, 1000), seed = c->seed, ended = 0;
  struct life *life = life_new(c);
  for (uint64_t n = 1; n <= kills; n++) {
    if (model_count(life->start) > ENTRIES_MAX) life_afresh(life);
    life_plan_random(life, &seed, LIFE_STEPS_MAX);
    life->kill_after_us = 1 + (unsigned)(contract_random(&seed) % 20000);
    ended += !life_run(life);
    life_judge(life, "kill", n);
  }
  contract_note(c, "%" PRIu64 " lives, %" PRIu64 " killed at work", kills, ended);
  life_free(life);
}

void storage_law_acked_survives_lost_power(struct contract *c) {
  uint64_t losses = contract_amount(c, 40, 40, 1000), seed = c->seed, ended = 0;
  struct life *life = life_new(c);
  life->shimmed = true;
  life->lose_power = true; /* a life that the plan did not end loses power behind its end */
  for (uint64_t n = 1; n <= losses; n++) {
    if (model_count(life->start) > ENTRIES_MAX) life_afresh(life);
    life_plan_random(life, &seed, 10 + contract_random(&seed) % 60);
    life->window = n % 3 ? 1 : LIFE_WINDOW;
    life->plan = (struct shim_plan){.die_at = 1 + (unsigned)(contract_random(&seed) % 50),
                                    .death = SHIM_POWER,
                                    .sector = n % 2 ? 512 : 4096,
                                    .seed = contract_random(&seed),
                                    .track = true};
    ended += !life_run(life);
    life_judge(life, "loss of power", n);
  }
  contract_note(c, "%" PRIu64 " lives, %" PRIu64 " lost power at work", losses, ended);
  life_free(life);
}

/* ---- stories, ended at every call that changes the disk ---- */

/* A follower's life: entries of term 1, a conflict that truncates them, entries of term 2 in their
 * place, votes, a purge, conflicts again. */
static void plan_conflicts(struct life *life) {
  struct model *m = model_copy(life->c, life->start);
  life->count = 0;
  life_plan(life, m, step_vote(1, 2, false));
  life_plan(life, m, step_identity(1, false));
  life_plan(life, m, step_append(m, 10, 200));
  life_plan(life, m, step_append(m, 3, 200));
  life_plan(life, m, step_truncate(7));
  life_plan(life, m, step_identity(2, true));
  life_plan(life, m, step_vote(2, 3, false));
  life_plan(life, m, step_append(m, 2, 100));
  life_plan(life, m, step_append(m, 60, 2000));
  life_plan(life, m, step_purge(m, 20));
  life_plan(life, m, step_truncate(40));
  life_plan(life, m, step_append(m, 90, 3000));
  life_plan(life, m, step_truncate(40));
  life_plan(life, m, step_append(m, 1, 50));
  life_plan(life, m, step_vote(3, 3, true));
  life_plan(life, m, step_purge(m, 200));
  life_plan(life, m, step_append(m, 5, 60));
  model_free(m);
}

static void plan_snapshots(struct life *life) {
  struct model *m = model_copy(life->c, life->start);
  life->count = 0;
  life_plan(life, m, step_append(m, 5, 200));
  life_plan(life, m, step_snapshot(m, 30000));
  life_plan(life, m, step_append(m, 4, 100));
  life_plan(life, m, step_purge(m, 5));
  life_plan(life, m, step_snapshot(m, 300000));
  life_plan(life, m, step_append(m, 1, 100));
  life_plan(life, m, step_snapshot(m, 0));
  life_plan(life, m, step_append(m, 1, 100));
  model_free(m);
}

static void end_at_every_call(struct contract *c, void (*plan)(struct life *life)) {
  static const struct {
    enum shim_death death;
    unsigned sector;
    size_t window;
  } ends[] = {{SHIM_KILLED, 512, 0},
              {SHIM_TORN, 512, 0},
              {SHIM_TORN, 512, LIFE_WINDOW},
              {SHIM_POWER, 512, 0},
              {SHIM_POWER, 4096, LIFE_WINDOW}};
  struct life *life = life_new(c);
  uint64_t seed = c->seed, lives = 0, most = contract_amount(c, 8, 8, 100000);
  unsigned calls;
  life->shimmed = true;
  calls = life_calls(life, plan);
  for (size_t e = 0; e < sizeof ends / sizeof ends[0]; e++) {
    unsigned step = calls / (unsigned)most + 1;
    for (unsigned n = 1 + (unsigned)(contract_random(&seed) % step); n <= calls; n += step) {
      life_afresh(life);
      plan(life);
      life->window = ends[e].window;
      life->plan = (struct shim_plan){
          .die_at = n, .death = ends[e].death, .sector = ends[e].sector, .seed = seed + n};
      (void)life_run(life);
      life_judge(life, "call", n);
      life_carry_on(life);
      lives++;
    }
  }
  contract_note(c, "%u calls, %" PRIu64 " lives", calls, lives);
  life_free(life);
}

void storage_law_conflicts_survive_any_call(struct contract *c) {
  end_at_every_call(c, plan_conflicts);
}

void storage_law_snapshots_survive_any_call(struct contract *c) {
  end_at_every_call(c, plan_snapshots);
}

/* ---- what is left of a torn batch ---- */

enum { SIZE = 200, BATCH = 24, LAST_CALLS = 2 };

static void plan_batch(struct life *life) {
  struct model *m = model_copy(life->c, life->start);
  life->count = 0;
  life->window = 0;
  life_plan(life, m, step_append(m, 2, SIZE | ENTRY_EXACT));
  life_plan(life, m, step_append(m, BATCH, SIZE | ENTRY_EXACT));
  model_free(m);
}

/* New entries stand where the batch's first ones stood, so long that, with whatever the storage
 * puts beside them, what is left of the batch may follow them byte for byte. */
static void go_on_over_it(struct life *life, uint64_t number, uint64_t *seed) {
  struct model *m = model_copy(life->c, life->start);
  uint64_t size = SIZE - 8 * (contract_random(seed) % 9), more = contract_random(seed) % 3;
  life->count = 0;
  life->plan = (struct shim_plan){0};
  life_plan(life, m, step_append(m, 1, size | ENTRY_EXACT));
  if (more > 0) life_plan(life, m, step_append(m, more, SIZE | ENTRY_EXACT));
  CONTRACT_REQUIRE(life->c, life_run(life), "the life after was ended");
  life_judge(life, "life after torn batch", number);
  model_free(m);
}

void storage_law_lost_batch_never_returns(struct contract *c) {
  uint64_t rounds = contract_amount(c, 12, 12, 300), seed = c->seed;
  struct life *life = life_new(c);
  unsigned calls;
  life->shimmed = true;
  calls = life_calls(life, plan_batch);
  for (uint64_t round = 1; round <= rounds; round++)
    for (unsigned n = calls > LAST_CALLS ? calls - LAST_CALLS : 1; n <= calls; n++) {
      life_afresh(life);
      plan_batch(life);
      life->plan = (struct shim_plan){
          .die_at = n, .death = SHIM_POWER, .sector = 512, .seed = contract_random(&seed)};
      (void)life_run(life);
      life_judge(life, "torn batch", round);
      go_on_over_it(life, round, &seed);
    }
  life_free(life);
}
