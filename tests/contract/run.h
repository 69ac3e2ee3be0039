/* run.h: runs laws, each in a process of its own, and keeps their outcomes. */
#ifndef CONTRACT_RUN_H
#define CONTRACT_RUN_H

#include "contract.h"

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
};

/* Runs one law in a fork of this process. `c` is filled but for dir and shared: the law's directory
 * is made in `scratch` and removed. outcome->text is given to the caller. */
void run_law(const struct contract *c, const struct contract_law *law, const char *scratch,
             struct run_outcome *outcome);

/* Waits for a process at most `ms`, then ends its whole group. False: it had to be ended. *how is
 * waitpid's status. */
bool run_wait(pid_t pid, uint64_t ms, int *how);

#endif
