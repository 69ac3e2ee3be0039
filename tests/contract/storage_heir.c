/* storage_heir.c: laws 60 and 61: what a life acknowledges must not depend on what an earlier life,
 * which was killed, left only in the page cache. */
#include "storage_laws.h"
#include "storage_life.h"

#include <inttypes.h>

STORAGE_LAWS_HEIR(STORAGE_LAW_PROTOTYPE)

enum {
  LONG = 3000,
  FIRST_CALLS = 12 /* of a new directory: each is tried */,
  NAMES_MS = 10,
  NAMES_SYNCS_MAX = 24
};

/* Names of every kind come and go: segments, snapshots, what is purged. */
static void plan_names(struct life *life) {
  struct model *m = model_copy(life->c, life->start);
  life->count = 0;
  life_plan(life, m, step_identity(1, true));
  life_plan(life, m, step_append(m, 90, LONG));
  life_plan(life, m, step_vote(1, 2, false));
  life_plan(life, m, step_snapshot(m, 30000));
  life_plan(life, m, step_append(m, 90, LONG));
  life_plan(life, m, step_purge(m, 80));
  life_plan(life, m, step_append(m, 60, LONG));
  life_plan(life, m, step_snapshot(m, 3000));
  life_plan(life, m, step_append(m, 60, LONG));
  life_plan(life, m, step_vote(2, 2, true));
  model_free(m);
}

/* The heir: some more is acknowledged; then power goes. Names are synced slowly: what a thread
 * beside syncs by chance must not hide what an acknowledgement did not wait for. */
static void inherit(struct life *life, const char *when, uint64_t number, uint64_t seed) {
  struct model *m = model_copy(life->c, life->start);
  life->count = 0;
  life->has_heir = life->unsynced = false;
  life->lose_power = true;
  life->plan = (struct shim_plan){.track = true,
                                  .handed_on = true,
                                  .sector = 4096,
                                  .seed = seed,
                                  .names_ms = NAMES_MS,
                                  .all_names = true};
  life_plan(life, m, step_append(m, 3, 100));
  life_plan(life, m, step_vote(life->start->vote.term + 5, 1, false));
  CONTRACT_REQUIRE(life->c, life_run(life), "the heir was ended");
  life_judge(life, when, number);
  model_free(m);
}

/* The life before, ended where the plan says, or behind its last step: then true. */
static bool live(struct life *life, struct shim_plan plan, uint64_t number, const char *when) {
  bool whole;
  life_afresh(life);
  plan_names(life);
  life->has_heir = true;
  life->lose_power = false;
  life->window = 0;
  life->plan = plan;
  life->plan.death = SHIM_KILLED;
  life->plan.track = life->plan.handed_on = true;
  whole = life_run(life);
  life_judge(life, when, number);
  return whole;
}

/* Killed at a call; 0: not at all. */
static void bequeath(struct life *life, unsigned call, const char *when) {
  (void)live(life, (struct shim_plan){.die_at = call}, call, when);
}

/* Killed when names were given and not yet synced: before each sync of a directory. */
static uint64_t bequeath_names(struct life *life, uint64_t *seed) {
  uint64_t lives = 0;
  bool whole = false;
  for (unsigned n = 1; !whole && n <= NAMES_SYNCS_MAX; n++, lives++) {
    whole = live(life, (struct shim_plan){.die_at_names = n}, n, "kill at the sync of names");
    inherit(life, "power lost by the heir of the life killed at the sync of names", n,
            contract_random(seed));
  }
  return lives;
}

static struct life *new_life(struct contract *c) {
  struct life *life = life_new(c);
  life->shimmed = true;
  return life;
}

void storage_law_acks_rest_on_what_is_durable(struct contract *c) {
  struct life *life = new_life(c);
  uint64_t most = contract_amount(c, 40, 100, 100000), seed = c->seed, lives = 0;
  unsigned calls, step;
  bequeath(life, 0, "kill behind the last step");
  calls = atomic_load(&life->progress->calls);
  if (calls < 5)
    contract_skip(c, "its writes are not seen: %u calls of the C library change its files", calls);
  step = calls / (unsigned)most + 1;
  for (unsigned n = 1; n <= calls; n += n < FIRST_CALLS ? 1 : step) {
    bequeath(life, n, "kill at call");
    inherit(life, "power lost by the heir of the life killed at call", n, contract_random(&seed));
    lives++;
  }
  lives += bequeath_names(life, &seed);
  contract_note(c, "%u calls, %" PRIu64 " lives killed, as many heirs", calls, lives);
  life_free(life);
}

void storage_law_sync_settles_the_past(struct contract *c) {
  struct life *life = new_life(c);
  uint64_t rounds = contract_amount(c, 6, 6, 100), seed = c->seed;
  if (storage_sync_option(c) < 0) contract_skip(c, "it has no option `sync`");
  for (uint64_t round = 1; round <= rounds; round++) {
    life->unsynced = true;
    bequeath(life, 0, "life without sync");
    inherit(life, "power lost after a life without sync, round", round, contract_random(&seed));
  }
  life_free(life);
}
