/* broken_clients.c: what is wrong with calls of clients in a transport broken on purpose. */
#include "broken_clients.h"
#include "broken_squeeze.h"

#include <stdlib.h>

/* ---- away ---- */

static void spoil_change(enum transport_fault fault, enum call_kind kind,
                         struct rkv_membership_call *call) {
  if (fault == FAULT_retain_lost && kind == CALL_CHANGE_MEMBERSHIP) call->retain = false;
  if (fault == FAULT_answering_lost) call->answering = 0;
  if (fault == FAULT_learner_swapped && kind == CALL_SET_ADDRESS) call->learner.id++;
}

void broken_client_spoil(struct broken_peer *peer, enum call_kind kind, union any_call *call) {
  const enum transport_fault fault = peer->b->fault;
  switch (kind) {
  case CALL_PROPOSE:
    if (fault == FAULT_command_cut && call->propose.command.len > 1000000)
      call->propose.command.len--;
    if (fault == FAULT_squeezed_command_cut && squeezes(call->propose.command))
      call->propose.command.len--;
    break;
  case CALL_QUERY:
    if (fault == FAULT_reads_are_local && call->query.read == RKV_READ_LINEARIZABLE)
      call->query.read = RKV_READ_LOCAL;
    if (fault == FAULT_lease_is_local && call->query.read == RKV_READ_LEASE)
      call->query.read = RKV_READ_LOCAL;
    break;
  case CALL_ADD_LEARNER:
  case CALL_CHANGE_MEMBERSHIP:
  case CALL_REMOVE:
  case CALL_SET_ADDRESS: spoil_change(fault, kind, &call->membership); break;
  case CALL_TRANSFER:
    if (fault == FAULT_target_lost) call->transfer.target = 0;
    break;
  case CALL_ADMIN:
    if (fault == FAULT_method_renamed) call->admin.method = "help";
    break;
  default: break;
  }
  if (!call_is_clients(kind)) return;
  (void)pthread_mutex_lock(&peer->b->lock);
  peer->flying++;
  (void)pthread_mutex_unlock(&peer->b->lock);
  if (fault == FAULT_client_deadline_ignored) call->call.deadline_ns += UINT64_C(60000000000);
}

/* ---- back ---- */

static void spoil_given(struct broken_peer *peer, enum call_kind kind, union any_call *call) {
  const enum transport_fault fault = peer->b->fault;
  if (kind == CALL_PROPOSE && fault == FAULT_result_lost) rkv_buf_drop(&call->propose.result);
  if (kind == CALL_PROPOSE && fault == FAULT_command_id_made_up)
    call->propose.id = (struct rkv_log_id){1, 1};
  if (kind == CALL_PROPOSE && fault == FAULT_client_answers_crossed && peer->flying > 1) {
    struct rkv_buf mine = call->propose.result;
    call->propose.result = peer->result.len > 0 ? peer->result : rkv_buf_share(mine);
    peer->result = mine;
  }
  if (kind == CALL_QUERY && fault == FAULT_response_cut && call->query.response.len > 0)
    call->query.response.len--;
  if (kind == CALL_CHANGE_MEMBERSHIP && fault == FAULT_change_id_lost)
    call->membership.id = (struct rkv_log_id){0, 0};
  if (kind == CALL_METRICS && fault == FAULT_last_of_metrics_lost)
    call->metrics.last = call->metrics.committed;
}

bool broken_client_back(struct broken_peer *peer, enum call_kind kind, union any_call *call,
                        enum rkv_status *status, struct rkv_error *error) {
  const enum transport_fault fault = peer->b->fault;
  if (!call_is_clients(kind)) return true;
  (void)pthread_mutex_lock(&peer->b->lock);
  if (*status == RKV_OK) spoil_given(peer, kind, call);
  peer->flying--;
  (void)pthread_mutex_unlock(&peer->b->lock);
  if (*status == RKV_OK) return true;
  if (fault == FAULT_aborted_is_unavailable && *status == RKV_ABORTED) *status = RKV_UNAVAILABLE;
  if (fault == FAULT_client_timeout_is_unavailable && *status == RKV_TIMEOUT)
    *status = RKV_UNAVAILABLE;
  if (fault == FAULT_client_cancel_is_aborted && *status == RKV_CANCELLED) *status = RKV_ABORTED;
  if (fault == FAULT_client_text_lost)
    (void)snprintf(error->text, sizeof error->text, "%s", rkv_status_name(*status));
  return fault != FAULT_client_cancel_not_told || *status != RKV_CANCELLED;
}
