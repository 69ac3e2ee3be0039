/* cmd_status.c: status: every node in one table, and waiting until all is well. */
#include "print.h"
#include "survey.h"

#include <rkv/swap.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WAIT_PAUSE_MS 200 /* between two looks of --wait */
#define WAIT_LOOK_MS 2000 /* one look of --wait, at most */
#define WAIT_LAST_MS 500  /* the last look, at least: time for the nodes to answer */

static const char *const names[] = {
#define FIELD_NAME(name) #name,
    SURVEY_FIELD_LIST(FIELD_NAME)
#undef FIELD_NAME
};

/* Printed in each row, because the rows are the document: whether a majority of the voters answers
 * and can vote; null where no cluster is known. */
static const char *majority_word(const struct survey *survey) {
  char text[SURVEY_TEXT_MAX];
  if (!survey_membership(survey)) return "null";
  return survey_lacks_majority(survey, text) ? "false" : "true";
}

/* The member as which this node came back without its storage; NULL: it did not. */
static const struct rkv_member *lost_member(const struct survey *survey,
                                            const struct survey_node *node) {
  const struct rkv_membership *m = survey_membership(survey);
  const struct rkv_member *member = m && node->answered ? rkv_membership_find(m, node->id) : NULL;
  return member && survey_lost_storage(member, node) ? member : NULL;
}

/* Likewise if it says so itself, whether a membership is known or not. */
static bool has_lost(const struct survey *survey, const struct survey_node *node) {
  return lost_member(survey, node) || (node->answered && node->lost_storage);
}

static void print_differing_json(const struct survey_node *node) {
  if (!node->peers_differ[0]) return;
  (void)printf(",\"peers_differ\":");
  print_json_text(stdout, node->peers_differ);
}

static void print_json(const struct survey *survey) {
  const char *majority = majority_word(survey);
  (void)printf("[");
  for (unsigned i = 0; i < survey->count; i++) {
    const struct survey_node *node = &survey->nodes[i];
    (void)printf("%s{\"id\":%" PRIu64 ",\"addr\":", i ? "," : "", node->id);
    print_json_text(stdout, node->addr);
    (void)printf(",\"answered\":%s,\"majority\":%s", node->answered ? "true" : "false", majority);
    if (has_lost(survey, node)) (void)printf(",\"lost_storage\":true");
    if (node->waits_for) (void)printf(",\"waits_for\":%" PRIu64, node->waits_for);
    if (node->differs_at) (void)printf(",\"differs_at\":%" PRIu64, node->differs_at);
    print_differing_json(node);
    if (node->swap != RKV_SWAP_PHASE_NONE)
      (void)printf(",\"swap\":\"%s\",\"swap_done\":%" PRIu64 ",\"swap_total\":%" PRIu64,
                   wire_swap_word(node->swap), node->swap_done, node->swap_total);
    for (size_t f = 0; f < SURVEY_FIELDS && node->answered; f++) {
      (void)printf(",\"%s\":", names[f]);
      print_json_value(stdout, node->values[f], strlen(node->values[f]));
    }
    if (!node->answered) {
      (void)printf(",\"text\":");
      print_json_text(stdout, node->text);
    }
    (void)printf("}");
  }
  (void)printf("]\n");
}

static void fill_row(const struct survey *survey, const struct survey_node *node,
                     char (*row)[PRINT_CELL_MAX]) {
  (void)snprintf(row[0], PRINT_CELL_MAX, node->id ? "%" PRIu64 : "-", node->id);
  (void)snprintf(row[1], PRINT_CELL_MAX, "%s", node->addr);
  for (size_t f = 0; f < SURVEY_FIELDS; f++)
    (void)snprintf(row[2 + f], PRINT_CELL_MAX, "%s", node->values[f][0] ? node->values[f] : "-");
  if (!node->answered)
    (void)snprintf(row[2], PRINT_CELL_MAX, "no answer");
  else if (has_lost(survey, node))
    (void)snprintf(row[2], PRINT_CELL_MAX, "lost storage");
  else if (node->membership.config_count == 0)
    (void)snprintf(row[2], PRINT_CELL_MAX, "no cluster");
}

/* The hint for a node without a cluster. */
static const char *how_to_join(const struct survey *survey) {
  if (survey_membership(survey)) return "`rkvctl add-learner` takes it into one";
  return survey_is_called(survey) ? "but nodes that are not asked here call one as a member: name "
                                    "their endpoints"
                                  : "`rkvctl init` makes one";
}

static void print_below(const struct survey *survey, const char *text) {
  (void)fputs("  ", stdout);
  print_text(survey->session->args, stdout, text);
  (void)fputc('\n', stdout);
}

/* What to mind while a voter that lost its storage is on its way back. */
static const char *what_to_mind(const struct survey *survey) {
  if (!survey_membership(survey))
    return "nodes that are not asked here call it as a member: name their endpoints";
  return survey_can_spare(survey) ? "it has no vote before a leader takes it back, which a leader "
                                    "does by itself"
                                  : "it has no vote before a leader takes it back, which a leader "
                                    "does by itself; stop no other voter before, and lose no "
                                    "storage: the voters that hold the log are all needed";
}

/* Fills `text` with what has no room in the table: why a node does not answer, which node is no
 * member, which node is another than expected, whom a node waits for. False: there is nothing. */
static bool fill_note(const struct survey *survey, const struct survey_node *node, char *text,
                      size_t size) {
  const struct rkv_membership *m = survey_membership(survey);
  if (!node->answered)
    (void)snprintf(text, size, "%s: %s", node->addr, node->text);
  else if (node->member && node->member != node->id)
    (void)snprintf(text, size, "%s: node %" PRIu64 " answers where the members have node %" PRIu64,
                   node->addr, node->id, node->member);
  else if (has_lost(survey, node))
    (void)snprintf(text, size, "%s: node %" PRIu64 " came back without its storage: %s", node->addr,
                   node->id, what_to_mind(survey));
  else if (node->waits_for)
    (void)snprintf(text, size,
                   "%s: node %" PRIu64
                   " was asked to stop, and waits a few seconds for the vote of "
                   "node %" PRIu64 ", which is on its way back: if it goes before, nothing is "
                   "written until it is back, and without its storage the cluster is lost",
                   node->addr, node->id, node->waits_for);
  else if (node->membership.config_count == 0)
    (void)snprintf(text, size, "%s: belongs to no cluster yet (%s)", node->addr,
                   how_to_join(survey));
  else if (m && node->id && !rkv_membership_find(m, node->id))
    (void)snprintf(text, size,
                   "%s: node %" PRIu64 " is a stranger: the others do not have it as a member",
                   node->addr, node->id);
  else
    return false;
  return true;
}

static void print_note(const struct survey *survey, const struct survey_node *node) {
  char text[CLIENT_TEXT_MAX + SURVEY_TEXT_MAX];
  if (fill_note(survey, node, text, sizeof text)) print_below(survey, text);
}

/* Prints that a node moves to another storage, or gave that up. */
static void print_swap(const struct survey *survey, const struct survey_node *node) {
  char text[SURVEY_TEXT_MAX + RKV_ADDR_MAX], part[32] = "";
  if (node->swap == RKV_SWAP_PHASE_NONE || node->swap == RKV_SWAP_PHASE_MOVED) return;
  if (node->swap_total > 0)
    (void)snprintf(part, sizeof part, ", %.0f%%",
                   100 * (double)node->swap_done / (double)node->swap_total);
  if (node->swap == RKV_SWAP_PHASE_FAILED)
    (void)snprintf(text, sizeof text,
                   "%s: node %" PRIu64 " gave up moving to another storage (`rkvctl swap-storage "
                   "%" PRIu64 "` says why)",
                   node->addr, node->id, node->id);
  else
    (void)snprintf(text, sizeof text,
                   "%s: node %" PRIu64 " moves to another storage: %s%s (`rkvctl swap-storage "
                   "%" PRIu64 "` follows it)",
                   node->addr, node->id, wire_swap_phase(node->swap), part, node->id);
  print_below(survey, text);
}

/* Prints that states differ: as the follower says it, and as its leader does. */
static void print_difference(const struct survey *survey, const struct survey_node *node) {
  char text[2 * SURVEY_TEXT_MAX + RKV_ADDR_MAX];
  if (node->differs_at) {
    (void)snprintf(text, sizeof text,
                   "%s: node %" PRIu64 "'s state is not its leader's, since index %" PRIu64
                   " at the latest: the state machine of one of the two went astray (their logs "
                   "say more)",
                   node->addr, node->id, node->differs_at);
    print_below(survey, text);
  }
  if (!node->peers_differ[0]) return;
  (void)snprintf(text, sizeof text,
                 "%s: node %" PRIu64 " leads, and has peers with another state (NODE@INDEX): %s",
                 node->addr, node->id, node->peers_differ);
  print_below(survey, text);
}

static void print_table(const struct survey *survey) {
  static const char *const titles[] = {"ID",     "ADDR",     "STATE",  "TERM",
                                       "LEADER", "LAST_LOG", "APPLIED"};
  struct print_table *table = print_table_new(titles, 2 + SURVEY_FIELDS);
  if (!table) {
    (void)print_out_of_memory("status");
    return;
  }
  for (unsigned i = 0; i < survey->count; i++)
    fill_row(survey, &survey->nodes[i], print_table_row(table));
  print_table_out(table, stdout);
  for (unsigned i = 0; i < survey->count; i++) {
    print_note(survey, &survey->nodes[i]);
    print_difference(survey, &survey->nodes[i]);
    print_swap(survey, &survey->nodes[i]);
  }
  free(table);
}

static enum outcome print_status(const struct survey *survey) {
  char text[SURVEY_TEXT_MAX] = "nobody answers";
  enum outcome outcome = OUTCOME_NO_ANSWER;
  if (survey->session->args->json)
    print_json(survey);
  else
    print_table(survey);
  for (unsigned i = 0; i < survey->count; i++)
    if (survey->nodes[i].answered) outcome = OUTCOME_DONE;
  if (survey_lacks_majority(survey, text)) outcome = OUTCOME_NO_ANSWER;
  if (outcome != OUTCOME_DONE) (void)fprintf(stderr, "rkvctl: status: %s\n", text);
  return outcome;
}

/* ---- --wait ---- */

/* What a voter must hold: the log that the leader had when it was first seen leading its term. */
struct goal {
  char term[SURVEY_FIELD_MAX];
  uint64_t last_log;
};

/* True if the node is, or will be, a voter: a voter that lost its storage is made one again by the
 * leader. */
static bool is_awaited(const struct rkv_membership *m, const struct rkv_member *member) {
  return member->returning || rkv_membership_is_voter(m, member->id);
}

/* Fills `text` with why this voter is waited for; false: it is not. */
static bool is_missing(const struct survey *survey, const struct rkv_member *voter,
                       const struct goal *goal, char text[SURVEY_TEXT_MAX]) {
  const struct survey_node *node = survey_member(survey, voter->id);
  const uint64_t id = voter->id;
  if (!node)
    (void)snprintf(text, SURVEY_TEXT_MAX, "node %" PRIu64 " does not answer", id);
  else if (survey_lost_storage(voter, node))
    (void)snprintf(text, SURVEY_TEXT_MAX,
                   "node %" PRIu64 " lost its storage and does not vote before it has learnt anew",
                   id);
  else if (node->last_log < goal->last_log)
    (void)snprintf(text, SURVEY_TEXT_MAX, "node %" PRIu64 " is at log %" PRIu64 " of %" PRIu64, id,
                   node->last_log, goal->last_log);
  else
    return false;
  return true;
}

/* Fills `text` with the first thing that is not well; false: all is well. */
static bool waits_for(const struct survey *survey, struct goal *goal, char text[SURVEY_TEXT_MAX]) {
  const struct rkv_membership *m = survey_membership(survey);
  const struct survey_node *leader = survey_leader(survey);
  (void)snprintf(text, SURVEY_TEXT_MAX, "%s",
                 m ? "nobody leads" : "nobody who answers belongs to a cluster");
  if (m && survey_lacks_majority(survey, text)) return true;
  if (!m || !leader) return true;
  if (strcmp(goal->term, leader->values[SURVEY_term]) != 0) {
    memcpy(goal->term, leader->values[SURVEY_term], sizeof goal->term);
    goal->last_log = leader->last_log;
  }
  for (uint32_t i = 0; i < m->node_count; i++)
    if (is_awaited(m, &m->nodes[i]) && is_missing(survey, &m->nodes[i], goal, text)) return true;
  (void)snprintf(text, SURVEY_TEXT_MAX, "a membership change is not finished");
  return m->config_count != 1;
}

static struct survey *take_next_survey(struct session *session, uint64_t end) {
  uint64_t step = client_now_ms() + WAIT_LOOK_MS;
  return survey_take(session, step < end ? step : end, NULL);
}

/* False: no time is left for another look. */
static bool pause_till_next(uint64_t end) {
  const uint64_t now = client_now_ms();
  struct timespec pause = {.tv_nsec = WAIT_PAUSE_MS * 1000000L};
  if (now + WAIT_LAST_MS >= end) return false;
  if (end - now - WAIT_LAST_MS < WAIT_PAUSE_MS)
    pause.tv_nsec = (long)(end - now - WAIT_LAST_MS) * 1000000L;
  (void)nanosleep(&pause, NULL);
  return true;
}

/* Surveys the cluster until all is well or the time is over; sets *well. NULL: out of memory. */
static struct survey *wait_for_voters(struct session *session, bool *well) {
  const uint64_t end = client_now_ms() + session->args->timeout_ms;
  char text[SURVEY_TEXT_MAX], told[SURVEY_TEXT_MAX] = "";
  struct goal goal = {"", 0};
  for (;;) {
    struct survey *survey = take_next_survey(session, end);
    if (!survey) return NULL;
    *well = !waits_for(survey, &goal, text);
    if (!*well && strcmp(text, told) != 0) {
      (void)fprintf(stderr, "rkvctl: status: waiting: ");
      print_text(session->args, stderr, text);
      (void)fputc('\n', stderr);
      memcpy(told, text, sizeof told);
    }
    if (*well || !pause_till_next(end)) return survey;
    free(survey);
  }
}

enum outcome cmd_status(struct session *session, const char *const *words, unsigned count) {
  const bool waits = (session->args->options & ARGS_WAIT) != 0;
  struct survey *survey;
  enum outcome outcome;
  bool well = true;
  (void)words, (void)count;
  survey = waits ? wait_for_voters(session, &well)
                 : survey_take(session, client_now_ms() + session->args->timeout_ms, NULL);
  if (!survey) return print_out_of_memory("status");
  outcome = print_status(survey);
  if (outcome == OUTCOME_DONE && !well) {
    (void)fprintf(stderr, "rkvctl: status: not every voter is there after %g s\n",
                  (double)session->args->timeout_ms / 1000);
    outcome = OUTCOME_NO_ANSWER;
  }
  free(survey);
  return outcome;
}
