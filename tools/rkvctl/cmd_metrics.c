/* cmd_metrics.c: metrics: everything that one node says of itself. */
#include "metrics.h"
#include "print.h"
#include "trouble.h"
#include "wire.h"

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
