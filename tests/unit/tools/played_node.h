/* played_node.h: a node that plays a part: a gRPC server on a loopback port that answers every call
 * by a script, whatever the call asks. */
#ifndef TESTS_PLAYED_NODE_H
#define TESTS_PLAYED_NODE_H

enum part {
  ANSWERS,         /* OK, with the message "done" */
  ANSWERS_LOG_ID,  /* OK, with the message {LogId 3.7} */
  LEADS_ELSEWHERE, /* UNAVAILABLE, names the leader */
  KNOWS_NO_LEADER, /* UNAVAILABLE, names no leader */
  DECLINES,        /* UNAVAILABLE "is stopping", with the node's mark (rkv-refused) */
  REFUSES,         /* FAILED_PRECONDITION "not now" */
  ABORTS,          /* ABORTED "as it happens", and so on */
  FAILS_INSIDE,    /* INTERNAL */
  FAILS_SOMEHOW,   /* UNKNOWN */
  LOSES_DATA,      /* DATA_LOSS */
  SAYS_NOTHING,    /* takes the call and never answers */
  BREAKS_OFF,      /* UNAVAILABLE as a lost connection has it: nothing about a leader */
};

#define PLAYED_SCRIPT_MAX 8

struct played_node;

/* The i-th call is answered by script[i], all later ones by the last of `count`. `leader` is
 * copied; NULL: the node itself. */
struct played_node *played_node_start(const enum part *script, unsigned count, const char *leader);

const char *played_node_endpoint(const struct played_node *node);

/* The method of the last call, and its metadata "rkv-read" or "". Valid until the next call of this
 * function. */
const char *played_node_method(struct played_node *node);
const char *played_node_read(struct played_node *node);

/* Calls that have arrived. */
unsigned played_node_calls(struct played_node *node);

void played_node_stop(struct played_node *node);

#endif
