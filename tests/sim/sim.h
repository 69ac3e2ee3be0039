/* sim.h: one seed, one whole cluster under trouble, checked after every step.
 *
 *   sim.c        a seed's life: start, steps, heal, last words
 *   process.c    nodes that crash, stop themselves and start again
 *   nemesis*.c   the trouble: network, processes, disks
 *   foreign.c    another cluster that has the wrong addresses
 *   wipe.c       disks that are replaced by empty ones
 *   client.c     writes, reads, and what they were told (the history)
 *   admin*.c     membership, transfer, snapshots
 *   found.c      how a cluster begins, once or more often
 *   check*.c     the invariants
 *   machine.c    the real state machine, watched
 *   linear.c     is the history linearizable?
 *   device.c     a simulated device, disk*.c: the storage on it
 *   quiet.c      the last trials, when everything is repaired
 *   main.c       many seeds on many processes, coverage, replay */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <support/memory.h>
#include <support/world.h>
#include <support/world_internal.h>

#include "disk.h"
#include "linear.h"

enum {
  SIM_NODES = 5, /* three of them begin as voters */
  SIM_CLIENTS = 6,
  SIM_ADMINS = 2,
  SIM_KEYS = 2,
  SIM_CLUSTERS_MAX = 256,
  SIM_TERMS_MAX = 8192, /* remembered terms: more in one seed is a failure of its own */
  SIM_FAIL_MAX = 512
};

/* X(NAME, text, act): trouble, as coverage counts it; the act begins it (nemesis.h). */
#define SIM_FAULT_LIST(X)                                                                          \
  X(NONE, "quiet", strike_nothing)                                                                 \
  X(DROP, "drop", strike_messages)                                                                 \
  X(DOUBLE, "double", strike_messages)                                                             \
  X(SLOW, "slow, heavy tail", strike_messages)                                                     \
  X(STALE, "stale messages", strike_messages)                                                      \
  X(RESET, "connections reset", strike_resets)                                                     \
  X(FOREIGN, "foreign cluster", strike_foreign)                                                    \
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
  X(MEMORY, "allocation fails", strike_memory)                                                     \
  X(WIPE, "disk replaced", strike_wipe)                                                            \
  X(POWER_SECTORS, "power cut, 512 B", strike_power)                                               \
  X(POWER_PAGES, "power cut, 4 KiB", strike_power)                                                 \
  X(POWER_ZEROS, "power cut, zeroed tail", strike_power)                                           \
  X(POWER_NAMES, "power cut, name lost", strike_power)                                             \
  X(POWER_INSTALL, "power cut behind an install", strike_install)                                  \
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
  X(LOWERED, "nodes that came back with a lower election timeout")

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

/* An entry that some node applied. */
struct sim_committed {
  rkv_term term;
  uint64_t hash;
  rkv_term committed_in;     /* a term not before the one whose leader committed it */
  rkv_index config;          /* of the last membership up to here */
  uint64_t values[SIM_KEYS]; /* what the keys hold once it is applied */
};

/* An init that was carried out. */
struct sim_cluster {
  struct rkv_cluster_id id;
  rkv_node_id founder;
  uint64_t first; /* of the initial entry */
};

/* What is known of one node, across its lives. */
struct sim_node {
  struct disk *disk;
  struct rkv_vote vote; /* greatest seen */
  rkv_index committed, applied, checked_commit;
  rkv_index config; /* of the effective membership, after the last step */
  unsigned life;
  bool was_leader;
  bool weak;              /* its disk was replaced or is damaged, and it does not vote again yet */
  bool damaged;           /* something of its disk may be */
  bool refused;           /* its disk does not open: it waits for another one */
  unsigned full_life;     /* the life in which its queues were filled up; 0: they were not */
  uint64_t full_calls;    /* as if so many calls waited there */
  unsigned installs_life; /* the life in which a snapshot was sent to it */
  struct rkv_cluster_id cluster; /* that it belonged to, as last seen */
  struct rkv_log_id content;     /* of the membership whose content was looked at ... */
  unsigned content_life;         /* ... in this life */
  uint64_t election_min_ns;
};

/* Which election timeouts nodes get that start now, where they differ at all. */
enum sim_timeouts { SIM_TIMEOUTS_ANY, SIM_TIMEOUTS_LONG, SIM_TIMEOUTS_SHORT };

struct sim_client;
struct sim_admin;
struct sim_appended;

struct sim {
  struct world *w;
  uint64_t seed, step, steps_max, hash, ticks;
  bool trace, failed, healing;
  bool leases; /* clocks run together, and lease reads are on */
  char failure[SIM_FAIL_MAX];
  struct sim_coverage *coverage;
  struct sim_node nodes[SIM_NODES + 1];
  rkv_node_id leaders[SIM_TERMS_MAX]; /* by term */
  struct {
    rkv_node_id candidate[SIM_TERMS_MAX]; /* by term: to whom a node granted */
  } granted[SIM_NODES + 1];
  struct sim_committed *committed; /* by index */
  size_t committed_count, committed_capacity;
  struct sim_appended *appended; /* check_log.c */
  struct sim_cluster clusters[SIM_CLUSTERS_MAX];
  size_t cluster_count;
  struct rkv_cluster_id founded; /* the one whose initial entry was applied */
  enum sim_timeouts timeouts;
  rkv_node_id ask_at;               /* where clients read by lease now; 0: where they like */
  uint32_t slow_job_ppm;            /* of each job, whatever else happens */
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
void sim_count(struct sim *s, enum sim_effect effect);
/* A running node, 0 if none. */
rkv_node_id sim_any_node(struct sim *s);
/* The node, NULL if it does not run. */
struct node *sim_node_of(struct sim *s, rkv_node_id id);

/* ---- process.c ---- */
void process_start(struct sim *s, rkv_node_id id);
void process_crash(struct sim *s, rkv_node_id id, uint64_t outage_ns);
/* Power has gone somewhere: its node has crashed. */
void process_look(struct sim *s);
/* world_internal.h's on_fatal. */
void process_on_fatal(struct world *w, rkv_node_id id, enum rkv_status status, const char *text);

void nemesis_start(struct sim *s);
void nemesis_heal(struct sim *s);

/* ---- wipe.c ---- */
/* Replaces the disk of a node that can be spared, from `first` on; false if there is none. */
bool wipe_some(struct sim *s, rkv_node_id first, uint64_t outage_ns);
/* A node whose disk may be damaged, 0 if there is none; it is weak from now on. */
rkv_node_id wipe_expose(struct sim *s, rkv_node_id first);
/* The disk of a node does not open: somebody will replace it as soon as that is safe. */
void wipe_refused(struct sim *s, rkv_node_id id);
/* A node started: what was to be damaged is whole. */
void wipe_whole(struct sim *s, rkv_node_id id);
void wipe_check_end(struct sim *s, const struct rkv_membership *m);

/* ---- client.c ---- */
enum { CLIENT_KEY_MAX = 32 };
/* A request's or command's key field; its length. */
size_t client_put_key(uint8_t *at, uint32_t key);
/* The number at the start of a Response's value; 0 if there is none. */
uint64_t client_value_in(struct rkv_buf response);
/* The key and the number that a command writes; false if it writes none of ours. */
bool client_read_command(struct rkv_buf command, uint32_t *key, uint64_t *value);
void client_start(struct sim *s);
void client_free(struct sim *s);
bool client_quiet(struct sim *s);

/* ---- found.c ---- */
void found_start(struct sim *s);
/* What somebody initialises a cluster with: the usual voters, or others. */
void found_members(struct sim *s, bool others, struct rkv_membership *m);

void admin_start(struct sim *s);
void admin_free(struct sim *s);
bool admin_quiet(struct sim *s);
/* A change of the membership is on its way. */
bool admin_changes(struct sim *s);

/* ---- check.c: after every step, the node whose code ran ---- */
void check_step(struct sim *s, rkv_node_id id);
void check_answer(struct world *w, rkv_node_id from, rkv_node_id to,
                  const struct rkv_vote_call *vote, const struct rkv_append_call *append);
/* At the end: members agree, whole. */
void check_end(struct sim *s);
/* ---- check_log.c: entries as they are appended, cut off, sent, applied ---- */
void check_applied(struct sim *s, rkv_node_id id, const struct rkv_entry *entries, size_t count);
void check_appended(struct sim *s, rkv_node_id id, struct rkv_log_id last,
                    const struct rkv_entry *entries, size_t count);
void check_truncated(struct sim *s, rkv_node_id id, struct rkv_log_id entry,
                     struct rkv_log_id snapshot);
void check_purged(struct sim *s, rkv_node_id id, struct rkv_log_id up_to,
                  struct rkv_log_id snapshot);
void check_request(struct world *w, rkv_node_id from, rkv_node_id to,
                   const struct rkv_append_call *append,
                   const struct rkv_timeout_now_call *timeout_now);
void check_log_free(struct sim *s);
/* Of kind and payload; never 0. */
uint64_t check_hash(const struct rkv_entry *e);
/* Of the entry that was appended with this id first; 0 if there is none. */
uint64_t check_appended_hash(const struct sim *s, struct rkv_log_id id);
/* ---- check_cluster.c: after every step ---- */
void check_cluster(struct sim *s, rkv_node_id id);

/* What is left is tried when everything is repaired: a full disk, a replaced one. */
void quiet_trials(struct sim *s);

/* The state machine's operations, watched. */
void machine_watch(struct sim *s);
void machine_unwatch(struct sim *s);

#endif
