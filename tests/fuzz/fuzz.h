/* fuzz.h: what the targets share: numbers and bytes taken off the fuzzed input, and the check.
 *
 * A target defines LLVMFuzzerTestOneInput. A broken promise aborts with its text; asserts of the
 * code under test and the sanitizers do the rest. An input that ran out gives zeros, so that every
 * input is a whole story. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <rkv/rkv.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct feed {
  const uint8_t *at;
  size_t left;
};

#define FUZZ_CHECK(what)                                                                           \
  do {                                                                                             \
    if (!(what)) {                                                                                 \
      (void)fprintf(stderr, "fuzz: %s:%d: %s\n", __FILE__, __LINE__, #what);                       \
      abort();                                                                                     \
    }                                                                                              \
  } while (0)

static inline uint8_t feed_byte(struct feed *f) {
  if (f->left == 0) return 0;
  f->left--;
  return *f->at++;
}

/* 0 .. below - 1. */
static inline uint32_t feed_pick(struct feed *f, uint32_t below) {
  return feed_byte(f) % below;
}

/* Mostly small, sometimes any 64 bits: 0xff is the mark of eight bytes that follow. */
static inline uint64_t feed_number(struct feed *f) {
  uint64_t number = feed_byte(f);
  int i;
  if (number != UINT8_MAX) return number;
  for (number = 0, i = 0; i < 8; i++) number = number << 8 | feed_byte(f);
  return number;
}

/* The next bytes, at most `max`, where they stand. */
static inline struct feed feed_bytes(struct feed *f, size_t max) {
  struct feed taken = {f->at, f->left < max ? f->left : max};
  f->at += taken.left;
  f->left -= taken.left;
  return taken;
}

/* A length of two bytes and what follows it: a message among others. */
static inline struct feed feed_message(struct feed *f) {
  size_t len = (size_t)feed_byte(f) << 8;
  len |= feed_byte(f);
  return feed_bytes(f, len);
}

static inline struct rkv_buf feed_buf(struct feed f) {
  return (struct rkv_buf){f.at, f.left, NULL};
}

/* A refusal always says why. */
static inline void check_refusal(enum rkv_status status, const struct rkv_error *error) {
  FUZZ_CHECK(status == RKV_OK || error->text[0] != '\0');
}

#endif
