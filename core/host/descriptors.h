/* descriptors.h: the standard descriptors, which whoever starts a program may have closed. */
#ifndef HOST_DESCRIPTORS_H
#define HOST_DESCRIPTORS_H

#include <stdbool.h>

/* Puts /dev/null in the place of each of stdin, stdout and stderr that is closed, the wrong way
 * round: reading and writing fail as before, and no file, socket or signalfd of the program's own
 * gets that number. The first thing that main does. False, told on stderr as far as there is
 * one: /dev/null cannot be opened. */
bool host_descriptors_fill(const char *program);

/* The same without a word, as an entry of .preinit_array. */
void host_descriptors_first(int argc, char **argv, char **environment);

/* In the file of main: before the constructors of shared libraries, which run before main, and of
 * which gRPC's open descriptors. */
#define HOST_DESCRIPTORS_FIRST                                                                     \
  __attribute__((section(".preinit_array"), used)) static void (*descriptors_first)(               \
      int argc, char **argv, char **environment) = host_descriptors_first

#endif
