/* pair_two.h: a pair (node/pair.h) of two fakes, and what a node does with it. */
#ifndef PAIR_TWO_H
#define PAIR_TWO_H

#include <node/pair.h>

#include "pair_fake.h"

struct two {
  struct pair pair;
  struct fake a, b;
  unsigned told, done;
  enum rkv_status status; /* of the last write that ended */
};
extern struct two two;

/* The pair stands on `a`; both end writes at once. */
void two_begin(void);
void two_end(void);
struct pair_look two_look(void);
void two_begin_copy(void); /* onto `b` */
void two_join(void);
bool two_retire(void);
void two_vote(void);
void two_append(rkv_index index);
/* A snapshot's writer; NULL: refused. */
void *two_writer(void);
enum rkv_status two_put(void *writer);
enum rkv_status two_commit(void *writer);
/* How many snapshots each has, and that nobody writes one. */
void two_assert_snapshots(unsigned a, unsigned b);

#endif
