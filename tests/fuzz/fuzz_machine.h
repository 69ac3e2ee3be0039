/* fuzz_machine.h: sm-protobuf linked into a target. */
#ifndef FUZZ_MACHINE_H
#define FUZZ_MACHINE_H

#include <rkv/rkv.h>

#include <fake_host.h>

#define MACHINE_METRICS 8

struct machine {
  struct fake_host fake;
  const struct rkv_state_machine_ops *ops;
  void *sm;
  rkv_index applied;
  const struct rkv_metric *metrics[MACHINE_METRICS];
  size_t metric_count;
};

void machine_open(struct machine *m);
void machine_close(struct machine *m);
uint64_t machine_metric(const struct machine *m, const char *name);
/* Restores `to` from a snapshot of `from`; both must take it. */
void machine_copy(struct machine *from, struct machine *to);
/* Their snapshots have the same bytes. */
bool machine_same(struct machine *a, struct machine *b);

#endif
