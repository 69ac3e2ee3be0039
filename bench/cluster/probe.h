/* probe.h: measures a device by itself, to compare durable puts with. */
#ifndef BENCH_PROBE_H
#define BENCH_PROBE_H

#include <stdbool.h>
#include <stdint.h>

/* Medians over PROBE_ROUNDS, in ns. */
struct probe {
  uint64_t alone_ns;  /* 4 KiB overwritten and fdatasync'ed, nothing else going on */
  uint64_t quorum_ns; /* three files like this at once, until two are done: what a put must wait
                         for if three nodes share the device */
};

enum { PROBE_ROUNDS = 300 };

/* Measures in a directory, and leaves nothing there. False: the reason was printed on stderr. */
bool probe_run(const char *dir, struct probe *probe);

#endif
