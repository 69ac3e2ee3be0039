/* tail.h: the hot tail, the newest entries of the log kept in memory.
 *
 * A leaf: a ring of entries with consecutive indexes. Each holds a reference to its payload; the
 * bytes are those that came off the socket. Appends and reads are O(1) per entry.
 *
 * (T1) entry i of the ring has index first + i.
 * (T2) bytes = sum of payload lengths + a fixed cost per entry; 0 when there is none. */
#ifndef NODE_TAIL_H
#define NODE_TAIL_H

#include <node/kernel/ring.h>
#include <rkv/entry.h>

struct tail {
  struct ring ring; /* of struct rkv_entry */
  rkv_index first;  /* index of the oldest entry held; meaningless if there is none */
  uint64_t bytes;
};

void tail_free(struct tail *tail);

/* Appends entries that follow the last one held (any index if the tail is empty), sharing their
 * payloads. Errors: RKV_NO_MEMORY, and nothing is appended. */
enum rkv_status tail_append(struct tail *tail, const struct rkv_entry *entries, size_t count);

/* Drops every entry above `after`. */
void tail_truncate(struct tail *tail, rkv_index after);

/* Drops oldest entries, none above `up_to`, until at most `bytes_max` remain. */
void tail_trim(struct tail *tail, rkv_index up_to, uint64_t bytes_max);

/* Drops everything up to and including `up_to`. */
void tail_drop(struct tail *tail, rkv_index up_to);

bool tail_has(const struct tail *tail, rkv_index index);

/* The longest run of entries from `from` up to `to` that lies in one piece of memory: borrowed
 * until the tail changes. *count = 0 if `from` is not held. */
const struct rkv_entry *tail_span(const struct tail *tail, rkv_index from, rkv_index to,
                                  size_t *count);

#endif
