/* empty.h: a state machine without a state: it takes every command and answers nothing. */
#ifndef BENCH_EMPTY_H
#define BENCH_EMPTY_H

#include <rkv/rkv.h>

#include <stdatomic.h>

struct empty_machine {
  atomic_uint_fast64_t commands; /* applied commands, with those that a snapshot stands for */
  struct rkv_log_id last;
  struct rkv_snapshot_meta membership; /* only membership and membership_id */
};

/* Every operation; the instance is a struct empty_machine, all zero at first and owned by the
 * caller: open is not called. */
extern const struct rkv_state_machine_ops empty_ops;

void empty_free(struct empty_machine *machine);

#endif
