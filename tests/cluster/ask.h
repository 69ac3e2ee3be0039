/* ask.h: what a client says to the nodes of a test, one function per act, and what they answer. */
#ifndef CLUSTER_ASK_H
#define CLUSTER_ASK_H

#include "inside.h"

#include <rkv/membership.h>

#define ASK_VALUE_MAX 4096 /* bytes of a value read back, its NUL included */

struct ask_answer {
  int code; /* gRPC status */
  char text[CLIENT_TEXT_MAX];
  char leader[RKV_ADDR_MAX]; /* metadata of a refusal */
  bool has_value;
  char value[ASK_VALUE_MAX];        /* Set, Get */
  struct rkv_membership membership; /* AddLearner, ChangeMembership */
};

/* What Metrics says. */
struct ask_view {
  char state[16];
  uint64_t leader, term, last_log, last_applied; /* 0: none */
  struct rkv_membership membership;
};

/* Each asks node `at` and waits for the answer, whatever it is. */
struct ask_answer ask_set(struct inside *in, rkv_node_id at, const char *key, const char *value);
struct ask_answer ask_get(struct inside *in, rkv_node_id at, const char *key);
struct ask_answer ask_init(struct inside *in, rkv_node_id at); /* that node alone */
struct ask_answer ask_add_learner(struct inside *in, rkv_node_id at, rkv_node_id learner);
struct ask_answer ask_change(struct inside *in, rkv_node_id at, size_t count,
                             const uint64_t *voters);

/* `count` Sets at once, all in flight before the first answer: keys PREFIX0, PREFIX1, ...; fails
 * the test unless every one is answered OK. */
void ask_set_burst(struct inside *in, rkv_node_id at, const char *prefix, size_t count,
                   const char *value);

struct ask_view ask_view(struct inside *in, rkv_node_id at);
/* One number of Metrics by its name; fails the test if it is not there. */
uint64_t ask_number(struct inside *in, rkv_node_id at, const char *name);

/* Fails the test with the server's words unless the answer is OK. */
void ask_ok(const struct ask_answer *answer);

/* Waits until node `at` has the key with this value. */
void ask_until_has(struct inside *in, rkv_node_id at, const char *key, const char *value);
/* Waits until node `at` has applied what node `leader` has in its log now. */
void ask_until_caught_up(struct inside *in, rkv_node_id at, rkv_node_id leader);

#endif
