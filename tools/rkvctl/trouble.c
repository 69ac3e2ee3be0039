/* trouble.c: prints refusals and missing answers, and what may be behind them. */
#include "trouble.h"

#include "print.h"
#include "survey.h"

#include <grpc/status.h>

#include <stdlib.h>

#define SURVEY_MS 1000 /* for a survey, after the command's own time is over */

/* What to do if no node leads although a majority can vote, or if no node knows a cluster. */
static const char *advice(const struct survey *survey) {
  if (survey_membership(survey))
    return "nobody leads at the moment: an election takes a few seconds, see `rkvctl status`";
  if (survey_is_called(survey))
    return "no cluster is known there, but nodes that are not asked call it as a member: name "
           "their "
           "endpoints";
  return "no cluster is known there: a new one needs `rkvctl init`";
}

/* What the nodes that answer tell of the cluster. */
struct findings {
  bool no_majority;
  char advice[SURVEY_TEXT_MAX];
};

static const char *error_word(enum outcome outcome, const struct follow_answer *answer,
                              const struct findings *found) {
  if (answer->open) return "unknown";
  if (found->no_majority) return "no majority";
  return outcome == OUTCOME_REFUSED ? "refused" : "no answer";
}

static void print_trouble_json(const char *what, enum outcome outcome,
                               const struct follow_answer *answer, const struct findings *found) {
  (void)printf("{\"command\":");
  print_json_text(stdout, what);
  (void)printf(",\"error\":\"%s\",\"endpoint\":", error_word(outcome, answer, found));
  print_json_text(stdout, answer->endpoint);
  (void)printf(",\"status\":\"%s\",\"text\":", client_code_name(answer->code));
  print_json_text(stdout, found->no_majority && !answer->open ? found->advice : answer->text);
  (void)printf(",\"may_have_happened\":%s}\n", answer->sent ? "true" : "false");
}

/* Asks the members if no node leads, or if the leader did not finish a change. */
static void look_around(struct session *session, enum outcome outcome,
                        const struct follow_answer *answer, struct findings *found) {
  bool unfinished = outcome == OUTCOME_NO_ANSWER && answer->change &&
                    answer->code == GRPC_STATUS_DEADLINE_EXCEEDED;
  struct survey *survey;
  found->no_majority = false;
  found->advice[0] = '\0';
  if (!answer->no_leader && !unfinished) return;
  survey = survey_take(session, client_now_ms() + SURVEY_MS, answer->endpoint);
  if (!survey) return; /* no memory: only the node's own text is printed */
  found->no_majority = survey_lacks_majority(survey, found->advice);
  if (!found->no_majority && answer->no_leader)
    (void)snprintf(found->advice, sizeof found->advice, "%s", advice(survey));
  free(survey);
}

static void print_line(const struct session *session, const char *what, enum outcome outcome,
                       const struct follow_answer *answer) {
  const char *by = answer->endpoint, *code = client_code_name(answer->code);
  (void)fprintf(stderr, "rkvctl: %s: ", what);
  if (outcome == OUTCOME_NO_ANSWER && !answer->open &&
      answer->code == GRPC_STATUS_DEADLINE_EXCEEDED) {
    (void)fprintf(stderr, "no answer from %s within %g s", by,
                  (double)session->args->timeout_ms / 1000);
    return;
  }
  if (outcome == OUTCOME_REFUSED)
    (void)fprintf(stderr, "refused by %s: ", by);
  else if (answer->open)
    (void)fprintf(stderr, "outcome unknown, %s says: ", by);
  else
    (void)fprintf(stderr, "no answer from %s: ", by);
  print_text(session->args, stderr, answer->text);
  if (outcome == OUTCOME_REFUSED || answer->open) (void)fprintf(stderr, " (%s)", code);
}

enum outcome print_trouble(struct session *session, const char *what, enum outcome outcome,
                           struct follow_answer *answer) {
  struct findings found;
  look_around(session, outcome, answer, &found);
  if (session->args->json) print_trouble_json(what, outcome, answer, &found);
  print_line(session, what, outcome, answer);
  if (found.advice[0]) {
    (void)fputs("\n  ", stderr);
    print_text(session->args, stderr, found.advice);
  }
  if (answer->code == GRPC_STATUS_UNIMPLEMENTED && !session->args->transport)
    (void)fputs("\n  nodes that are not of this project, or older, lack it", stderr);
  if (answer->sent)
    (void)fputs("\n  the request was sent: it may or may not have been carried out, look before "
                "you repeat it",
                stderr);
  (void)fputc('\n', stderr);
  return found.no_majority ? OUTCOME_NO_ANSWER : outcome;
}

enum outcome print_unreadable(struct session *session, const char *what,
                              struct follow_answer *answer) {
  answer->code = GRPC_STATUS_DATA_LOSS;
  (void)snprintf(answer->text, sizeof answer->text, "the answer is no message that rkvctl knows");
  follow_free(answer);
  answer->sent = answer->open = answer->change;
  return print_trouble(session, what, answer->change ? OUTCOME_NO_ANSWER : OUTCOME_REFUSED, answer);
}
