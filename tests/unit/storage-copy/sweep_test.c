/* sweep_test.c: a copy is ended at its first, second, ... last call that changes the device.
 *
 * Then at most one of the two storages is what a node starts on, with all that there was; and the
 * same command, given again, ends what was begun. With RKV_LONG=N: every Nth call, every ordered
 * pair of durable storages, loss of power at every 3 N, and the second command is ended as well. */
#include "story.h"

#include <contract/tree.h>

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

enum {
  POINTS = 8,     /* of the short form, for each pair */
  POWER_STEP = 3, /* of the long one: losses of power are so much rarer than kills */
  LAST_CALLS = 8  /* each of them in either form */
};

static const struct {
  const char *from, *to;
  bool is_long;
} pairs[] = {{"storage-wal", "storage-rocksdb", false},   {"storage-rocksdb", "storage-wal", false},
             {"storage-wal", "storage-lmdb", false},      {"storage-lmdb", "storage-wal", false},
             {"storage-lmdb", "storage-rocksdb", true},   {"storage-rocksdb", "storage-lmdb", true},
             {"storage-lmdb", "storage-lmdb", true},      {"storage-wal", "storage-wal", true},
             {"storage-rocksdb", "storage-rocksdb", true}};

struct sweep {
  struct story story;
  struct place from, to;
  struct holding all; /* what the node had */
  const struct shim_plan *plan;
};

/* 0: the short form. */
static unsigned long_step(void) {
  const char *text = getenv("RKV_LONG");
  return text ? (unsigned)strtoul(text, NULL, 10) : 0;
}

static bool is_long(void) {
  return long_step() > 0;
}

static bool is_built(const char *plugin) {
  char path[STORY_PATH_MAX];
  (void)snprintf(path, sizeof path, RKV_BINARY_DIR "/plugins/%s.so", plugin);
  return access(path, F_OK) == 0;
}

static bool same(const struct holding *a, const struct holding *b) {
  return memcmp(a, b, sizeof *a) == 0;
}

/* The source as it was before anything was copied, and no target. */
static void afresh(const struct sweep *w) {
  tree_remove(w->story.to);
  tree_remove(w->story.from);
  assert_true(tree_copy(w->story.kept, w->story.from));
}

/* Whether a node that starts there would be the node that was. */
static bool judge(const struct sweep *w, struct place place, const struct copied *copied) {
  struct seen seen = story_look(&w->story, place);
  if (seen.standing == STANDS_BROKEN ||
      (seen.standing == STANDS_READY && !same(&seen.holding, &w->all)))
    fail_msg("%s -> %s, death %d at call %u: %s %s", w->from.plugin, w->to.plugin,
             (int)w->plan->death, w->plan->die_at,
             seen.standing == STANDS_BROKEN ? "broken:" : "starts with something else:",
             seen.standing == STANDS_BROKEN ? seen.text : copied->text);
  return seen.standing == STANDS_READY;
}

static void judge_both(const struct sweep *w, const struct copied *copied) {
  bool source = judge(w, w->from, copied), target = judge(w, w->to, copied);
  if (source && target)
    fail_msg("%s -> %s, death %d at call %u: a node starts on both", w->from.plugin, w->to.plugin,
             (int)w->plan->death, w->plan->die_at);
}

/* The same command ends it: the node goes on on its copy, and only there. */
static void finish(const struct sweep *w) {
  struct copied again = story_copy(&w->story, w->from, w->to, NULL);
  struct seen source, target;
  char goes_on[2 * STORY_PATH_MAX];
  if (!again.ended || again.code != HOST_EXIT_OK)
    fail_msg("%s -> %s, death %d at call %u, again: %d %s", w->from.plugin, w->to.plugin,
             (int)w->plan->death, w->plan->die_at, again.code, again.text);
  source = story_look(&w->story, w->from);
  target = story_look(&w->story, w->to);
  assert_int_equal(source.standing, STANDS_REFUSED);
  assert_int_equal(target.standing, STANDS_READY);
  assert_true(same(&target.holding, &w->all));
  (void)snprintf(goes_on, sizeof goes_on,
                 "retired at index %" PRIu64 ", its node goes on in %s, dir=%s", w->all.last_index,
                 w->to.plugin, w->to.dir);
  assert_ptr_equal(strstr(source.text, goes_on), source.text);
}

/* One death. False: the copy came to its end before. */
static bool end_at(struct sweep *w, const struct shim_plan *plan) {
  struct copied copied;
  w->plan = plan;
  afresh(w);
  copied = story_copy(&w->story, w->from, w->to, plan);
  if (copied.ended) {
    if (copied.code != HOST_EXIT_OK) fail_msg("copy: %s", copied.text);
    return false;
  }
  judge_both(w, &copied);
  if (is_long() && plan->seed % 3 == 0) { /* the second command is ended as well */
    struct shim_plan second = *plan;
    second.die_at = 1 + (unsigned)(plan->seed * UINT64_C(2654435761) % plan->die_at);
    copied = story_copy(&w->story, w->from, w->to, &second);
    judge_both(w, &copied);
  }
  finish(w);
  return true;
}

static void sweep_pair(struct sweep *w, enum shim_death death, unsigned *points) {
  const struct shim_plan none = {0};
  struct copied whole;
  unsigned step;
  afresh(w);
  whole = story_copy(&w->story, w->from, w->to, &none);
  if (!whole.ended || whole.code != HOST_EXIT_OK) fail_msg("copy: %s", whole.text);
  assert_true(whole.calls > POINTS);
  step = is_long() ? long_step() * (death == SHIM_POWER ? POWER_STEP : 1) : whole.calls / POINTS;
  for (unsigned n = 1;; n += step) {
    const struct shim_plan plan = {.die_at = n, .death = death, .sector = 512, .seed = n};
    if (!end_at(w, &plan)) break;
    (*points)++;
    if (n + step > whole.calls - LAST_CALLS) step = 1; /* every one of the last calls decides */
  }
}

static void make_source(struct sweep *w) {
  const struct filling first = {
      .first = 1, .last = 120, .term = 2, .size = 700, .snapshot_bytes = 90000, .purge = 60};
  const struct filling second = {.first = 121, .last = 260, .term = 3, .size = 700};
  struct seen seen;
  tree_remove(w->story.from);
  assert_true(story_fill(&w->story, w->from, &first));
  assert_true(story_fill(&w->story, w->from, &second));
  seen = story_look(&w->story, w->from);
  assert_int_equal(seen.standing, STANDS_READY);
  w->all = seen.holding;
  tree_remove(w->story.kept);
  assert_true(tree_copy(w->story.from, w->story.kept));
}

static void every_call(void **state) {
  static struct sweep w;
  unsigned points = 0;
  (void)state;
  story_begin(&w.story, is_long() ? "copy-sweep-long.d" : "copy-sweep.d");
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
    if ((pairs[i].is_long && !is_long()) || !is_built(pairs[i].from) || !is_built(pairs[i].to))
      continue;
    w.from = (struct place){pairs[i].from, w.story.from};
    w.to = (struct place){pairs[i].to, w.story.to};
    make_source(&w);
    sweep_pair(&w, SHIM_KILLED, &points);
    if (is_long()) sweep_pair(&w, SHIM_POWER, &points);
  }
  print_message("    %u deaths\n", points);
  story_end(&w.story);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_call)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
