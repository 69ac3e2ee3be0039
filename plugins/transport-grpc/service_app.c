/* service_app.c: AppService, what clients say: requests to node calls, node answers to messages. */
#include <raft-wire/wire/bytes.h>
#include <raft-wire/wire/codec.h>
#include "keep.h"
#include "service.h"

#include <stdlib.h>

#define READ_KEY "rkv-read"
#define MEMBERS_KEY "rkv-members"

/* Ends with the state machine's bytes; the buffer is given. */
static void answer_bytes(struct unary *u, struct rkv_buf *bytes) {
  struct rkv_error error;
  grpc_slice slice;
  enum rkv_status status = bytes_to_slice(*bytes, &slice);
  rkv_buf_drop(bytes);
  if (status == RKV_OK)
    unary_answer(u, slice);
  else
    unary_refuse(u, status, (rkv_fail(&error, status, "no memory for the answer"), &error));
}

/* Around the node's part of a command or a query. */
static void await_node(struct unary *u) {
  atomic_fetch_add_explicit(&u->t->awaited, 1, memory_order_relaxed);
}
static void node_has_answered(struct unary *u) {
  atomic_fetch_sub_explicit(&u->t->awaited, 1, memory_order_relaxed);
}

/* ---- Set ---- */

static void set_done(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct unary *u = unary_of(call);
  node_has_answered(u);
  if (status == RKV_OK)
    answer_bytes(u, &u->node.propose.result);
  else
    unary_refuse(u, status, error);
}

static void set(struct unary *u) {
  struct rkv_error error;
  enum rkv_status status = keep_message(u->t->host, u->message, &u->request, &error);
  if (!service_begin(u, status, &error, set_done)) return;
  u->node.propose.command = u->request;
  await_node(u);
  u->t->node->propose(u->t->node->ctx, &u->node.propose);
}

/* ---- Get ---- */

static void get_done(struct rkv_call *call, enum rkv_status status, const struct rkv_error *error) {
  struct unary *u = unary_of(call);
  node_has_answered(u);
  if (status == RKV_OK)
    answer_bytes(u, &u->node.query.response);
  else
    unary_refuse(u, status, error);
}

static bool slice_is(grpc_slice slice, const char *text) {
  return grpc_slice_str_cmp(slice, text) == 0;
}

/* What the read must have seen: request metadata, `local` without it. */
static enum rkv_status read_level(const grpc_metadata_array *metadata, uint32_t *read,
                                  struct rkv_error *error) {
  *read = RKV_READ_LOCAL;
  for (size_t i = 0; i < metadata->count; i++) {
    const grpc_metadata *pair = &metadata->metadata[i];
    if (!slice_is(pair->key, READ_KEY)) continue;
#define READ_LEVEL_CASE(name, number, text)                                                        \
  if (slice_is(pair->value, text)) {                                                               \
    *read = RKV_READ_##name;                                                                       \
    continue;                                                                                      \
  }
    RKV_READ_LIST(READ_LEVEL_CASE)
#undef READ_LEVEL_CASE
    return rkv_fail(error, RKV_INVALID,
                    "metadata " READ_KEY ": not one of local, lease, linearizable");
  }
  return RKV_OK;
}

static void get(struct unary *u) {
  struct rkv_error error;
  enum rkv_status status = read_level(&u->metadata, &u->node.query.read, &error);
  if (status != RKV_OK) {
    unary_refuse(u, status, &error);
    return;
  }
  if (!unary_take_request(u)) return;
  u->node.query.request = u->request;
  u->node.call.done = get_done;
  await_node(u);
  u->t->node->query(u->t->node->ctx, &u->node.query);
}

/* ---- Init ---- */

/* Must the nodes that a change names answer first? Request metadata; OpenRaft's clients send
 * none. */
static enum rkv_status answering(const grpc_metadata_array *metadata, uint32_t *out,
                                 struct rkv_error *error) {
  *out = 0;
  for (size_t i = 0; i < metadata->count; i++) {
    if (!slice_is(metadata->metadata[i].key, MEMBERS_KEY)) continue;
    if (!slice_is(metadata->metadata[i].value, "answering"))
      return rkv_fail(error, RKV_INVALID, "metadata " MEMBERS_KEY ": not answering");
    *out = 1;
  }
  return RKV_OK;
}

static void init(struct unary *u) {
  struct rkv_membership *membership = calloc(1, sizeof *membership);
  struct rkv_error error;
  enum rkv_status status;
  u->extra = membership;
  if (!membership) {
    unary_refuse(u, RKV_NO_MEMORY, NULL);
    return;
  }
  if (!unary_take_request(u)) return;
  status = codec_init_decode(u->request, membership, &error);
  if (status == RKV_OK) status = answering(&u->metadata, &u->node.init.answering, &error);
  if (!service_begin(u, status, &error, service_empty_done)) return;
  u->node.init.membership = membership;
  u->t->node->init(u->t->node->ctx, &u->node.init);
}

/* ---- AddLearner, ChangeMembership ---- */

static void membership_done(struct rkv_call *call, enum rkv_status status,
                            const struct rkv_error *error) {
  service_members_done(call, status, error, codec_membership_answer_encode);
}

static void add_learner(struct unary *u) {
  struct rkv_error error;
  enum rkv_status status;
  if (!unary_take_request(u)) return;
  status = codec_add_learner_decode(u->request, &u->node.membership, &error);
  if (status == RKV_OK) status = answering(&u->metadata, &u->node.membership.answering, &error);
  if (!service_begin(u, status, &error, membership_done)) return;
  u->t->node->add_learner(u->t->node->ctx, &u->node.membership);
}

static void change_membership(struct unary *u) {
  struct rkv_error error;
  enum rkv_status status;
  if (!unary_take_request(u)) return;
  status = codec_change_membership_decode(u->request, &u->node.membership, &error);
  if (status == RKV_OK) status = answering(&u->metadata, &u->node.membership.answering, &error);
  if (!service_begin(u, status, &error, membership_done)) return;
  u->t->node->change_membership(u->t->node->ctx, &u->node.membership);
}

/* ---- Metrics ---- */

static void metrics_done(struct rkv_call *call, enum rkv_status status,
                         const struct rkv_error *error) {
  struct unary *u = unary_of(call);
  struct rkv_metrics_call *m = &u->node.metrics;
  struct rkv_error own;
  grpc_slice slice;
  if (status == RKV_OK) {
    status = codec_metrics_answer_encode(m, &slice, &own);
    rkv_buf_drop(&m->membership);
    rkv_buf_drop(&m->text);
    error = &own;
  }
  if (status == RKV_OK)
    unary_answer(u, slice);
  else
    unary_refuse(u, status, error);
}

static void metrics(struct unary *u) {
  u->node.call.done = metrics_done;
  u->t->node->metrics(u->t->node->ctx, &u->node.metrics);
}

const struct method service_app_methods[] = {
    {"/openraftpb.AppService/Get", get, false},
    {"/openraftpb.AppService/Set", set, false},
    {"/openraftpb.AppService/Init", init, false},
    {"/openraftpb.AppService/AddLearner", add_learner, false},
    {"/openraftpb.AppService/ChangeMembership", change_membership, false},
    {"/openraftpb.AppService/Metrics", metrics, false},
    {NULL, NULL, false},
};
