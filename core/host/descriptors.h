/* descriptors.h: the standard descriptors (stdin, stdout, stderr), which the caller of a program
 * may have closed. */
#ifndef HOST_DESCRIPTORS_H
#define HOST_DESCRIPTORS_H

#include <stdbool.h>

/* Opens /dev/null in the place of each standard descriptor that is closed, in the wrong direction:
 * reading or writing it fails as before, but no file, socket or signalfd of the program gets its
 * number. The first thing that main does. False, with a line on stderr if that is open: /dev/null
 * cannot be opened. */
bool host_descriptors_fill(const char *program);

/* The same without a message, as an entry of .preinit_array. */
void host_descriptors_first(int argc, char **argv, char **environment);

/* To be put into the file of main. Runs before the constructors of shared libraries, which run
 * before main: gRPC's constructors open descriptors. */
#define HOST_DESCRIPTORS_FIRST                                                                     \
  __attribute__((section(".preinit_array"), used)) static void (*descriptors_first)(               \
      int argc, char **argv, char **environment) = host_descriptors_first

#endif
