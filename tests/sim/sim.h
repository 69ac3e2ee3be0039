/* sim.h: one seed, one whole cluster under trouble, checked after every step.
 *
 *   sim.c        a seed's life: start, steps, heal, last words
 *   nemesis.c    the trouble: network, processes, disks, clocks
 *   wipe.c       disks that are replaced by empty ones
 *   client.c     writes, reads, and what they were told (the history)
 *   admin.c      membership, transfer, snapshots
 *   check.c      the invariants
 *   machine.c    the real state machine, watched
 *   linear.c     is the history linearizable?
 *   disk*.c      a simulated device and the storage on it
 *   main.c       many seeds on many processes, coverage, replay */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <support/world.h>
#include <support/world_internal.h>

#include "disk.h"
#include "linear.h"

enum {
  SIM_NODES = 5, /* three of them begin as voters */
  SIM_CLIENTS = 6,
  SIM_ADMINS = 2,
  SIM_KEYS = 2,
  SIM_TERMS_MAX = 8192, /* remembered terms: more in one seed is a failure of its own */
  SIM_FAIL_MAX = 512
};

/* X(NAME, text): trouble, as coverage counts it. */
#define SIM_FAULT_LIST(X)                                                                          \
  X(NONE, "quiet")                                                                                 \
  X(DROP, "drop")                                                                                  \
  X(DOUBLE, "double")                                                                              \
  X(SLOW, "slow")                                                                                  \
  X(CUT, "one-way cut")                                                                            \
  X(ISOLATE, "isolated")                                                                           \
  X(ISOLATE_LEADER, "leader isolated")                                                             \
  X(RING, "ring")                                                                                  \
  X(CRASH, "crash")                                                                                \
  X(STORM, "crash storm")                                                                          \
  X(PAUSE, "pause")                                                                                \
  X(SLOW_DISK, "slow disk")                                                                        \
  X(WRITE_ERROR, "write error")                                                                    \
  X(SYNC_ERROR, "sync error")                                                                      \
  X(WIPE, "disk replaced")

enum sim_fault {
#define SIM_FAULT_ENUM(name, text) SIM_FAULT_##name,
  SIM_FAULT_LIST(SIM_FAULT_ENUM)
#undef SIM_FAULT_ENUM
      SIM_FAULT_COUNT
};

/* X(NAME, text): what is asked of the cluster, as coverage counts it. */
#define SIM_OP_LIST(X)                                                                             \
  X(WRITE, "write")                                                                                \
  X(HUGE_WRITE, "huge write")                                                                      \
  X(READ, "read")                                                                                  \
  X(ADD_LEARNER, "add learner")                                                                    \
  X(CHANGE, "change voters")                                                                       \
  X(REMOVE_LEADER, "remove leader")                                                                \
  X(TRANSFER, "transfer")                                                                          \
  X(BAD_TRANSFER, "wrong transfer")                                                                \
  X(SNAPSHOT, "snapshot")

enum sim_op {
#define SIM_OP_ENUM(name, text) SIM_OP_##name,
  SIM_OP_LIST(SIM_OP_ENUM)
#undef SIM_OP_ENUM
      SIM_OP_COUNT
};

extern const char *const sim_fault_names[SIM_FAULT_COUNT];
extern const char *const sim_op_names[SIM_OP_COUNT];

struct sim_coverage {
  uint64_t pairs[SIM_FAULT_COUNT][SIM_OP_COUNT];
  uint64_t steps, acknowledged, reads, elections, restarts, snapshots_installed, lost_sectors,
      torn_sectors, wipes, returns;
};

/* An entry that some node applied. */
struct sim_committed {
  rkv_term term;
  uint64_t hash;
  rkv_term committed_in; /* a term not before the one whose leader committed it */
};

/* What is known of one node, across its lives. */
struct sim_node {
  struct disk *disk;
  struct rkv_vote vote; /* greatest seen */
  rkv_index committed, applied, checked_commit;
  rkv_index config; /* of the effective membership, after the last step */
  unsigned life;
  bool was_leader;
  bool weak; /* its disk was replaced, and it does not vote again yet */
};

struct sim_client;
struct sim_admin;

struct sim {
  struct world *w;
  uint64_t seed, step, steps_max, hash, ticks;
  bool trace, failed, healing;
  char failure[SIM_FAIL_MAX];
  struct sim_coverage *coverage;
  struct sim_node nodes[SIM_NODES + 1];
  rkv_node_id leaders[SIM_TERMS_MAX]; /* by term */
  struct {
    rkv_node_id candidate[SIM_TERMS_MAX]; /* by term: to whom a node granted */
  } granted[SIM_NODES + 1];
  struct sim_committed *committed; /* by index */
  size_t committed_count, committed_capacity;
  uint64_t active[SIM_FAULT_COUNT]; /* until when each fault counts as being there */
  struct sim_client *clients[SIM_CLIENTS];
  struct sim_admin *admins[SIM_ADMINS];
  struct history history;
};

/* The seed fails: the first reason stays. */
__attribute__((format(printf, 2, 3))) void sim_fail(struct sim *s, const char *format, ...);
/* One line of the story, with --trace. */
__attribute__((format(printf, 2, 3))) void sim_tell(struct sim *s, const char *format, ...);
struct sim *sim_of(struct world *w);

/* Runs one seed; false and *failure if an invariant broke. */
bool sim_run(uint64_t seed, uint64_t steps, bool trace, struct sim_coverage *coverage,
             uint64_t *hash, uint64_t *failed_step, char failure[SIM_FAIL_MAX]);

/* Notes that `op` was asked for, for every fault that is there now. */
void sim_cover(struct sim *s, enum sim_op op);
void sim_mark(struct sim *s, enum sim_fault fault, uint64_t ns);
/* A running node, 0 if none. */
rkv_node_id sim_any_node(struct sim *s);
void sim_crash(struct sim *s, rkv_node_id id, uint64_t outage_ns);

void nemesis_start(struct sim *s);
void nemesis_heal(struct sim *s);

/* Replaces the disk of a node that can be spared, from `first` on; false if there is none. */
bool wipe_some(struct sim *s, rkv_node_id first, uint64_t outage_ns);
void wipe_check_end(struct sim *s, const struct rkv_membership *m);

void client_start(struct sim *s);
void client_free(struct sim *s);
bool client_quiet(struct sim *s);

void admin_start(struct sim *s);
void admin_free(struct sim *s);
bool admin_quiet(struct sim *s);
/* A change of the voters is on its way. */
bool admin_changes(struct sim *s);

/* After every step: the node whose code ran. */
void check_step(struct sim *s, rkv_node_id id);
void check_applied(struct sim *s, rkv_node_id id, const struct rkv_entry *entries, size_t count);
void check_answer(struct world *w, rkv_node_id from, rkv_node_id to,
                  const struct rkv_vote_call *vote, const struct rkv_append_call *append);
/* At the end: members agree, whole. */
void check_end(struct sim *s);

/* The state machine's operations, watched. */
void machine_watch(struct sim *s);
void machine_unwatch(struct sim *s);

#endif
