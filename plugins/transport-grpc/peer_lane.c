/* peer_lane.c: a peer's appends in their order: who is next, by which carrier, and what ends with
 * whom; invariants in peer_append.h. */
#include <assert.h>

#include "peer_append.h"
#include "peer_pipe.h"

/* ---- the list, under the mutex ---- */

static bool is_plain(struct peer *peer) {
  struct lane *lane = &peer->lane;
  if (lane->unary_until_ns && transport_now(peer->t) >= lane->unary_until_ns)
    lane->unary_until_ns = 0; /* it may have learned it */
  return lane->unary_until_ns != 0;
}

enum rkv_status lane_add(struct peer *peer, struct append *a, bool *beside) {
  struct lane *lane = &peer->lane;
  const bool data = a->call->entry_count > 0;
  *beside = !data && (lane->data > 0 || is_plain(peer));
  assert(!*beside || !data); /* (A5) */
  if (*beside) return RKV_OK;
  if (lane->count == PEER_APPENDS_MAX) return RKV_FULL;
  *lane->end = a;
  lane->end = &a->next;
  lane->count++;
  lane->data += data;
  if (!lane->unsent) lane->unsent = a;
  return RKV_OK;
}

/* The first one has been stored whole. */
static void take_first(struct lane *lane, struct ends *ends) {
  struct append *a = lane->first;
  assert(a != lane->unsent && a->flying == 0 && lane->count > 0); /* (A1) */
  lane->first = a->next;
  if (!lane->first) lane->end = &lane->first;
  lane->count--;
  lane->data -= a->call->entry_count > 0;
  a->next = NULL;
  a->status = RKV_OK;
  ends->first = a;
}

void lane_rewind(struct peer *peer) {
  struct append *a;
  for (a = peer->lane.first; a; a = a->next) {
    a->part = a->part > a->flying ? a->part - (unsigned)a->flying : 0;
    a->sent = a->at;
    a->flying = 0;
  }
  peer->lane.unsent = peer->lane.first;
}

/* ---- ends ---- */

/* (A4) How an append ends that stands behind `first`. */
static enum rkv_status end_behind(struct append *a, const struct append *first, uint64_t now_ns) {
  struct rkv_append_call *call = a->call;
  const struct rkv_append_call *before = first->call;
  const bool same = rkv_vote_compare(call->vote, before->vote) == RKV_EQUAL;
  const bool rejected = first->status == RKV_OK && before->result == RKV_APPEND_REJECTED;
  const bool lacking = first->status == RKV_TOO_LARGE || (first->status == RKV_OK && !rejected);
  if (first->status == RKV_CANCELLED) return RKV_CANCELLED;
  call->inferred = 1;
  if (same && rejected) {
    call->result = RKV_APPEND_REJECTED;
    call->voter_vote = before->voter_vote;
    return RKV_OK;
  }
  if (same && lacking && call->entry_count > 0 && call->prev.index >= before->prev.index) {
    call->result = RKV_APPEND_CONFLICT;
    return RKV_OK;
  }
  return a->due_ns && now_ns >= a->due_ns ? RKV_TIMEOUT : RKV_UNAVAILABLE;
}

void lane_empty(struct peer *peer, enum rkv_status status, struct ends *ends) {
  struct lane *lane = &peer->lane;
  const uint64_t now = transport_now(peer->t);
  struct append *first = lane->first, *a;
  ends->first = first;
  if (!first) return;
  assert(first->at < first->call->entry_count || first->call->entry_count == 0); /* (A4) */
  if (status == RKV_UNAVAILABLE && first->due_ns && now >= first->due_ns) status = RKV_TIMEOUT;
  ends->error.status = (uint32_t)status;
  first->status = status;
  for (a = first->next; a; a = a->next) a->status = end_behind(a, first, now);
  lane->first = lane->unsent = NULL;
  lane->end = &lane->first;
  lane->count = lane->data = 0;
  lane->ask = false;
}

bool lane_answer(struct peer *peer, size_t count, struct rkv_buf answer, append_decode *decode,
                 struct ends *ends) {
  struct append *a = peer->lane.first;
  struct rkv_append_call *call = a->call;
  struct rkv_append_call part = {.prev = append_before(a, a->at), .entry_count = count};
  enum rkv_status status;
  assert(a->flying > 0 && a->at + count <= a->sent); /* (A1) */
  if (count) part.entries = call->entries + a->at;
  a->flying--;
  if ((status = decode(answer, &part, &ends->error))) {
    lane_empty(peer, status, ends);
    return false;
  }
  call->result = part.result;
  call->matched = part.matched;
  call->voter_vote = part.voter_vote;
  call->lease_ns = part.lease_ns;
  call->differs_at = part.differs_at;
  if (part.result == RKV_APPEND_SUCCESS &&
      part.matched.index >= append_before(a, a->at + count).index) {
    a->at += count;
    if (a->at == call->entry_count) take_first(&peer->lane, ends);
    return true;
  }
  lane_empty(peer, RKV_OK, ends);
  return false;
}

/* ---- sending ---- */

struct step {
  enum { STEP_NONE, STEP_PIPE, STEP_UNARY, STEP_END } kind;
  struct append *append;
  struct pipe *pipe;
  struct message message;
  struct ends ends;
};

/* True if the message can go; `a` is lane->unsent. */
static bool carrier_is_free(struct peer *peer, bool by_pipe) {
  struct lane *lane = &peer->lane;
  if (lane->unary) return false;
  if (by_pipe) return !lane->pipe || pipe_has_room(lane->pipe);
  if (lane->pipe && !pipe_retire(lane->pipe)) return false;
  assert(!lane->pipe && lane->unsent == lane->first && lane->first->flying == 0); /* (A2) */
  return true;
}

/* Nothing of the first append can be sent; what stands behind something on its way waits for that
 * first. */
static void end_unsendable(struct peer *peer, enum rkv_status status, struct step *step) {
  struct lane *lane = &peer->lane;
  if (lane->unsent != lane->first || lane->first->flying > 0) return;
  lane_empty(peer, status, &step->ends);
  step->kind = STEP_END;
}

/* Under the mutex. */
static void find_step(struct peer *peer, struct step *step) {
  struct lane *lane = &peer->lane;
  struct append *a = lane->unsent;
  bool by_pipe;
  enum rkv_status status;
  step->kind = STEP_NONE;
  step->ends.first = NULL;
  if (!a) return;
  by_pipe = !lane->ask && !is_plain(peer);
  if (!carrier_is_free(peer, by_pipe)) return;
  status = append_take(a, by_pipe, &step->message, &step->ends.error);
  if (status == RKV_FULL) { /* (A6) */
    lane->ask = true;
    find_step(peer, step);
    return;
  }
  if (status != RKV_OK) {
    end_unsendable(peer, status, step);
    return;
  }
  if (by_pipe && !lane->pipe && (status = pipe_new(peer, &step->ends.error))) {
    grpc_byte_buffer_destroy(step->message.request);
    lane_empty(peer, status, &step->ends);
    step->kind = STEP_END;
    return;
  }
  if (a->sent == a->call->entry_count) lane->unsent = a->next;
  step->append = a;
  if (by_pipe) {
    step->kind = STEP_PIPE;
    step->pipe = lane->pipe;
    pipe_put(lane->pipe, &step->message);
  } else {
    step->kind = STEP_UNARY;
    lane->unary = true;
    a->count = step->message.count;
    a->bytes = step->message.bytes;
  }
}

void lane_pump(struct peer *peer) {
  struct step step;
  do {
    pthread_mutex_lock(&peer->mutex);
    find_step(peer, &step);
    pthread_mutex_unlock(&peer->mutex);
    switch (step.kind) {
    case STEP_NONE: break;
    case STEP_PIPE: pipe_send(step.pipe); break;
    case STEP_UNARY: append_send_unary(step.append, &step.message); break;
    case STEP_END: append_tell(&step.ends); break;
    }
  } while (step.kind == STEP_END);
}

void lane_tick(struct peer *peer, uint64_t now_ns) {
  struct append *a;
  if (!peer->lane.pipe) return; /* a unary RPC has its own deadline */
  for (a = peer->lane.first; a; a = a->next)
    if (a->due_ns && now_ns >= a->due_ns) {
      pipe_time_out(peer->lane.pipe);
      return;
    }
}
