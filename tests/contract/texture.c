/* texture.c: bytes that compress, and bytes that do not. */
#include "texture.h"

#include <string.h>

#include "contract.h"

enum { WORD = 8, WORDS = 16, SHORT_TURN = 304, LONG_TURN = 100000 /* bytes of one texture */ };

const char *const texture_names[TEXTURES] = {
#define TEXTURE_NAME(name, words) words,
    TEXTURE_LIST(TEXTURE_NAME)
#undef TEXTURE_NAME
};

static const char text[WORDS][WORD + 1] = {"storage ", "entries ", "follow: ",    "leaders ",
                                           "a quorum", " of term", "{\"key\":\"", "\",\"to\":\"",
                                           "the log ", "commits ", "what is ",    "appended",
                                           ", and a ", "snapshot", " to all\n",   "members "};

uint64_t texture_seed(uint64_t a, uint64_t b) {
  uint64_t x = a * UINT64_C(0x9e3779b97f4a7c15) + b;
  return contract_random(&x);
}

enum texture texture_of(uint64_t seed) {
  const uint64_t chance = texture_seed(seed, UINT64_C(0x74657874)) % 8;
  return chance < 4 ? TEXTURE_RANDOM : (enum texture)(chance - 4 + TEXTURE_ZEROS);
}

/* Word `number` of what has one texture only. */
static void word_of(enum texture texture, uint64_t seed, uint64_t number, uint8_t word[WORD]) {
  uint64_t bits = 0;
  switch (texture) {
  case TEXTURE_ZEROS: break;
  case TEXTURE_REPEATS: bits = texture_seed(seed, 0); break;
  case TEXTURE_ALIKE: bits = UINT64_C(0x0101010101010101) * (1 + seed % 255); break;
  case TEXTURE_TEXT: memcpy(word, text[texture_seed(seed, number) % WORDS], WORD); return;
  default: bits = texture_seed(seed, number); break;
  }
  memcpy(word, &bits, WORD);
}

static void fill_one(enum texture texture, uint64_t seed, uint64_t offset, uint8_t *bytes,
                     size_t len) {
  for (size_t i = 0; i < len;) {
    const uint64_t at = offset + i;
    const size_t skip = at % WORD, n = WORD - skip < len - i ? WORD - skip : len - i;
    uint8_t word[WORD];
    word_of(texture, seed, at / WORD, word);
    memcpy(bytes + i, word + skip, n);
    i += n;
  }
}

void texture_fill(enum texture texture, uint64_t seed, uint64_t offset, uint8_t *bytes,
                  size_t len) {
  const uint64_t turn = seed % 2 ? SHORT_TURN : LONG_TURN;
  if (texture != TEXTURE_MIXED) {
    fill_one(texture, seed, offset, bytes, len);
    return;
  }
  for (size_t i = 0; i < len;) {
    const uint64_t at = offset + i, left = turn - at % turn, own = texture_seed(seed, at / turn);
    const size_t n = left < len - i ? (size_t)left : len - i;
    fill_one((enum texture)(own % TEXTURE_MIXED), own, at, bytes + i, n);
    i += n;
  }
}

bool texture_is(enum texture texture, uint64_t seed, uint64_t offset, const uint8_t *bytes,
                size_t len) {
  uint8_t expected[4096];
  for (size_t i = 0; i < len;) {
    const size_t n = len - i < sizeof expected ? len - i : sizeof expected;
    texture_fill(texture, seed, offset + i, expected, n);
    if (memcmp(expected, bytes + i, n) != 0) return false;
    i += n;
  }
  return true;
}

void texture_some(uint64_t *seed, uint8_t *bytes, size_t len) {
  const uint64_t own = contract_random(seed);
  texture_fill(texture_of(own), own, 0, bytes, len);
}

void texture_letters(uint64_t *seed, uint8_t *bytes, size_t len) {
  const uint64_t own = contract_random(seed), kinds = own % 2 ? 26 : 2 + own / 2 % 3;
  const size_t period = own % 4 == 2 ? WORD : len; /* a word, and the same again */
  for (size_t i = 0; i < len; i++)
    bytes[i] = i < period ? (uint8_t)('a' + contract_random(seed) % kinds) : bytes[i - period];
}

bool texture_tells(const uint8_t *bytes, size_t len) {
  bool seen[256] = {false};
  size_t kinds = 0;
  for (size_t i = 0; i < len; i++) kinds += !seen[bytes[i]], seen[bytes[i]] = true;
  return kinds > len / 2;
}
