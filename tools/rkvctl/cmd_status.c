/* cmd_status.c: status (every node, asked at once) and metrics (one node, everything). */
#include "metrics.h"
#include "print.h"
#include "wire.h"

#include <grpc/status.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NODES_MAX (ARGS_ENDPOINTS_MAX + RKV_NODES_MAX)
#define FIELD_MAX 64 /* bytes of one metric in the table */

static const char *const fields[] = {"state", "term", "leader", "last_log", "last_applied"};
#define FIELD_COUNT (sizeof fields / sizeof fields[0])

struct node_view {
  char addr[RKV_ADDR_MAX];
  rkv_node_id id; /* 0: not known */
  bool answered;
  int code;
  char text[CLIENT_TEXT_MAX];
  char values[FIELD_COUNT][FIELD_MAX];
  struct rkv_membership membership;
};

struct survey {
  struct session *session;
  struct node_view nodes[NODES_MAX];
  unsigned count;
};

/* The member at this address, or `otherwise`. */
static rkv_node_id id_by_address(const struct rkv_membership *m, const char *addr,
                                 rkv_node_id otherwise) {
  uint32_t i;
  for (i = 0; i < m->node_count; i++)
    if (strcmp(m->nodes[i].addr, addr) == 0) return m->nodes[i].id;
  return otherwise;
}

static void on_metrics(void *ctx, const struct client_reply *reply) {
  struct node_view *node = ctx;
  Openraftpb__MetricsResponse *response;
  const char *text;
  size_t i;
  node->code = reply->code;
  memcpy(node->text, reply->text, sizeof node->text);
  if (reply->code != GRPC_STATUS_OK) return;
  response = openraftpb__metrics_response__unpack(NULL, reply->size, reply->data);
  if (!response) {
    node->code = GRPC_STATUS_DATA_LOSS;
    return;
  }
  node->answered = true;
  text = response->other_metrics.len ? (const char *)response->other_metrics.data : "";
  for (i = 0; i < FIELD_COUNT; i++)
    (void)metrics_text(text, response->other_metrics.len, fields[i], node->values[i], FIELD_MAX);
  wire_membership(response->membership, &node->membership);
  if (!metrics_number(text, response->other_metrics.len, "id", &node->id))
    node->id = id_by_address(&node->membership, node->addr, node->id);
  openraftpb__metrics_response__free_unpacked(response, NULL);
}

/* Asks nodes [from, count) at the same time; ends when each has answered or the time is up. The
 * channels stay open with the client: one that closes while it dials loses its call. */
static void ask_nodes(struct survey *survey, unsigned from) {
  struct client *client = survey->session->client;
  uint64_t deadline = client_now_ms() + survey->session->args->timeout_ms;
  unsigned i;
  for (i = from; i < survey->count; i++) {
    struct node_view *node = &survey->nodes[i];
    struct client_channel *channel = client_connect(client, node->addr);
    node->code = GRPC_STATUS_UNAVAILABLE;
    if (channel) /* not started: the node stays without an answer, which its row says */
      (void)client_start(channel, WIRE_SERVICE "Metrics", "", 0, deadline, on_metrics, node);
  }
  while (client_pending(client) > 0) client_poll(client, UINT64_MAX);
}

/* True if the member was asked; an endpoint that did not answer learns its id from those that did.
 */
static bool known(struct survey *survey, const struct rkv_member *member) {
  unsigned i;
  for (i = 0; i < survey->count; i++) {
    struct node_view *node = &survey->nodes[i];
    if (node->id == 0 && strcmp(node->addr, member->addr) == 0) node->id = member->id;
    if (node->id == member->id) return true;
  }
  return false;
}

/* Appends the members that the asked nodes named and that were not asked themselves. */
static void add_members(struct survey *survey) {
  unsigned asked = survey->count, i;
  uint32_t j;
  for (i = 0; i < asked; i++) {
    const struct rkv_membership *m = &survey->nodes[i].membership;
    for (j = 0; j < m->node_count && survey->count < NODES_MAX; j++) {
      struct node_view *node = &survey->nodes[survey->count];
      if (known(survey, &m->nodes[j])) continue;
      memset(node, 0, sizeof *node);
      memcpy(node->addr, m->nodes[j].addr, sizeof node->addr);
      node->id = m->nodes[j].id;
      survey->count++;
    }
  }
}

static int by_id(const void *a, const void *b) {
  const struct node_view *left = a, *right = b;
  if (left->id != right->id) return left->id < right->id ? -1 : 1;
  return strcmp(left->addr, right->addr);
}

static void print_status_json(const struct survey *survey) {
  unsigned i;
  size_t f;
  (void)printf("[");
  for (i = 0; i < survey->count; i++) {
    const struct node_view *node = &survey->nodes[i];
    (void)printf("%s{\"id\":%" PRIu64 ",\"addr\":", i ? "," : "", node->id);
    print_json_text(stdout, node->addr);
    (void)printf(",\"answered\":%s", node->answered ? "true" : "false");
    for (f = 0; f < FIELD_COUNT && node->answered; f++) {
      (void)printf(",\"%s\":", fields[f]);
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

static void print_status_table(const struct survey *survey) {
  static const char *const titles[] = {"ID",     "ADDR",     "STATE",  "TERM",
                                       "LEADER", "LAST_LOG", "APPLIED"};
  struct print_table *table = print_table_new(titles, 2 + FIELD_COUNT);
  unsigned i;
  size_t f;
  if (!table) {
    (void)print_out_of_memory("status");
    return;
  }
  for (i = 0; i < survey->count; i++) {
    const struct node_view *node = &survey->nodes[i];
    char(*row)[PRINT_CELL_MAX] = print_table_row(table);
    (void)snprintf(row[0], PRINT_CELL_MAX, node->id ? "%" PRIu64 : "-", node->id);
    (void)snprintf(row[1], PRINT_CELL_MAX, "%s", node->addr);
    for (f = 0; f < FIELD_COUNT; f++)
      (void)snprintf(row[2 + f], PRINT_CELL_MAX, "%s", node->values[f][0] ? node->values[f] : "-");
    if (!node->answered) (void)snprintf(row[2], PRINT_CELL_MAX, "no answer");
  }
  print_table_out(table, stdout);
  free(table);
}

enum outcome cmd_status(struct session *session, const char *const *words, unsigned count) {
  struct survey *survey = calloc(1, sizeof *survey);
  enum outcome outcome = OUTCOME_NO_ANSWER;
  unsigned i;
  (void)words, (void)count;
  if (!survey) return print_out_of_memory("status");
  survey->session = session;
  survey->count = session->args->endpoint_count;
  for (i = 0; i < survey->count; i++)
    memcpy(survey->nodes[i].addr, session->args->endpoints[i], RKV_ADDR_MAX);
  ask_nodes(survey, 0);
  i = survey->count;
  add_members(survey);
  ask_nodes(survey, i);
  qsort(survey->nodes, survey->count, sizeof survey->nodes[0], by_id);
  for (i = 0; i < survey->count; i++)
    if (survey->nodes[i].answered) outcome = OUTCOME_DONE;
  if (session->args->json) {
    print_status_json(survey);
  } else {
    print_status_table(survey);
  }
  if (outcome == OUTCOME_NO_ANSWER) (void)fprintf(stderr, "rkvctl: status: nobody answers\n");
  free(survey);
  return outcome;
}

static void print_metrics(const struct session *session, const struct follow_answer *answer,
                          const char *text, size_t len) {
  const char *at = text;
  struct metrics_pair pair;
  if (session->args->json) {
    (void)printf("{\"endpoint\":");
    print_json_text(stdout, answer->endpoint);
  }
  while (metrics_next(&at, text + len, &pair)) {
    if (session->args->json) {
      (void)printf(",");
      print_json_bytes(stdout, pair.name, pair.name_len);
      (void)printf(":");
      print_json_value(stdout, pair.value, pair.value_len);
    } else {
      (void)printf("%-24.*s %.*s\n", (int)pair.name_len, pair.name, (int)pair.value_len,
                   pair.value);
    }
  }
  if (session->args->json) (void)printf("}\n");
}

enum outcome cmd_metrics(struct session *session, const char *const *words, unsigned count) {
  Google__Protobuf__Empty request = GOOGLE__PROTOBUF__EMPTY__INIT;
  Openraftpb__MetricsResponse *response;
  struct follow_answer answer;
  enum outcome outcome;
  (void)words, (void)count;
  outcome = wire_ask(session, WIRE_SERVICE "Metrics", &request.base, FOLLOW_READ, &answer);
  if (outcome != OUTCOME_DONE) return print_trouble(session, "metrics", outcome, &answer);
  response = openraftpb__metrics_response__unpack(NULL, answer.size, answer.data);
  if (!response) return wire_unreadable(session, "metrics", &answer);
  print_metrics(session, &answer,
                response->other_metrics.len ? (const char *)response->other_metrics.data : "",
                response->other_metrics.len);
  openraftpb__metrics_response__free_unpacked(response, NULL);
  follow_free(&answer);
  return OUTCOME_DONE;
}
