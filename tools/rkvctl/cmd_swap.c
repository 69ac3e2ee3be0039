/* cmd_swap.c: swap-storage: which node is meant, and what is asked of it. */
#include "print.h"
#include "survey.h"
#include "swap.h"
#include "trouble.h"

#include <grpc/status.h>

#include <inttypes.h>
#include <stdlib.h>

#define FIND_MS 2000 /* for finding the node, at most */

/* What does not go together; NULL: all does. */
static const char *swap_refusal(const struct args *args) {
  const unsigned begins = ARGS_PLUGIN | ARGS_SET | ARGS_CHECK | ARGS_YES;
  if ((args->options & ARGS_CANCEL) && (args->options & begins))
    return "--cancel goes alone (leave the others out)";
  if (!args->plugin && (args->options & begins))
    return "--plugin is missing: the name of the storage to move to (try --plugin storage-wal "
           "--set dir=/srv/wal)";
  return NULL;
}

/* Why the node cannot be asked, in the shape of an answer. */
static enum outcome explain_absence(const struct survey *survey, rkv_node_id id,
                                    struct follow_answer *answer) {
  const struct rkv_membership *m = survey_membership(survey);
  const struct survey_node *first = &survey->nodes[0];
  bool heard = false;
  for (unsigned i = 0; i < survey->count; i++) {
    const struct survey_node *node = &survey->nodes[i];
    if (node->answered && !heard) first = node;
    heard = heard || node->answered;
    if (node->member != id || (node->answered && node->id == id)) continue;
    (void)snprintf(answer->endpoint, sizeof answer->endpoint, "%s", node->addr);
    (void)snprintf(answer->text, sizeof answer->text, "%s",
                   node->answered ? "another node answers there" : node->text);
    answer->code = node->answered ? GRPC_STATUS_UNAVAILABLE : node->code;
    return OUTCOME_NO_ANSWER;
  }
  (void)snprintf(answer->endpoint, sizeof answer->endpoint, "%s", first->addr);
  answer->code = heard ? GRPC_STATUS_NOT_FOUND : first->code;
  if (!heard)
    (void)snprintf(answer->text, sizeof answer->text, "%s", first->text);
  else
    (void)snprintf(answer->text, sizeof answer->text, "node %" PRIu64 " %s", id,
                   m ? "is no member (`rkvctl members` lists them)"
                     : "is not among those that answer (name its endpoint)");
  return heard ? OUTCOME_REFUSED : OUTCOME_NO_ANSWER;
}

/* Finds the node among the endpoints and the members that they name. */
static enum outcome swap_find(struct session *session, rkv_node_id id, struct swap *swap) {
  const uint64_t patience =
      session->args->timeout_ms < FIND_MS ? session->args->timeout_ms : FIND_MS;
  struct survey *survey = survey_take(session, client_now_ms() + patience, NULL);
  const struct survey_node *node = survey ? survey_member(survey, id) : NULL;
  struct follow_answer answer = {.code = GRPC_STATUS_OK};
  enum outcome outcome = OUTCOME_DONE;
  if (!survey) return print_out_of_memory(SWAP_NAME);
  if (node)
    swap_init(swap, session, id, node->addr);
  else
    outcome = explain_absence(survey, id, &answer);
  free(survey);
  return node ? OUTCOME_DONE : print_trouble(session, SWAP_NAME, outcome, &answer);
}

static enum outcome swap_act(struct swap *swap) {
  enum outcome outcome;
  if (swap->args.options & ARGS_CANCEL) return swap_cancel(swap);
  if (!swap->args.plugin) return swap_follow(swap);
  outcome = swap_check(swap);
  if (outcome != OUTCOME_DONE || (swap->args.options & ARGS_CHECK)) return outcome;
  return swap_begin(swap);
}

enum outcome cmd_swap(struct session *session, const char *const *words, unsigned count) {
  const char *refusal = swap_refusal(session->args);
  struct rkv_error error;
  struct swap *swap;
  enum outcome outcome;
  rkv_node_id id;
  (void)count;
  if (args_node_id(words[0], &id, &error) != RKV_OK)
    return print_usage_error(session->args, SWAP_NAME, error.text);
  if (refusal) return print_usage_error(session->args, SWAP_NAME, refusal);
  swap = malloc(sizeof *swap);
  if (!swap) return print_out_of_memory(SWAP_NAME);
  outcome = swap_find(session, id, swap);
  if (outcome == OUTCOME_DONE) outcome = swap_act(swap);
  free(swap);
  return outcome;
}
