/* survey.h: which nodes answer: the endpoints and every member that they name, asked at the same
 * time. */
#ifndef RKVCTL_SURVEY_H
#define RKVCTL_SURVEY_H

#include "wire.h"

#define SURVEY_NODES_MAX (ARGS_ENDPOINTS_MAX + 1 + RKV_NODES_MAX)
#define SURVEY_FIELD_MAX 64 /* bytes of one metric, its NUL included */
#define SURVEY_TEXT_MAX 256 /* bytes of a sentence, its NUL included */

/* X(name): the metrics that a table shows; log indexes are Raft's count. */
#define SURVEY_FIELD_LIST(X) X(state) X(term) X(leader) X(last_log) X(last_applied)

enum survey_field {
#define SURVEY_FIELD_ENUM(name) SURVEY_##name,
  SURVEY_FIELD_LIST(SURVEY_FIELD_ENUM)
#undef SURVEY_FIELD_ENUM
      SURVEY_FIELDS
};

struct survey_node {
  char addr[RKV_ADDR_MAX];
  rkv_node_id id;     /* 0: not known */
  rkv_node_id member; /* the member that a membership has at this address; 0: none */
  bool answered;
  int code;
  char text[CLIENT_TEXT_MAX]; /* why it did not answer */
  char values[SURVEY_FIELDS][SURVEY_FIELD_MAX];
  uint64_t last_log;     /* 0: none */
  uint64_t incarnation;  /* 0: the node does not tell */
  bool lost_storage;     /* it says that it came back without it */
  rkv_node_id waits_for; /* it is asked to stop, and waits until this node votes again; 0: none */
  uint64_t
      differs_at; /* the first index where its state is known not to be the leader's; 0: none */
  /* a leader's peers whose state is known to differ from its own, and since when: ID@INDEX;... */
  char peers_differ[SURVEY_TEXT_MAX];
  bool called; /* it got requests meant for another incarnation or cluster (foreign_calls) */
  struct rkv_membership membership;
  /* a swap of its storage, that runs or was given up: rkv_swap_phase, 0: none; bytes */
  uint64_t swap, swap_done, swap_total;
};

struct survey {
  struct session *session;
  struct survey_node nodes[SURVEY_NODES_MAX]; /* by id */
  unsigned count;
};

/* Asks the endpoints and then the members, until `deadline_ms`. `also` is one more endpoint, or
 * NULL. NULL: out of memory. Free with free(). */
struct survey *survey_take(struct session *session, uint64_t deadline_ms, const char *also);

/* The membership of the node with the longest log; NULL: no node knows one. */
const struct rkv_membership *survey_membership(const struct survey *survey);

/* True if some config has no majority of nodes that answer and can vote; `text` then says how many
 * do not, and what would help. */
bool survey_lacks_majority(const struct survey *survey, char text[SURVEY_TEXT_MAX]);

/* True if each config still has such a majority when one more voter goes, whichever. */
bool survey_can_spare(const struct survey *survey);

/* True if the node that answers as this member came back without its storage: it cannot vote before
 * a leader has taken it back. */
bool survey_lost_storage(const struct rkv_member *member, const struct survey_node *node);

/* True if a node that answers got requests of nodes that take it for a member (`called`): they
 * belong to a cluster, whether they answer here or not. */
bool survey_is_called(const struct survey *survey);

/* The node that answered as this member; NULL: none. */
const struct survey_node *survey_member(const struct survey *survey, rkv_node_id id);

/* The leader: of the nodes that say that they lead the one of the greatest term; NULL: none. */
const struct survey_node *survey_leader(const struct survey *survey);

#endif
