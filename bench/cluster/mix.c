/* mix.c: parses a mix, and spreads its kinds evenly. */
#include "mix.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[MIX_KINDS] = {
#define MIX_NAME_ROW(kind, name) name,
    MIX_KIND_LIST(MIX_NAME_ROW)
#undef MIX_NAME_ROW
};

const char *mix_kind_name(enum mix_kind kind) {
  assert(kind < MIX_KINDS);
  return names[kind];
}

static unsigned sum_of(const struct mix *mix) {
  unsigned sum = 0;
  for (unsigned kind = 0; kind < MIX_KINDS; kind++) sum += mix->weights[kind];
  return sum;
}

bool mix_writes_only(const struct mix *mix) {
  return mix->weights[MIX_WRITE] == sum_of(mix);
}

/* Reads one "name=N" that ends at a comma or at the end. Returns where it ends; NULL if it is
 * wrong. */
static const char *parse_one(const char *text, struct mix *mix) {
  size_t len = strcspn(text, "=");
  unsigned kind = 0;
  unsigned long weight;
  char *end;
  while (kind < MIX_KINDS && (strlen(names[kind]) != len || memcmp(names[kind], text, len) != 0))
    kind++;
  if (kind == MIX_KINDS || text[len] != '=' || text[len + 1] < '0' || text[len + 1] > '9')
    return NULL;
  errno = 0;
  weight = strtoul(text + len + 1, &end, 10);
  if (errno || weight > MIX_WEIGHT_MAX || (*end != ',' && *end != '\0')) return NULL;
  mix->weights[kind] = (unsigned)weight;
  return end;
}

enum rkv_status mix_parse(const char *text, struct mix *mix, struct rkv_error *error) {
  const char *at = text;
  memset(mix, 0, sizeof *mix);
  for (;;) {
    at = parse_one(at, mix);
    if (at && *at == ',') {
      at++;
      continue;
    }
    if (at && sum_of(mix) > 0) return RKV_OK;
    return rkv_fail(error, RKV_INVALID,
                    "--mix: \"%s\" is no list of write|local|lease|linearizable=N (up to %u)", text,
                    MIX_WEIGHT_MAX);
  }
}

/* Weighted round robin: in each turn every kind earns its weight; the kind with most is next, and
 * pays the sum of all weights. */
enum mix_kind mix_next(const struct mix *mix, long turns[MIX_KINDS]) {
  unsigned best = MIX_KINDS;
  for (unsigned kind = 0; kind < MIX_KINDS; kind++) {
    turns[kind] += (long)mix->weights[kind];
    if (mix->weights[kind] > 0 && (best == MIX_KINDS || turns[kind] > turns[best])) best = kind;
  }
  assert(best < MIX_KINDS);
  turns[best] -= (long)sum_of(mix);
  return (enum mix_kind)best;
}
