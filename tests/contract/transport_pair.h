/* transport_pair.h: two sides; one compares what arrives with what the other sent. */
#ifndef CONTRACT_TRANSPORT_PAIR_H
#define CONTRACT_TRANSPORT_PAIR_H

#include "transport.h"

/* What the asking side sent, which it keeps unchanged, and what the node answers. */
struct expected {
  const union any_call *sent;
  union any_call reply;
  const struct rkv_envelope *envelope; /* NULL: not compared */
  size_t seen;
  enum rkv_status status;
  struct rkv_error error;
};

struct pair {
  struct side a, b; /* a asks b */
  void *peer;
  struct expected e;
  uint64_t seed;
};

void pair_begin(struct pair *p, struct contract *c);
void pair_end(struct pair *p);

/* Breaks the law if the two differ. */
void vote_same(struct contract *c, struct rkv_vote is, struct rkv_vote must, const char *what);
void id_same(struct contract *c, struct rkv_log_id is, struct rkv_log_id must, const char *what);

/* Random numbers: small, medium and huge ones, never 0; ids may be none. */
uint64_t some_number(uint64_t *seed);
struct rkv_log_id some_id(uint64_t *seed);
struct rkv_vote some_vote(uint64_t *seed, bool committed);
bool coin(uint64_t *seed);

#endif
