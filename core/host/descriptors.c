/* descriptors.c: keeps the numbers of the standard descriptors from being used for something
 * else. */
#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NOTHING "/dev/null"

/* The first standard descriptor that cannot be opened; -1: all are open. */
static int fill_standard(void) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    /* open() takes the lowest free number, which is `fd`: those below are open. */
    if (open(NOTHING, fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) return fd;
  }
  return -1;
}

bool host_descriptors_fill(const char *program) {
  int fd = fill_standard();
  if (fd < 0) return true;
  (void)fprintf(stderr, "%s: descriptor %d is closed and %s cannot be opened instead: %s\n",
                program, fd, NOTHING, strerror(errno));
  return false;
}

void host_descriptors_first(int argc, char **argv, char **environment) {
  (void)argc, (void)argv, (void)environment;
  (void)fill_standard(); /* main tries again, and reports what is wrong */
}
