/* descriptors.c: no descriptor of ours has the number of a standard one. */
#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NOTHING "/dev/null"

/* The first one that is closed and stays so; -1: all are open. */
static int fill_standard(void) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    /* The lowest free number is this one, for those below are open. */
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
  (void)fill_standard(); /* main tries again, and says what is wrong */
}
