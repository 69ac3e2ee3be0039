/* follow.h: asks the cluster until one node takes the request, following the leader it names.
 *
 * (F1) What is no read is sent again only if it surely was not carried out: the connection never
 *      stood, or the node said that it does not lead.
 * (F2) Every loop is bounded by the deadline; a new round over the endpoints starts only if a node
 *      answered in the last one or the session is patient, and after a pause. A session that waits
 *      for what was declined asks no more when too little time is left for an answer. */
#ifndef RKVCTL_FOLLOW_H
#define RKVCTL_FOLLOW_H

#include "client.h"
#include "commands.h"

#define FOLLOW_HOPS_MAX 8   /* leaders followed in a row before the endpoints are asked again */
#define FOLLOW_PAUSE_MS 100 /* between two rounds, for an election to end */
#define FOLLOW_DIAL_MS 1000 /* to connect to one endpoint, if there are others to ask */
#define FOLLOW_LEAST_MS 500 /* for one answer, if there are others to ask */

enum follow_kind {
  FOLLOW_READ,   /* asking twice does no harm */
  FOLLOW_ACT,    /* of one node: what it refuses is not done */
  FOLLOW_CHANGE, /* goes through the log: not every failure says that it is not done */
};

struct follow_request {
  const char *path; /* "/package.Service/Method" */
  const uint8_t *data;
  size_t size;
  struct client_pair pair; /* request metadata */
  enum follow_kind kind;
};

struct follow_answer {
  char endpoint[RKV_ADDR_MAX]; /* who gave it */
  int code;                    /* gRPC status of the last answer */
  char text[CLIENT_TEXT_MAX];
  bool no_leader; /* nobody took it for the leader's: a new cluster, an election, no majority */
  bool change;    /* the request was a FOLLOW_CHANGE */
  bool sent;      /* no read, and without an answer or `open`: it may have been carried out */
  bool open;      /* the node answered, but not whether it was carried out */
  uint8_t *data;  /* with OUTCOME_DONE: the message; follow_free */
  size_t size;
};

/* OUTCOME_DONE, OUTCOME_REFUSED (answer->text is the node's) or OUTCOME_NO_ANSWER (text says why,
 * and is the node's if the answer is `open`). */
enum outcome follow_ask(struct session *session, const struct follow_request *request,
                        struct follow_answer *answer);

void follow_free(struct follow_answer *answer);

#endif
