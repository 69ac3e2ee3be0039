/* codec_metrics.c: the answer of Metrics: what every node has, as `name:value` pairs. */
#include "wire/codec_parts.h"

#include <app.pb-c.h>
#include <inttypes.h>
#include <stdlib.h>

#define PAIRS_MAX 640 /* bytes: ten pairs of at most two 20-digit numbers each */
#define ID_MAX 48     /* bytes of `term.index` */

/* `term.index`, `none` for none. OpenRaft's names count as its messages do, from 0; our own names
 * as Raft does, from 1. */
static const char *own_text(struct rkv_log_id id, char text[ID_MAX]) {
  if (id.index == 0) return "none";
  (void)snprintf(text, ID_MAX, "%" PRIu64 ".%" PRIu64, id.term, id.index);
  return text;
}

static const char *id_text(struct rkv_log_id id, char text[ID_MAX]) {
  if (id.index == 0) return "none";
  (void)snprintf(text, ID_MAX, "%" PRIu64 ".%" PRIu64, id.term, codec_index_out(id.index));
  return text;
}

/* The node's own index alone: OpenRaft's word for it is last_log. */
static const char *index_text(struct rkv_log_id id, char text[ID_MAX]) {
  if (id.index == 0) return "none";
  (void)snprintf(text, ID_MAX, "%" PRIu64, codec_index_out(id.index));
  return text;
}

/* The example's word for a state, which scripts look for. */
static const char *state_word(const char *state) {
  static const char *const words[] = {"Learner", "Follower", "Candidate", "Leader"};
  for (size_t i = 0; state && i < sizeof words / sizeof words[0]; i++)
    if (strcmp(state + 1, words[i] + 1) == 0 && (state[0] ^ words[i][0]) == ('a' ^ 'A'))
      return words[i];
  return "Unknown";
}

static size_t write_pairs(const struct rkv_metrics_call *call, char *out) {
  char last[ID_MAX], applied[ID_MAX], committed[ID_MAX], snapshot[ID_MAX], purged[ID_MAX];
  char leader[ID_MAX] = "none";
  int n;
  if (call->leader != 0) (void)snprintf(leader, sizeof leader, "%" PRIu64, call->leader);
  n = snprintf(out, PAIRS_MAX,
               "%s state:%s term:%" PRIu64 " leader:%s vote:%" PRIu64 "/%" PRIu64
               "/%s last_log:%s last_applied:%s "
               "committed:%s snapshot:%s purged:%s",
               state_word(call->state), call->state ? call->state : "unknown", call->vote.term,
               leader, call->vote.term, call->vote.node_id,
               call->vote.committed ? "committed" : "uncommitted", index_text(call->last, last),
               id_text(call->applied, applied), own_text(call->committed, committed),
               id_text(call->snapshot, snapshot), id_text(call->purged, purged));
  if (n < 0) return 0;
  return n < PAIRS_MAX ? (size_t)n : PAIRS_MAX - 1;
}

enum rkv_status codec_metrics_answer_encode(const struct rkv_metrics_call *call, grpc_slice *out,
                                            struct rkv_error *error) {
  Openraftpb__MetricsResponse answer = OPENRAFTPB__METRICS_RESPONSE__INIT;
  Openraftpb__LogId last;
  struct arena arena;
  enum rkv_status status;
  char *text = malloc(PAIRS_MAX + 1 + call->text.len);
  size_t len;
  *out = grpc_empty_slice();
  if (!text) return rkv_fail(error, RKV_NO_MEMORY, "no memory for the metrics");
  len = write_pairs(call, text);
  if (call->text.len > 0) {
    text[len++] = ' ';
    memcpy(text + len, call->text.data, call->text.len);
    len += call->text.len;
  }
  answer.other_metrics.len = len;
  answer.other_metrics.data = (uint8_t *)text;
  answer.last_log_id = codec_log_id_out(call->last, &last);
  arena_open(&arena, call->membership.len);
  status = codec_membership_out(&arena, call->membership, &answer.membership, error);
  if (status == RKV_OK) *out = codec_pack(&answer.base);
  arena_close(&arena);
  free(text);
  return status;
}
