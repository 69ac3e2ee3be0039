/* memory.h: allocations that fail on demand.
 *
 * A program that links rkv_world_memory runs core/raft and core/node built once more, with their
 * calls of malloc, calloc and realloc named anew; a world whose alloc_fails is memory_alloc_fails
 * counts what node and plugins ask of the host too. One thread. */
#ifndef SUPPORT_MEMORY_H
#define SUPPORT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum memory_of { MEMORY_OF_NODE, MEMORY_OF_RAFT, MEMORY_OWNERS };

/* The owner's `nth` allocation from now on fails, once; 0: none does. */
void memory_fail(enum memory_of owner, uint64_t nth);
/* True if that has not happened yet. */
bool memory_waits(enum memory_of owner);
/* How many failed since this was asked last. */
uint64_t memory_failures(void);

struct world;
bool memory_alloc_fails(struct world *w);

void *memory_node_malloc(size_t size);
void *memory_node_calloc(size_t count, size_t size);
void *memory_node_realloc(void *old, size_t size);
void *memory_raft_malloc(size_t size);
void *memory_raft_calloc(size_t count, size_t size);
void *memory_raft_realloc(void *old, size_t size);

#endif
