/* cmd_kv.c: get, set. */
#include "print.h"
#include "trouble.h"
#include "wire.h"

#include <stdlib.h>
#include <string.h>

#define STDIN_STEP ((size_t)64 << 10) /* bytes to begin with, doubled up to CLIENT_MESSAGE_MAX */

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

/* Reads all of stdin into memory that the caller frees. NULL: `text` says why it failed. */
static uint8_t *read_stdin(size_t *size, const char **text) {
  size_t room = STDIN_STEP;
  uint8_t *data = NULL;
  *size = 0;
  for (;;) {
    uint8_t *more = realloc(data, room);
    *text = "out of memory";
    if (!more) goto fail;
    data = more;
    *size += fread(data + *size, 1, room - *size, stdin);
    if (*size < room) break;
    *text = "--stdin: more than 64 MiB, which no node takes";
    if (room >= CLIENT_MESSAGE_MAX) goto fail;
    room *= 2;
  }
  *text = "--stdin: cannot be read";
  if (!ferror(stdin)) return data;
fail:
  free(data);
  return NULL;
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
  const char *text;
  enum outcome outcome;
  if (from_stdin != (count == 1))
    return print_usage_error(session->args, "set",
                             from_stdin ? "--stdin and a VALUE: give one of them"
                                        : "a VALUE is missing (or --stdin)");
  if (!from_stdin) return set(session, words[0], wire_bytes(words[1]));
  value.data = read_stdin(&value.len, &text);
  if (!value.data) return print_usage_error(session->args, "set", text);
  outcome = set(session, words[0], value);
  free(value.data);
  return outcome;
}
