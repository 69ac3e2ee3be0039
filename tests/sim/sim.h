/* sim.h: one seed, one whole cluster under trouble, checked after every step.
 *
 *   sim.c        a seed's life: start, steps, heal, last words
 *   process.c    nodes that crash, stop themselves and start again
 *   nemesis*.c   the trouble: network, processes, disks
 *   foreign.c    another cluster that has the wrong addresses
 *   edge.c       a stranger that says terms and indexes that cannot be true
 *   astray.c     a state machine whose state is not the others'
 *   wipe.c       disks that are replaced by empty ones
 *   swap.c       nodes that move to another disk while they serve
 *   client.c     writes, reads, and what they were told (the history)
 *   admin*.c     membership, transfer, snapshots
 *   found.c      how a cluster begins, once or more often
 *   check*.c     the invariants
 *   machine.c    the real state machine, watched
 *   linear.c     is the history linearizable?
 *   device*.c    a simulated device
 *   fibre.c      a storage's threads, turns.c: in virtual time
 *   disk*.c      storage-wal on all that, and what it promised
 *   alone*.c     before all that: a disk without a node
 *   quiet.c      the last trials, when everything is repaired
 *   coverage.h   kinds of trouble, operations and effects, counted
 *   main.c       many seeds on many processes, coverage, replay */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <node/kernel/budget.h>
#include <support/memory.h>
#include <support/world.h>
#include <support/world_internal.h>

#include "coverage.h"
#include "disk.h"
#include "linear.h"

enum {
  SIM_NODES = 5, /* three of them begin as voters */
  SIM_CLIENTS = 6,
  SIM_ADMINS = 2,
  SIM_KEYS = 2,
  SIM_CLUSTERS_MAX = 256,
  SIM_TERMS_MAX = 8192, /* remembered terms: more in one seed is a failure of its own */
  SIM_INDEX_MAX = 1000000,
  SIM_FAIL_MAX = 512
};

/* An entry that some node applied. */
struct sim_committed {
  rkv_term term;
  uint64_t hash;
  rkv_term committed_in;     /* a term not before the one whose leader committed it */
  rkv_index config;          /* of the last membership up to here */
  uint64_t values[SIM_KEYS]; /* what the keys hold once it is applied */
  bool has_digest;           /* somebody asked for the state's digest here */
  uint64_t digest;
};

/* An init that was carried out. */
struct sim_cluster {
  struct rkv_cluster_id id;
  rkv_node_id founder;
  uint64_t first; /* of the initial entry */
};

/* What is known of one node, across its lives. */
struct sim_node {
  struct disk *disk;    /* where the node stands; its twin is free, or a copy is made there */
  bool settling;        /* its copy is being finished: it does not start meanwhile */
  bool tempts;          /* somebody may try to start it on the twin, which it has left, or which is
                           an unfinished copy */
  void *machine;        /* its state machine, if that is durable by itself and it does not run */
  struct rkv_vote vote; /* greatest seen */
  struct rkv_vote promised; /* the last one that it granted to another */
  rkv_index committed, applied, checked_commit;
  rkv_index config; /* of the effective membership, after the last step */
  unsigned life;
  bool was_leader;
  bool weak;          /* its disk was replaced or is damaged, and it does not vote again yet */
  bool damaged;       /* something of its disk may be */
  bool refused;       /* its disk does not open: it waits for another one */
  unsigned flaps;     /* power goes again, so often, soon after it came back */
  unsigned full_life; /* the life in which its queues were filled up; 0: they were not */
  uint64_t full_calls[NODE_BUDGETS]; /* as if so many calls waited there */
  unsigned stranger_life; /* in which it was told of another cluster before it knew a commit */
  unsigned installs_life; /* the life in which a snapshot was sent to it */
  struct rkv_cluster_id cluster;   /* that it belonged to, as last seen */
  struct rkv_log_id content;       /* of the membership whose content was looked at ... */
  unsigned content_life;           /* ... in this life */
  rkv_index previous, previous_of; /* what the membership in force would give way to, as seen */
  uint64_t election_min_ns;
  bool astray;           /* its state machine gives another digest than it should */
  rkv_index differed_at; /* what it said last */
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
  bool leases;  /* clocks run together, and lease reads are on */
  bool astray;  /* some state machine went astray */
  bool durable; /* state machines keep what they applied by themselves */
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
  rkv_node_id standing;             /* a leader whose loop stands still; clients go elsewhere ... */
  bool asks_standing;               /* ... or read there by its lease */
  bool overtaking;                  /* a node lags, to be sent a snapshot */
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

/* ---- swap.c ---- */
/* The disk that a crash now would leave the node on, and the one that its log goes to. */
struct disk *swap_disk(const struct sim *s, rkv_node_id id);
struct disk *swap_log(const struct sim *s, rkv_node_id id);
/* Either disk of the node, whichever is in use; by chance. */
struct disk *swap_some_disk(struct sim *s, rkv_node_id id);
void swap_begin(struct sim *s);
/* The node is down, and so are its disks. */
void swap_crash(struct sim *s, rkv_node_id id);
bool swap_is_dead(const struct sim *s, rkv_node_id id);
/* The settings may name the other disk, on which the node must not start. */
void swap_try_other(struct sim *s, rkv_node_id id);
/* The node does not start, because its disk is retired: finishes the copy, and starts it again. */
void swap_settle(struct sim *s, rkv_node_id id);
bool swap_quiet(const struct sim *s);
/* A node with entries that its leader lacks, and which are to be cut off; 0 if there is none. */
rkv_node_id swap_strayed(const struct sim *s);
/* An identity is about to be saved there; `leaves`: that of a disk that the node leaves. */
void swap_strike(struct sim *s, struct disk *d, bool leaves);
/* After a step of a running node. */
void swap_check(struct sim *s, rkv_node_id id);

/* ---- process.c ---- */
void process_start(struct sim *s, rkv_node_id id);
/* Somebody starts it again soon. */
void process_start_later(struct sim *s, rkv_node_id id);
void process_crash(struct sim *s, rkv_node_id id, uint64_t outage_ns);
/* Power has gone somewhere: its node has crashed. */
void process_look(struct sim *s);
/* world_internal.h's on_fatal. */
void process_on_fatal(struct world *w, rkv_node_id id, enum rkv_status status, const char *text);

void nemesis_start(struct sim *s);
void nemesis_heal(struct sim *s);

/* ---- foreign.c ---- */
/* A node that acknowledged and knows of no commit hears the leader of another cluster. */
void foreign_look(struct sim *s, rkv_node_id id);

/* ---- edge.c: answers on their way to node `to` ---- */
void edge_on_vote(struct world *w, rkv_node_id to, struct rkv_vote_call *answer);
void edge_on_append(struct world *w, rkv_node_id to, struct rkv_append_call *answer);
void edge_on_snapshot(struct world *w, rkv_node_id to, struct rkv_snapshot_call *answer);

/* ---- astray.c ---- */
/* What the machine of node `id` says is its digest at `index`, where it truly is `digest`. */
uint64_t astray_digest(struct sim *s, rkv_node_id id, rkv_index index, uint64_t digest);
void astray_request(struct sim *s, rkv_node_id from, const struct rkv_append_call *append);
void astray_step(struct sim *s, rkv_node_id id);
/* When all is healed: who differs is told of, and nobody else. Time passes. */
void astray_check_end(struct sim *s);

/* ---- wipe.c ---- */
/* Replaces the disk of a node that can be spared, from `first` on; false if there is none. */
bool wipe_some(struct sim *s, rkv_node_id first, uint64_t outage_ns);
/* A node whose disk may be damaged, 0 if there is none; it is weak from now on. */
rkv_node_id wipe_expose(struct sim *s, rkv_node_id first);
/* The disk of a node does not open: somebody will replace it as soon as that is safe. */
void wipe_refused(struct sim *s, rkv_node_id id);
/* Nodes that acknowledged in a cluster that came to nothing get an empty disk. */
void wipe_strays(struct sim *s);
/* A node started: what was to be damaged is whole. */
void wipe_whole(struct sim *s, rkv_node_id id);
void wipe_check_end(struct sim *s, const struct rkv_membership *m);
/* True once the leader knows every node that runs as the incarnation that it is. *arg: the sim. */
bool wipe_is_over(struct world *w, void *arg);

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

/* ---- alone.c ---- */
/* A disk without a node: calls by chance, and crashes at any of its operations. False: what it says
 * in `failure` was seen. */
bool alone_run(uint64_t seed, bool trace, char failure[SIM_FAIL_MAX]);

/* The state machine's operations, watched. */
void machine_watch(struct sim *s);
void machine_unwatch(struct sim *s);
/* The node, which does not run, gets an empty one. */
void machine_wipe(struct sim *s, rkv_node_id id);

#endif
