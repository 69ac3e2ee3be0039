/* follow.c: one request, from endpoint to endpoint, to the leader. */
#include "follow.h"

#include "dial.h"

#include <grpc/status.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How a node without leadership begins its refusal. */
#define FORWARD_TEXT "has to forward request"

/* How one attempt at one endpoint ended. */
enum verdict {
  ANSWERED,   /* done or refused: the end */
  NOT_LEADER, /* the node named the leader, or said that there is none: surely not carried out */
  /* the node cannot now ("is stopping"): surely not carried out; another node may be asked */
  DECLINED,
  NOT_REACHED, /* nothing was sent */
  LOST,        /* sent, no answer: may have been carried out */
  OPEN,        /* the node answered, but a change may or may not have been carried out */
};

struct attempt {
  bool done, refused;
  char leader[RKV_ADDR_MAX];
  struct follow_answer *answer;
};

static void on_reply(void *ctx, const struct client_reply *reply) {
  struct attempt *attempt = ctx;
  struct follow_answer *answer = attempt->answer;
  attempt->done = true;
  attempt->refused = reply->refused;
  answer->code = reply->code;
  memcpy(answer->text, reply->text, sizeof answer->text);
  memcpy(attempt->leader, reply->leader, sizeof attempt->leader);
  if (reply->code != GRPC_STATUS_OK) return;
  answer->data = malloc(reply->size + 1); /* + 1: a NULL means failure, also for 0 bytes */
  if (!answer->data) {
    answer->code = GRPC_STATUS_INTERNAL; /* no code that means "nothing was done" */
    (void)snprintf(answer->text, sizeof answer->text, "no memory for the answer");
    return;
  }
  if (reply->size) memcpy(answer->data, reply->data, reply->size);
  answer->size = reply->size;
}

/* True for codes by which a server says that it did nothing. After any other code a change may have
 * been carried out. */
static bool says_no(int code) {
  switch (code) {
  case GRPC_STATUS_INVALID_ARGUMENT:
  case GRPC_STATUS_NOT_FOUND:
  case GRPC_STATUS_ALREADY_EXISTS:
  case GRPC_STATUS_PERMISSION_DENIED:
  case GRPC_STATUS_RESOURCE_EXHAUSTED:
  case GRPC_STATUS_FAILED_PRECONDITION:
  case GRPC_STATUS_OUT_OF_RANGE:
  case GRPC_STATUS_UNIMPLEMENTED:
  case GRPC_STATUS_UNAUTHENTICATED: return true;
  default: return false;
  }
}

static enum verdict judge(const struct attempt *attempt, enum follow_kind kind) {
  const struct follow_answer *answer = attempt->answer;
  switch (answer->code) {
  case GRPC_STATUS_UNAVAILABLE:
    if (attempt->leader[0]) return NOT_LEADER;
    if (strncmp(answer->text, FORWARD_TEXT, strlen(FORWARD_TEXT)) == 0) return NOT_LEADER;
    return attempt->refused ? DECLINED : LOST;
  case GRPC_STATUS_CANCELLED: return attempt->refused ? DECLINED : LOST;
  case GRPC_STATUS_DEADLINE_EXCEEDED: return LOST;
  case GRPC_STATUS_OK: return ANSWERED;
  default: return kind != FOLLOW_CHANGE || says_no(answer->code) ? ANSWERED : OPEN;
  }
}

static enum verdict ask_one(struct session *session, const char *endpoint,
                            const struct follow_request *request, uint64_t dial_deadline,
                            uint64_t deadline, struct attempt *attempt) {
  struct follow_answer *answer = attempt->answer;
  struct client_channel *channel;
  enum verdict verdict = NOT_REACHED;
  attempt->done = attempt->refused = false;
  attempt->leader[0] = '\0';
  (void)snprintf(answer->endpoint, sizeof answer->endpoint, "%s", endpoint);
  answer->code = GRPC_STATUS_UNAVAILABLE;
  channel = dial(session->client, endpoint, dial_deadline, answer->text, sizeof answer->text);
  if (!channel) return NOT_REACHED;
  (void)snprintf(answer->text, sizeof answer->text, "the request cannot be sent");
  if (client_start_with(channel, request->path, request->pair, request->data, request->size,
                        deadline, on_reply, attempt) != RKV_OK)
    goto out;
  while (!attempt->done) client_poll(session->client, UINT64_MAX);
  verdict = judge(attempt, request->kind);
out:
  client_disconnect(channel);
  return verdict;
}

/* Where a walk over the endpoints stands. */
struct walk {
  struct session *session;
  uint64_t deadline;
  unsigned next; /* the endpoint to ask, if there is no leader to follow */
  unsigned hops; /* leaders followed in a row */
  bool declined; /* one node declined: the next one that declines is the end */
  bool heard;    /* a node answered in this round */
  char leader[RKV_ADDR_MAX];
  char told[CLIENT_TEXT_MAX]; /* why the session was told to wait */
};

/* The deadline of one step: all the time that is left, or a part of it if another node could be
 * asked. */
static uint64_t step_deadline(const struct walk *walk, uint64_t share_ms, bool may_share) {
  uint64_t end = client_now_ms() + share_ms;
  return may_share && end < walk->deadline ? end : walk->deadline;
}

static void pause_ms(uint64_t ms) {
  struct timespec time = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
  (void)nanosleep(&time, NULL);
}

/* Sets the endpoint to ask next. False: there is no endpoint left to ask (F2). */
static bool next_endpoint(struct walk *walk, char *endpoint) {
  const struct args *args = walk->session->args;
  const char *chosen = walk->leader;
  if (!chosen[0]) {
    if (walk->next == args->endpoint_count) {
      if (!walk->heard && !walk->session->patient) return false;
      pause_ms(FOLLOW_PAUSE_MS);
      walk->next = 0;
      walk->hops = 0;
      walk->heard = false;
    }
    chosen = args->endpoints[walk->next++];
  }
  memmove(endpoint, chosen, strlen(chosen) + 1);
  walk->leader[0] = '\0';
  return client_now_ms() < walk->deadline;
}

static enum verdict take_step(struct walk *walk, const struct follow_request *request,
                              struct attempt *attempt, const char *endpoint) {
  const struct args *args = walk->session->args;
  bool others = args->endpoint_count > 1 || walk->hops > 0;
  uint64_t share = args->timeout_ms / args->endpoint_count;
  uint64_t dial = step_deadline(walk, FOLLOW_DIAL_MS, others);
  uint64_t end = step_deadline(walk, share > FOLLOW_LEAST_MS ? share : FOLLOW_LEAST_MS,
                               others && request->kind == FOLLOW_READ);
  return ask_one(walk->session, endpoint, request, dial, end, attempt);
}

/* A node declines for now. False: that is the end. */
static bool goes_on(struct walk *walk, const struct follow_answer *declined) {
  const struct session *session = walk->session;
  if (!session->patient && !session->waits) {
    if (walk->declined || walk->next == session->args->endpoint_count) return false;
    walk->declined = true;
    return true;
  }
  if (client_now_ms() + FOLLOW_LEAST_MS >= walk->deadline) return false;
  walk->heard = true;
  if (session->waits && strcmp(declined->text, walk->told) != 0) {
    session->waits(session, declined->text);
    memcpy(walk->told, declined->text, sizeof walk->told);
  }
  return true;
}

enum outcome follow_ask(struct session *session, const struct follow_request *request,
                        struct follow_answer *answer) {
  struct walk walk = {.session = session, .deadline = client_now_ms() + session->args->timeout_ms};
  struct follow_answer refusal = {.code = GRPC_STATUS_OK}; /* the last "not leader" */
  struct attempt attempt = {.answer = answer};
  char endpoint[RKV_ADDR_MAX];
  memset(answer, 0, sizeof *answer);
  answer->change = request->kind == FOLLOW_CHANGE;
  while (next_endpoint(&walk, endpoint)) {
    switch (take_step(&walk, request, &attempt, endpoint)) {
    case ANSWERED: return answer->code == GRPC_STATUS_OK ? OUTCOME_DONE : OUTCOME_REFUSED;
    case NOT_LEADER:
      walk.heard = true;
      refusal = *answer;
      refusal.no_leader = true;
      if (walk.hops++ < FOLLOW_HOPS_MAX) memcpy(walk.leader, attempt.leader, sizeof walk.leader);
      break;
    case DECLINED:
      refusal = *answer;
      if (goes_on(&walk, answer)) break;
      goto refused;
    case NOT_REACHED: break;
    case LOST:
      if (request->kind == FOLLOW_READ) break;
      answer->sent = true;
      return OUTCOME_NO_ANSWER;
    case OPEN: answer->sent = answer->open = true; return OUTCOME_NO_ANSWER;
    }
  }
  if (refusal.code == GRPC_STATUS_OK) return OUTCOME_NO_ANSWER;
refused:
  *answer = refusal;
  return OUTCOME_REFUSED;
}

void follow_free(struct follow_answer *answer) {
  free(answer->data);
  answer->data = NULL;
}
