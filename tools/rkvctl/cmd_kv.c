/* cmd_kv.c: get, set. */
#include "print.h"
#include "wire.h"

static void print_pair_json(const char *key, const ProtobufCBinaryData *value,
                            const char *endpoint) {
  (void)printf("{\"key\":");
  print_json_text(stdout, key);
  (void)printf(",\"found\":%s,\"value\":", value ? "true" : "false");
  if (value) {
    print_json_bytes(stdout, value->data, value->len);
  } else {
    (void)printf("null");
  }
  (void)printf(",\"endpoint\":");
  print_json_text(stdout, endpoint);
  (void)printf("}\n");
}

enum outcome cmd_get(struct session *session, const char *const *words, unsigned count) {
  const struct client_pair read = {session->args->read ? "rkv-read" : NULL, session->args->read};
  Openraftpb__GetRequest request = OPENRAFTPB__GET_REQUEST__INIT;
  Openraftpb__Response *response;
  struct follow_answer answer;
  enum outcome outcome;
  (void)count;
  request.key = wire_bytes(words[0]);
  outcome = wire_ask_with(session, WIRE_SERVICE "Get", read, &request.base, FOLLOW_READ, &answer);
  if (outcome != OUTCOME_DONE) return print_trouble(session, "get", outcome, &answer);
  response = openraftpb__response__unpack(NULL, answer.size, answer.data);
  if (!response) return wire_unreadable(session, "get", &answer);
  if (response->value_presence_case != OPENRAFTPB__RESPONSE__VALUE_PRESENCE_VALUE) {
    outcome = OUTCOME_REFUSED;
    if (session->args->json) print_pair_json(words[0], NULL, answer.endpoint);
    (void)fprintf(stderr, "rkvctl: get: not found: %s\n", words[0]);
  } else if (session->args->json) {
    print_pair_json(words[0], &response->value, answer.endpoint);
  } else {
    (void)fwrite(response->value.data, 1, response->value.len, stdout);
    (void)fputc('\n', stdout);
  }
  openraftpb__response__free_unpacked(response, NULL);
  follow_free(&answer);
  return outcome;
}

enum outcome cmd_set(struct session *session, const char *const *words, unsigned count) {
  Openraftpb__SetRequest request = OPENRAFTPB__SET_REQUEST__INIT;
  struct follow_answer answer;
  enum outcome outcome;
  (void)count;
  request.key = wire_bytes(words[0]);
  request.value = wire_bytes(words[1]);
  outcome = wire_ask(session, WIRE_SERVICE "Set", &request.base, FOLLOW_CHANGE, &answer);
  if (outcome != OUTCOME_DONE) return print_trouble(session, "set", outcome, &answer);
  if (session->args->json) {
    print_pair_json(words[0], &request.value, answer.endpoint);
  } else {
    (void)printf("set %s (leader %s)\n", words[0], answer.endpoint);
  }
  follow_free(&answer);
  return OUTCOME_DONE;
}
