/* cmd_own.c: apply, query: commands and queries of a state machine that rkvctl does not know. The
 * message of Set is the command, the message of Get the query, to the byte. */
#include "payload.h"
#include "trouble.h"

#include <stdlib.h>
#include <unistd.h>

static enum outcome ask_machine(struct session *session, const char *what, const char *method,
                                enum follow_kind kind) {
  const struct args *args = session->args;
  const struct client_pair read = {args->read ? "rkv-read" : NULL, args->read};
  ProtobufCBinaryData bytes;
  struct follow_answer answer;
  struct rkv_error error;
  enum outcome outcome;
  int fd;
  if (args->out && args->options & ARGS_AS_HEX)
    return print_usage_error(args, what, "--out takes the bytes as they are: leave --as-hex out");
  if (payload_take(args, &bytes, &error) != RKV_OK)
    return print_usage_error(args, what, error.text);
  if (payload_open(args, &fd, &error) != RKV_OK) {
    free(bytes.data);
    return print_usage_error(args, what, error.text);
  }
  outcome = wire_ask_bytes(session, method, read, bytes, kind, &answer);
  free(bytes.data);
  if (outcome != OUTCOME_DONE) {
    if (fd >= 0) (void)close(fd);
    return print_trouble(session, what, outcome, &answer);
  }
  outcome = payload_show(args, &answer, fd);
  follow_free(&answer);
  return outcome;
}

enum outcome cmd_apply(struct session *session, const char *const *words, unsigned count) {
  (void)words, (void)count;
  return ask_machine(session, "apply", WIRE_SERVICE "Set", FOLLOW_CHANGE);
}

enum outcome cmd_query(struct session *session, const char *const *words, unsigned count) {
  (void)words, (void)count;
  return ask_machine(session, "query", WIRE_SERVICE "Get", FOLLOW_READ);
}
