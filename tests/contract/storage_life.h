/* storage_life.h: lives of a storage that end badly. A life is a process that opens the storage,
 * works through steps, notes which of them the storage called durable, and is ended. Another
 * process opens what is left and judges it.
 *
 * (V1) The storage holds the state after some number of steps, in their order: at least the
 *      acknowledged ones, at most those handed in. Of an append that was not acknowledged it may
 *      hold only the first entries.
 * (V2) The snapshot is the last one whose commit returned RKV_OK, or the one being committed, or
 *      one whose commit failed behind that.
 * (V3) After the first completion with an error none succeeds. */
#ifndef CONTRACT_STORAGE_LIFE_H
#define CONTRACT_STORAGE_LIFE_H

#include "shim.h"
#include "storage.h"

enum {
  LIFE_STEPS_MAX = 1200,
  LIFE_WINDOW = 6, /* operations that are in flight at once */
  LIFE_S = 60,     /* limit of one life */
};

/* What a life notes, in memory that outlives it. */
struct progress {
  atomic_size_t issued;      /* steps handed in */
  atomic_size_t acked;       /* steps that the storage called durable */
  atomic_size_t committed;   /* steps up to the last snapshot whose commit returned RKV_OK */
  atomic_size_t refused_at;  /* steps up to the last snapshot that failed */
  atomic_bool over;          /* the life came to its own end */
  atomic_uint opened;        /* calls of the shim when it was open */
  atomic_uint calls;         /* calls of the shim, at the life's own end */
  atomic_uint failures;      /* calls that were made to fail */
  atomic_int fatal, refused; /* statuses: of a fatal report; of open */
  atomic_int wrong;          /* the first status of a completion that ended with an error */
  size_t settled, part;      /* the judge's finding: steps that happened, entries of the next one */
  uint64_t snapshot, snapshot_size;
};

struct life {
  struct contract *c;
  struct wish wishes[LIFE_STEPS_MAX]; /* for a random life */
  struct step steps[LIFE_STEPS_MAX];
  size_t count;
  size_t window;
  struct model *start; /* what the storage holds before the life */
  struct shim_plan plan;
  bool shimmed;           /* the shim's plan is in force */
  bool lose_power;        /* power is lost at the life's end, also at its own end */
  bool has_heir;          /* a kill ends it, and the next life takes over its page cache */
  bool unsynced;          /* the option `sync` is off */
  bool trouble;           /* operations may fail */
  bool lose_at_success;   /* power is lost at the first success after a failure */
  unsigned kill_after_us; /* after the first step; 0: it is not killed from outside */
  struct progress *progress;
};

/* Makes a life without steps; `start` is a new storage's model. */
struct life *life_new(struct contract *c);
void life_free(struct life *life);
/* Empties the storage. */
void life_afresh(struct life *life);

/* Adds a step that fits the model after all steps before it. */
void life_plan(struct life *life, struct model *m, struct step step);
/* Adds random steps, at most LIFE_STEPS_MAX. */
void life_plan_random(struct life *life, uint64_t *seed, size_t count);

/* Runs the life. True: it came to its own end. */
bool life_run(struct life *life);
/* Opens what is left and checks (V1) and (V2); `start` becomes what the storage holds. With an heir
 * the judge is killed too, and leaves to the next life what it did not make durable. */
void life_judge(struct life *life, const char *when, uint64_t number);

/* How many calls a story makes that nothing ends, in a new storage; none of its operations waits
 * beside another. Skips the law if its calls are not seen. */
unsigned life_calls(struct life *life, void (*plan)(struct life *life));

/* It is opened once more after the judge: new entries go in, and nothing that was cut off comes
 * back behind them. */
void life_carry_on(struct life *life);

#endif
