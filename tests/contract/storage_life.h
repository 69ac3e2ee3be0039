/* storage_life.h: lives of a storage that end badly. A life is a process that opens the storage,
 * works through steps, says which are durable by the storage's word, and is ended; another process
 * opens what is left and judges it.
 *
 * (V1) What is held is the state after some number of steps, from the last acknowledged one to the
 *      last handed in, in their order; of an append that is not acknowledged perhaps only its first
 *      entries.
 * (V2) The snapshot is the last one whose commit returned, or the one being committed.
 * (V3) After the first completion with an error none succeeds. */
#ifndef CONTRACT_STORAGE_LIFE_H
#define CONTRACT_STORAGE_LIFE_H

#include "shim.h"
#include "storage.h"

enum {
  LIFE_STEPS_MAX = 1200,
  LIFE_WINDOW = 6, /* operations that wait at a time */
  LIFE_S = 60,     /* for one life */
};

/* What a life says, in memory that outlives it. */
struct progress {
  atomic_size_t issued;      /* steps handed in */
  atomic_size_t acked;       /* steps that are durable by the storage's word */
  atomic_size_t committed;   /* steps, the last of which was a snapshot whose commit returned */
  atomic_bool over;          /* it came to its own end */
  atomic_uint opened;        /* calls of the shim when it was open */
  atomic_uint calls;         /* of the shim, at the end of a life that was not ended */
  atomic_uint failures;      /* played */
  atomic_int fatal, refused; /* statuses: reported, of open */
  atomic_int wrong;          /* statuses of completions that came with an error: the first */
  size_t settled, part;      /* the judge's word: steps that happened, entries of the next one */
  uint64_t snapshot, snapshot_size;
};

struct life {
  struct contract *c;
  struct wish wishes[LIFE_STEPS_MAX]; /* of a random life */
  struct step steps[LIFE_STEPS_MAX];
  size_t count;
  size_t window;
  struct model *start; /* what is held before */
  struct shim_plan plan;
  bool shimmed;           /* the plan holds */
  bool lose_power;        /* at its end, also of a life that was not ended */
  bool has_heir;          /* it ends by a kill, and what it left in the page cache is the next's */
  bool unsynced;          /* with the option `sync` off */
  bool trouble;           /* operations may fail */
  bool lose_at_success;   /* power is lost with the first success behind a failure */
  unsigned kill_after_us; /* from the first step on; 0: it is not killed from outside */
  struct progress *progress;
};

/* A life with nothing in it yet; `start` is a new storage's. */
struct life *life_new(struct contract *c);
void life_free(struct life *life);
/* Makes the storage a new one. */
void life_afresh(struct life *life);

/* Adds a step, as a model says that has taken those before it. */
void life_plan(struct life *life, struct model *m, struct step step);
/* Random steps, at most LIFE_STEPS_MAX. */
void life_plan_random(struct life *life, uint64_t *seed, size_t count);

/* Lives it. True: it came to its own end. */
bool life_run(struct life *life);
/* Opens what is left and holds it against (V1) and (V2); `start` becomes what is held. With an heir
 * the judge, too, is killed, and leaves to the next life what it did not make durable. */
void life_judge(struct life *life, const char *when, uint64_t number);

/* How many calls a story makes that nothing ends, in a new storage; none of its operations waits
 * beside another. Skips the law if its calls are not seen. */
unsigned life_calls(struct life *life, void (*plan)(struct life *life));

/* It is opened once more after the judge: new entries go in, and nothing that was cut off comes
 * back behind them. */
void life_carry_on(struct life *life);

#endif
