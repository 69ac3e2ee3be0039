/* limit.c: reading a peer's limit out of its refusal. */
#include "client/limit.h"

#include <stdlib.h>
#include <string.h>

/* The words before the number: the Rust peer's and ours, the C core's. */
static const char *const before_limit[] = {"the limit is", " vs. "};
/* RESOURCE_EXHAUSTED has many reasons; these words tell that it is the size. */
static const char *const size_words[] = {"too large", "larger than", "too big", "exceeds"};

bool limit_is_refusal(grpc_status_code code, const char *text) {
  if (code == GRPC_STATUS_OUT_OF_RANGE) return true;
  if (code != GRPC_STATUS_RESOURCE_EXHAUSTED) return false;
  for (size_t i = 0; i < sizeof size_words / sizeof size_words[0]; i++)
    if (strstr(text, size_words[i])) return true;
  return false;
}

/* 0: the text names no limit that explains the refusal. */
static size_t named_limit(const char *text, size_t refused) {
  for (size_t i = 0; i < sizeof before_limit / sizeof before_limit[0]; i++) {
    const char *at = strstr(text, before_limit[i]);
    uint64_t number;
    if (!at) continue;
    at += strlen(before_limit[i]);
    at += strspn(at, ": ");
    if (*at < '0' || *at > '9') continue;
    number = strtoull(at, NULL, 10);
    if (number >= LIMIT_MIN && number < refused) return (size_t)number;
  }
  return 0;
}

void limit_learn(struct limit *limit, const char *text, size_t refused, uint64_t now_ns) {
  size_t named = named_limit(text, refused), guess = refused / 2 + (refused < 2);
  if (!named && limit->bytes && limit->bytes <= guess) return;
  limit->exact = named != 0;
  /* Always less than what was refused: a sender that splits by it gets on. */
  limit->bytes = named ? named : guess;
  limit->learned_ns = now_ns;
}

bool limit_told(struct limit *limit, uint64_t bytes, size_t refused, uint64_t now_ns) {
  if (bytes < LIMIT_MIN || bytes >= refused) return false;
  *limit = (struct limit){(size_t)bytes, true, now_ns};
  return true;
}

size_t limit_now(struct limit *limit, uint64_t now_ns) {
  /* Whoever looks may have taken the time before another thread learned. */
  if (limit->bytes && now_ns > limit->learned_ns && now_ns - limit->learned_ns > LIMIT_KEEP_NS)
    limit_forget(limit);
  return limit->bytes;
}
