/* probe.h: a device by itself, for what durable puts are measured against. */
#ifndef BENCH_PROBE_H
#define BENCH_PROBE_H

#include <stdbool.h>
#include <stdint.h>

/* Medians over PROBE_ROUNDS, in ns. */
struct probe {
  uint64_t alone_ns;  /* 4 KiB overwritten and fdatasync'ed, nothing else going on */
  uint64_t quorum_ns; /* three files so at once, until two are done: what a put of three nodes on
                         one device must wait for */
};

enum { PROBE_ROUNDS = 300 };

/* Measures in a directory; leaves nothing there. False: said why on stderr. */
bool probe_run(const char *dir, struct probe *probe);

#endif
