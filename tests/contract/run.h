/* run.h: runs laws, each in a process of its own, and keeps their outcomes. */
#ifndef CONTRACT_RUN_H
#define CONTRACT_RUN_H

#include "contract.h"

#include <signal.h>

/* How a law's process ends; X(NAME, exit code, word in reports). */
#define RUN_RESULT_LIST(X)                                                                         \
  X(PASSED, 0, "passed")                                                                           \
  X(FAILED, 101, "failed")                                                                         \
  X(SKIPPED, 102, "skipped")

enum run_result {
#define RUN_RESULT_ENUM(name, code, word) RUN_##name = code,
  RUN_RESULT_LIST(RUN_RESULT_ENUM)
#undef RUN_RESULT_ENUM
};

const char *run_result_name(enum run_result result);

enum { RUN_LAWS_MAX = 128, RUN_STDERR_MAX = 6000 /* bytes kept of what a failed law printed */ };

struct run_outcome {
  const struct contract_law *law;
  enum run_result result;
  uint64_t took_ms;
  char *text; /* why it failed or was skipped, or what it tried; lines; freed by the owner */
  int stage;  /* of a probe that failed by contract_fail: at which (probe.h) */
};

/* A law that runs. */
struct run {
  struct contract c;
  const struct contract_law *law;
  struct run_outcome *outcome;
  uint64_t began_ms, limit_ms;
  pid_t pid;         /* 0: it does not run */
  int fd;            /* of the process, to be polled; -1: no descriptor was left */
  int errors, trace; /* what its processes print; the backtrace of a crash */
  bool keep;         /* its files stay, and a text about it */
};

/* Begins a law in a fork of this process. `c` is filled but for dir and shared: the law's directory
 * is made in `scratch`, and removed behind the law unless `keep`. *outcome is filled, with a text
 * that is given to the caller, by the run_over that says true. `mask`: the signals that the law
 * blocks; NULL: as this process. */
void run_begin(struct run *run, const struct contract *c, const struct contract_law *law,
               const char *scratch, bool keep, const sigset_t *mask, struct run_outcome *outcome);
/* True: the law is over, or its time is up and it was ended. Never waits. */
bool run_over(struct run *run);
/* Milliseconds until its time is up. */
uint64_t run_left_ms(const struct run *run);
/* Ends a law that runs, without an outcome. Its files go, kept or not. */
void run_break(struct run *run);

/* ---- for a process that becomes a law ---- */

/* Makes c->shared. False: there is no memory. */
bool run_share(struct contract *c);
/* Tries the law here, once its process is ready. Returns if it holds. */
void run_inside(struct contract *c, const struct contract_law *law);

/* Waits for a process at most `ms`, then ends its whole group. False: it had to be ended. *how is
 * waitpid's status. */
bool run_wait(pid_t pid, uint64_t ms, int *how);

#endif
