/* arena.h: memory of one message while it is decoded or encoded; everything is freed at once.
 *
 * (M1) At most `limit` bytes are ever handed out: small messages can unfold into 60 times their
 *      size, so the limit, not the message, says what decoding may cost. */
#ifndef WIRE_ARENA_H
#define WIRE_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <rkv/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARENA_INLINE_BYTES 2048u
#define ARENA_BLOCK_BYTES 16384u
#define ARENA_GROWTH 32u           /* bytes of memory per byte of message ... */
#define ARENA_BASE_BYTES 32768u    /* ... beyond these */
#define ARENA_LIMIT_MAX (4u << 20) /* whatever the message's size */

struct arena_block {
  struct arena_block *next;
};

struct arena {
  ProtobufCAllocator allocator; /* for protobuf-c; free does nothing */
  struct arena_block *blocks;
  uint8_t *at, *end;
  size_t used, limit; /* bytes */
  bool exceeded;      /* (M1) refused an allocation */
  _Alignas(16) uint8_t first[ARENA_INLINE_BYTES];
};

/* Ready to serve a message of `message_len` bytes. The arena must not move afterwards. */
void arena_open(struct arena *arena, size_t message_len);
/* Uninitialised bytes aligned to 16, or NULL: over the limit (exceeded is set) or no memory. */
void *arena_alloc(struct arena *arena, size_t size);
void arena_close(struct arena *arena);

/* Decodes one message into the arena. `what` names it in the text. Errors: RKV_INVALID,
 * RKV_TOO_LARGE over the limit, RKV_NO_MEMORY. */
enum rkv_status arena_unpack(struct arena *arena, const ProtobufCMessageDescriptor *type,
                             const uint8_t *data, size_t len, const char *what, void *out,
                             struct rkv_error *error);

#endif
