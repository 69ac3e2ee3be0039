/* follow.h: sends a request to one node after the other until a node takes it, and follows the
 * leaders that they name.
 *
 * (F1) A request that is no read is sent again only if it was surely not carried out: the
 *      connection never stood, or the node said that it does not lead.
 * (F2) Every loop is bounded by the deadline; a new round over the endpoints starts only if a node
 *      answered in the last one or the session is patient, and after a pause. A session that waits
 *      for what was declined asks no more when too little time is left for an answer. */
#ifndef RKVCTL_FOLLOW_H
#define RKVCTL_FOLLOW_H

#include "client.h"
#include "commands.h"

#define FOLLOW_HOPS_MAX 8   /* leaders followed in a row before the endpoints are asked again */
#define FOLLOW_PAUSE_MS 100 /* between two rounds, for an election to end */
#define FOLLOW_DIAL_MS 1000 /* limit of connecting to one endpoint if there are others to ask */
#define FOLLOW_LEAST_MS 500 /* wait at least this long for one answer if there are others to ask */

enum follow_kind {
  FOLLOW_READ,   /* may be sent twice */
  FOLLOW_ACT,    /* for one node: if the node refuses, nothing was done */
  FOLLOW_CHANGE, /* goes through the log: after some failures it may be done */
};

struct follow_request {
  const char *path; /* "/package.Service/Method" */
  const uint8_t *data;
  size_t size;
  struct client_pair pair; /* request metadata */
  enum follow_kind kind;
};

struct follow_answer {
  char endpoint[RKV_ADDR_MAX]; /* that gave the answer */
  int code;                    /* gRPC status of the last answer */
  char text[CLIENT_TEXT_MAX];
  bool no_leader; /* no node led: a new cluster, an election, no majority */
  bool change;    /* the request was a FOLLOW_CHANGE */
  bool sent;      /* no read, and no answer came, or `open`: it may have been carried out */
  bool open;      /* the node answered, but its answer leaves open whether it was done */
  uint8_t *data;  /* with OUTCOME_DONE: the message; follow_free */
  size_t size;
};

/* Returns OUTCOME_DONE; OUTCOME_REFUSED with the node's text; or OUTCOME_NO_ANSWER with the reason
 * as text (the node's own text if the answer is `open`). */
enum outcome follow_ask(struct session *session, const struct follow_request *request,
                        struct follow_answer *answer);

void follow_free(struct follow_answer *answer);

#endif
