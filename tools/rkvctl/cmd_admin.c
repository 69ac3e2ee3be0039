/* cmd_admin.c: transfer, snapshot. */
#include "print.h"
#include "wire.h"

#include "rkv.pb-c.h"

#include <inttypes.h>

enum outcome cmd_transfer(struct session *session, const char *const *words, unsigned count) {
  Rkv__V1__TransferLeaderRequest request = RKV__V1__TRANSFER_LEADER_REQUEST__INIT;
  struct follow_answer answer;
  struct rkv_error error;
  enum outcome outcome;
  (void)count;
  if (args_node_id(words[0], &request.target, &error))
    return print_usage_error("transfer", error.text);
  outcome = wire_ask(session, WIRE_ADMIN "TransferLeader", &request.base, FOLLOW_CHANGE, &answer);
  if (outcome != OUTCOME_DONE) return print_trouble(session, "transfer", outcome, &answer);
  if (session->args->json) {
    (void)printf("{\"leader\":%" PRIu64 ",\"endpoint\":", request.target);
    print_json_text(stdout, answer.endpoint);
    (void)printf("}\n");
  } else {
    (void)printf("node %" PRIu64 " leads (was %s)\n", request.target, answer.endpoint);
  }
  follow_free(&answer);
  return OUTCOME_DONE;
}

enum outcome cmd_snapshot(struct session *session, const char *const *words, unsigned count) {
  Rkv__V1__TriggerSnapshotRequest request = RKV__V1__TRIGGER_SNAPSHOT_REQUEST__INIT;
  Rkv__V1__TriggerSnapshotResponse *response;
  Openraftpb__LogId none = OPENRAFTPB__LOG_ID__INIT, *last;
  struct follow_answer answer;
  enum outcome outcome;
  (void)words, (void)count;
  outcome = wire_ask(session, WIRE_ADMIN "TriggerSnapshot", &request.base, FOLLOW_ACT, &answer);
  if (outcome != OUTCOME_DONE) return print_trouble(session, "snapshot", outcome, &answer);
  response = rkv__v1__trigger_snapshot_response__unpack(NULL, answer.size, answer.data);
  if (!response) return wire_unreadable(session, "snapshot", &answer);
  last = response->last_log_id ? response->last_log_id : &none;
  if (session->args->json) {
    (void)printf("{\"log_id\":{\"term\":%" PRIu64 ",\"index\":%" PRIu64 "},\"endpoint\":",
                 last->term, last->index);
    print_json_text(stdout, answer.endpoint);
    (void)printf("}\n");
  } else {
    (void)printf("snapshot up to log %" PRIu64 ".%" PRIu64 " at %s\n", last->term, last->index,
                 answer.endpoint);
  }
  rkv__v1__trigger_snapshot_response__free_unpacked(response, NULL);
  follow_free(&answer);
  return OUTCOME_DONE;
}
