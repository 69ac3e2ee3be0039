/* sm_shapes.c: commands and questions of several shapes. */
#include "sm_shapes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "texture.h"

enum {
  KEY_MAX = 256, /* bytes of a key */
  HEAD_MAX = 64, /* bytes of a command beside key and value */
};

const char *const shape_names[SM_SHAPES] = {
#define SHAPE_NAME(name, text) [SM_SHAPE_##name] = text,
    SM_SHAPE_LIST(SHAPE_NAME)
#undef SHAPE_NAME
};

struct pen {
  uint8_t *begin, *at;
};

static void put(struct pen *pen, const void *bytes, size_t len) {
  if (len > 0) memcpy(pen->at, bytes, len);
  pen->at += len;
}

static void put_words(struct pen *pen, const char *words) {
  put(pen, words, strlen(words));
}

static void put_number(struct pen *pen, uint64_t number) {
  char text[24];
  (void)snprintf(text, sizeof text, "%" PRIu64, number);
  put_words(pen, text);
}

static void put_letters(struct pen *pen, size_t len, uint64_t *seed) {
  texture_letters(seed, pen->at, len);
  pen->at += len;
}

/* Legal UTF-8 with every ASCII character, NUL included, and longer ones; or letters, or one ASCII
 * character again and again. */
static void put_utf8(struct pen *pen, size_t len, uint64_t *seed) {
  const uint64_t alike = contract_random(seed);
  if (alike % 8 == 1) {
    put_letters(pen, len, seed);
    return;
  }
  if (alike % 8 == 0) memset(pen->at, (int)(alike >> 8) & 0x7f, len), pen->at += len, len = 0;
  while (len > 0) {
    uint64_t chance = contract_random(seed);
    size_t n = chance % 8 == 0 && len >= 3 ? 3 : 1;
    uint8_t ascii = (uint8_t)(chance >> 8) & 0x7f;
    put(pen, n == 3 ? (const void *)"\xe2\x82\xac" : &ascii, n);
    len -= n;
  }
}

static void put_bytes(struct pen *pen, size_t len, uint64_t *seed) {
  texture_some(seed, pen->at, len);
  pen->at += len;
}

/* One of protobuf's fields of bytes. */
static void put_head(struct pen *pen, uint8_t tag, size_t len) {
  *pen->at++ = tag;
  for (; len >= 0x80; len >>= 7) *pen->at++ = (uint8_t)(len | 0x80);
  *pen->at++ = (uint8_t)len;
}

/* A key's bytes follow from its number: plain, with NUL in it, not ASCII, long. */
static size_t key_bytes(uint64_t number, uint8_t out[KEY_MAX]) {
  static const char starts[4][4] = {"key:", "\0\1\x7f", "\xc3\xa9\xce\xb1", "/a//"};
  size_t len = 4 + (size_t)snprintf((char *)out + 4, KEY_MAX - 4, "%" PRIu64, number);
  memcpy(out, starts[number % 4], 4);
  if (number % 64 != 3) return len;
  memset(out + len, 'x', KEY_MAX - len);
  return KEY_MAX;
}

static void put_key(struct pen *pen, uint64_t number) {
  uint8_t key[KEY_MAX];
  size_t len = key_bytes(number, key);
  put_head(pen, 0x0a, len);
  put(pen, key, len);
}

static void write_command(struct pen *pen, enum sm_shape shape, uint64_t key, size_t len,
                          uint64_t *seed) {
  switch (shape) {
  case SM_SHAPE_PROTOBUF:
    put_key(pen, key);
    put_head(pen, 0x12, len);
    put_utf8(pen, len, seed);
    break;
  case SM_SHAPE_WORDS:
    put_words(pen, "set key-"), put_number(pen, key);
    put_words(pen, " "), put_letters(pen, len, seed);
    break;
  case SM_SHAPE_PAIR:
    put_words(pen, "key-"), put_number(pen, key);
    put_words(pen, "="), put_letters(pen, len, seed);
    break;
  case SM_SHAPE_JSON:
    put_words(pen, "{\"op\":\"set\",\"key\":\"key-"), put_number(pen, key);
    put_words(pen, "\",\"value\":\""), put_letters(pen, len, seed);
    put_words(pen, "\"}");
    break;
  case SM_SHAPE_DECIMAL: put_number(pen, contract_random(seed) >> (len % 60)); break;
  case SM_SHAPE_BYTES: put_bytes(pen, len, seed); break;
  case SM_SHAPE_EMPTY:
  case SM_SHAPES: break;
  }
}

static void write_question(struct pen *pen, enum sm_shape shape, uint64_t key) {
  switch (shape) {
  case SM_SHAPE_PROTOBUF: put_key(pen, key); break;
  case SM_SHAPE_WORDS: put_words(pen, "get key-"), put_number(pen, key); break;
  case SM_SHAPE_PAIR: put_words(pen, "key-"), put_number(pen, key); break;
  case SM_SHAPE_JSON:
    put_words(pen, "{\"op\":\"get\",\"key\":\"key-"), put_number(pen, key);
    put_words(pen, "\"}");
    break;
  case SM_SHAPE_DECIMAL: put_number(pen, key); break;
  case SM_SHAPE_BYTES: put(pen, &key, sizeof key); break;
  case SM_SHAPE_EMPTY:
  case SM_SHAPES: break;
  }
}

/* A key without a value, or with an empty one. */
static void write_delete(struct pen *pen, enum sm_shape shape, uint64_t key) {
  switch (shape) {
  case SM_SHAPE_PROTOBUF: put_key(pen, key); break;
  case SM_SHAPE_WORDS: put_words(pen, "del key-"), put_number(pen, key); break;
  case SM_SHAPE_PAIR:
    put_words(pen, "key-"), put_number(pen, key);
    put_words(pen, "=");
    break;
  case SM_SHAPE_JSON:
    put_words(pen, "{\"op\":\"del\",\"key\":\"key-"), put_number(pen, key);
    put_words(pen, "\"}");
    break;
  case SM_SHAPE_DECIMAL:
  case SM_SHAPE_BYTES:
  case SM_SHAPE_EMPTY:
  case SM_SHAPES: break;
  }
}

static struct rkv_buf finish(struct contract *c, struct pen *pen) {
  struct rkv_buf out = contract_bytes(c, pen->begin, (size_t)(pen->at - pen->begin));
  free(pen->begin);
  return out;
}

static struct pen begin(struct contract *c, size_t len) {
  struct pen pen = {malloc(len + KEY_MAX + HEAD_MAX), NULL};
  CONTRACT_REQUIRE(c, pen.begin, "the suite has no memory for a command of %zu bytes", len);
  pen.at = pen.begin;
  return pen;
}

struct rkv_buf shape_command(struct contract *c, enum sm_shape shape, uint64_t key, size_t len,
                             uint64_t *seed) {
  struct pen pen = begin(c, len);
  write_command(&pen, shape, key, len, seed);
  return finish(c, &pen);
}

struct rkv_buf shape_question(struct contract *c, enum sm_shape shape, uint64_t key) {
  struct pen pen = begin(c, 0);
  write_question(&pen, shape, key);
  return finish(c, &pen);
}

struct rkv_buf shape_delete(struct contract *c, enum sm_shape shape, uint64_t key) {
  struct pen pen = begin(c, 0);
  write_delete(&pen, shape, key);
  return finish(c, &pen);
}
