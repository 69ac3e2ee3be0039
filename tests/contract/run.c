/* run.c: makes a law's process, watches and ends it, and interprets how it ended. */
#define _GNU_SOURCE /* memfd_create, pidfd_open */
#include "run.h"

#include "shim.h"
#include "threads.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of a sanitizer's run time, if there is one. */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

const char *run_result_name(enum run_result result) {
  switch (result) {
#define RUN_RESULT_NAME(name, code, word)                                                          \
  case RUN_##name: return word;
    RUN_RESULT_LIST(RUN_RESULT_NAME)
#undef RUN_RESULT_NAME
  }
  return "unknown";
}

/* ---- waiting ---- */

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

/* ---- inside ---- */

static void make_shared(struct contract_shared **shared) {
  *shared = mmap(NULL, sizeof **shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (*shared == MAP_FAILED) *shared = NULL;
}

_Noreturn static void be_the_law(struct contract *c, const struct contract_law *law, int errors) {
  struct rlimit no_core = {0, 0};
  (void)setpgid(0, 0);
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  (void)setrlimit(RLIMIT_CORE, &no_core);
  (void)signal(SIGPIPE, SIG_IGN);
  if (errors >= 0) (void)dup2(errors, STDERR_FILENO);
  shim_skip_syncs(true); /* power is lost by the shim only: the device need not be waited for */
  law->run(c);
  contract_no_buffers(c);
  if (__lsan_do_recoverable_leak_check) {
    threads_settle();
    if (__lsan_do_recoverable_leak_check() != 0) contract_fail(c, "memory leaks");
  }
  _exit(RUN_PASSED);
}

/* ---- outside ---- */

/* The last lines of what the law's processes printed, indented by the reporter. */
static void append_errors(FILE *out, int errors) {
  char bytes[RUN_STDERR_MAX + 1];
  off_t size = errors >= 0 ? lseek(errors, 0, SEEK_END) : 0;
  ssize_t got;
  if (size <= 0) return;
  got = pread(errors, bytes, RUN_STDERR_MAX, 0);
  if (got <= 0) return;
  bytes[got] = '\0';
  (void)fprintf(out, "\nit printed:\n%s", bytes);
}

static enum run_result understand(bool in_time, int how, const struct contract_shared *shared,
                                  uint64_t limit_ms, FILE *out) {
  bool exited = in_time && WIFEXITED(how);
  if (exited && WEXITSTATUS(how) == RUN_PASSED && atomic_load(&shared->failures) == 0) {
    (void)fputs(shared->note, out);
    return RUN_PASSED;
  }
  if (exited && WEXITSTATUS(how) == RUN_SKIPPED) {
    (void)fputs(shared->note, out);
    return RUN_SKIPPED;
  }
  if (atomic_load(&shared->failures) > 0)
    (void)fputs(shared->text, out);
  else if (!in_time)
    (void)fprintf(out, "it hung: not done after %" PRIu64 " s", limit_ms / 1000);
  else if (WIFSIGNALED(how))
    (void)fprintf(out, "it crashed: %s", strsignal(WTERMSIG(how)));
  else
    (void)fprintf(out, "it ended the process with exit code %d", WEXITSTATUS(how));
  return RUN_FAILED;
}

void run_law(const struct contract *base, const struct contract_law *law, const char *scratch,
             struct run_outcome *outcome) {
  struct contract c = *base;
  uint64_t began = contract_now_ms(), limit_ms;
  int errors = memfd_create("stderr", MFD_CLOEXEC), how = 0;
  size_t len = 0;
  FILE *out = open_memstream(&outcome->text, &len);
  pid_t pid;
  outcome->law = law;
  outcome->result = RUN_FAILED;
  limit_ms = UINT64_C(1000) * law->seconds * c.slow;
  if (c.level == CONTRACT_FULL) limit_ms *= CONTRACT_FULL_TIMES;
  if (c.limit_s > 0) limit_ms = UINT64_C(1000) * c.limit_s * c.slow;
  (void)snprintf(c.dir, sizeof c.dir, "%s/%s", scratch, law->name);
  make_shared(&c.shared);
  if (out && c.shared && tree_make(c.dir) && (pid = fork()) >= 0) {
    bool in_time;
    if (pid == 0) be_the_law(&c, law, errors);
    (void)setpgid(pid, pid); /* parent and child both set it, so neither has to wait */
    in_time = run_wait(pid, limit_ms, &how);
    (void)kill(-pid, SIGKILL); /* processes that a failed law left */
    outcome->result = understand(in_time, how, c.shared, limit_ms, out);
    if (outcome->result == RUN_FAILED) append_errors(out, errors);
  } else if (out) {
    (void)fprintf(out, "the suite cannot make %s or a process: %s", c.dir, strerror(errno));
  }
  tree_remove(c.dir);
  if (c.shared) (void)munmap(c.shared, sizeof *c.shared);
  if (errors >= 0) (void)close(errors);
  if (out) (void)fclose(out);
  outcome->took_ms = contract_now_ms() - began;
}

/* ---- processes of a law ---- */

pid_t contract_fork(struct contract *c, void (*act)(struct contract *c, void *arg), void *arg) {
  pid_t pid = fork();
  CONTRACT_REQUIRE(c, pid >= 0, "the suite cannot fork: %s", strerror(errno));
  if (pid > 0) return pid;
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  act(c, arg);
  _exit(RUN_PASSED);
}

bool contract_join(struct contract *c, pid_t pid, unsigned seconds) {
  int how;
  if (!run_wait(pid, UINT64_C(1000) * seconds * c->slow, &how))
    contract_fail(c, "a process of this law hung: not done after %u s", seconds * c->slow);
  if (WIFEXITED(how) && WEXITSTATUS(how) == RUN_PASSED) return true;
  if (WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL) return false;
  if (WIFEXITED(how) && (WEXITSTATUS(how) == RUN_SKIPPED || WEXITSTATUS(how) == RUN_FAILED))
    _exit(WEXITSTATUS(how)); /* the process has said why */
  if (WIFSIGNALED(how)) contract_fail(c, "it crashed: %s", strsignal(WTERMSIG(how)));
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
