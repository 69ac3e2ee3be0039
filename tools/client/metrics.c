/* metrics.c: reads `name:value` pairs. Accepts what other dialects write: commas after values,
 * braces with pairs inside, words without a value, remarks in parentheses; and `Metrics{` and `}`
 * around everything, as OpenRaft's example has it. */
#include "metrics.h"

#include <stdlib.h>
#include <string.h>

#define NUMBER_TEXT_MAX 48 /* bytes of "T.N" with two 64-bit numbers, its NUL included */

static bool separates(char c) {
  return c && strchr(" ,\n\t()", c) != NULL;
}

/* The end of a word that starts at `at`: the first separator outside of braces and brackets, or the
 * end of the braces or text around the word. */
static const char *word_end(const char *at, const char *end) {
  int depth = 0;
  for (; at < end; at++) {
    if (*at == '{' || *at == '[') depth++;
    if (depth == 0 && (separates(*at) || *at == '}')) break;
    if ((*at == '}' || *at == ']') && depth > 0) depth--;
  }
  return at;
}

bool metrics_next(const char **at, const char *end, struct metrics_pair *pair) {
  while (*at < end) {
    const char *word, *stop, *colon, *brace;
    while (*at < end && (separates(**at) || **at == '}')) ++*at;
    word = *at;
    stop = word_end(word, end);
    *at = stop;
    colon = memchr(word, ':', (size_t)(stop - word));
    brace = memchr(word, '{', (size_t)(stop - word));
    if (brace && (!colon || brace < colon)) *at = brace + 1;
    if (!colon || colon == word || (brace && brace < colon)) continue;
    pair->name = word;
    pair->name_len = (size_t)(colon - word);
    pair->value = colon + 1;
    pair->value_len = (size_t)(stop - colon - 1);
    return true;
  }
  return false;
}

bool metrics_text(const char *text, size_t len, const char *name, char *out, size_t size) {
  const char *at = text, *end = text + len;
  size_t name_len = strlen(name);
  struct metrics_pair pair;
  out[0] = '\0';
  while (metrics_next(&at, end, &pair)) {
    size_t n = pair.value_len < size ? pair.value_len : size - 1;
    if (pair.name_len != name_len || memcmp(pair.name, name, name_len) != 0) continue;
    memcpy(out, pair.value, n);
    out[n] = '\0';
    return true;
  }
  return false;
}

bool metrics_number(const char *text, size_t len, const char *name, uint64_t *out) {
  char value[NUMBER_TEXT_MAX];
  const char *digits;
  char *stop;
  if (!metrics_text(text, len, name, value, sizeof value)) return false;
  digits = strrchr(value, '.');
  digits = digits ? digits + 1 : value;
  if (*digits < '0' || *digits > '9') return false;
  *out = strtoull(digits, &stop, 10);
  return *stop == '\0';
}
