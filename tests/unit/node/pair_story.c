/* pair_story.c: see pair_story.h. After every step the story holds what is durable against what was
 * acknowledged, as if all died at that moment:
 *
 * (T1) At most one of the two storages may be started on, or the copy is whole and to be finished.
 * (T2) What may be started on has all that was acknowledged.
 * (T3) Writes end in order, once, as soon as they may and no sooner. */
#include "pair_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <node/moved.h>
#include <node/pair.h>

#include "pair_fake.h"

#define TO "storage-x, dir=/x"

enum { WRITES_MAX = 32, STEPS_MAX = 128, RETIREMENT = 4 };

struct write {
  struct rkv_completion completion; /* first */
  char what;                        /* as in a script */
  uint64_t value;                   /* vote's term, identity's mark, or entry's index */
  rkv_term term;                    /* of the entry */
  bool cut;                         /* truncated since */
  unsigned needs;                   /* sides as bits, and RETIREMENT */
  unsigned number[2];               /* among the writes of each side */
  bool ended;
  enum rkv_status status;
};

static struct {
  struct pair pair;
  struct fake fakes[2];
  bool open[2];
  unsigned now;                 /* as the test sees it */
  const char *script;           /* what the runner has still to do */
  const char *nested;           /* what the completion of the first write does */
  struct rkv_identity identity; /* the last given */
  struct rkv_vote vote;
  struct rkv_log_id last;
  rkv_term term;
  unsigned retirement; /* number of that write of current */
  struct write writes[WRITES_MAX];
  unsigned count, ended, checked; /* given; ended; of those, the ones that had to */
  bool failed;                    /* a write ended with an error: the node stops */
  unsigned told;
  /* the order that is played */
  unsigned choices[STEPS_MAX], of[STEPS_MAX], depth;
} t;

static struct pair_look look(void) {
  struct pair_look l;
  pair_look(&t.pair, &l);
  return l;
}

static void changed(void *ctx) {
  (void)ctx;
  t.told++;
}

static void on_copied(struct rkv_completion *self, enum rkv_status status,
                      const struct rkv_error *error) {
  (void)self, (void)status, (void)error;
}
static struct rkv_completion copied = {on_copied};

/* ---- acts ---- */

static void act(char what);

static void on_done(struct rkv_completion *self, enum rkv_status status,
                    const struct rkv_error *error) {
  struct write *w = (struct write *)self;
  assert_false(w->ended);
  assert_ptr_equal(w, &t.writes[t.ended]); /* in order */
  assert_true((status == RKV_OK) == (error == NULL));
  if (error) assert_int_equal(error->status, status);
  if (error && status != RKV_CANCELLED) assert_string_equal(error->text, "the fake failed");
  w->ended = true;
  w->status = status;
  t.ended++;
  if (status != RKV_OK) t.failed = true;
  for (; t.nested && *t.nested && !t.failed; t.nested++) act(*t.nested);
}

static unsigned needs_of(const struct pair_look *l) {
  const unsigned now = 1U << t.now, copy = 1U << (1 - t.now);
  if (l->phase == PAIR_JOINED && !l->failed) return now | copy;
  if (l->phase == PAIR_RETIRING) return l->retired ? copy : copy | RETIREMENT;
  return now;
}

static void act_write(char what) {
  const struct pair_look l = look();
  struct write *w = &t.writes[t.count++];
  assert_true(t.count <= WRITES_MAX);
  *w = (struct write){.completion = {on_done}, .what = what, .needs = needs_of(&l)};
  for (unsigned side = 0; side < 2; side++) w->number[side] = t.fakes[side].given;
  if (what == 'v') {
    w->value = t.vote.term = t.vote.term + 1;
    pair_ops.save_vote(&t.pair, t.vote, &w->completion);
  } else if (what == 'i') {
    w->value = t.identity.cluster.low = t.identity.cluster.low + 1;
    pair_ops.save_identity(&t.pair, t.identity, &w->completion);
  } else {
    t.last = (struct rkv_log_id){w->term = t.term, t.last.index + 1};
    w->value = t.last.index;
    pair_ops.append(&t.pair, &(struct rkv_entry){.id = t.last}, 1, &w->completion);
  }
}

/* The last entry, by a leader of the next term. */
static void act_truncate(void) {
  for (unsigned i = 0; i < t.count; i++)
    if (t.writes[i].what == 'a' && t.writes[i].value == t.last.index) t.writes[i].cut = true;
  t.last.index--;
  t.last.term = t.last.index ? t.fakes[0].terms[t.last.index] : 0;
  t.term++;
  pair_ops.truncate(&t.pair, t.last.index);
}

static void act_begin(void) {
  struct fake *copy = &t.fakes[1 - t.now];
  pair_begin(&t.pair, (struct pair_side){&fake_ops, copy}, (struct pair_watch){changed, NULL});
  t.open[1 - t.now] = true;
}

/* All that current has alone. */
static void act_copy(void) {
  for (rkv_index index = look().copied + 1; index <= t.last.index; index++) {
    struct rkv_entry entry = {.id = {0, index}};
    for (unsigned i = 0; i < t.count; i++)
      if (t.writes[i].what == 'a' && t.writes[i].value == index && !t.writes[i].cut)
        entry.id.term = t.writes[i].term;
    pair_append_copy(&t.pair, &entry, 1, &copied);
  }
}

static void act_retire(void) {
  t.retirement = t.fakes[t.now].given + 1;
  assert_true(pair_retire(&t.pair, t.last, TO, 0));
}

/* One that was given to both is on its way there. */
static bool copy_lacks_a_vote(void) {
  const unsigned copy = 1 - t.now;
  for (unsigned i = 0; i < t.count; i++) {
    const struct write *w = &t.writes[i];
    bool to_both = w->what == 'v' && w->needs == 3;
    if (to_both && !w->ended && t.fakes[copy].ended <= w->number[copy]) return true;
  }
  return false;
}

/* The copy does not matter any more. */
static void forget_copy(void) {
  for (unsigned i = t.checked; i < t.count; i++) t.writes[i].needs &= 1U << t.now;
}

static void act_drop(void) {
  forget_copy();
  pair_drop(&t.pair);
}

static void act_close(void) {
  struct fake *left = &t.fakes[1 - t.now];
  assert_true(pair_released(&t.pair));
  fake_close(left);
  pair_forget(&t.pair);
  t.open[1 - t.now] = false;
  const bool at_once = left->at_once;
  fake_init(left);
  left->at_once = at_once;
}

static void act(char what) {
  switch (what) {
  case 'b': act_begin(); return;
  case 'c': act_copy(); return;
  case 'j': (void)pair_join(&t.pair, look().snapshots); return;
  case 'r': act_retire(); return;
  case 'f': pair_finish(&t.pair); return;
  case 'd': act_drop(); return;
  case 'x': act_close(); return;
  case 't': act_truncate(); return;
  case 'N': t.fakes[t.now].at_once = true; return; /* a write ends the oldest that waits */
  default: act_write(what); return;
  }
}

/* ---- laws ---- */

static bool starts(unsigned side) {
  const struct rkv_identity *identity = &t.fakes[side].identity;
  return t.open[side] && identity->incarnation > 0 &&
         identity->incarnation < RKV_INCARNATION_UNFINISHED;
}

/* The storage that the node would go on with if all died now. */
static unsigned survivor(void) {
  const struct rkv_identity *now = &t.fakes[t.now].identity;
  assert_false(starts(0) && starts(1)); /* (T1) */
  if (starts(0)) return 0;
  if (starts(1)) return 1;
  assert_true(now->incarnation == RKV_INCARNATION_RETIRED && moved_is_for(now, TO, 0));
  assert_true(t.fakes[1 - t.now].identity.incarnation == RKV_INCARNATION_UNFINISHED);
  return 1 - t.now;
}

static void check_survivor(void) {
  const struct fake *f = &t.fakes[survivor()];
  for (unsigned i = 0; i < t.count; i++) {
    const struct write *w = &t.writes[i];
    if (!w->ended || w->status != RKV_OK || w->cut) continue;
    if (w->what == 'v') assert_true(f->vote.term >= w->value);
    if (w->what == 'i') assert_true(f->identity.cluster.low >= w->value);
    if (w->what != 'a') continue;
    assert_true(f->last.index >= w->value && f->terms[w->value] == w->term);
  }
}

/* The note failed, or the identity behind it. */
static bool retirement_failed(void) {
  const struct fake *f = &t.fakes[t.now];
  const unsigned note = t.retirement - 1;
  return f->fails_from <= t.retirement && f->ended > (f->fails_from > note ? f->fails_from : note);
}

/* Whether a write must have ended by now. */
static bool is_over(const struct write *w, const struct pair_look *l) {
  bool over = true;
  for (unsigned side = 0; side < 2; side++) {
    const struct fake *f = &t.fakes[side];
    if (!(w->needs & (1U << side))) continue;
    if (f->ended <= w->number[side])
      over = false;
    else if (f->fails_from <= w->number[side] && side == t.now)
      return true;
  }
  if (!(w->needs & RETIREMENT) || l->retired) return over;
  return retirement_failed();
}

static void check(void) {
  const struct pair_look l = look();
  if (l.failed && (l.phase == PAIR_COPYING || l.phase == PAIR_JOINED)) forget_copy();
  if (l.finished && l.phase == PAIR_ALONE && t.pair.now != t.now) t.now = t.pair.now;
  check_survivor();
  while (t.checked < t.count && is_over(&t.writes[t.checked], &l)) t.checked++;
  assert_int_equal(t.ended, t.checked); /* as soon as they may, and no sooner */
}

/* ---- one order ---- */

/* What the runner does next, if it may. */
static char next_act(void) {
  const struct pair_look l = look();
  char what = *t.script;
  if (t.failed) return '\0';
  if (what == 'r' && l.failed) return '\0';
  if (what == 'r' && (!l.whole || copy_lacks_a_vote())) {
    assert_false(pair_retire(&t.pair, t.last, TO, 0));
    return '\0';
  }
  if (what == 'f' && !l.retired) return '\0';
  if (what == 'x' && !pair_released(&t.pair)) return '\0';
  return what;
}

static unsigned choose(unsigned count) {
  if (t.depth == STEPS_MAX) fail_msg("more than %d steps", STEPS_MAX);
  t.of[t.depth] = count;
  return t.choices[t.depth++];
}

/* One of what may happen next; false: nothing may. */
static bool step(bool may_stop) {
  char options[4];
  unsigned count = 0;
  const char what = next_act();
  if (what) options[count++] = what;
  if (t.fakes[0].given > t.fakes[0].ended) options[count++] = '0';
  if (t.fakes[1].given > t.fakes[1].ended) options[count++] = '1';
  if (count == 0) return false;
  if (may_stop) options[count++] = '.';
  switch (options[choose(count)]) {
  case '.': return false;
  case '0': return fake_end_one(&t.fakes[0]);
  case '1': return fake_end_one(&t.fakes[1]);
  default:
    t.script++;
    act(what);
    return true;
  }
}

static void play(const struct story *s) {
  struct rkv_storage_state state;
  struct rkv_error error;
  t.count = t.ended = t.checked = t.now = t.depth = t.told = 0;
  t.failed = t.open[1] = false;
  t.open[0] = true;
  t.script = s->script;
  t.nested = s->nested;
  t.term = 1;
  t.last = (struct rkv_log_id){0};
  t.vote = (struct rkv_vote){0};
  t.identity = (struct rkv_identity){{7, 1}, 13, true};
  for (unsigned side = 0; side < 2; side++) {
    fake_init(&t.fakes[side]);
    t.fakes[side].at_once = s->at_once[side];
    if (s->fails[side]) t.fakes[side].fails_from = s->fails[side] - 1;
  }
  t.fakes[0].identity = t.identity;
  pair_init(&t.pair, &fake_ops, &t.fakes[0]);
  assert_int_equal(pair_ops.load(&t.pair, &state, &error), RKV_OK);
  do check();
  while (step(s->may_stop));
  if (!s->may_stop && !s->fails[0] && !s->fails[1]) assert_string_equal(t.script, "");
  fake_close(&t.fakes[0]);
  fake_close(&t.fakes[1]);
  assert_int_equal(t.ended, t.count); /* each, once */
  pair_destroy(&t.pair);
}

unsigned story_play_all(const struct story *s) {
  unsigned orders = 0;
  memset(t.choices, 0, sizeof t.choices);
  for (;;) {
    play(s);
    orders++;
    while (t.depth > 0 && t.choices[t.depth - 1] + 1 == t.of[t.depth - 1]) t.choices[--t.depth] = 0;
    if (t.depth == 0) return orders;
    t.choices[t.depth - 1]++;
  }
}
