/* linear.h: is a history of one-key registers linearizable? (Wing and Gong 1993, with the
 * memoisation of Lowe 2017.)
 *
 * A leaf. Every operation has an interval [invoked, returned]; a write whose outcome is unknown
 * never returned. There must be an order of the operations of each key that respects the intervals
 * and in which every read gives the last write. */
#ifndef SIM_LINEAR_H
#define SIM_LINEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTORY_OPEN UINT64_MAX /* `returned` of a write that may still happen */

struct history_op {
  uint64_t invoked, returned; /* any clock that all operations share; unique */
  uint32_t key;
  bool write;
  uint64_t value; /* written or read; 0 = nothing was there */
};

struct history {
  struct history_op *ops;
  size_t count, capacity;
};

/* Appends an operation; `ops[index]` may be changed until the check. Aborts without memory. */
size_t history_add(struct history *h, struct history_op op);
void history_free(struct history *h);

enum history_result { HISTORY_LINEARIZABLE, HISTORY_BROKEN, HISTORY_TOO_HARD };

/* Checks every key. *key names one that is not linearizable, or could not be decided within
 * `states_max` states. */
enum history_result history_check(const struct history *h, size_t states_max, uint32_t *key);

#endif
