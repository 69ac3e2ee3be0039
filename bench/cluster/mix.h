/* mix.h: the kinds of requests that a load is made of. */
#ifndef BENCH_MIX_H
#define BENCH_MIX_H

#include <rkv/status.h>

#include <stdbool.h>

#define MIX_WEIGHT_MAX 1000U

/* Kind, its name in --mix and in tables; reads: also the word of metadata rkv-read. */
#define MIX_KIND_LIST(X)                                                                           \
  X(MIX_WRITE, "write")                                                                            \
  X(MIX_LOCAL, "local")                                                                            \
  X(MIX_LEASE, "lease")                                                                            \
  X(MIX_LINEARIZABLE, "linearizable")

enum mix_kind {
#define MIX_KIND_ROW(kind, name) kind,
  MIX_KIND_LIST(MIX_KIND_ROW)
#undef MIX_KIND_ROW
      MIX_KINDS
};

/* The share of each kind, as a part of the sum of all; at least one is above 0. */
struct mix {
  unsigned weights[MIX_KINDS];
};

const char *mix_kind_name(enum mix_kind kind);

/* True if there is nothing but writes. */
bool mix_writes_only(const struct mix *mix);

/* Reads "write=50,local=25,linearizable=25".
 * Errors: RKV_INVALID with the word and what would be right. */
enum rkv_status mix_parse(const char *text, struct mix *mix, struct rkv_error *error);

/* The next kind, such that each is spread evenly. *turns is all zero in the beginning. */
enum mix_kind mix_next(const struct mix *mix, long turns[MIX_KINDS]);

#endif
