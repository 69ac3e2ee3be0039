/* model.h: core/raft explored exhaustively: every order of messages, losses, saves and crashes of
 * three nodes, within bounds. Breadth first; what was seen before is not explored again.
 *
 * A state is the nodes, what may still arrive, and what has happened so far (who was voted for, who
 * led, what was committed). Where states are made fewer, it is by what can make no difference, or
 * by allowing more than core/raft does:
 *
 * (E1) Messages are a set: each may arrive at any time, any number of times, or never. So loss,
 *      delay, reordering and repetition need no steps of their own.
 * (E2) Time is free: every timer may run out at any time, and no lease holds anybody back. A lease
 *      only refuses votes, and a refusal is a loss. So pre-vote (which only delays a campaign) and
 *      transfer (which only hastens one) need no steps of their own either.
 * (E3) A leader may send any part of its log with any commit index it ever had, whatever it knows
 * of a peer. So it does not matter what it knows beyond the index that the peer acknowledged
 *      (CONFLICT answers, which only say where to go on, are left out).
 * (E4) Messages that can never again change anything are forgotten (net.c).
 * (E5) A crash and the restart are one step: while it is down a node does nothing.
 * (E6) A node is its summary (struct model_node): every field of struct raft that can make a
 *      difference under (E2) and (E3). The summary is put back into the real struct raft, which
 *      takes one input; what came of a summary and an input is remembered. model_walk holds real
 *      nodes against summaries on random paths.
 * (E7) Nodes are alike: of states that differ only by the names of nodes, one is explored
 *      (rename.c).
 *
 * Bounds (struct model_options): terms, entries, crashes, changes of membership, saves in hand,
 * whether leaders step down. One law looks beyond them: in no state could a node without a
 * committed entry gather the votes for a next term (laws.c, L9). */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "bag.h"

#include <raft/raft.h>
#include <raft/view.h>

#include <stdio.h>

#define MODEL_NODES 3
#define MODEL_TERMS_MAX 6
#define MODEL_LOG_MAX 12     /* entries of a log, the first membership included */
#define MODEL_PENDING_MAX 20 /* saves and messages that wait in one node */
#define MODEL_SENT_MAX 12    /* messages that leave by one input */
#define MODEL_MEMBERSHIPS_MAX 32
#define MODEL_SET_MAX 1024   /* messages of one set */
#define MODEL_NUMBER_MAX 254 /* terms, indexes */

struct model_options {
  uint8_t terms, crashes, changes;
  uint8_t entries; /* beside the first membership; the last place is kept for another leader's */
  uint32_t voters, voters_after; /* bit n: node n; what a change of membership asks for */
  uint8_t saves;                 /* that a node has in hand before it waits for one */
  bool steps_down;               /* a leader may find at any time that no quorum answers it */
  uint32_t states_max;
};

struct model_id {
  uint8_t term, index;
};

struct model_vote {
  uint8_t term, node, committed;
};

enum { MODEL_BLANK, MODEL_COMMAND, MODEL_MEMBERSHIP }; /* MEMBERSHIP + its number (model_world) */

struct model_entry {
  uint8_t term, kind;
};

struct model_log {
  uint8_t count;
  struct model_entry entries[MODEL_LOG_MAX]; /* of index 1, 2, ... */
};

struct model_peer {
  uint8_t id;
  struct model_id matched;
};

enum model_item_kind { MODEL_SAVE_VOTE, MODEL_TRUNCATE, MODEL_APPEND, MODEL_HELD };

/* What the driver has in hand, in order. */
struct model_item {
  uint8_t kind;
  uint8_t after;                     /* TRUNCATE: keeps up to it; APPEND: follows it */
  struct model_vote vote;            /* SAVE_VOTE */
  uint8_t message_high, message_low; /* HELD: the number of a message */
  struct model_log tail;             /* APPEND */
};

/* One node and its driver: bytes only, unused ones zero, so that equal nodes are equal bytes. */
struct model_node {
  uint8_t id, role;
  struct model_vote vote;
  struct model_id committed, saved, verified;
  uint8_t granted;             /* bit n: by node n */
  uint8_t effective, previous; /* numbers of memberships + 1; 0: nobody (previous: unknown) */
  struct model_id effective_id, previous_id;
  uint8_t peer_count, resigns, waits; /* waits: a change of voters for its end */
  struct model_peer peers[MODEL_NODES];
  struct model_id change;
  struct model_log log; /* as written, durable or not */
  struct model_vote disk_vote;
  struct model_log disk;
  uint8_t pending_count;
  struct model_item pending[MODEL_PENDING_MAX];
};

/* LEADS: a leader's log and commit index, of which it may send any part (E3). */
enum model_message_kind {
  MODEL_VOTE,
  MODEL_VOTE_ANSWER,
  MODEL_LEADS,
  MODEL_APPENDS,
  MODEL_APPEND_ANSWER
};

struct model_message {
  uint8_t kind, from, to;
  struct model_vote vote; /* the asker's */
  struct model_id at;     /* VOTE: last; APPENDS: prev */
  struct model_id commit; /* LEADS, APPENDS */
  uint8_t transfer;       /* VOTE */
  struct model_log tail;  /* LEADS: the log; APPENDS: entries */
  uint8_t result;         /* answers: granted, or an enum rkv_append_result */
  struct model_vote answer_vote;
  struct model_id matched; /* APPEND_ANSWER */
};

/* X(NAME, text): what can happen at a node beside the arrival of a message. */
#define MODEL_ACT_LIST(X)                                                                          \
  X(TIMEOUT, "times out")                                                                          \
  X(SAVED, "is told of its oldest save")                                                           \
  X(CRASH, "crashes and starts again")                                                             \
  X(PROPOSE, "takes a proposal")                                                                   \
  X(CHANGE, "is asked to change the membership")

enum model_act {
#define MODEL_ACT_ENUM(name, text) MODEL_##name,
  MODEL_ACT_LIST(MODEL_ACT_ENUM)
#undef MODEL_ACT_ENUM
};
#define MODEL_ACTS (MODEL_CHANGE + 1u)

/* An input of one node: an act, or a message's number. */
#define MODEL_INPUT_MESSAGE(number) ((number) + 16u)
#define MODEL_INPUTS_MAX (1u << 24)

/* What one input did to one node. */
struct model_step {
  uint32_t node; /* BAG_NONE: it cannot happen here */
  uint32_t sent_count;
  uint32_t sent[MODEL_SENT_MAX];
};

struct model_world {
  struct model_options options;
  uint32_t members;  /* bit n: node n; voters before or after, all others stay away */
  struct raft *raft; /* every input is taken by this one */
  struct rkv_membership memberships[MODEL_MEMBERSHIPS_MAX];
  uint32_t membership_count;
  struct bag nodes, messages;
  struct bag_map known; /* node and input -> steps[] */
  struct model_step *steps;
  uint32_t step_count, step_room;
};

/* ---- summary.c: struct raft and its summary ---- */

uint8_t model_membership_number(struct model_world *w, const struct rkv_membership *m);
/* Puts the summary into the real struct, as far as core/raft is concerned. */
void model_load(const struct model_world *w, const struct model_node *node, struct raft *r);
/* The other way; what belongs to the driver stays as it is in *node. */
void model_store(struct model_world *w, const struct raft *r, struct model_node *node);
/* Puts a real node's times and what it plans for its peers as model_load would (E2, E3). */
void model_forget(struct raft *r);

/* ---- drive.c: a driver of core/raft over a summary ---- */

/* Carries out what the raft put out, in order; `request`: the message it answers, or NULL. */
void model_drain(struct model_world *w, struct raft *r, struct model_node *node,
                 const struct model_message *request, struct model_step *step);
void model_log_add(struct model_log *log, struct model_entry entry);
void model_log_cut(struct model_log *log, uint8_t after);
/* One more thing that waits. */
struct model_item *model_hold(struct model_node *node, enum model_item_kind kind);

/* ---- act.c: inputs ---- */

struct raft_now model_now(void);
/* A node with what is on its disk, and nothing else. The caller frees it. */
struct raft *model_boot(const struct model_world *w, const struct model_node *node);
/* Carries one input out on the real node *r (a crash replaces it); false: it cannot happen. */
bool model_take(struct model_world *w, struct raft **r, struct model_node *node, uint32_t input,
                struct model_step *step);

/* ---- world.c ---- */

void model_world_open(struct model_world *w, const struct model_options *options);
void model_world_close(struct model_world *w);
/* A node at the beginning: the first membership is on its disk. */
void model_first(struct model_world *w, uint8_t id, struct model_node *node);
/* What `input` does to node `number`; worked out once. Valid until the next call. */
const struct model_step *model_step(struct model_world *w, uint32_t number, uint32_t input);
static inline const struct model_node *model_node(const struct model_world *w, uint32_t number) {
  return bag_get(&w->nodes, number, NULL);
}
static inline const struct model_message *model_message(const struct model_world *w,
                                                        uint32_t number) {
  return bag_get(&w->messages, number, NULL);
}

/* ---- walk.c ---- */

/* (E6): random paths with real nodes beside summaries; false: they differ, with a line. */
bool model_walk(struct model_world *w, uint64_t seed, uint32_t paths, uint32_t steps);

/* ---- net.c: the set of messages ---- */

struct model_net {
  struct bag sets;        /* sorted numbers of messages */
  struct bag offers;      /* lists of messages that can arrive */
  struct bag_map offered; /* set -> its list */
};

void model_net_open(struct model_net *net);
void model_net_close(struct model_net *net);
/* The set with `add` in it and without what can change nothing (E4). */
uint32_t model_net_next(struct model_net *net, const struct model_world *w, uint32_t set,
                        const uint32_t *add, uint32_t count, uint32_t who,
                        const uint32_t before[MODEL_NODES], const uint32_t nodes[MODEL_NODES]);
/* What can arrive: numbers of messages, valid until the next call. */
const uint32_t *model_net_offers(struct model_net *net, struct model_world *w, uint32_t set,
                                 size_t *count);
/* Every APPENDS that a LEADS stands for; returns how many. */
size_t model_net_parts(struct model_world *w, uint32_t leads, uint32_t parts[MODEL_SET_MAX]);

/* ---- laws.c: what must hold ---- */

struct model_past {
  uint8_t crashes, changes;
  uint8_t leader[MODEL_TERMS_MAX + 1];
  uint8_t voted[MODEL_NODES][MODEL_TERMS_MAX + 1];
  struct model_log committed;
  uint8_t committed_in[MODEL_LOG_MAX]; /* the term of the leader that committed it */
};

/* Node `who` went from before[who] to nodes[who] and sent what `step` says: brings *past up to
 * date. The text of the law that is broken, or NULL. */
const char *model_laws_step(const struct model_world *w, const uint32_t before[MODEL_NODES],
                            const uint32_t nodes[MODEL_NODES], uint32_t who,
                            const struct model_step *step, struct model_past *past);
/* The same of a state. */
const char *model_laws_state(const struct model_world *w, const uint32_t nodes[MODEL_NODES],
                             const struct model_past *past);

/* ---- rename.c: nodes by other names (E7) ---- */

#define MODEL_NAMINGS_MAX 6

struct model_naming {
  uint8_t to[MODEL_NODES + 1]; /* to[0] = 0: nobody */
};

struct model_names {
  struct model_naming namings[MODEL_NAMINGS_MAX]; /* the first changes nothing */
  uint32_t count;
  uint32_t *nodes, room;                /* node and naming -> node */
  struct bag_map messages, sets, pasts; /* the same */
};

struct model_state {
  uint32_t nodes[MODEL_NODES], net, past; /* numbers; of `past` in explore.c */
};

void model_names_open(struct model_names *n, const struct model_options *options);
void model_names_close(struct model_names *n);
/* Replaces a state by the least one that differs by names only; the naming that leads to it. */
uint32_t model_rename(struct model_names *n, struct model_world *w, struct model_net *net,
                      struct bag *pasts, struct model_state *state);
uint32_t model_rename_message(struct model_names *n, struct model_world *w, uint32_t message,
                              uint32_t naming);
/* The naming `after`, of nodes that `naming` has given other names. */
uint32_t model_names_undo(const struct model_names *n, uint32_t after, uint32_t naming);

/* ---- explore.c ---- */

struct model_result {
  uint32_t states, depth, nodes, messages;
  uint64_t transitions;
  const char *broken; /* the law, or NULL */
  bool complete;      /* not stopped by states_max */
};

/* Explores everything; a broken law is told as a path on `out`. */
struct model_result model_explore(struct model_world *w, FILE *out);

/* ---- tell.c ---- */

void model_tell_input(const struct model_world *w, FILE *out, uint32_t id, uint32_t input);
void model_tell_node(const struct model_world *w, FILE *out, uint32_t number);

#endif
