/* main.c: many seeds on many processes; coverage; one line that replays a failure.
 *
 * usage: rkv-sim [--seeds N] [--from S] [--steps K] [--jobs J] [--trace] [--same] [--alone]
 *   --same runs every seed twice and compares the trace hashes; --alone runs no cluster, only each
 *   seed's disk without a node. */
#include "sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { JOBS_MAX = 64, COVERAGE_SEEDS_MIN = 200 };

struct options {
  uint64_t seeds, from, steps, jobs;
  bool trace, same, alone;
};

/* What a worker process tells its parent, in shared memory. */
struct worker {
  uint64_t seed, done, failed_seed, failed_step;
  bool failed;
  char failure[SIM_FAIL_MAX];
  struct sim_coverage coverage;
};

static bool run_one(const struct options *o, struct worker *w, uint64_t seed) {
  uint64_t hash, again, step;
  w->seed = seed;
  bool ok = alone_run(seed, o->trace, w->failure);
  step = 0;
  if (ok && !o->alone)
    ok = sim_run(seed, o->steps, o->trace, &w->coverage, &hash, &step, w->failure);
  if (ok && o->same && !o->alone) {
    struct sim_coverage other = {0};
    ok = sim_run(seed, o->steps, false, &other, &again, &step, w->failure);
    if (ok && again != hash) {
      (void)snprintf(w->failure, sizeof w->failure, "the same seed ran differently");
      ok = false;
    }
  }
  w->done++;
  if (ok) return true;
  w->failed = true;
  w->failed_seed = seed;
  w->failed_step = step;
  return false;
}

static void work(const struct options *o, struct worker *workers, uint64_t number) {
  struct worker *w = &workers[number];
  for (uint64_t i = number; i < o->seeds; i += o->jobs) {
    for (uint64_t j = 0; j < o->jobs; j++)
      if (workers[j].failed) return; /* one failure is enough */
    if (!run_one(o, w, o->from + i)) return;
  }
}

/* Waits for whichever worker ends next, so that a failure stops the others at once. */
static void wait_for_one(struct worker *workers, const pid_t *pids, uint64_t jobs) {
  int status = 0;
  pid_t pid = waitpid(-1, &status, 0);
  uint64_t j = 0;
  while (j < jobs && pids[j] != pid) j++;
  if (j == jobs || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) return;
  struct worker *w = &workers[j];
  w->failed = true;
  w->failed_seed = w->seed;
  (void)snprintf(w->failure, sizeof w->failure, "the process ended by %s %d (an assertion?)",
                 WIFSIGNALED(status) ? "signal" : "code",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void add(struct sim_coverage *sum, const struct sim_coverage *part) {
  uint64_t *to = (uint64_t *)sum;
  const uint64_t *from = (const uint64_t *)part;
  for (size_t i = 0; i < sizeof *sum / sizeof *to; i++) to[i] += from[i];
}

/* The pairs (fault, operation) that never happened. */
static unsigned print_holes(const struct sim_coverage *c) {
  unsigned holes = 0;
  for (int f = 0; f < SIM_FAULT_COUNT; f++)
    for (int op = 0; op < SIM_OP_COUNT; op++) {
      if (c->pairs[f][op] > 0) continue;
      (void)printf("sim: never happened: %s during %s\n", sim_op_names[op], sim_fault_names[f]);
      holes++;
    }
  for (int e = 0; e < SIM_EFFECT_COUNT; e++) {
    if (c->effects[e] > 0) continue;
    (void)printf("sim: never happened: %s\n", sim_effect_names[e]);
    holes++;
  }
  return holes;
}

/* How close to a hole the run came. */
static void print_rarest(const struct sim_coverage *c) {
  int fault = 0, op = 0;
  for (int f = 0; f < SIM_FAULT_COUNT; f++)
    for (int o = 0; o < SIM_OP_COUNT; o++)
      if (c->pairs[f][o] < c->pairs[fault][op]) fault = f, op = o;
  (void)printf("sim: rarest of %d pairs: %s during %s, %" PRIu64 " times\n",
               SIM_FAULT_COUNT * SIM_OP_COUNT, sim_op_names[op], sim_fault_names[fault],
               c->pairs[fault][op]);
}

static void print_sum(const struct sim_coverage *c, uint64_t seeds, double seconds) {
  (void)printf("sim: %" PRIu64 " seeds, %" PRIu64 " steps, %.1f s", seeds, c->steps, seconds);
  for (int e = 0; e < SIM_EFFECT_COUNT; e++)
    (void)printf("%s%" PRIu64 " %s", e % 6 == 0 ? "\nsim:   " : ", ", c->effects[e],
                 sim_effect_names[e]);
  (void)printf("\n");
}

static bool parse(int argc, char **argv, struct options *o) {
  for (int i = 1; i < argc; i++) {
    uint64_t *number = strcmp(argv[i], "--seeds") == 0   ? &o->seeds
                       : strcmp(argv[i], "--from") == 0  ? &o->from
                       : strcmp(argv[i], "--steps") == 0 ? &o->steps
                       : strcmp(argv[i], "--jobs") == 0  ? &o->jobs
                                                         : NULL;
    char *end = NULL;
    if (number && i + 1 < argc) {
      *number = strtoull(argv[++i], &end, 10);
      if (*end != '\0') return false;
    } else if (strcmp(argv[i], "--trace") == 0) {
      o->trace = true;
    } else if (strcmp(argv[i], "--same") == 0) {
      o->same = true;
    } else if (strcmp(argv[i], "--alone") == 0) {
      o->alone = true;
    } else {
      return false;
    }
  }
  return o->jobs >= 1 && o->jobs <= JOBS_MAX && o->seeds > 0 && o->steps > 0;
}

static int report(const struct options *o, struct worker *workers, double seconds) {
  struct sim_coverage *sum = calloc(1, sizeof *sum);
  uint64_t done = 0;
  bool failed = false;
  if (!sum) return 2;
  for (uint64_t j = 0; j < o->jobs; j++) {
    struct worker *w = &workers[j];
    add(sum, &w->coverage);
    done += w->done;
    if (!w->failed) continue;
    failed = true;
    (void)printf("sim: seed %" PRIu64 " step %" PRIu64
                 ": %s\nsim: replay: rkv-sim --seeds 1 --from "
                 "%" PRIu64 " --steps %" PRIu64 " --trace\n",
                 w->failed_seed, w->failed_step, w->failure, w->failed_seed, o->steps);
  }
  print_sum(sum, done, seconds);
  print_rarest(sum);
  if (!failed && !o->alone && done >= COVERAGE_SEEDS_MIN && print_holes(sum) > 0) {
    (void)printf("sim: vacuous: some trouble never met some operation\n");
    failed = true;
  }
  free(sum);
  return failed ? 1 : 0;
}

int main(int argc, char **argv) {
  struct options o = {.seeds = 100, .from = 1, .steps = 20000, .jobs = 2};
  struct timespec begin, end;
  pid_t pids[JOBS_MAX];
  if (!parse(argc, argv, &o)) {
    (void)fprintf(stderr,
                  "usage: rkv-sim [--seeds N] [--from S] [--steps K] [--jobs 1..%d] "
                  "[--trace] [--same] [--alone]\n",
                  JOBS_MAX);
    return 64;
  }
  if (o.jobs > o.seeds) o.jobs = o.seeds;
  struct worker *workers = mmap(NULL, o.jobs * sizeof *workers, PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (workers == MAP_FAILED) {
    perror("rkv-sim: mmap");
    return 2;
  }
  (void)clock_gettime(CLOCK_MONOTONIC, &begin);
  for (uint64_t j = 0; j < o.jobs; j++) {
    pids[j] = fork();
    if (pids[j] == 0) {
      work(&o, workers, j);
      exit(0);
    }
    if (pids[j] < 0) {
      perror("rkv-sim: fork");
      return 2;
    }
  }
  for (uint64_t j = 0; j < o.jobs; j++) wait_for_one(workers, pids, o.jobs);
  (void)clock_gettime(CLOCK_MONOTONIC, &end);
  return report(&o, workers,
                (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9);
}
