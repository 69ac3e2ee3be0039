/* read.h: which index a linearizable read must have seen, and leases (dissertation 6.4). */
#ifndef RAFT_READ_H
#define RAFT_READ_H

#include <raft/state.h>

/* True if the peer's answer to an append made now would confirm reads that wait. */
bool raft_reads_want(const struct raft *r, const struct raft_progress *p);
/* After a peer answered, commit moved or voters changed: READ_READY for what is confirmed. */
void raft_reads_advance(struct raft *r);
/* Leadership is over: READ_FAILED for every ticket. */
void raft_reads_abort(struct raft *r);
/* True while nobody else can have been elected; only where lease reads are on. */
bool raft_lease_holds(const struct raft *r, struct raft_now now);
/* How long this node deposes nobody after it took an append, whatever its next life is set to. */
uint64_t raft_promise_ns(const struct raft *r);
/* The peer promised `lease_ns` when it answered an append made at `at_ns`. */
void raft_take_promise(struct raft *r, struct raft_progress *p, uint64_t at_ns, uint64_t lease_ns);

#endif
