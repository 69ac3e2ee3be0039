/* slow_test.c: a device that takes its time: what was handed in meanwhile is held all the same. */
#include "shim.h"
#include "wal.h"

#include <stdlib.h>

enum { ROUNDS = 1500, QUEUED_MAX = 6 };

/* The device stands still, on a vote; what comes now is in the queue. */
static void stop_device(struct wal *w, struct model *m, struct told *told) {
  struct step vote = step_vote(m->vote.term + 1);
  shim_hold(true);
  told_init(told);
  wal_issue(w, &vote, told);
  model_step(m, &vote);
  shim_await_held();
}

static void start_device(struct told *told) {
  shim_hold(false);
  assert_int_equal(told_wait(told), RKV_OK);
}

/* Entries on the disk, their truncation and others in their place still in the queue: a read gives
 * the old ones up to the truncation and the new ones behind it. */
static void reads_across_a_truncation_in_the_queue(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  struct told vote, append;
  struct step step;
  wal_do(w, m, step_append(m, 1, 20));
  stop_device(w, m, &vote);
  step = step_truncate(12);
  wal_issue(w, &step, NULL);
  model_step(m, &step);
  wal_reads(w, m, 1, 20);
  step = step_append(m, 2, 30);
  told_init(&append);
  wal_issue(w, &step, &append);
  model_step(m, &step);
  wal_reads(w, m, 5, 40);
  wal_holds(w, m);
  start_device(&vote);
  assert_int_equal(told_wait(&append), RKV_OK);
  wal_holds(w, m);
  free(m);
}

/* The same for whatever may stand in the queue, and wherever between disk and queue a read
 * falls. */
static void reads_across_whatever_is_in_the_queue(void **state) {
  struct wal *w = *state;
  struct model *m = model_new();
  struct told vote, told[QUEUED_MAX];
  uint64_t seed = 23;
  for (int round = 0; round < ROUNDS && m->last.index < MODEL_MAX - 1000; round++) {
    size_t count = 0;
    stop_device(w, m, &vote);
    for (size_t i = random_next(&seed) % QUEUED_MAX; i > 0; i--) {
      struct step step = model_random(m, &seed);
      if (step.kind == STEP_SNAPSHOT) continue; /* a snapshot would wait for the device */
      told_init(&told[count]);
      wal_issue(w, &step, &told[count]);
      model_step(m, &step);
      if (step.kind == STEP_APPEND || step.kind == STEP_VOTE) count++;
      wal_reads(w, m, m->purged.index + 1, m->last.index);
      wal_reads(w, m, m->last.index > 40 ? m->last.index - 40 : 1, m->last.index);
    }
    start_device(&vote);
    for (size_t i = 0; i < count; i++) assert_int_equal(told_wait(&told[i]), RKV_OK);
    if (m->last.index > m->purged.index + 300) wal_do(w, m, step_purge(m->last.index - 100, 1));
  }
  wal_reopen(w);
  wal_holds(w, m);
  free(m);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, wal_setup, wal_teardown)

int main(void) {
  const struct CMUnitTest stories[] = {
      STORY(reads_across_a_truncation_in_the_queue),
      STORY(reads_across_whatever_is_in_the_queue),
  };
  return cmocka_run_group_tests_name("storage-wal on a slow device", stories, NULL, NULL);
}
