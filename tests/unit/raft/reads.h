/* reads.h: what the tests of reads share. */
#ifndef RAFT_READS_H
#define RAFT_READS_H

#include "direct.h"

static const rkv_node_id three[] = {1, 2, 3, 0};
static const rkv_node_id five[] = {1, 2, 3, 4, 5, 0};

static inline struct cluster *led(const rkv_node_id *voters, uint64_t drift_ppm) {
  struct cluster *c = cluster_new();
  c->config.lease_drift_ppm = drift_ppm;
  return led_by_one_of(c, voters);
}

static inline uint64_t read_at(struct cluster *c, rkv_node_id id, bool lease) {
  uint64_t ticket = 0;
  assert_int_equal(cluster_read(c, id, lease, &ticket), RKV_OK);
  return ticket;
}

static inline unsigned ready(const struct cluster *c) {
  return c->nodes[1].read.ready;
}

#endif
