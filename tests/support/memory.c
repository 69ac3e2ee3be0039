/* memory.c: allocations that fail on demand (memory.h). */
#include "memory.h"

#include <stdlib.h>

static uint64_t left[MEMORY_OWNERS], failed;

void memory_fail(enum memory_of owner, uint64_t nth) {
  left[owner] = nth;
}

bool memory_waits(enum memory_of owner) {
  return left[owner] > 0;
}

uint64_t memory_failures(void) {
  uint64_t count = failed;
  failed = 0;
  return count;
}

static bool fails(enum memory_of owner) {
  if (left[owner] == 0 || --left[owner] > 0) return false;
  failed++;
  return true;
}

bool memory_alloc_fails(struct world *w) {
  (void)w;
  return fails(MEMORY_OF_NODE);
}

void *memory_node_malloc(size_t size) {
  return fails(MEMORY_OF_NODE) ? NULL : malloc(size);
}

void *memory_node_calloc(size_t count, size_t size) {
  return fails(MEMORY_OF_NODE) ? NULL : calloc(count, size);
}

void *memory_node_realloc(void *old, size_t size) {
  return fails(MEMORY_OF_NODE) ? NULL : realloc(old, size);
}

void *memory_raft_malloc(size_t size) {
  return fails(MEMORY_OF_RAFT) ? NULL : malloc(size);
}

void *memory_raft_calloc(size_t count, size_t size) {
  return fails(MEMORY_OF_RAFT) ? NULL : calloc(count, size);
}

void *memory_raft_realloc(void *old, size_t size) {
  return fails(MEMORY_OF_RAFT) ? NULL : realloc(old, size);
}
