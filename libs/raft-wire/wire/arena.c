/* arena.c: bump allocation with a budget. */
#include "wire/arena.h"

#include <assert.h>
#include <stdlib.h>

static void *pb_alloc(void *arg, size_t size) {
  return arena_alloc(arg, size);
}

static void pb_free(void *arg, void *pointer) {
  (void)arg;
  (void)pointer;
}

void arena_open(struct arena *arena, size_t message_len) {
  arena->allocator = (ProtobufCAllocator){pb_alloc, pb_free, arena};
  arena->blocks = NULL;
  arena->at = arena->first;
  arena->end = arena->first + sizeof arena->first;
  arena->used = 0;
  arena->exceeded = false;
  if (message_len > (ARENA_LIMIT_MAX - ARENA_BASE_BYTES) / ARENA_GROWTH)
    arena->limit = ARENA_LIMIT_MAX;
  else
    arena->limit = ARENA_BASE_BYTES + ARENA_GROWTH * message_len;
}

static bool add_block(struct arena *arena, size_t size) {
  size_t head = (sizeof(struct arena_block) + 15u) & ~(size_t)15u;
  size_t bytes = size > ARENA_BLOCK_BYTES ? size : ARENA_BLOCK_BYTES;
  struct arena_block *block = malloc(head + bytes);
  if (!block) return false;
  block->next = arena->blocks;
  arena->blocks = block;
  arena->at = (uint8_t *)block + head;
  arena->end = arena->at + bytes;
  return true;
}

void *arena_alloc(struct arena *arena, size_t size) {
  void *out;
  assert(arena->used <= arena->limit); /* (M1) */
  if (size > arena->limit - arena->used) {
    arena->exceeded = true;
    return NULL;
  }
  size = (size + 15u) & ~(size_t)15u;
  if ((size_t)(arena->end - arena->at) < size && !add_block(arena, size)) return NULL;
  out = arena->at;
  arena->at += size;
  arena->used = size < arena->limit - arena->used ? arena->used + size : arena->limit;
  return out;
}

void arena_close(struct arena *arena) {
  while (arena->blocks) {
    struct arena_block *next = arena->blocks->next;
    free(arena->blocks);
    arena->blocks = next;
  }
}

enum rkv_status arena_unpack(struct arena *arena, const ProtobufCMessageDescriptor *type,
                             const uint8_t *data, size_t len, const char *what, void *out,
                             struct rkv_error *error) {
  ProtobufCMessage *message;
  *(void **)out = NULL;
  message = protobuf_c_message_unpack(type, &arena->allocator, len, data);
  if (message) {
    *(void **)out = message;
    return RKV_OK;
  }
  if (arena->exceeded)
    return rkv_fail(error, RKV_TOO_LARGE, "%s: %zu bytes unfold to more than %zu bytes of memory",
                    what, len, arena->limit);
  return rkv_fail(error, RKV_INVALID, "%s: not a valid %s message (%zu bytes)", what,
                  type->short_name, len);
}
