/* cmd_kv.c: get, set. */
#include "payload.h"
#include "print.h"
#include "trouble.h"
#include "wire.h"

#include <stdlib.h>
#include <string.h>

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
  if (!response) return print_unreadable(session, "get", &answer);
  if (response->value_presence_case != OPENRAFTPB__RESPONSE__VALUE_PRESENCE_VALUE) {
    outcome = OUTCOME_NOT_FOUND;
    if (session->args->json) print_pair_json(words[0], NULL, answer.endpoint);
    (void)fprintf(stderr, "rkvctl: get: not found: ");
    print_text(session->args, stderr, words[0]);
    (void)fputc('\n', stderr);
  } else if (session->args->json) {
    print_pair_json(words[0], &response->value, answer.endpoint);
  } else {
    print_value(session->args, response->value.data, response->value.len);
    /* --raw prints exactly what set --stdin stored */
    if (!session->args->raw) (void)fputc('\n', stdout);
  }
  openraftpb__response__free_unpacked(response, NULL);
  follow_free(&answer);
  return outcome;
}

static enum outcome set(struct session *session, const char *key, ProtobufCBinaryData value) {
  Openraftpb__SetRequest request = OPENRAFTPB__SET_REQUEST__INIT;
  struct follow_answer answer;
  enum outcome outcome;
  request.key = wire_bytes(key);
  request.value = value;
  outcome = wire_ask(session, WIRE_SERVICE "Set", &request.base, FOLLOW_CHANGE, &answer);
  if (outcome != OUTCOME_DONE) return print_trouble(session, "set", outcome, &answer);
  if (session->args->json) {
    print_pair_json(key, &request.value, answer.endpoint);
  } else {
    (void)printf("set ");
    print_value(session->args, key, strlen(key));
    (void)printf(" (leader %s)\n", answer.endpoint);
  }
  follow_free(&answer);
  return OUTCOME_DONE;
}

enum outcome cmd_set(struct session *session, const char *const *words, unsigned count) {
  const bool from_stdin = (session->args->options & ARGS_STDIN) != 0;
  ProtobufCBinaryData value = {0, NULL};
  struct rkv_error error;
  enum outcome outcome;
  if (from_stdin != (count == 1))
    return print_usage_error(session->args, "set",
                             from_stdin ? "--stdin and a VALUE: give one of them"
                                        : "a VALUE is missing (or --stdin)");
  if (!from_stdin) return set(session, words[0], wire_bytes(words[1]));
  if (payload_stdin(&value, &error) != RKV_OK)
    return print_usage_error(session->args, "set", error.text);
  outcome = set(session, words[0], value);
  free(value.data);
  return outcome;
}
