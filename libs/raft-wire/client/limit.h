/* limit.h: what is known of the largest message that a peer takes.
 *
 * A limit is learned from a refusal: named in its text, or guessed as half of what was refused. It
 * is forgotten after LIMIT_KEEP_NS, so that a peer that was configured anew is asked anew (which
 * costs one refused message). No locks: the owner serialises. */
#ifndef WIRE_LIMIT_H
#define WIRE_LIMIT_H

#include <grpc/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIMIT_MIN 64u /* bytes; a smaller number in a text is a misreading */
#define LIMIT_KEEP_NS (60 * UINT64_C(1000000000)) /* time */

struct limit {
  size_t bytes; /* 0: unknown */
  bool exact;   /* named by the peer */
  uint64_t learned_ns;
};

/* True if the status says that the message was too large, and not that the peer is busy. */
bool limit_is_refusal(grpc_status_code code, const char *text);

/* Learns from the refusal of a message of `refused` bytes. */
void limit_learn(struct limit *limit, const char *text, size_t refused, uint64_t now_ns);

/* The peer told its limit beside its answer, after a message of `refused` bytes. False: that
 * explains nothing, and nothing is learned. */
bool limit_told(struct limit *limit, uint64_t bytes, size_t refused, uint64_t now_ns);

/* Forgets what is too old; returns the limit in bytes, 0: unknown. */
size_t limit_now(struct limit *limit, uint64_t now_ns);

static inline void limit_forget(struct limit *limit) {
  *limit = (struct limit){0, false, 0};
}

#endif
