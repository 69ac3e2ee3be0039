/* pair.c: the phases of a move from one storage to another (pair.h's table). */
#include <node/pair.h>

#include <node/kernel/outcome.h>
#include <node/moved.h>
#include <node/pair_queue.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- the ends of the pair's own writes; any thread ---- */

/* Whether it succeeded; takes the lock. */
static bool own_ended(struct rkv_completion *completion, enum rkv_status status,
                      const struct rkv_error *said, struct pair **p, struct rkv_error *error) {
  status = outcome_of_done(status, said, "a write of the storage", error);
  *p = ((struct pair_own *)completion)->pair;
  pair_lock(*p);
  return status == RKV_OK;
}

static void on_mark(struct rkv_completion *completion, enum rkv_status status,
                    const struct rkv_error *said) {
  struct rkv_error error;
  struct pair *p;
  if (!own_ended(completion, status, said, &p, &error)) pair_fail_copy(p, &error);
  pair_unlock(p);
}

static void on_joined(struct rkv_completion *completion, enum rkv_status status,
                      const struct rkv_error *said) {
  struct rkv_error error;
  struct pair *p;
  if (own_ended(completion, status, said, &p, &error))
    p->whole = p->tell = true;
  else
    pair_fail_copy(p, &error);
  pair_unlock(p);
}

static void on_note(struct rkv_completion *completion, enum rkv_status status,
                    const struct rkv_error *said) {
  struct rkv_error error;
  struct pair *p;
  if (!own_ended(completion, status, said, &p, &error)) pair_fail_retirement(p, &error);
  pair_unlock(p);
}

static void on_retirement(struct rkv_completion *completion, enum rkv_status status,
                          const struct rkv_error *said) {
  struct rkv_error error;
  struct pair *p;
  if (!own_ended(completion, status, said, &p, &error)) {
    pair_fail_retirement(p, &error);
  } else if (!p->unretired) {
    assert(p->phase == PAIR_RETIRING);
    p->retired = p->tell = true;
    pair_met(p, PAIR_RETIREMENT);
  }
  pair_unlock(p);
}

static void on_finish(struct rkv_completion *completion, enum rkv_status status,
                      const struct rkv_error *said) {
  struct rkv_error error;
  struct pair *p;
  if (own_ended(completion, status, said, &p, &error)) {
    assert(p->phase == PAIR_RETIRING && p->retired); /* (Q4) */
    p->now = pair_other(p);
    p->phase = PAIR_ALONE;
    p->left = p->finished = p->tell = true;
  } else {
    pair_fail(p, &error);
  }
  pair_unlock(p);
}

/* ---- its beginning and end ---- */

static struct pair_own own_of(struct pair *p,
                              void (*done)(struct rkv_completion *self, enum rkv_status status,
                                           const struct rkv_error *error)) {
  return (struct pair_own){{done}, p};
}

void pair_init(struct pair *p, const struct rkv_storage_ops *ops, void *storage) {
  memset(p, 0, sizeof *p);
  (void)pthread_mutex_init(&p->lock, NULL); /* a default mutex: cannot fail on Linux */
  p->sides[0] = (struct pair_side){ops, storage};
  p->end = &p->first;
  p->mark = own_of(p, on_mark);
  p->joined = own_of(p, on_joined);
  p->note = own_of(p, on_note);
  p->retirement = own_of(p, on_retirement);
  p->finish = own_of(p, on_finish);
}

void pair_destroy(struct pair *p) {
  assert(!p->first && !p->giving && !p->delivering); /* (Q1) */
  assert(p->uses[0] == 0 && p->uses[1] == 0);        /* (Q5) */
  free(p->spare);
  pthread_mutex_destroy(&p->lock);
}

/* ---- what can be seen: no completion is called by who looks ---- */

void pair_look(struct pair *p, struct pair_look *out) {
  pthread_mutex_lock(&p->lock);
  *out = (struct pair_look){
      .phase = p->phase,
      .last = p->last,
      .purged = p->purged,
      .copied = p->copied,
      .cuts = p->cuts,
      .snapshots = p->snapshots,
      .writing = p->writers > 0,
      .whole = p->whole,
      .given = p->given,
      .by_copy = p->done[pair_other(p)],
      .by_current = p->done[p->now],
      .retired = p->retired,
      .finished = p->finished,
      .failed = p->failed,
      .error = p->error,
  };
  pthread_mutex_unlock(&p->lock);
}

struct pair_side pair_current(struct pair *p) {
  struct pair_side side;
  pthread_mutex_lock(&p->lock);
  side = p->sides[p->now];
  pthread_mutex_unlock(&p->lock);
  return side;
}

struct pair_side pair_copy(struct pair *p) {
  struct pair_side side = {NULL, NULL};
  pthread_mutex_lock(&p->lock);
  if (p->phase != PAIR_ALONE) side = p->sides[pair_other(p)];
  pthread_mutex_unlock(&p->lock);
  return side;
}

/* ---- the phases ---- */

/* Forgets what the last move left behind. Under the lock. */
static void forget_last(struct pair *p) {
  p->copied = 0;
  p->whole = p->retired = p->finishing = p->finished = p->failed = false;
  (void)outcome_clear(&p->error);
}

void pair_begin(struct pair *p, struct pair_side copy, struct pair_watch watch) {
  struct rkv_identity unfinished;
  struct rkv_error error;
  pair_lock(p);
  assert(p->phase == PAIR_ALONE && !p->left && !p->sides[pair_other(p)].ops); /* (Q5) */
  forget_last(p);
  p->sides[pair_other(p)] = copy;
  p->watch = watch;
  p->phase = PAIR_COPYING;
  unfinished = moved_unfinished(&p->identity);
  if (!p->spare) p->spare = malloc(sizeof *p->spare);
  if (!p->spare) {
    (void)rkv_fail(&error, RKV_NO_MEMORY, "out of memory for a second storage");
    pair_fail_copy(p, &error);
  }
  pair_unlock(p);
  copy.ops->save_identity(copy.storage, unfinished, &p->mark.completion); /* (Q4) */
}

void pair_purge_copy(struct pair *p) {
  struct pair_side copy;
  struct rkv_log_id purged;
  pair_lock(p);
  assert(p->phase == PAIR_COPYING);
  copy = p->sides[pair_other(p)];
  purged = p->purged;
  if (p->copied < purged.index) p->copied = purged.index; /* (Q3) */
  pair_unlock(p);
  if (purged.index > 0) copy.ops->purge(copy.storage, purged);
}

void pair_append_copy(struct pair *p, const struct rkv_entry *entries, size_t count,
                      struct rkv_completion *completion) {
  struct pair_side copy;
  pair_lock(p);
  assert(p->phase == PAIR_COPYING && count > 0 && entries[0].id.index == p->copied + 1); /* (Q3) */
  p->copied = entries[count - 1].id.index;
  assert(p->copied <= p->last.index); /* (Q3) */
  copy = p->sides[pair_other(p)];
  pair_unlock(p);
  copy.ops->append(copy.storage, entries, count, completion ? completion : &p->mark.completion);
}

bool pair_join(struct pair *p, uint64_t snapshots) {
  struct pair_side copy;
  struct rkv_log_id purged;
  struct rkv_vote vote;
  bool joins;
  pair_lock(p);
  assert(p->phase == PAIR_COPYING && p->copied == p->last.index); /* (Q3) */
  joins = !p->failed && p->writers == 0 && p->snapshots == snapshots;
  if (joins) {
    p->phase = PAIR_JOINED;
    p->giving = true; /* nothing of both sides before the copy has the vote */
  }
  copy = p->sides[pair_other(p)];
  purged = p->purged;
  vote = p->vote;
  pair_unlock(p);
  if (!joins) return false;
  if (purged.index > 0) copy.ops->purge(copy.storage, purged);
  copy.ops->save_vote(copy.storage, vote, &p->joined.completion);
  pair_given(p);
  return true;
}

bool pair_retire(struct pair *p, struct rkv_log_id last, const char *to, uint64_t token) {
  struct rkv_storage_state state = {.last = last};
  struct rkv_entry note = moved_note(&state, to);
  struct rkv_identity retired;
  struct pair_side current;
  bool retires;
  pair_lock(p);
  assert(p->phase == PAIR_JOINED && p->last.index == last.index);
  retires =
      p->whole && p->done[pair_other(p)] >= p->voted && !p->failed && !p->committing; /* (Q2) */
  if (retires) {
    p->phase = PAIR_RETIRING;
    p->giving = true;
  }
  current = p->sides[p->now];
  retired = moved_retired(&p->identity, to, token);
  pair_unlock(p);
  if (!retires) return false;
  current.ops->append(current.storage, &note, 1, &p->note.completion);
  current.ops->save_identity(current.storage, retired, &p->retirement.completion);
  pair_given(p);
  return true;
}

void pair_finish(struct pair *p) {
  struct rkv_identity identity;
  struct pair_side copy;
  pair_lock(p);
  assert(p->phase == PAIR_RETIRING && p->retired && !p->finishing); /* (Q4) */
  p->finishing = true;
  identity = p->identity;
  copy = p->sides[pair_other(p)];
  pair_unlock(p);
  copy.ops->save_identity(copy.storage, identity, &p->finish.completion);
}

bool pair_refuse_copy(struct pair *p, const struct rkv_error *error) {
  bool counts;
  pair_lock(p);
  counts = p->phase == PAIR_RETIRING || (p->left && p->finished);
  pair_fail_copy(p, error);
  pair_unlock(p);
  return !counts;
}

void pair_drop(struct pair *p) {
  pair_lock(p);
  assert(p->phase == PAIR_COPYING || p->phase == PAIR_JOINED); /* (Q4) current is not retired */
  pair_met(p, pair_bit(pair_other(p)));
  p->phase = PAIR_ALONE;
  p->left = p->tell = true;
  pair_unlock(p);
}

/* ---- the side that was left ---- */

bool pair_released(struct pair *p) {
  bool released;
  pthread_mutex_lock(&p->lock);
  released = p->left && p->uses[pair_other(p)] == 0;
  pthread_mutex_unlock(&p->lock);
  return released;
}

void pair_forget(struct pair *p) {
  pair_lock(p);
  assert(p->left && p->uses[pair_other(p)] == 0); /* (Q5) */
  p->sides[pair_other(p)] = (struct pair_side){NULL, NULL};
  p->left = false;
  pair_unlock(p);
}
