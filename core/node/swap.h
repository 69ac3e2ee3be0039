/* swap.h: moves the node to another log storage while it serves (rkv/swap.h).
 *
 *   opening -> mirroring -> retiring -> finishing -> leaving -> moved
 *      |           |        the old    the new one  the old one
 *   refused     dropping    is retired counts       is closed
 *                  |
 *               given up
 *
 * mirror.h makes the copy equal; pair.h says what a write waits for in between. Until the step
 * `retiring` begins, whatever fails leaves the node on its storage; afterwards the node ends if it
 * cannot go on, and its next start is on the side that moved.h tells.
 *
 * (J1) One swap at a time.
 * (J2) A copy that is dropped was never retired for.
 * (J3) RETIRING: no leader's snapshot is being installed. It would be in the copy alone, and what
 *      raft promised by it would be gone with a crash that left the old storage the node's. */
#ifndef NODE_SWAP_H
#define NODE_SWAP_H

#include <rkv/swap.h>

#include <stdbool.h>

struct node;
struct swap;

/* An old storage that takes longer to store its retirement is told of. There is no way back from
 * that step: the node waits, as one whose storage takes no writes (stall.h). */
#define SWAP_RETIRE_NS UINT64_C(10000000000)

enum { SWAP_TEXT_MAX = 2048 }; /* a place, and the lines that name it, are in it as a whole */

struct swapping {
  struct swap *running;     /* NULL: no swap runs */
  uint64_t due_ns;          /* when swap_run has to look again; 0: when something happens */
  uint32_t ended;           /* how the last one ended: RKV_SWAP_PHASE_NONE, MOVED or FAILED */
  char text[SWAP_TEXT_MAX]; /* what can be said of the swap that runs, or that ended last */
};

/* Where the swap is that runs, or how the last one ended: an enum rkv_swap_phase. */
uint32_t swap_phase(const struct node *n, uint64_t *done, uint64_t *total);
/* True while the node builds no snapshot of its own: the one that is copied must stay the newest
 * one. */
bool swap_holds_builds(const struct node *n);
/* True while no snapshot that a leader sent may be installed (J3): one storage does not count any
 * more, and the other one not yet. */
bool swap_holds_installs(const struct node *n);
/* True while a call waits for the new storage to open. */
bool swap_waits(const struct node *n);

void swap_on_call(struct node *n, struct rkv_call *call);
/* Goes on with the swap as far as is possible now. */
void swap_run(struct node *n);
/* Ends the call that waits if its time is up. */
void swap_expire(struct node *n);
/* The node ends: ends the call that waits, and has the worker close what the swap has open. */
void swap_abandon(struct node *n, const struct rkv_error *error);
/* After the storages were closed. */
void swap_free(struct node *n);

#endif
