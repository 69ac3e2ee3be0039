/* pair_ops.c: the operations of a pair as of any storage: who gets what (pair.h's table). */
#include <node/moved.h>
#include <node/pair_queue.h>
#include <node/pair_snapshot.h>

#include <assert.h>

static enum rkv_status pair_load(void *storage, struct rkv_storage_state *state,
                                 struct rkv_error *error) {
  struct pair *p = storage;
  const struct pair_side side = p->sides[p->now];
  enum rkv_status status;
  assert(p->phase == PAIR_ALONE);
  status = side.ops->load(side.storage, state, error);
  if (status != RKV_OK) return status;
  p->vote = state->vote;
  p->identity = state->identity;
  p->last = state->last;
  p->purged = state->purged;
  return RKV_OK;
}

/* ---- writes that are completed ---- */

/* What is written. */
struct given {
  enum { GIVEN_VOTE, GIVEN_IDENTITY, GIVEN_ENTRIES } what;
  struct rkv_vote vote;
  struct rkv_identity identity;
  const struct rkv_entry *entries;
  size_t count;
};

static void give(struct pair_side side, const struct given *g, struct rkv_completion *completion) {
  switch (g->what) {
  case GIVEN_VOTE: side.ops->save_vote(side.storage, g->vote, completion); return;
  case GIVEN_IDENTITY: side.ops->save_identity(side.storage, g->identity, completion); return;
  case GIVEN_ENTRIES: side.ops->append(side.storage, g->entries, g->count, completion); return;
  }
}

/* The pair remembers it. Under the lock. */
static void remember(struct pair *p, const struct given *g) {
  if (g->what == GIVEN_VOTE) p->vote = g->vote;
  if (g->what == GIVEN_IDENTITY) p->identity = g->identity;
  if (g->what != GIVEN_ENTRIES) return;
  assert(g->entries[0].id.index == p->last.index + 1);
  p->last = g->entries[g->count - 1].id;
}

static void refuse(struct rkv_completion *completion) {
  struct rkv_error error;
  (void)rkv_fail(&error, RKV_NO_MEMORY, "storage: out of memory for one more write");
  completion->done(completion, RKV_NO_MEMORY, &error);
}

/* An operation on its way: what was decided under the lock. */
struct way {
  struct pair_side sides[2];
  unsigned now;
  unsigned targets;     /* bits */
  bool unfinished;      /* the copy gets another identity than the node's own */
  bool mark;            /* the copy gets one although it is no target */
  bool refused;         /* no memory */
  struct pair_write *w; /* NULL: it has the caller's own completion */
};

/* Under the lock. */
static struct way way_of(struct pair *p, const struct given *g, struct rkv_completion *completion) {
  struct way way = {.sides = {p->sides[0], p->sides[1]}, .now = p->now};
  assert(!p->giving); /* (Q3) else two writes would reach the sides in two orders */
  if (g) way.w = pair_place(p, completion, &way.refused);
  if (way.w && way.w->both && g->what == GIVEN_VOTE) p->voted = p->given;
  way.targets = pair_targets(p);
  way.unfinished = !p->finishing && p->phase != PAIR_ALONE;
  way.mark = g && g->what == GIVEN_IDENTITY && p->phase == PAIR_COPYING;
  if (way.w || way.targets == (pair_bit(0) | pair_bit(1))) p->giving = true;
  return way;
}

/* Gives a side its part. */
static void give_part(const struct way *way, unsigned side, const struct given *g,
                      struct rkv_completion *completion) {
  struct given part = *g;
  if (g->what == GIVEN_IDENTITY && side != way->now && way->unfinished)
    part.identity = moved_unfinished(&g->identity); /* (Q4) */
  give(way->sides[side], &part, way->w ? &way->w->ends[side].completion : completion);
}

/* True if the write is current's alone, and none waits before it: so it is nearly always, while the
 * node does not move. Under the lock. */
static bool goes_straight(const struct pair *p) {
  return p->phase == PAIR_ALONE && pair_is_idle(p);
}

static void write_out(struct pair *p, const struct given *g, struct rkv_completion *completion) {
  struct way way;
  pair_lock(p);
  remember(p, g);
  if (goes_straight(p)) {
    const struct pair_side current = p->sides[p->now];
    assert(!p->giving); /* (Q3) */
    pair_unlock(p);
    give(current, g, completion);
    return;
  }
  way = way_of(p, g, completion);
  pair_unlock(p);
  if (way.refused) {
    refuse(completion);
    return;
  }
  if (way.targets & pair_bit(way.now)) give_part(&way, way.now, g, completion);
  if (way.targets & pair_bit(1 - way.now)) give_part(&way, 1 - way.now, g, completion);
  if (way.mark) give_part(&way, 1 - way.now, g, &p->mark.completion);
  if (way.w) pair_given(p);
}

static void pair_save_vote(void *storage, struct rkv_vote vote, struct rkv_completion *completion) {
  write_out(storage, &(struct given){.what = GIVEN_VOTE, .vote = vote}, completion);
}

static void pair_save_identity(void *storage, struct rkv_identity identity,
                               struct rkv_completion *completion) {
  write_out(storage, &(struct given){.what = GIVEN_IDENTITY, .identity = identity}, completion);
}

static void pair_append(void *storage, const struct rkv_entry *entries, size_t count,
                        struct rkv_completion *completion) {
  write_out(storage, &(struct given){.what = GIVEN_ENTRIES, .entries = entries, .count = count},
            completion);
}

/* ---- writes that are not ---- */

/* Whether the copy drops entries, too, although it gets no writes yet. Under the lock. */
static bool cut(struct pair *p, rkv_index after) {
  bool copied = p->phase == PAIR_COPYING && p->copied > after;
  if (copied) p->copied = after; /* (Q3) */
  if (p->last.index > after) {
    p->last = after == p->purged.index ? p->purged : (struct rkv_log_id){0, after};
    p->cuts++;
  }
  assert(p->phase != PAIR_COPYING || p->copied <= p->last.index); /* (Q3) */
  return copied;
}

static void pair_truncate(void *storage, rkv_index after) {
  struct pair *p = storage;
  struct way way;
  pair_lock(p);
  way = way_of(p, NULL, NULL);
  if (cut(p, after)) way.targets |= pair_bit(1 - way.now);
  pair_unlock(p);
  for (unsigned n = 0, side = way.now; n < 2; n++, side = 1 - side)
    if (way.targets & pair_bit(side)) way.sides[side].ops->truncate(way.sides[side].storage, after);
  pair_given(p);
}

static void pair_purge(void *storage, struct rkv_log_id up_to) {
  struct pair *p = storage;
  struct way way;
  pair_lock(p);
  way = way_of(p, NULL, NULL);
  if (up_to.index > p->purged.index) p->purged = up_to;
  if (up_to.index > p->last.index) {
    p->last = up_to;
    p->cuts++;
  }
  pair_unlock(p);
  for (unsigned n = 0, side = way.now; n < 2; n++, side = 1 - side)
    if (way.targets & pair_bit(side)) way.sides[side].ops->purge(way.sides[side].storage, up_to);
  pair_given(p);
}

static enum rkv_status pair_read(void *storage, rkv_index from, rkv_index to, uint64_t bytes_max,
                                 struct rkv_entry *entries, size_t capacity, size_t *count,
                                 struct rkv_error *error) {
  struct pair *p = storage;
  enum rkv_status status;
  struct pair_side side;
  unsigned index;
  pair_lock(p);
  index = pair_main(p);
  pair_use(p, index);
  side = p->sides[index];
  pair_unlock(p);
  status = side.ops->read(side.storage, from, to, bytes_max, entries, capacity, count, error);
  pair_lock(p);
  pair_unuse(p, index);
  pair_unlock(p);
  return status;
}

const struct rkv_storage_ops pair_ops = {
    .load = pair_load,
    .save_vote = pair_save_vote,
    .save_identity = pair_save_identity,
    .append = pair_append,
    .truncate = pair_truncate,
    .purge = pair_purge,
    .read = pair_read,
    .snapshot_begin = pair_snapshot_begin,
    .snapshot_write = pair_snapshot_write,
    .snapshot_commit = pair_snapshot_commit,
    .snapshot_abort = pair_snapshot_abort,
    .snapshot_open = pair_snapshot_open,
    .snapshot_read = pair_snapshot_read,
    .snapshot_close = pair_snapshot_close,
};
