/* memory.h: allocations that fail on demand.
 *
 * A program that links rkv_world_memory runs core/raft and core/node built a second time, with
 * their calls of malloc, calloc and realloc renamed. A world whose alloc_fails is
 * memory_alloc_fails also counts the allocations that node and plugins ask of the host. For one
 * thread. */
#ifndef SUPPORT_MEMORY_H
#define SUPPORT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum memory_of { MEMORY_OF_NODE, MEMORY_OF_RAFT, MEMORY_OWNERS };

/* Makes the owner's `nth` allocation from now on fail, once; 0: none. */
void memory_fail(enum memory_of owner, uint64_t nth);
/* True if that failure has not happened yet. */
bool memory_waits(enum memory_of owner);
/* How many allocations failed since the last call. */
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
