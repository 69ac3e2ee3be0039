/* texture.h: bytes that compress, and bytes that do not: plugins may treat them otherwise. */
#ifndef CONTRACT_TEXTURE_H
#define CONTRACT_TEXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(NAME, words). MIXED changes between the others, which stand before it. */
#define TEXTURE_LIST(X)                                                                            \
  X(RANDOM, "random bytes")                                                                        \
  X(ZEROS, "zeros")                                                                                \
  X(REPEATS, "eight bytes again and again")                                                        \
  X(TEXT, "words of text")                                                                         \
  X(MIXED, "random bytes, zeros, repeats and text by turns")                                       \
  X(ALIKE, "one byte again and again")

enum texture {
#define TEXTURE_ENUM(name, words) TEXTURE_##name,
  TEXTURE_LIST(TEXTURE_ENUM)
#undef TEXTURE_ENUM
      TEXTURES
};

extern const char *const texture_names[TEXTURES];

/* A seed made of two numbers. */
uint64_t texture_seed(uint64_t a, uint64_t b);

/* The texture of what follows from this seed: any but ALIKE, RANDOM more often than the others,
 * since random bytes and text tell where they belong. */
enum texture texture_of(uint64_t seed);

/* Bytes [offset, offset + len) of what follows from a seed. */
void texture_fill(enum texture texture, uint64_t seed, uint64_t offset, uint8_t *bytes, size_t len);
bool texture_is(enum texture texture, uint64_t seed, uint64_t offset, const uint8_t *bytes,
                size_t len);

/* Bytes of any texture, by chance. */
void texture_some(uint64_t *seed, uint8_t *bytes, size_t len);

/* Small letters by chance: any, or a few again and again. */
void texture_letters(uint64_t *seed, uint8_t *bytes, size_t len);

/* True if these bytes are random ones, which occur nowhere else. `len`: 32 or more. */
bool texture_tells(const uint8_t *bytes, size_t len);

#endif
