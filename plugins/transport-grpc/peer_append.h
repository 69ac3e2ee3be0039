/* peer_append.h: one append on its way to a peer, in one message or in parts.
 *
 * (A1) Entries [0, at) are stored by the peer; [at, at + count) are in the message in flight.
 * (A2) One append of a peer at a time goes in parts (peer->splitting); data appends handed in
 *      meanwhile wait for it, so that entries arrive in their order. Whole appends do not wait for
 *      each other, and heartbeats for nothing: one connection mostly keeps their order, and Raft
 *      takes appends in any order.
 * (A3) One answer for one call: conflict and rejection as they come; a stop after some parts were
 *      stored is a success up to there. */
#ifndef TRANSPORT_PEER_APPEND_H
#define TRANSPORT_PEER_APPEND_H

#include "peer_parts.h"
#include "split.h"

#define PEER_WAITING_MAX 64 /* data appends that wait behind one in parts */
#define PEER_NS_PER_BYTE                                                                           \
  UINT64_C(250) /* more time for large messages, if the node set no limit                          \
                 */

struct append {
  struct peer_unary rpc; /* first */
  struct rkv_append_call *call;
  struct append *next; /* peer->waiting */
  size_t at, count;    /* (A1) */
  size_t bytes;        /* of the message in flight */
  size_t *heads;       /* struct split's, one allocation; NULL until a limit is known */
  size_t *sizes;
  struct limit limit;      /* what the parts were planned for */
  unsigned part, parts;    /* parts sent, parts in all; parts = 0: whole */
  enum rkv_log_level loud; /* level of this split's lines */
};

/* ---- peer_split.c ---- */

/* The log id before entry i. */
struct rkv_log_id append_before(const struct append *a, size_t i);
/* Fills heads and sizes. Errors: RKV_NO_MEMORY, RKV_CORRUPT. */
enum rkv_status append_measure(struct append *a, struct rkv_error *error);
struct split append_split(const struct append *a);
/* True if the append may go in parts now; else it waits, or *status says why it cannot. */
bool append_split_begin(struct append *a, enum rkv_status *status);
/* Frees the place for the next one; true if this append held it. */
bool append_split_end(struct append *a);
/* The next one that waits, if none goes in parts; or NULL. */
struct append *append_waiting_take(struct peer *peer);
/* True if it has to wait (then it does); *status: why it cannot. */
bool append_must_wait(struct append *a, enum rkv_status *status);
/* Log and count: the plan of a split; each of its parts; an entry that can never fit. */
void append_note_split(struct append *a, const struct split *split);
void append_note_part(struct append *a);
void append_note_unsendable(struct append *a, const char *text);

#endif
