/* fuzz_any.h: ids, votes and memberships as an input says. */
#ifndef FUZZ_FUZZ_ANY_H
#define FUZZ_FUZZ_ANY_H

#include "fuzz.h"

static inline struct rkv_log_id any_id(struct feed *f) {
  struct rkv_log_id id = {feed_number(f), feed_number(f)};
  return id;
}

static inline struct rkv_vote any_vote(struct feed *f) {
  struct rkv_vote vote = {feed_number(f), feed_pick(f, 6), (feed_byte(f) & 1) != 0};
  return vote;
}

/* One that the codec lets through. */
static inline void any_membership(struct feed *f, struct rkv_membership *m) {
  uint32_t c, id, mask;
  memset(m, 0, sizeof *m);
  m->config_count = 1 + feed_pick(f, 2);
  for (c = 0; c < m->config_count; c++) {
    mask = feed_pick(f, 31) + 1;
    for (id = 1; id <= 5; id++) {
      if (!(mask >> (id - 1) & 1)) continue;
      (void)rkv_config_add(&m->configs[c], id);
      (void)rkv_membership_add_node(m, id, "a:1", 3);
    }
  }
  for (id = 1; id <= 5; id++)
    if (feed_byte(f) % 4 == 1) (void)rkv_membership_add_node(m, id, "a:1", 3);
}

#endif
