/* survey.c: asks every node for its metrics, and counts which answer. */
#include "survey.h"

#include "dial.h"
#include "metrics.h"

#include <grpc/status.h>
#include <rkv/swap.h>

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *const field_names[] = {
#define SURVEY_FIELD_NAME(name) #name,
    SURVEY_FIELD_LIST(SURVEY_FIELD_NAME)
#undef SURVEY_FIELD_NAME
};

static bool has_word(const char *text, size_t len, const char *word) {
  const size_t size = strlen(word);
  for (size_t i = 0; i + size <= len; i++)
    if (memcmp(text + i, word, size) == 0 && (i == 0 || !isalnum((unsigned char)text[i - 1])) &&
        (i + size == len || !isalnum((unsigned char)text[i + size])))
      return true;
  return false;
}

/* OpenRaft's example gives the state as a word without a name. */
static void take_state(const char *text, size_t len, char out[SURVEY_FIELD_MAX]) {
  static const char *const states[] = {"Leader", "Follower", "Candidate", "Learner", "Shutdown"};
  for (size_t i = 0; i < sizeof states / sizeof states[0] && !out[0]; i++) {
    if (!has_word(text, len, states[i])) continue;
    (void)snprintf(out, SURVEY_FIELD_MAX, "%s", states[i]);
    out[0] = (char)tolower((unsigned char)out[0]);
  }
}

static void take_fields(struct survey_node *node, const char *text, size_t len) {
  char value[SURVEY_FIELD_MAX];
  uint64_t calls, lost;
  for (size_t i = 0; i < SURVEY_FIELDS; i++) {
    (void)metrics_text(text, len, field_names[i], value, sizeof value);
    wire_count(field_names[i], value, strlen(value), node->values[i], SURVEY_FIELD_MAX);
  }
  take_state(text, len, node->values[SURVEY_state]);
  if (metrics_number(text, len, "last_log", &node->last_log)) node->last_log++;
  if (metrics_text(text, len, "incarnation", value, sizeof value))
    node->incarnation = strtoull(value, NULL, 16);
  if (!metrics_number(text, len, "swap", &node->swap)) node->swap = RKV_SWAP_PHASE_NONE;
  if (!metrics_number(text, len, "swap_done", &node->swap_done)) node->swap_done = 0;
  if (!metrics_number(text, len, "swap_total", &node->swap_total)) node->swap_total = 0;
  node->lost_storage = metrics_number(text, len, "lost_storage", &lost) && lost > 0;
  if (!metrics_number(text, len, "waits_for", &node->waits_for)) node->waits_for = 0;
  if (!metrics_number(text, len, "differs_at", &node->differs_at)) node->differs_at = 0;
  (void)metrics_text(text, len, "peers_differ", node->peers_differ, sizeof node->peers_differ);
  node->called = metrics_number(text, len, "foreign_calls", &calls) && calls > 0;
}

static void on_metrics(void *ctx, const struct client_reply *reply) {
  struct survey_node *node = ctx;
  Openraftpb__MetricsResponse *response;
  const char *text;
  node->code = reply->code;
  memcpy(node->text, reply->text, sizeof node->text);
  if (reply->code == GRPC_STATUS_DEADLINE_EXCEEDED)
    (void)snprintf(node->text, sizeof node->text, "no answer in time");
  if (reply->code != GRPC_STATUS_OK) return;
  response = openraftpb__metrics_response__unpack(NULL, reply->size, reply->data);
  if (!response) {
    node->code = GRPC_STATUS_DATA_LOSS;
    (void)snprintf(node->text, sizeof node->text, "the answer is no message that rkvctl knows");
    return;
  }
  node->answered = true;
  text = response->other_metrics.len ? (const char *)response->other_metrics.data : "";
  take_fields(node, text, response->other_metrics.len);
  wire_membership(response->membership, &node->membership);
  if (!metrics_number(text, response->other_metrics.len, "id", &node->id)) node->id = 0;
  openraftpb__metrics_response__free_unpacked(response, NULL);
}

/* Asks the nodes [from, count) that have no answer and are `due`, at the same time; ends when each
 * has answered or the time is up. `due` then says which connections did not stand. The channels
 * stay until the end: one that closes while it dials loses its call. */
static void ask_round(struct survey *survey, unsigned from, uint64_t deadline, bool *due) {
  struct client *client = survey->session->client;
  struct client_channel *channels[SURVEY_NODES_MAX] = {NULL};
  for (unsigned i = from; i < survey->count; i++) {
    struct survey_node *node = &survey->nodes[i];
    if (!due[i]) continue;
    channels[i] = client_connect(client, node->addr);
    node->code = GRPC_STATUS_UNAVAILABLE;
    if (channels[i]) /* the call was not started: the node's row says that there is no answer */
      (void)client_start(channels[i], WIRE_SERVICE "Metrics", "", 0, deadline, on_metrics, node);
  }
  while (client_pending(client) > 0) client_poll(client, UINT64_MAX);
  for (unsigned i = from; i < survey->count; i++) {
    if (!due[i]) continue;
    due[i] = !survey->nodes[i].answered && !(channels[i] && client_wait_ready(channels[i], 0));
    client_disconnect(channels[i]);
  }
}

/* Asks nodes [from, count). A connection that does not stand is tried again as dial.h says; its
 * text is put in the place of the core's, which tells about sockets. */
static void ask_nodes(struct survey *survey, unsigned from, uint64_t deadline) {
  bool due[SURVEY_NODES_MAX], any = survey->count > from;
  for (unsigned i = from; i < survey->count; i++) due[i] = true;
  for (unsigned attempts = 1; any; attempts++) {
    ask_round(survey, from, deadline, due);
    any = false;
    for (unsigned i = from; i < survey->count; i++) {
      struct survey_node *node = &survey->nodes[i];
      due[i] = due[i] && dial_again(survey->session->client, node->addr, attempts, deadline,
                                    node->text, sizeof node->text);
      any = any || due[i];
    }
  }
}

static struct survey_node *by_address(struct survey *survey, const char *addr) {
  for (unsigned i = 0; i < survey->count; i++)
    if (strcmp(survey->nodes[i].addr, addr) == 0) return &survey->nodes[i];
  return NULL;
}

static void add_address(struct survey *survey, const char *addr) {
  if (by_address(survey, addr) || survey->count == SURVEY_NODES_MAX) return;
  (void)snprintf(survey->nodes[survey->count++].addr, RKV_ADDR_MAX, "%s", addr);
}

/* Gives every member a place in the survey: whether it answered under that address, under another,
 * or not at all. */
static void add_members(struct survey *survey, const struct rkv_membership *m) {
  for (uint32_t i = 0; m && i < m->node_count; i++) {
    struct survey_node *node;
    if (!survey_member(survey, m->nodes[i].id)) add_address(survey, m->nodes[i].addr);
    node = by_address(survey, m->nodes[i].addr);
    if (node) node->member = m->nodes[i].id;
  }
}

/* A node that does not tell its id, or does not answer, counts as the member at its address. */
static void settle_ids(struct survey *survey) {
  for (unsigned i = 0; i < survey->count; i++)
    if (survey->nodes[i].id == 0) survey->nodes[i].id = survey->nodes[i].member;
}

static int by_id(const void *a, const void *b) {
  const struct survey_node *left = a, *right = b;
  if (left->id != right->id) return left->id < right->id ? -1 : 1;
  return strcmp(left->addr, right->addr);
}

struct survey *survey_take(struct session *session, uint64_t deadline_ms, const char *also) {
  struct survey *survey = calloc(1, sizeof *survey);
  if (!survey) return NULL;
  survey->session = session;
  for (unsigned i = 0; i < session->args->endpoint_count; i++)
    add_address(survey, session->args->endpoints[i]);
  if (also && also[0]) add_address(survey, also);
  ask_nodes(survey, 0, deadline_ms);
  const unsigned asked = survey->count;
  add_members(survey, survey_membership(survey));
  ask_nodes(survey, asked, deadline_ms);
  settle_ids(survey);
  qsort(survey->nodes, survey->count, sizeof survey->nodes[0], by_id);
  return survey;
}

const struct rkv_membership *survey_membership(const struct survey *survey) {
  const struct survey_node *best = NULL;
  for (unsigned i = 0; i < survey->count; i++) {
    const struct survey_node *node = &survey->nodes[i];
    if (node->membership.config_count == 0) continue;
    if (!best || node->last_log > best->last_log) best = node;
  }
  return best ? &best->membership : NULL;
}

const struct survey_node *survey_member(const struct survey *survey, rkv_node_id id) {
  for (unsigned i = 0; i < survey->count; i++)
    if (survey->nodes[i].answered && survey->nodes[i].id == id) return &survey->nodes[i];
  return NULL;
}

bool survey_lost_storage(const struct rkv_member *member, const struct survey_node *node) {
  return member->returning ||
         (member->incarnation && node->incarnation && member->incarnation != node->incarnation);
}

bool survey_is_called(const struct survey *survey) {
  for (unsigned i = 0; i < survey->count; i++)
    if (survey->nodes[i].answered && survey->nodes[i].called) return true;
  return false;
}

/* The voters of one config that cannot vote: who does not answer, and who lost its storage. */
struct missing {
  struct rkv_config_set silent, lost;
};

/* Returns how many voters of the config answer and can vote. */
static uint32_t count_voices(const struct survey *survey, const struct rkv_membership *m,
                             const struct rkv_config_set *config, struct missing *missing) {
  memset(missing, 0, sizeof *missing);
  for (uint32_t i = 0; i < config->count; i++) {
    const struct survey_node *node = survey_member(survey, config->ids[i]);
    const struct rkv_member *member = rkv_membership_find(m, config->ids[i]);
    if (!node)
      (void)rkv_config_add(&missing->silent, config->ids[i]);
    else if (member && survey_lost_storage(member, node))
      (void)rkv_config_add(&missing->lost, config->ids[i]);
  }
  return config->count - missing->silent.count - missing->lost.count;
}

/* Puts more words behind the text; what has no room is left out. */
__attribute__((format(printf, 2, 3))) static void add_words(char text[SURVEY_TEXT_MAX],
                                                            const char *format, ...) {
  const size_t used = strlen(text);
  va_list args;
  va_start(args, format);
  (void)vsnprintf(text + used, SURVEY_TEXT_MAX - used, format, args);
  va_end(args);
}

/* "2 of 3 voters do not answer, 1 came back without its storage: no majority" */
static void say_who_is_missing(const struct missing *missing, uint32_t voters,
                               char text[SURVEY_TEXT_MAX]) {
  const uint32_t silent = missing->silent.count, lost = missing->lost.count;
  text[0] = '\0';
  if (silent > 0)
    add_words(text, "%u of %u voters do%s not answer", silent, voters, silent == 1 ? "es" : "");
  if (silent > 0 && lost > 0) add_words(text, ", ");
  if (lost > 0) add_words(text, "%u", lost);
  if (lost > 0 && silent == 0) add_words(text, " of %u voters", voters);
  if (lost > 0) add_words(text, " came back without %s storage", lost == 1 ? "its" : "their");
  add_words(text, ": no majority");
}

/* "node 1 or 2" */
static void say_one_of(const struct rkv_config_set *ids, char text[SURVEY_TEXT_MAX]) {
  for (uint32_t i = 0; i < ids->count; i++)
    add_words(text, "%s%" PRIu64,
              i == 0               ? "node "
              : i + 1 < ids->count ? ", "
                                   : " or ",
              ids->ids[i]);
}

/* What helps where storages were lost: the voters that do not answer, if they are enough, or an old
 * storage. */
static void say_who_helps(const struct missing *missing, uint32_t voices, uint32_t voters,
                          char text[SURVEY_TEXT_MAX]) {
  if (missing->lost.count == 0) return;
  add_words(text, " (");
  if (voices + missing->silent.count > voters / 2) {
    add_words(text, "start ");
    say_one_of(&missing->silent, text);
    add_words(text, ", or ");
  }
  add_words(text, "start ");
  say_one_of(&missing->lost, text);
  add_words(text, " on its old storage)");
}

bool survey_lacks_majority(const struct survey *survey, char text[SURVEY_TEXT_MAX]) {
  const struct rkv_membership *m = survey_membership(survey);
  for (uint32_t c = 0; m && c < m->config_count; c++) {
    const uint32_t voters = m->configs[c].count;
    struct missing missing;
    const uint32_t voices = count_voices(survey, m, &m->configs[c], &missing);
    if (voices > voters / 2) continue;
    say_who_is_missing(&missing, voters, text);
    say_who_helps(&missing, voices, voters, text);
    return true;
  }
  return false;
}

bool survey_can_spare(const struct survey *survey) {
  const struct rkv_membership *m = survey_membership(survey);
  struct missing missing;
  for (uint32_t c = 0; m && c < m->config_count; c++)
    if (count_voices(survey, m, &m->configs[c], &missing) <= m->configs[c].count / 2 + 1)
      return false;
  return true;
}

const struct survey_node *survey_leader(const struct survey *survey) {
  const struct survey_node *best = NULL;
  for (unsigned i = 0; i < survey->count; i++) {
    const struct survey_node *node = &survey->nodes[i];
    if (!node->answered || strcmp(node->values[SURVEY_state], "leader") != 0) continue;
    if (!best || strtoull(node->values[SURVEY_term], NULL, 10) >
                     strtoull(best->values[SURVEY_term], NULL, 10))
      best = node;
  }
  return best;
}
