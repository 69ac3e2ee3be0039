/* cmd_correct.c: remove, set-address. */
#include "members.h"
#include "print.h"
#include "trouble.h"

#include "rkv.pb-c.h"

static enum outcome ask(struct session *session, const char *what, const char *method,
                        const ProtobufCMessage *request) {
  Rkv__V1__MembershipResponse *response;
  struct follow_answer answer;
  enum outcome outcome = wire_ask(session, method, request, FOLLOW_CHANGE, &answer);
  if (outcome != OUTCOME_DONE) return print_trouble(session, what, outcome, &answer);
  response = rkv__v1__membership_response__unpack(NULL, answer.size, answer.data);
  if (!response) return print_unreadable(session, what, &answer);
  members_print_change(session, response->log_id, response->membership);
  rkv__v1__membership_response__free_unpacked(response, NULL);
  follow_free(&answer);
  return OUTCOME_DONE;
}

enum outcome cmd_remove(struct session *session, const char *const *words, unsigned count) {
  Rkv__V1__RemoveRequest request = RKV__V1__REMOVE_REQUEST__INIT;
  struct rkv_error error;
  (void)count;
  if (args_node_id(words[0], &request.node_id, &error) != RKV_OK)
    return print_usage_error(session->args, "remove", error.text);
  return ask(session, "remove", WIRE_ADMIN "Remove", &request.base);
}

enum outcome cmd_set_address(struct session *session, const char *const *words, unsigned count) {
  Rkv__V1__SetAddressRequest request = RKV__V1__SET_ADDRESS_REQUEST__INIT;
  Openraftpb__Node node = OPENRAFTPB__NODE__INIT;
  struct rkv_error error;
  const char *addr;
  (void)count;
  if (args_node(words[0], &node.node_id, &addr, &error) != RKV_OK)
    return print_usage_error(session->args, "set-address", error.text);
  node.rpc_addr = wire_bytes(addr);
  request.node = &node;
  return ask(session, "set-address", WIRE_ADMIN "SetAddress", &request.base);
}
