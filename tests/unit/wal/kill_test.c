/* kill_test.c: a child works and acknowledges, and is ended at any moment: what it acknowledged is
 * there, what it did not is absent or whole, and nothing that was cut off comes back.
 *
 * wal_kill [KILLS [SEED]]: how often a child is killed at a random moment. */
#include "shim.h"
#include "wal.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STEPS_MAX = 4000, WINDOW = 6, KILLS = 40 };

/* What the child says, in memory that outlives it. */
struct progress {
  atomic_size_t issued; /* steps handed in */
  atomic_size_t acked;  /* steps that are durable by the storage's word, with all before them */
  atomic_uint calls;    /* calls that change the disk */
};

struct trial {
  struct wal *w; /* the parent's; closed while a child works */
  struct model *model;
  struct step steps[STEPS_MAX];
  size_t count;
  size_t window; /* steps that may be unacknowledged */
  struct progress *progress;
};

/* ---- the child ---- */

/* A completion that says how far the child has come; and by that wakes it. */
struct ack {
  struct rkv_completion completion;
  struct progress *progress;
  size_t number; /* of steps, this one included */
};

static void acknowledge(struct rkv_completion *self, enum rkv_status status,
                        const struct rkv_error *error) {
  struct ack *ack = (struct ack *)self;
  (void)error;
  if (status != RKV_OK) _exit(3);
  atomic_store(&ack->progress->acked, ack->number);
}

static void pause_shortly(void) {
  (void)nanosleep(&(struct timespec){0, 20000}, NULL);
}

/* Works through the steps, some of them unacknowledged. A snapshot is acknowledged when
 * its commit returns; the queue may be behind it, so it acknowledges nothing of the queue. */
static void child_work(struct trial *t, bool close) {
  static struct ack acks[STEPS_MAX];
  static struct told ignored;
  struct wal *w = t->w;
  if (wal_open(w) != RKV_OK) _exit(2);
  for (size_t i = 0; i < t->count; i++) {
    acks[i] = (struct ack){{acknowledge}, t->progress, i + 1};
    while (i - atomic_load(&t->progress->acked) > t->window) {
      /* truncations and purges are acknowledged by what follows them */
      size_t from = atomic_load(&t->progress->acked);
      bool silent = true;
      for (size_t k = from; k < i; k++)
        if (t->steps[k].kind == STEP_VOTE || t->steps[k].kind == STEP_APPEND) silent = false;
      if (silent) break;
      pause_shortly();
    }
    atomic_store(&t->progress->issued, i + 1);
    told_init(&ignored);
    if (t->steps[i].kind == STEP_SNAPSHOT)
      wal_issue(w, &t->steps[i], &ignored);
    else
      wal_issue(w, &t->steps[i], (struct told *)&acks[i]);
  }
  if (close) wal_close(w);
  atomic_store(&t->progress->calls, shim_count());
  _exit(0);
}

/* Starts a child with a plan; die_at 0: it works to the end. */
static pid_t child_start(struct trial *t, unsigned die_at, enum shim_death death, uint64_t seed) {
  pid_t pid;
  atomic_store(&t->progress->issued, 0);
  atomic_store(&t->progress->acked, 0);
  pid = fork();
  assert_true(pid >= 0);
  if (pid > 0) return pid;
  shim_die_at(die_at, death, seed);
  child_work(t, true);
  return 0; /* the child ends in child_work */
}

/* True if it worked to its end, false if it was killed. */
static bool child_end(pid_t pid) {
  int how;
  assert_int_equal(waitpid(pid, &how, 0), pid);
  if (WIFEXITED(how) && WEXITSTATUS(how) == 0) return true;
  if (!WIFSIGNALED(how) || WTERMSIG(how) != SIGKILL)
    fail_msg("the child ended by itself: exit %d", WIFEXITED(how) ? WEXITSTATUS(how) : -1);
  return false;
}

/* ---- the judge ---- */

/* What is held must be the state after some number of steps, from those acknowledged to those
 * issued; of an append perhaps only the first entries. On success the model is that state. */
static bool legal(struct trial *t, const struct model *found) {
  struct model *m = t->model, *part = model_new();
  size_t acked = atomic_load(&t->progress->acked), issued = atomic_load(&t->progress->issued);
  bool is = false;
  for (size_t i = 0; i < acked; i++) model_step(m, &t->steps[i]);
  for (size_t i = acked; !(is = model_equal(m, found)) && i < issued; i++) {
    struct step step = t->steps[i];
    for (size_t n = 1; step.kind == STEP_APPEND && n < t->steps[i].count && !is; n++) {
      *part = *m;
      step.count = n;
      model_step(part, &step);
      if ((is = model_equal(part, found))) *m = *part;
    }
    if (is) break;
    model_step(m, &t->steps[i]);
  }
  free(part);
  return is;
}

/* Opens what the child left. The model becomes what is held. */
static void judge(struct trial *t, const char *when, uint64_t number) {
  struct model *found = model_new();
  char text[RKV_ERROR_TEXT_MAX];
  if (wal_open(t->w) != RKV_OK) fail_msg("%s %" PRIu64 ": %s", when, number, t->w->error.text);
  if (!wal_look(t->w, found, text)) fail_msg("%s %" PRIu64 ": %s", when, number, text);
  if (!legal(t, found))
    fail_msg("%s %" PRIu64 ": purged %" PRIu64 " last %" PRIu64 " vote %" PRIu64
             " after %zu of %zu steps",
             when, number, found->purged.index, found->last.index, found->vote.term,
             atomic_load(&t->progress->acked), atomic_load(&t->progress->issued));
  free(found);
}

/* ---- fixtures ---- */

static int trial_setup(void **state) {
  struct trial *t = calloc(1, sizeof *t);
  struct wal *w;
  assert_non_null(t);
  (void)wal_setup((void **)&w);
  wal_close(w);
  t->w = w;
  t->window = WINDOW;
  t->model = model_new();
  t->progress =
      mmap(NULL, sizeof *t->progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  assert_ptr_not_equal(t->progress, MAP_FAILED);
  *state = t;
  return 0;
}

static int trial_teardown(void **state) {
  struct trial *t = *state;
  void *w = t->w;
  (void)wal_teardown(&w);
  (void)munmap(t->progress, sizeof *t->progress);
  free(t->model);
  free(t);
  return 0;
}

static void plan_step(struct trial *t, struct model *m, struct step step) {
  assert_true(t->count < STEPS_MAX);
  t->steps[t->count++] = step;
  model_step(m, &step);
}

/* ---- stories ---- */

/* A follower's life: entries of term 1, a conflict that truncates them, entries of term 2 in their
 * place, a vote, a snapshot, a purge, once more a conflict; over several segments. */
static void plan_conflicts(struct trial *t) {
  struct model *m = model_new();
  plan_step(t, m, step_vote(1));
  plan_step(t, m, step_append(m, 1, 10));
  plan_step(t, m, step_append(m, 1, 3));
  plan_step(t, m, step_truncate(7));
  plan_step(t, m, step_vote(2));
  plan_step(t, m, step_append(m, 2, 2));
  plan_step(t, m, step_append(m, 2, 200));
  plan_step(t, m, step_snapshot(100));
  plan_step(t, m, step_purge(100, 2));
  plan_step(t, m, step_truncate(150));
  plan_step(t, m, step_append(m, 3, 300));
  plan_step(t, m, step_truncate(150));
  plan_step(t, m, step_append(m, 4, 60));
  plan_step(t, m, step_purge(1000, 5));
  plan_step(t, m, step_append(m, 5, 5));
  free(m);
}

/* ThreadSanitizer looks at threads, whose work is the same from call to call. */
#if defined(__SANITIZE_THREAD__)
#define CALLS_APART 3
#else
#define CALLS_APART 1
#endif

/* The same life ended at every call that changes the disk. After each end it is opened, judged,
 * carried on with entries of a new term, and opened again: the old suffix never returns. */
static void ended_at_every_call(struct trial *t, enum shim_death death, size_t window) {
  struct model *start = model_new();
  char empty[SCRATCH_PATH_MAX];
  bool done = false;
  unsigned n;
  t->count = 0;
  t->window = window;
  plan_conflicts(t);
  scratch_make(empty);
  for (n = 1; !done; n += CALLS_APART) {
    scratch_copy(empty, t->w->dir);
    *t->model = *start;
    done = child_end(child_start(t, n, death, n));
    judge(t, "call", n);
    wal_do(t->w, t->model, step_append(t->model, 9, 3));
    wal_reopen(t->w);
    wal_holds(t->w, t->model);
    wal_close(t->w);
  }
  assert_true(n > 40); /* else few calls were tried */
  scratch_remove(empty);
  free(start);
}

static void survives_a_kill_at_every_call(void **state) {
  ended_at_every_call(*state, SHIM_KILLED, 0);
  ended_at_every_call(*state, SHIM_KILLED, WINDOW);
}

/* Writes half done. */
static void survives_a_torn_write_at_every_call(void **state) {
  ended_at_every_call(*state, SHIM_TORN, 0);
  ended_at_every_call(*state, SHIM_TORN, WINDOW);
}

/* Of what was not synced, any 512-byte sectors are lost. */
static void survives_lost_power_at_every_call(void **state) {
  ended_at_every_call(*state, SHIM_POWER, 0);
  ended_at_every_call(*state, SHIM_POWER, WINDOW);
}

static void plan_random(struct trial *t, uint64_t *seed) {
  struct model *m = model_new();
  *m = *t->model;
  t->count = 0;
  while (t->count < STEPS_MAX && m->last.index < MODEL_MAX - 200)
    plan_step(t, m, model_random(m, seed));
  free(m);
}

static unsigned kills = KILLS;
static uint64_t kill_seed = 1;

/* kill -9 at random moments of random work, again and again in one directory; every second time
 * power is lost as well. */
static void survives_kills_at_random_moments(void **state) {
  struct trial *t = *state;
  uint64_t seed = kill_seed;
  for (unsigned n = 1; n <= kills; n++) {
    unsigned call = 1 + (unsigned)(random_next(&seed) % 400);
    pid_t pid;
    if (t->model->last.index > MODEL_MAX / 2) { /* begins anew with an empty storage */
      struct model *start = model_new();
      *t->model = *start;
      free(start);
      scratch_remove(t->w->dir);
      scratch_make(t->w->dir);
    }
    plan_random(t, &seed);
    if (n % 2) {
      struct timespec moment = {0, (long)(random_next(&seed) % 30000000)};
      pid = child_start(t, 0, SHIM_KILLED, 0);
      (void)nanosleep(&moment, NULL);
      (void)kill(pid, SIGKILL);
    } else {
      pid = child_start(t, call, SHIM_POWER, random_next(&seed));
    }
    (void)child_end(pid);
    judge(t, "kill", n);
    wal_close(t->w);
  }
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, trial_setup, trial_teardown)

int main(int argc, char **argv) {
  const struct CMUnitTest stories[] = {
      STORY(survives_a_kill_at_every_call),
      STORY(survives_a_torn_write_at_every_call),
      STORY(survives_lost_power_at_every_call),
      STORY(survives_kills_at_random_moments),
  };
  if (argc > 1) kills = (unsigned)strtoul(argv[1], NULL, 10);
  if (argc > 2) kill_seed = strtoull(argv[2], NULL, 10);
  return cmocka_run_group_tests_name("storage-wal killed", stories, NULL, NULL);
}
