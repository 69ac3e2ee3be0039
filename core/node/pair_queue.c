/* pair_queue.c: writes that wait until every side has them that must, and whose turn it then is. */
#include <node/pair_queue.h>

#include <node/kernel/outcome.h>

#include <assert.h>
#include <stdlib.h>

unsigned pair_targets(const struct pair *p) {
  if (p->phase == PAIR_JOINED && !p->failed) return pair_bit(0) | pair_bit(1);
  return pair_bit(pair_main(p));
}

/* ---- the lock, and what happens when it is given back ---- */

void pair_lock(struct pair *p) {
  pthread_mutex_lock(&p->lock);
}

static void tell(struct pair *p) {
  struct pair_watch watch = p->watch;
  p->tell = false;
  pthread_mutex_unlock(&p->lock);
  watch.changed(watch.ctx);
  pthread_mutex_lock(&p->lock);
}

/* Calls the completion of the oldest write, which is over. The write is freed when no side holds it
 * any more. */
static void deliver(struct pair *p) {
  struct pair_write *w = p->first;
  struct rkv_completion *own = w->own;
  enum rkv_status status = w->status;
  struct rkv_error error;
  assert(own && w->needs == 0); /* (Q1), (Q2) */
  p->first = w->next;
  if (!p->first) p->end = &p->first;
  w->own = NULL;
  if (w->held == 0) free(w);
  if (status != RKV_OK) {
    error = p->broken;
    error.status = (uint32_t)status;
  }
  pthread_mutex_unlock(&p->lock);
  own->done(own, status, status != RKV_OK ? &error : NULL);
  pthread_mutex_lock(&p->lock);
}

/* One thread delivers, so that the order holds (Q1); what others end meanwhile is delivered by it,
 * or by the runner when it has given what it gives. */
void pair_unlock(struct pair *p) {
  if (p->tell) tell(p);
  if (!p->delivering) {
    p->delivering = true;
    while (!p->giving && p->first && p->first->needs == 0) deliver(p);
    p->delivering = false;
  }
  pthread_mutex_unlock(&p->lock);
}

void pair_given(struct pair *p) {
  pair_lock(p);
  p->giving = false;
  pair_unlock(p);
}

/* ---- failures ---- */

void pair_met(struct pair *p, unsigned need) {
  for (struct pair_write *w = p->first; w; w = w->next) w->needs &= ~need;
}

void pair_fail_copy(struct pair *p, const struct rkv_error *error) {
  if (p->failed || (p->phase != PAIR_COPYING && p->phase != PAIR_JOINED)) return;
  p->failed = true;
  p->error = *error;
  p->tell = true;
  pair_met(p, pair_bit(pair_other(p)));
}

static void note_broken(struct pair *p, const struct rkv_error *error) {
  if (p->broken.status == RKV_OK) p->broken = *error;
  assert(p->broken.status != RKV_OK);
}

void pair_fail(struct pair *p, const struct rkv_error *error) {
  note_broken(p, error);
  if (!p->failed) {
    p->failed = true;
    p->error = *error;
    p->tell = true;
  }
}

void pair_fail_retirement(struct pair *p, const struct rkv_error *error) {
  pair_fail(p, error);
  p->unretired = true;
  for (struct pair_write *w = p->first; w; w = w->next) {
    if (!(w->needs & PAIR_RETIREMENT)) continue;
    w->status = (enum rkv_status)error->status;
    w->needs = 0;
  }
}

/* ---- a write ---- */

/* `side` ended its part of a write that waits for it. */
static void note_end(struct pair_write *w, unsigned side, enum rkv_status status,
                     const struct rkv_error *error) {
  struct pair *p = w->pair;
  if (status == RKV_OK) {
    w->needs &= ~pair_bit(side);
  } else if (p->phase == PAIR_JOINED && side == pair_other(p)) {
    pair_fail_copy(p, error);
  } else {
    /* A copy may fail sooner than current ends what it was given before (Q1). */
    w->needs = side == p->now ? 0 : w->needs & ~pair_bit(side);
    w->status = status;
    note_broken(p, error);
    if (p->phase == PAIR_RETIRING) pair_fail(p, error);
  }
}

/* Any thread. */
static void on_end(struct rkv_completion *completion, enum rkv_status status,
                   const struct rkv_error *said) {
  struct pair_end *end = (struct pair_end *)completion;
  struct pair_write *w = end->write;
  struct pair *p = w->pair;
  const unsigned side = end == &w->ends[1];
  struct rkv_error error;
  status = outcome_of_done(status, said, "a write of the storage", &error);
  pair_lock(p);
  assert(w->held & pair_bit(side)); /* (Q1) */
  w->held &= ~pair_bit(side);
  if (w->both) p->done[side]++;
  if (w->needs & pair_bit(side)) note_end(w, side, status, &error);
  if (!w->own && w->held == 0) free(w);
  pair_unlock(p);
}

static struct pair_write *push(struct pair *p, struct pair_write *w, struct rkv_completion *own) {
  const unsigned targets = pair_targets(p);
  *w = (struct pair_write){.pair = p, .own = own, .needs = targets, .held = targets};
  for (unsigned side = 0; side < 2; side++) w->ends[side] = (struct pair_end){{on_end}, w};
  w->both = targets == (pair_bit(0) | pair_bit(1));
  if (w->both) p->given++;
  *p->end = w;
  p->end = &w->next;
  if (p->phase == PAIR_RETIRING && !p->retired) {
    w->needs |= PAIR_RETIREMENT; /* (Q2) */
    if (p->unretired) pair_fail_retirement(p, &p->error);
  }
  return w;
}

/* No write before it waits here, and it waits for one side only: that side keeps the order. */
static bool needs_no_place(const struct pair *p) {
  if (!pair_is_idle(p)) return false;
  if (p->phase == PAIR_RETIRING) return p->retired;
  return p->phase != PAIR_JOINED || p->failed;
}

struct pair_write *pair_place(struct pair *p, struct rkv_completion *own, bool *refused) {
  struct rkv_error error;
  struct pair_write *w = NULL;
  *refused = false;
  if (needs_no_place(p)) return NULL;
  w = malloc(sizeof *w);
  if (!w) {
    (void)rkv_fail(&error, RKV_NO_MEMORY, "out of memory for one more write to both storages");
    pair_fail_copy(p, &error);
    if (needs_no_place(p)) return NULL;
    w = p->spare;
    p->spare = NULL;
    *refused = !w;
  }
  return w ? push(p, w, own) : NULL;
}

/* ---- who uses a side ---- */

void pair_use(struct pair *p, unsigned side) {
  assert(p->sides[side].ops); /* (Q5) */
  p->uses[side]++;
}

void pair_unuse(struct pair *p, unsigned side) {
  assert(p->uses[side] > 0 && p->sides[side].ops); /* (Q5) */
  p->uses[side]--;
  if (p->left && side != p->now && p->uses[side] == 0) p->tell = true;
}
