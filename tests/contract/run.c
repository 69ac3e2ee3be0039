/* run.c: makes a law's process, watches and ends it, and interprets how it ended. */
#define _GNU_SOURCE /* memfd_create, pidfd_open */
#include "run.h"

#include "crash.h"
#include "shim.h"
#include "threads.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
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

bool run_share(struct contract *c) {
  c->shared =
      mmap(NULL, sizeof *c->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (c->shared == MAP_FAILED) c->shared = NULL;
  return c->shared != NULL;
}

/* ---- inside ---- */

void run_inside(struct contract *c, const struct contract_law *law) {
  static struct rkv_plugin watched; /* of this process, which is one law */
  (void)signal(SIGPIPE, SIG_IGN);
  calls_watch(&c->shared->calls, c->plugin, &watched);
  c->plugin = &watched;
  shim_skip_syncs(true); /* power is lost by the shim only: the device need not be waited for */
  law->run(c);
  contract_no_buffers(c);
  if (__lsan_do_recoverable_leak_check) {
    threads_settle();
    if (__lsan_do_recoverable_leak_check() != 0) contract_fail(c, "memory leaks");
  }
}

_Noreturn static void be_the_law(struct run *run, pid_t suite, const sigset_t *mask) {
  struct rlimit no_core = {0, 0};
  (void)setpgid(0, 0);
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != suite) _exit(RUN_FAILED); /* it died before */
  (void)setrlimit(RLIMIT_CORE, &no_core);
  if (mask) (void)sigprocmask(SIG_SETMASK, mask, NULL);
  if (run->errors >= 0) (void)dup2(run->errors, STDERR_FILENO);
  crash_watch(&run->c.shared->calls, run->trace);
  run_inside(&run->c, run->law);
  _exit(RUN_PASSED);
}

/* ---- outside ---- */

/* The first bytes of a file in memory, at most `max`. */
static void append_file(FILE *out, const char *head, int fd, size_t max) {
  char bytes[RUN_STDERR_MAX];
  off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0, at = 0;
  if (size > 0) (void)fprintf(out, "\n%s\n", head);
  while (at < size && (size_t)at < max) {
    size_t most = sizeof bytes < max - (size_t)at ? sizeof bytes : max - (size_t)at;
    ssize_t got = pread(fd, bytes, most, at);
    if (got <= 0) return;
    (void)fwrite(bytes, 1, (size_t)got, out);
    at += got;
  }
}

static void append_printed(const struct run *run, FILE *out, size_t max) {
  append_file(out, "backtrace:", run->trace, max);
  append_file(out, "it printed:", run->errors, max);
}

static enum run_result understand(const struct run *run, int how, FILE *out) {
  const struct contract_shared *shared = run->c.shared;
  bool failed = atomic_load(&shared->failures) > 0;
  if (WIFEXITED(how) && WEXITSTATUS(how) == RUN_PASSED && !failed) {
    (void)fputs(shared->note, out);
    return RUN_PASSED;
  }
  if (WIFEXITED(how) && WEXITSTATUS(how) == RUN_SKIPPED) {
    (void)fputs(shared->note, out);
    return RUN_SKIPPED;
  }
  if (failed)
    (void)fputs(shared->text, out);
  else if (WIFSIGNALED(how))
    calls_tell_crash(&shared->calls, run->pid, WTERMSIG(how), out);
  else
    (void)fprintf(out, "it ended the process with exit code %d", WEXITSTATUS(how));
  return RUN_FAILED;
}

/* Ends whatever the law's process left. This process is their subreaper, so none is alive behind
 * it. */
static void end_group(pid_t group) {
  (void)kill(-group, SIGKILL);
  while (waitpid(-group, NULL, 0) > 0) continue;
}

/* A text beside the files that are kept. */
static void keep_text(const struct run *run) {
  char path[CONTRACT_PATH_MAX + 8];
  FILE *file;
  (void)snprintf(path, sizeof path, "%s.txt", run->c.dir);
  file = fopen(path, "we");
  if (!file) return;
  (void)fprintf(file, "%s: %s\n%s\n", run->law->name, run_result_name(run->outcome->result),
                run->outcome->text ? run->outcome->text : "");
  if (run->outcome->result != RUN_FAILED) append_printed(run, file, SIZE_MAX);
  (void)fclose(file);
}

static void clear(struct run *run, bool keep) {
  if (!keep) tree_remove(run->c.dir);
  if (run->c.shared) (void)munmap(run->c.shared, sizeof *run->c.shared);
  if (run->errors >= 0) (void)close(run->errors);
  if (run->trace >= 0) (void)close(run->trace);
  if (run->fd >= 0) (void)close(run->fd);
  run->pid = 0;
}

void run_begin(struct run *run, const struct contract *base, const struct contract_law *law,
               const char *scratch, bool keep, const sigset_t *mask, struct run_outcome *outcome) {
  pid_t suite = getpid();
  *run = (struct run){.c = *base, .law = law, .outcome = outcome, .keep = keep, .fd = -1};
  run->began_ms = contract_now_ms();
  run->limit_ms = UINT64_C(1000) * law->seconds * base->slow;
  if (base->level == CONTRACT_FULL) run->limit_ms *= CONTRACT_FULL_TIMES;
  if (base->limit_s > 0) run->limit_ms = UINT64_C(1000) * base->limit_s * base->slow;
  run->errors = memfd_create("stderr", MFD_CLOEXEC);
  run->trace = memfd_create("backtrace", MFD_CLOEXEC);
  *outcome = (struct run_outcome){.law = law, .result = RUN_FAILED};
  (void)snprintf(run->c.dir, sizeof run->c.dir, "%s/%s", scratch, law->name);
  if (!run_share(&run->c) || !tree_make(run->c.dir) || (run->pid = fork()) < 0) {
    char text[CONTRACT_PATH_MAX + 128];
    (void)snprintf(text, sizeof text, "the suite cannot make %s or a process: %s", run->c.dir,
                   strerror(errno));
    outcome->text = strdup(text);
    clear(run, false);
    return;
  }
  if (run->pid == 0) be_the_law(run, suite, mask);
  (void)setpgid(run->pid, run->pid); /* parent and child both set it, so neither has to wait */
  run->fd = pidfd_open(run->pid, 0);
}

uint64_t run_left_ms(const struct run *run) {
  uint64_t took = contract_now_ms() - run->began_ms;
  return took < run->limit_ms ? run->limit_ms - took : 0;
}

bool run_over(struct run *run) {
  size_t len = 0;
  FILE *out;
  int how = 0;
  bool ended;
  if (run->pid == 0) return true;
  ended = waitpid(run->pid, &how, WNOHANG) == run->pid;
  if (!ended && run_left_ms(run) > 0) return false;
  out = open_memstream(&run->outcome->text, &len);
  if (!out) return end_group(run->pid), clear(run, false), true;
  if (!ended && atomic_load(&run->c.shared->failures) > 0) (void)fputs(run->c.shared->text, out);
  if (!ended && atomic_load(&run->c.shared->failures) == 0)
    calls_tell_late(&run->c.shared->calls, run->limit_ms, out);
  end_group(run->pid); /* also what a law that ended has left */
  if (atomic_load(&run->c.shared->failures) > 0)
    run->outcome->stage = atomic_load(&run->c.shared->stage);
  if (ended) run->outcome->result = understand(run, how, out);
  if (run->outcome->result == RUN_FAILED)
    append_printed(run, out, run->keep ? SIZE_MAX : RUN_STDERR_MAX);
  (void)fclose(out);
  run->outcome->took_ms = contract_now_ms() - run->began_ms;
  if (run->keep) keep_text(run);
  clear(run, run->keep);
  return true;
}

void run_break(struct run *run) {
  if (run->pid == 0) return;
  end_group(run->pid);
  clear(run, false);
}
