/* cmd_metrics.c: metrics: everything that one node says of itself. */
#include "metrics.h"
#include "print.h"
#include "trouble.h"
#include "wire.h"

#include "rkv.pb-c.h"

#include <grpc/status.h>

#include <string.h>

#define NAME_WIDTH 24 /* of a metric in the list; longer ones stand out */

static void print_metrics(const struct session *session, const struct follow_answer *answer,
                          const char *text, size_t len) {
  const char *at = text;
  struct metrics_pair pair;
  char value[WIRE_VALUE_MAX];
  if (session->args->json) {
    (void)printf("{\"endpoint\":");
    print_json_text(stdout, answer->endpoint);
  }
  while (metrics_next(&at, text + len, &pair)) {
    char name[NAME_WIDTH + 1];
    (void)snprintf(name, sizeof name, "%.*s", (int)pair.name_len, pair.name);
    wire_count(name, pair.value, pair.value_len, value, sizeof value);
    if (session->args->json) {
      (void)printf(",");
      print_json_bytes(stdout, pair.name, pair.name_len);
      (void)printf(":");
      print_json_value(stdout, value, strlen(value));
    } else {
      print_value(session->args, pair.name, pair.name_len);
      (void)printf("%*s ", pair.name_len < NAME_WIDTH ? (int)(NAME_WIDTH - pair.name_len) : 0, "");
      print_value(session->args, value, strlen(value));
      (void)fputc('\n', stdout);
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
  if (!response) return print_unreadable(session, "metrics", &answer);
  print_metrics(session, &answer,
                response->other_metrics.len ? (const char *)response->other_metrics.data : "",
                response->other_metrics.len);
  openraftpb__metrics_response__free_unpacked(response, NULL);
  follow_free(&answer);
  return OUTCOME_DONE;
}

/* Lines `name=help`. */
static void print_meanings(const struct session *session, const uint8_t *text, size_t len) {
  const char *at = (const char *)text, *end = at + len;
  while (at < end) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    const size_t line = (size_t)((stop ? stop : end) - at);
    const char *equals = memchr(at, '=', line);
    const size_t name = equals ? (size_t)(equals - at) : line;
    (void)fputs("  ", stdout);
    print_value(session->args, at, name);
    if (equals) {
      (void)printf("%*s ", name < NAME_WIDTH ? (int)(NAME_WIDTH - name) : 0, "");
      print_value(session->args, equals + 1, line - name - 1);
    }
    (void)fputc('\n', stdout);
    at += line + 1;
  }
}

/* A node that does not tell is no failure: the help of the command is printed already. */
static void print_no_help(const struct follow_answer *answer) {
  (void)printf("  (%s ", answer->endpoint);
  if (answer->code == GRPC_STATUS_UNIMPLEMENTED)
    (void)printf("cannot tell: it is older, or not of this project");
  else
    print_safe(stdout, answer->text, strlen(answer->text));
  (void)printf("; ask another node by --endpoints)\n");
}

enum outcome cmd_metrics_help(struct session *session, const char *const *words, unsigned count) {
  Rkv__V1__AdminRequest request = RKV__V1__ADMIN_REQUEST__INIT;
  Rkv__V1__AdminResponse *response;
  struct follow_answer answer;
  (void)words, (void)count;
  request.method = wire_bytes("metrics-help");
  if (wire_ask(session, WIRE_ADMIN "Call", &request.base, FOLLOW_READ, &answer) != OUTCOME_DONE) {
    print_no_help(&answer);
    return OUTCOME_DONE;
  }
  response = rkv__v1__admin_response__unpack(NULL, answer.size, answer.data);
  if (!response) return print_unreadable(session, "metrics --help", &answer);
  print_meanings(session, response->answer.data, response->answer.len);
  rkv__v1__admin_response__free_unpacked(response, NULL);
  follow_free(&answer);
  return OUTCOME_DONE;
}
