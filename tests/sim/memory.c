/* memory.c: allocations that fail: those of core/raft and core/node, which are built for the
 * simulator with their calls named anew (CMakeLists.txt), and those that plugins and node ask of
 * the host. */
#include <stdlib.h>

#include "sim.h"

static uint64_t left, failed; /* one seed at a time runs in a process */

void memory_fail(uint64_t nth) {
  left = nth;
}

uint64_t memory_failures(void) {
  uint64_t count = failed;
  failed = 0;
  return count;
}

static bool fails(void) {
  if (left == 0 || --left > 0) return false;
  failed++;
  return true;
}

bool memory_alloc_fails(struct world *w) {
  (void)w;
  return fails();
}

void *sim_malloc(size_t size) {
  return fails() ? NULL : malloc(size);
}

void *sim_calloc(size_t count, size_t size) {
  return fails() ? NULL : calloc(count, size);
}

void *sim_realloc(void *old, size_t size) {
  return fails() ? NULL : realloc(old, size);
}
