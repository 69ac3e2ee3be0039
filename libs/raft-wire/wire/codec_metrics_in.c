/* codec_metrics_in.c: the answer of Metrics as the fields of a call: what codec_metrics.c writes,
 * and what an OpenRaft node says instead. */
#include "wire/codec_parts.h"
#include "wire/pb.h"

#include <app.pb-c.h>
#include <errno.h>
#include <stdlib.h>

enum { OTHER_METRICS = 2 }; /* MetricsResponse */
#define WORD_MAX 96         /* bytes of one of the pairs that every node has */

/* ---- values ---- */

static bool number_in(const char *text, char stop, uint64_t *out, const char **rest) {
  char *end;
  if (*text < '0' || *text > '9') return false;
  errno = 0;
  *out = strtoull(text, &end, 10);
  if (rest) *rest = end + 1;
  return errno == 0 && *end == stop;
}

/* `none`, or `term.index` that counts from 0 (`base` 0) or 1. */
static bool id_in(const char *text, unsigned base, struct rkv_log_id *out) {
  const char *rest;
  *out = (struct rkv_log_id){0, 0};
  if (strcmp(text, "none") == 0) return true;
  if (!number_in(text, '.', &out->term, &rest) || !number_in(rest, '\0', &out->index, NULL) ||
      out->index > UINT64_MAX - 1)
    return false;
  out->index += 1 - base;
  return true;
}

static bool vote_in(const char *text, struct rkv_vote *out) {
  const char *rest;
  if (!number_in(text, '/', &out->term, &rest) || !number_in(rest, '/', &out->node_id, &rest))
    return false;
  out->committed = strcmp(rest, "committed") == 0;
  return out->committed || strcmp(rest, "uncommitted") == 0;
}

static bool state_in(const char *text, const char **out) {
  static const char *const states[] = {"learner", "follower", "candidate", "leader", "removed"};
  *out = "unknown";
  for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
    if (strcmp(text, states[i]) == 0) *out = states[i];
  return true;
}

static bool last_in(const char *text, struct rkv_log_id *out) {
  uint64_t index;
  if (out->index > 0 || strcmp(text, "none") == 0) return true; /* last_log_id said it */
  if (!number_in(text, '\0', &index, NULL) || index == UINT64_MAX) return false;
  *out = (struct rkv_log_id){0, index + 1};
  return true;
}

static bool leader_in(const char *text, rkv_node_id *out) {
  *out = 0;
  return strcmp(text, "none") == 0 || number_in(text, '\0', out, NULL);
}

/* ---- pairs ---- */

enum pair { PAIR_READ, PAIR_UNKNOWN, PAIR_BAD };

static enum pair pair_in(char *word, struct rkv_metrics_call *call) {
  char *value = strchr(word, ':');
  uint64_t term;
  bool good;
  if (!value) return PAIR_READ; /* the example's word for the state */
  *value++ = '\0';
  if (strcmp(word, "state") == 0)
    good = state_in(value, &call->state);
  else if (strcmp(word, "term") == 0)
    good = number_in(value, '\0', &term, NULL);
  else if (strcmp(word, "leader") == 0)
    good = leader_in(value, &call->leader);
  else if (strcmp(word, "vote") == 0)
    good = vote_in(value, &call->vote);
  else if (strcmp(word, "last_log") == 0)
    good = last_in(value, &call->last);
  else if (strcmp(word, "last_applied") == 0)
    good = id_in(value, 0, &call->applied);
  else if (strcmp(word, "committed") == 0)
    good = id_in(value, 1, &call->committed);
  else if (strcmp(word, "snapshot") == 0)
    good = id_in(value, 0, &call->snapshot);
  else if (strcmp(word, "purged") == 0)
    good = id_in(value, 0, &call->purged);
  else
    return PAIR_UNKNOWN;
  return good ? PAIR_READ : PAIR_BAD;
}

/* Reads the pairs that every node has; what follows them is the node's own text. Of an OpenRaft
 * node, whose values look otherwise, all is. */
static void pairs_in(struct rkv_buf all, struct rkv_metrics_call *call) {
  const struct rkv_metrics_call before = *call;
  size_t at = 0;
  while (at < all.len) {
    const uint8_t *blank = memchr(all.data + at, ' ', all.len - at);
    const size_t len = blank ? (size_t)(blank - all.data) - at : all.len - at;
    char word[WORD_MAX];
    enum pair pair = PAIR_UNKNOWN;
    if (len < sizeof word) {
      memcpy(word, all.data + at, len);
      word[len] = '\0';
      pair = pair_in(word, call);
    }
    if (pair == PAIR_BAD) {
      *call = before;
      at = 0;
    }
    if (pair != PAIR_READ) break;
    at += blank ? len + 1 : len;
  }
  call->text = rkv_buf_slice(all, at, all.len - at);
}

static struct rkv_buf other_metrics(struct rkv_buf message) {
  struct pb_reader reader = {message.data, message.data + message.len};
  struct rkv_buf found = rkv_buf_none();
  struct pb_field field;
  while (pb_next(&reader, &field) == PB_FIELD)
    if (field.number == OTHER_METRICS && field.type == PB_BYTES)
      found = rkv_buf_slice(message, (size_t)(field.data - message.data), field.len);
  return found;
}

enum rkv_status codec_metrics_answer_decode(struct rkv_buf message, struct rkv_metrics_call *call,
                                            struct rkv_error *error) {
  struct arena arena;
  Openraftpb__MetricsResponse *in;
  enum rkv_status status;
  call->leader = 0;
  call->state = "unknown";
  call->vote = (struct rkv_vote){0, 0, false};
  call->last = call->committed = call->applied = call->snapshot = call->purged =
      (struct rkv_log_id){0, 0};
  call->membership = rkv_buf_none();
  arena_open(&arena, message.len);
  status = arena_unpack(&arena, &openraftpb__metrics_response__descriptor, message.data,
                        message.len, "metrics answer", &in, error);
  if (status == RKV_OK)
    status = codec_log_id_in(in->last_log_id, "last_log_id", &call->last, error);
  if (status == RKV_OK && in->membership)
    status = codec_membership_in(in->membership, "membership", &call->membership, error);
  arena_close(&arena);
  if (status == RKV_OK) pairs_in(other_metrics(message), call);
  return status;
}
