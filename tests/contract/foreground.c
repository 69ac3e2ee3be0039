/* foreground.c: becomes a law. */
#define _GNU_SOURCE /* pidfd_open */
#include "foreground.h"

#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <unistd.h>

/* Of this process, which is one law. */
static const struct scratch *files;
static int code_passed, code_broken;

static void end(struct contract *c, int result) {
  bool failed = result == RUN_FAILED;
  const char *text = failed ? c->shared->text : c->shared->note;
  (void)printf("%s%s%s\n", failed ? "FAILED" : run_result_name((enum run_result)result),
               *text ? ": " : "", text);
  (void)fflush(stdout);
  if (!files->keep) tree_remove(files->path);
  _exit(failed ? code_broken : code_passed);
}

/* Waits for the end of this process, then removes its files. In a session of its own, so that what
 * a terminal ends does not end it. */
static void watch_files(void) {
  pid_t law = getpid();
  struct pollfd wait = {.events = POLLIN};
  int nothing;
  if (fork() != 0) return;
  (void)setsid();
  nothing = open("/dev/null", O_RDWR);
  for (int fd = 0; fd <= STDERR_FILENO && nothing >= 0; fd++) (void)dup2(nothing, fd);
  wait.fd = pidfd_open(law, 0);
  if (wait.fd >= 0)
    while (poll(&wait, 1, -1) < 0 && errno == EINTR) continue;
  else
    while (getppid() == law) contract_pause_ms(100);
  tree_remove(files->path);
  _exit(0);
}

void foreground_run(const struct contract *base, const struct contract_law *law,
                    const struct scratch *scratch, int passed, int broken) {
  static struct contract c;
  c = *base;
  files = scratch;
  code_passed = passed;
  code_broken = broken;
  (void)snprintf(c.dir, sizeof c.dir, "%s/%s", scratch->path, law->name);
  if (!run_share(&c) || !tree_make(c.dir)) {
    (void)fprintf(stderr, "rkv-contract: %s: %s\n", c.dir, strerror(errno));
    if (!scratch->keep) tree_remove(scratch->path);
    exit(broken);
  }
  if (!scratch->keep) watch_files();
  (void)printf("law %s in process %d, files in %s; if it is broken it ends in contract_fail\n",
               law->name, (int)getpid(), c.dir);
  (void)fflush(stdout);
  c.end = end;
  run_inside(&c, law);
  end(&c, RUN_PASSED);
  abort(); /* end does not return */
}
