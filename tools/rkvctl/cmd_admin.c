/* cmd_admin.c: transfer, snapshot. */
#include "print.h"
#include "survey.h"
#include "trouble.h"
#include "wire.h"

#include "rkv.pb-c.h"

#include <grpc/status.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* True if the target leads already: there is nothing to hand over. */
static bool leads(struct session *session, rkv_node_id target, const char *endpoint) {
  const uint64_t deadline = client_now_ms() + session->args->timeout_ms;
  struct survey *survey = survey_take(session, deadline, endpoint);
  const struct survey_node *leader = survey ? survey_leader(survey) : NULL;
  const bool yes = leader && leader->id == target && strcmp(leader->addr, endpoint) == 0;
  free(survey);
  return yes;
}

static enum outcome print_leads(const struct session *session, rkv_node_id leader,
                                const char *endpoint, const char *how) {
  if (session->args->json) {
    (void)printf("{\"leader\":%" PRIu64 ",\"endpoint\":", leader);
    print_json_text(stdout, endpoint);
    (void)printf("}\n");
  } else {
    (void)printf("node %" PRIu64 " leads (%s %s)\n", leader, how, endpoint);
  }
  return OUTCOME_DONE;
}

enum outcome cmd_transfer(struct session *session, const char *const *words, unsigned count) {
  Rkv__V1__TransferLeaderRequest request = RKV__V1__TRANSFER_LEADER_REQUEST__INIT;
  struct follow_answer answer;
  struct rkv_error error;
  enum outcome outcome;
  (void)count;
  if (args_node_id(words[0], &request.target, &error) != RKV_OK)
    return print_usage_error(session->args, "transfer", error.text);
  outcome = wire_ask(session, WIRE_ADMIN "TransferLeader", &request.base, FOLLOW_CHANGE, &answer);
  if (outcome == OUTCOME_REFUSED && answer.code == GRPC_STATUS_INVALID_ARGUMENT &&
      leads(session, request.target, answer.endpoint))
    return print_leads(session, request.target, answer.endpoint, "already");
  if (outcome != OUTCOME_DONE) return print_trouble(session, "transfer", outcome, &answer);
  follow_free(&answer);
  return print_leads(session, request.target, answer.endpoint, "was");
}

enum outcome cmd_snapshot(struct session *session, const char *const *words, unsigned count) {
  Rkv__V1__TriggerSnapshotRequest request = RKV__V1__TRIGGER_SNAPSHOT_REQUEST__INIT;
  Rkv__V1__TriggerSnapshotResponse *response;
  Openraftpb__LogId none = OPENRAFTPB__LOG_ID__INIT, *last;
  struct follow_answer answer;
  enum outcome outcome;
  uint64_t index;
  (void)words, (void)count;
  outcome = wire_ask(session, WIRE_ADMIN "TriggerSnapshot", &request.base, FOLLOW_ACT, &answer);
  if (outcome != OUTCOME_DONE) return print_trouble(session, "snapshot", outcome, &answer);
  response = rkv__v1__trigger_snapshot_response__unpack(NULL, answer.size, answer.data);
  if (!response) return print_unreadable(session, "snapshot", &answer);
  last = response->last_log_id ? response->last_log_id : &none;
  index = last->index + 1; /* the wire counts from 0 */
  if (session->args->json) {
    (void)printf("{\"log_id\":{\"term\":%" PRIu64 ",\"index\":%" PRIu64 "},\"endpoint\":",
                 last->term, index);
    print_json_text(stdout, answer.endpoint);
    (void)printf("}\n");
  } else {
    (void)printf("snapshot up to log %" PRIu64 ".%" PRIu64 " at %s\n", last->term, index,
                 answer.endpoint);
  }
  rkv__v1__trigger_snapshot_response__free_unpacked(response, NULL);
  follow_free(&answer);
  return OUTCOME_DONE;
}
