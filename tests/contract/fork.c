/* fork.c: the processes that a law makes, and memory that they share. */
#define _GNU_SOURCE /* pidfd_open */
#include "run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

bool run_wait(pid_t pid, uint64_t ms, int *how) {
  uint64_t until = contract_now_ms() + ms, now;
  int fd = pidfd_open(pid, 0);
  bool ended = false;
  while (!ended && (now = contract_now_ms()) < until) {
    struct pollfd wait = {fd, POLLIN, 0};
    if (fd < 0) contract_pause_ms(5); /* no descriptor left: look again and again */
    if (fd >= 0) (void)poll(&wait, 1, (int)(until - now > 1000 ? 1000 : until - now));
    ended = waitpid(pid, how, WNOHANG) == pid;
  }
  if (fd >= 0) (void)close(fd);
  if (ended) return true;
  if (kill(-pid, SIGKILL) != 0) (void)kill(pid, SIGKILL);
  (void)waitpid(pid, how, 0);
  return false;
}

pid_t contract_fork(struct contract *c, void (*act)(struct contract *c, void *arg), void *arg) {
  pid_t law = getpid(), pid = fork();
  CONTRACT_REQUIRE(c, pid >= 0, "the suite cannot fork: %s", strerror(errno));
  if (pid > 0) return pid;
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != law) _exit(RUN_FAILED); /* it died before */
  c->end = NULL;
  calls_forked();
  act(c, arg);
  _exit(RUN_PASSED);
}

/* Ends the law with what `tell` says about its process. */
_Noreturn static void fail_told(struct contract *c, pid_t pid, uint64_t arg,
                                void (*tell)(const struct calls *, pid_t, uint64_t, FILE *)) {
  char text[CONTRACT_NOTE_MAX] = "";
  FILE *out = fmemopen(text, sizeof text, "w");
  if (out) tell(&c->shared->calls, pid, arg, out);
  if (out) (void)fclose(out);
  contract_fail(c, "a process of this law: %s", text);
}

static void tell_crash(const struct calls *calls, pid_t pid, uint64_t signal, FILE *out) {
  calls_tell_crash(calls, pid, (int)signal, out);
}

bool contract_join(struct contract *c, pid_t pid, unsigned seconds) {
  int how;
  if (!run_wait(pid, UINT64_C(1000) * seconds * c->slow, &how))
    fail_told(c, pid, UINT64_C(1000) * seconds * c->slow, calls_tell_late_process);
  if (WIFEXITED(how) && WEXITSTATUS(how) == RUN_PASSED) return true;
  if (WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL) return false;
  if (WIFSIGNALED(how)) fail_told(c, pid, (uint64_t)WTERMSIG(how), tell_crash);
  if (WEXITSTATUS(how) == RUN_SKIPPED) {
    char note[CONTRACT_NOTE_MAX];
    (void)snprintf(note, sizeof note, "%s", c->shared->note);
    contract_skip(c, "%s", note);
  }
  /* A process that failed has said why: the first text counts. */
  contract_fail(c, "it ended the process with exit code %d", WEXITSTATUS(how));
}

void contract_apart(struct contract *c, void (*act)(struct contract *c, void *arg), void *arg,
                    unsigned seconds) {
  if (!contract_join(c, contract_fork(c, act, arg), seconds))
    contract_fail(c, "a process of this law was killed from outside");
}

void *contract_share(struct contract *c, size_t len) {
  void *shared = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CONTRACT_REQUIRE(c, shared != MAP_FAILED, "the suite has no memory to share: %s",
                   strerror(errno));
  return shared;
}

void contract_unshare(void *shared, size_t len) {
  (void)munmap(shared, len);
}
