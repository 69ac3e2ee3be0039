/* coverage.h: what can befall a cluster, what is asked of it and what comes of it, counted: in many
 * seeds every operation must meet every trouble, and every effect happen (main.c). */
#ifndef SIM_COVERAGE_H
#define SIM_COVERAGE_H

#include <stdint.h>

/* X(NAME, text, act): trouble, as coverage counts it; the act begins it (nemesis.h). */
#define SIM_FAULT_LIST(X)                                                                          \
  X(NONE, "quiet", strike_nothing)                                                                 \
  X(DROP, "drop", strike_messages)                                                                 \
  X(DOUBLE, "double", strike_messages)                                                             \
  X(SLOW, "slow, heavy tail", strike_messages)                                                     \
  X(STALE, "stale messages", strike_messages)                                                      \
  X(RESET, "connections reset", strike_resets)                                                     \
  X(FOREIGN, "foreign cluster", strike_foreign)                                                    \
  X(EDGE, "terms and indexes at the edge", strike_edge)                                            \
  X(CUT, "one-way cut", strike_cut)                                                                \
  X(ISOLATE, "isolated", strike_cut)                                                               \
  X(ISOLATE_LEADER, "leader isolated", strike_cut)                                                 \
  X(MINORITY, "minority with leader", strike_cut)                                                  \
  X(RING, "ring", strike_cut)                                                                      \
  X(SLOW_LINK, "slow link", strike_slow_link)                                                      \
  X(QUEUE, "full queues", strike_queues)                                                           \
  X(CRASH, "crash", strike_crash)                                                                  \
  X(STORM, "crash storm", strike_crash)                                                            \
  X(OUTAGE, "long outage", strike_crash)                                                           \
  X(PAUSE, "pause", strike_pause)                                                                  \
  X(PAUSE_LEADER, "pause inside a lease", strike_pause)                                            \
  X(STALL, "a thread stands still", strike_threads)                                                \
  X(SLOW_WORKER, "slow worker", strike_threads)                                                    \
  X(LATE_LEADER, "leader that applies late cut off", strike_late)                                  \
  X(STANDING, "leader's loop stands still beside an election", strike_standing)                    \
  X(LOWERING, "voters back with shorter timeouts", strike_lowering)                                \
  X(OVERTAKEN, "install that the commit passes", strike_overtaken)                                 \
  X(ASTRAY, "a state machine goes astray", strike_astray)                                          \
  X(MEMORY, "allocation fails", strike_memory)                                                     \
  X(WIPE, "disk replaced", strike_wipe)                                                            \
  X(POWER_SECTORS, "power cut, 512 B", strike_power)                                               \
  X(POWER_PAGES, "power cut, 4 KiB", strike_power)                                                 \
  X(POWER_ZEROS, "power cut, zeroed tail", strike_power)                                           \
  X(POWER_NAMES, "power cut, name lost", strike_power)                                             \
  X(POWER_INSTALL, "power cut behind an install", strike_install)                                  \
  X(POWER_SWAP, "power cut in a swap", strike_swap)                                                \
  X(BAD_COPY, "copy's device in trouble", strike_swap)                                             \
  X(FLIP, "bit flip", strike_damage)                                                               \
  X(MISDIRECT, "misdirected write", strike_damage)                                                 \
  X(SLOW_DISK, "slow fsync", strike_disk)                                                          \
  X(WRITE_ERROR, "EIO at a write", strike_disk)                                                    \
  X(READ_ERROR, "EIO at a read", strike_disk)                                                      \
  X(SYNC_ERROR, "fsync fails once", strike_disk)                                                   \
  X(FULL_DISK, "ENOSPC", strike_disk)

enum sim_fault {
#define SIM_FAULT_ENUM(name, text, act) SIM_FAULT_##name,
  SIM_FAULT_LIST(SIM_FAULT_ENUM)
#undef SIM_FAULT_ENUM
      SIM_FAULT_COUNT
};

/* X(NAME, text): what is asked of the cluster, as coverage counts it. From PURGE on it is the
 * cluster's own doing. */
#define SIM_OP_LIST(X)                                                                             \
  X(WRITE, "write")                                                                                \
  X(HUGE_WRITE, "huge write")                                                                      \
  X(EMPTY_WRITE, "empty write")                                                                    \
  X(READ, "read")                                                                                  \
  X(LEASE_READ, "lease read")                                                                      \
  X(ADD_LEARNER, "add learner")                                                                    \
  X(PROMOTE, "promote")                                                                            \
  X(DEMOTE, "demote")                                                                              \
  X(REMOVE, "remove")                                                                              \
  X(REPLACE, "replace")                                                                            \
  X(CHANGE, "any voters")                                                                          \
  X(REMOVE_LEADER, "remove leader")                                                                \
  X(REPLACE_LEADER, "replace leader")                                                              \
  X(TRANSFER, "transfer")                                                                          \
  X(TRANSFER_LEARNER, "transfer to learner")                                                       \
  X(TRANSFER_DEAD, "transfer to dead")                                                             \
  X(TRANSFER_STRANGER, "transfer to stranger")                                                     \
  X(SNAPSHOT, "snapshot")                                                                          \
  X(INIT, "init")                                                                                  \
  X(SWAP, "swap storage")                                                                          \
  X(PURGE, "purge")                                                                                \
  X(INSTALL, "snapshot install")                                                                   \
  X(INSTALL_BROKEN, "interrupted install")                                                         \
  X(INSTALL_AGAIN, "repeated install")

enum sim_op {
#define SIM_OP_ENUM(name, text) SIM_OP_##name,
  SIM_OP_LIST(SIM_OP_ENUM)
#undef SIM_OP_ENUM
      SIM_OP_COUNT
};

/* X(NAME, text): what came of it, counted; a run in which one never happened is vacuous too. */
#define SIM_EFFECT_LIST(X)                                                                         \
  X(ACKNOWLEDGED, "writes acknowledged")                                                           \
  X(READS, "reads")                                                                                \
  X(ELECTIONS, "elections")                                                                        \
  X(RESTARTS, "restarts")                                                                          \
  X(LOST_SECTOR, "sectors lost")                                                                   \
  X(TORN_SECTOR, "sectors torn")                                                                   \
  X(LOST_PAGE, "pages lost")                                                                       \
  X(TORN_PAGE, "pages torn")                                                                       \
  X(ZEROED_TAIL, "tails zeroed")                                                                   \
  X(LOST_NAME, "names lost")                                                                       \
  X(DAMAGE, "disks damaged")                                                                       \
  X(REFUSED, "damaged disks refused")                                                              \
  X(WIPES, "disks replaced")                                                                       \
  X(RETURNS, "of them back meanwhile")                                                             \
  X(REFUSED_WRITE, "writes without room")                                                          \
  X(STALLED, "writes refused by a stalled leader")                                                 \
  X(HANDED_OVER, "full leaders that handed over")                                                  \
  X(STALE, "stale messages")                                                                       \
  X(FULL, "calls refused by a full queue")                                                         \
  X(NO_MEMORY, "allocations failed")                                                               \
  X(FOREIGN, "foreign messages refused")                                                           \
  X(LEASE_READ, "lease reads answered")                                                            \
  X(OLD_LEADER, "leaders elected beside an older one")                                             \
  X(OF_THREE, "troubles of three voters or more")                                                  \
  X(SLOW_JOB, "slow jobs")                                                                         \
  X(STALL, "loops that stood still")                                                               \
  X(LOST_JOB, "jobs cut off by a crash")                                                           \
  X(LATE_LEADER, "leaders cut off that were to answer writes")                                     \
  X(CUT_INSTALL, "installs with power gone behind them")                                           \
  X(INIT_SAME, "inits beside another of the same content")                                         \
  X(INIT_OTHER, "inits beside another of other content")                                           \
  X(FOLLOWED_OTHER, "nodes of an own init that followed another cluster")                          \
  X(LOWERED, "nodes that came back with a lower election timeout")                                 \
  X(STALE_QUESTION, "lease reads of a leader that stood still beside another")                     \
  X(LOWERED_ALL, "leaders cut off whose voters came back with shorter timeouts")                   \
  X(OVERTAKEN, "installs that the commit passed")                                                  \
  X(FOREIGN_LEADER, "foreign leaders refused by a node that acknowledged")                         \
  X(EDGE, "requests at the edge refused")                                                          \
  X(EDGE_ANSWER, "answers at the edge that changed nothing")                                       \
  X(KEPT, "nodes back with a state machine that kept its state")                                   \
  X(BEHIND, "of them brought up by a snapshot that only the disk had")                             \
  X(ASTRAY, "state machines found to differ")                                                      \
  X(EQUAL_AGAIN, "of them equal again")                                                            \
  X(SWAPPED, "storages swapped")                                                                   \
  X(SWAP_GIVEN_UP, "swaps given up")                                                               \
  X(SWAP_SETTLED, "copies finished at a start")                                                    \
  X(SWAP_LEFT, "starts refused on the other storage")                                              \
  X(CREEP, "chunks of snapshots that crept")                                                       \
  X(STREAM_ENDED, "streams of snapshots that a newer leader ended")

enum sim_effect {
#define SIM_EFFECT_ENUM(name, text) SIM_EFFECT_##name,
  SIM_EFFECT_LIST(SIM_EFFECT_ENUM)
#undef SIM_EFFECT_ENUM
      SIM_EFFECT_COUNT
};

extern const char *const sim_fault_names[SIM_FAULT_COUNT];
extern const char *const sim_op_names[SIM_OP_COUNT];
extern const char *const sim_effect_names[SIM_EFFECT_COUNT];

struct sim_coverage {
  uint64_t pairs[SIM_FAULT_COUNT][SIM_OP_COUNT];
  uint64_t effects[SIM_EFFECT_COUNT];
  uint64_t steps;
};

#endif
