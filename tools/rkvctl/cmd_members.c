/* cmd_members.c: init, add-learner, change-membership, members. */
#include "members.h"
#include "print.h"
#include "survey.h"
#include "trouble.h"
#include "wire.h"

#include <grpc/status.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void tell_waiting(const struct session *session, const char *why) {
  (void)fprintf(stderr, "rkvctl: %s: waiting: ", session->command);
  print_text(session->args, stderr, why);
  (void)fputc('\n', stderr);
}

/* The metadata that makes nodes answer before an entry is written, unless --unreachable is given.
 * A node that was just started may take a while to answer. */
static struct client_pair answering(struct session *session, const char *command) {
  struct client_pair pair = {"rkv-members", "answering"};
  session->command = command;
  session->waits = tell_waiting;
  if (session->args->options & ARGS_UNREACHABLE) pair.key = NULL;
  return pair;
}

/* Prints the membership that a change led to. */
static enum outcome print_changed(struct session *session, const char *what,
                                  struct follow_answer *answer) {
  Openraftpb__ClientWriteResponse *response =
      openraftpb__client_write_response__unpack(NULL, answer->size, answer->data);
  if (!response) return print_unreadable(session, what, answer);
  members_print_change(session, response->log_id, response->membership);
  openraftpb__client_write_response__free_unpacked(response, NULL);
  follow_free(answer);
  return OUTCOME_DONE;
}

/* True if the node belongs to a cluster of these voters already. */
static bool is_so(struct session *session, const struct rkv_membership *wanted,
                  const char *endpoint) {
  const uint64_t deadline = client_now_ms() + session->args->timeout_ms;
  struct survey *survey = survey_take(session, deadline, endpoint);
  const struct rkv_membership *m = survey ? survey_membership(survey) : NULL;
  bool so = m && m->config_count == 1 &&
            memcmp(&m->configs[0], &wanted->configs[0], sizeof m->configs[0]) == 0;
  for (uint32_t i = 0; so && i < wanted->node_count; i++) {
    const struct rkv_member *member = rkv_membership_find(m, wanted->nodes[i].id);
    so = member && strcmp(member->addr, wanted->nodes[i].addr) == 0;
  }
  free(survey);
  return so;
}

static enum outcome print_initialised(const struct session *session, unsigned count,
                                      const char *endpoint, const char *already) {
  if (session->args->json) {
    (void)printf("{\"initialised\":%u,\"endpoint\":", count);
    print_json_text(stdout, endpoint);
    (void)printf("}\n");
  } else {
    (void)printf("cluster %s%sinitialised with %u voter%s\n", already, *already ? " " : "", count,
                 count == 1 ? "" : "s");
  }
  return OUTCOME_DONE;
}

enum outcome cmd_init(struct session *session, const char *const *words, unsigned count) {
  Openraftpb__InitRequest request = OPENRAFTPB__INIT_REQUEST__INIT;
  Openraftpb__Node nodes[RKV_NODES_MAX], *list[RKV_NODES_MAX];
  struct rkv_membership wanted = {.config_count = 1};
  struct follow_answer answer;
  struct rkv_error error;
  enum outcome outcome;
  for (unsigned i = 0; i < count; i++) {
    const char *addr;
    openraftpb__node__init(&nodes[i]);
    if (args_node(words[i], &nodes[i].node_id, &addr, &error) != RKV_OK)
      return print_usage_error(session->args, "init", error.text);
    nodes[i].rpc_addr = wire_bytes(addr);
    list[i] = &nodes[i];
    (void)rkv_config_add(&wanted.configs[0], nodes[i].node_id);
    (void)rkv_membership_add_node(&wanted, nodes[i].node_id, addr, strlen(addr));
  }
  if (wanted.configs[0].count != count)
    return print_usage_error(session->args, "init", "a node id is given twice");
  request.n_nodes = count;
  request.nodes = list;
  session->patient = true; /* users start nodes and make a cluster of them in one go */
  outcome = wire_ask_with(session, WIRE_SERVICE "Init", answering(session, "init"), &request.base,
                          FOLLOW_CHANGE, &answer);
  if (outcome == OUTCOME_REFUSED && answer.code == GRPC_STATUS_FAILED_PRECONDITION &&
      is_so(session, &wanted, answer.endpoint))
    return print_initialised(session, count, answer.endpoint, "is already");
  if (outcome != OUTCOME_DONE) return print_trouble(session, "init", outcome, &answer);
  follow_free(&answer);
  return print_initialised(session, count, answer.endpoint, "");
}

enum outcome cmd_add_learner(struct session *session, const char *const *words, unsigned count) {
  Openraftpb__AddLearnerRequest request = OPENRAFTPB__ADD_LEARNER_REQUEST__INIT;
  Openraftpb__Node node = OPENRAFTPB__NODE__INIT;
  struct follow_answer answer;
  struct rkv_error error;
  const char *addr;
  enum outcome outcome;
  (void)count;
  if (args_node(words[0], &node.node_id, &addr, &error) != RKV_OK)
    return print_usage_error(session->args, "add-learner", error.text);
  node.rpc_addr = wire_bytes(addr);
  request.node = &node;
  outcome = wire_ask_with(session, WIRE_SERVICE "AddLearner", answering(session, "add-learner"),
                          &request.base, FOLLOW_CHANGE, &answer);
  if (outcome != OUTCOME_DONE) return print_trouble(session, "add-learner", outcome, &answer);
  return print_changed(session, "add-learner", &answer);
}

enum outcome cmd_change_membership(struct session *session, const char *const *words,
                                   unsigned count) {
  Openraftpb__ChangeMembershipRequest request = OPENRAFTPB__CHANGE_MEMBERSHIP_REQUEST__INIT;
  struct rkv_config_set distinct = {0};
  uint64_t ids[RKV_NODES_MAX];
  struct follow_answer answer;
  struct rkv_error error;
  enum outcome outcome;
  for (unsigned i = 0; i < count; i++)
    if (args_node_id(words[i], &ids[i], &error) != RKV_OK)
      return print_usage_error(session->args, "change-membership", error.text);
  for (unsigned i = 0; i < count; i++) (void)rkv_config_add(&distinct, ids[i]);
  if (distinct.count != count)
    return print_usage_error(session->args, "change-membership", "a node id is given twice");
  request.n_members = count;
  request.members = ids;
  request.retain = (session->args->options & ARGS_RETAIN) != 0;
  outcome =
      wire_ask_with(session, WIRE_SERVICE "ChangeMembership",
                    answering(session, "change-membership"), &request.base, FOLLOW_CHANGE, &answer);
  if (outcome != OUTCOME_DONE) return print_trouble(session, "change-membership", outcome, &answer);
  return print_changed(session, "change-membership", &answer);
}

static enum outcome print_members_table(const struct rkv_membership *m) {
  static const char *const titles[] = {"ID", "ADDR", "ROLE"};
  struct print_table *table = print_table_new(titles, 3);
  if (!table) return print_out_of_memory("members");
  for (uint32_t i = 0; i < m->node_count; i++) {
    char(*row)[PRINT_CELL_MAX] = print_table_row(table);
    (void)snprintf(row[0], PRINT_CELL_MAX, "%" PRIu64, m->nodes[i].id);
    (void)snprintf(row[1], PRINT_CELL_MAX, "%s", m->nodes[i].addr);
    (void)snprintf(row[2], PRINT_CELL_MAX, "%s", wire_role(m, m->nodes[i].id));
  }
  print_table_out(table, stdout);
  free(table);
  return OUTCOME_DONE;
}

/* The first endpoint knows no cluster: it may be a member that came back empty. Asks the other
 * nodes. False: out of memory. */
static bool ask_the_others(struct session *session, const char *endpoint,
                           struct rkv_membership *membership, bool *called) {
  const uint64_t deadline = client_now_ms() + session->args->timeout_ms;
  struct survey *survey = survey_take(session, deadline, endpoint);
  const struct rkv_membership *m = survey ? survey_membership(survey) : NULL;
  if (m) *membership = *m;
  *called = survey && survey_is_called(survey);
  free(survey);
  return survey != NULL;
}

static enum outcome print_no_members(const char *endpoint, bool called) {
  (void)printf("%s belongs to no cluster yet: nobody is a member (%s)\n", endpoint,
               called ? "but nodes that are not asked here call it as one: name their endpoints"
                      : "`rkvctl init` makes one");
  return OUTCOME_DONE;
}

enum outcome cmd_members(struct session *session, const char *const *words, unsigned count) {
  Google__Protobuf__Empty request = GOOGLE__PROTOBUF__EMPTY__INIT;
  Openraftpb__MetricsResponse *response;
  struct rkv_membership membership;
  struct follow_answer answer;
  enum outcome outcome;
  bool called = false;
  (void)words, (void)count;
  outcome = wire_ask(session, WIRE_SERVICE "Metrics", &request.base, FOLLOW_READ, &answer);
  if (outcome != OUTCOME_DONE) return print_trouble(session, "members", outcome, &answer);
  response = openraftpb__metrics_response__unpack(NULL, answer.size, answer.data);
  if (!response) return print_unreadable(session, "members", &answer);
  wire_membership(response->membership, &membership);
  openraftpb__metrics_response__free_unpacked(response, NULL);
  follow_free(&answer);
  if (membership.config_count == 0 &&
      !ask_the_others(session, answer.endpoint, &membership, &called))
    return print_out_of_memory("members");
  if (session->args->json) {
    members_print_json(&membership);
    (void)printf("\n");
    return OUTCOME_DONE;
  }
  if (membership.config_count == 0) return print_no_members(answer.endpoint, called);
  return print_members_table(&membership);
}
