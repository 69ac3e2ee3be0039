/* sm_beside.c: the law of what a machine keeps beside what it snapshots: nothing that shows. */
#include <stdio.h>
#include <stdlib.h>

#include "sm.h"

void sm_law_nothing_beside(struct contract *c);

enum { ENTRIES = 2000, HALF = ENTRIES / 2, KEYS = 24, OTHER_PAST = 700, ASKED = 40 };

/* A machine that applied the log, and two that were restored from it: a new one, and one that had
 * another past. */
struct lot {
  struct machine m, fresh, other;
  struct commands k;
  struct log log, past;
};

static struct lot *lot_open(struct contract *c) {
  struct lot *lot = calloc(1, sizeof *lot);
  CONTRACT_REQUIRE(c, lot, "the suite has no memory");
  machine_open(&lot->m, c, "m");
  machine_open(&lot->fresh, c, "fresh");
  machine_open(&lot->other, c, "other");
  commands_find(&lot->k, &lot->m);
  log_make(&lot->log, &lot->k, ENTRIES, KEYS, c->seed);
  log_make(&lot->past, &lot->k, OTHER_PAST, KEYS * 2, c->seed + 11);
  return lot;
}

static void lot_close(struct lot *lot) {
  log_free(&lot->log);
  log_free(&lot->past);
  commands_free(&lot->k);
  machine_close(&lot->m);
  machine_close(&lot->fresh);
  machine_close(&lot->other);
  free(lot);
}

/* Questions and validated commands leave their traces, if a machine keeps any. */
static void ask_about(struct lot *lot, struct machine *m) {
  uint64_t seed = lot->log.c->seed;
  for (int i = 0; i < ASKED; i++) {
    struct rkv_buf command = commands_make(&lot->k, contract_random(&seed) % KEYS, &seed);
    (void)m->ops->validate(m->it, command, contract_ask(&m->error));
    rkv_buf_drop(&command);
  }
  (void)questions_require(&lot->k, m, m, KEYS, "the same machine");
}

/* The rest of the log, with the same answers. */
static void goes_on(struct lot *lot, struct machine *m, const struct rkv_buf *must,
                    const char *what) {
  struct rkv_buf *answers = answers_new(lot->log.c, ENTRIES);
  machine_apply(m, &lot->log, ENTRIES, 30, answers);
  answers_require(lot->log.c, answers, must, HALF, ENTRIES, what);
  answers_free(answers, ENTRIES);
}

void sm_law_nothing_beside(struct contract *c) {
  static const char fresh[] = "a machine restored from its snapshot";
  static const char other[] = "a machine with another past, restored from its snapshot";
  struct lot *lot = lot_open(c);
  struct rkv_buf *must = answers_new(c, ENTRIES);
  struct state state, end;
  size_t asked;
  machine_apply(&lot->m, &lot->log, HALF, 30, NULL);
  machine_apply(&lot->other, &lot->past, OTHER_PAST, 30, NULL);
  ask_about(lot, &lot->m);
  ask_about(lot, &lot->other);
  state_take(&lot->m, SM_CHUNK, &state);
  machine_restore_ok(&lot->fresh, &state, SM_CHUNK);
  machine_restore_ok(&lot->other, &state, SM_CHUNK);
  asked = questions_require(&lot->k, &lot->fresh, &lot->m, KEYS, fresh);
  asked += questions_require(&lot->k, &lot->other, &lot->m, KEYS, other);
  machine_apply(&lot->m, &lot->log, ENTRIES, 30, must);
  goes_on(lot, &lot->fresh, must, fresh);
  goes_on(lot, &lot->other, must, other);
  state_take(&lot->m, SM_CHUNK, &end);
  machine_is(&lot->fresh, &end, fresh);
  machine_is(&lot->other, &end, other);
  asked += questions_require(&lot->k, &lot->fresh, &lot->m, KEYS, fresh);
  asked += questions_require(&lot->k, &lot->other, &lot->m, KEYS, other);
  contract_note(c, "%d entries and %zu questions after a restore", ENTRIES - HALF, asked);
  state_free(&state);
  state_free(&end);
  answers_free(must, ENTRIES);
  lot_close(lot);
}
