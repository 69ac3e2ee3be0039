/* plugin_rows.c: the messages that commands speak in, as calls of a plugin and back: what
 * transport-grpc does at a node, in the other direction. */
#include "plugin_parts.h"

#include <raft-wire/wire/codec.h>
#include <node/swap_words.h>

#include <stdlib.h>

/* ---- requests ---- */

static bool says(struct client_pair pair, const char *key, const char *value) {
  return pair.key && strcmp(pair.key, key) == 0 && strcmp(pair.value, value) == 0;
}

static enum rkv_status read_set(struct plugin_call *c, struct rkv_buf message,
                                struct client_pair pair, struct rkv_error *error) {
  (void)pair, (void)error;
  c->as.propose.command = message;
  return RKV_OK;
}

static enum rkv_status read_get(struct plugin_call *c, struct rkv_buf message,
                                struct client_pair pair, struct rkv_error *error) {
  (void)error;
  c->as.query.request = message;
#define READ_LEVEL(name, number, text)                                                             \
  if (says(pair, "rkv-read", text)) c->as.query.read = number;
  RKV_READ_LIST(READ_LEVEL)
#undef READ_LEVEL
  return RKV_OK;
}

static enum rkv_status read_init(struct plugin_call *c, struct rkv_buf message,
                                 struct client_pair pair, struct rkv_error *error) {
  c->as.init.membership = &c->members;
  c->as.init.answering = says(pair, "rkv-members", "answering");
  return codec_init_decode(message, &c->members, error);
}

static enum rkv_status read_add_learner(struct plugin_call *c, struct rkv_buf message,
                                        struct client_pair pair, struct rkv_error *error) {
  c->as.membership.answering = says(pair, "rkv-members", "answering");
  return codec_add_learner_decode(message, &c->as.membership, error);
}

static enum rkv_status read_change_membership(struct plugin_call *c, struct rkv_buf message,
                                              struct client_pair pair, struct rkv_error *error) {
  c->as.membership.answering = says(pair, "rkv-members", "answering");
  return codec_change_membership_decode(message, &c->as.membership, error);
}

static enum rkv_status read_remove(struct plugin_call *c, struct rkv_buf message,
                                   struct client_pair pair, struct rkv_error *error) {
  (void)pair;
  return codec_remove_decode(message, &c->as.membership, error);
}

static enum rkv_status read_set_address(struct plugin_call *c, struct rkv_buf message,
                                        struct client_pair pair, struct rkv_error *error) {
  (void)pair;
  return codec_set_address_decode(message, &c->as.membership, error);
}

static enum rkv_status read_transfer(struct plugin_call *c, struct rkv_buf message,
                                     struct client_pair pair, struct rkv_error *error) {
  (void)pair;
  return codec_transfer_decode(message, &c->as.transfer, error);
}

static enum rkv_status read_nothing(struct plugin_call *c, struct rkv_buf message,
                                    struct client_pair pair, struct rkv_error *error) {
  (void)c, (void)message, (void)pair, (void)error;
  return RKV_OK;
}

static enum rkv_status read_swap(struct plugin_call *c, struct rkv_buf message,
                                 struct client_pair pair, struct rkv_error *error) {
  void *space;
  size_t len;
  char *text;
  enum rkv_status status = codec_swap_decode(message, &c->swap, &space, error);
  (void)pair;
  if (status != RKV_OK) return status;
  text = swap_words_request(&c->swap, &len);
  free(space);
  c->space = text;
  if (!text) return rkv_fail(error, RKV_NO_MEMORY, "no memory for the request");
  c->as.admin.method = "swap-storage";
  c->as.admin.request = rkv_buf_static(text, len);
  return RKV_OK;
}

static enum rkv_status read_admin(struct plugin_call *c, struct rkv_buf message,
                                  struct client_pair pair, struct rkv_error *error) {
  (void)pair;
  return codec_admin_decode(message, &c->as.admin, &c->space, error);
}

/* ---- answers ---- */

static enum rkv_status answer_bytes(struct rkv_buf *bytes, grpc_slice *out) {
  *out = grpc_slice_from_copied_buffer((const char *)bytes->data, bytes->len);
  rkv_buf_drop(bytes);
  return RKV_OK;
}

static enum rkv_status answer_set(struct plugin_call *c, grpc_slice *out, struct rkv_error *error) {
  (void)error;
  return answer_bytes(&c->as.propose.result, out);
}

static enum rkv_status answer_get(struct plugin_call *c, grpc_slice *out, struct rkv_error *error) {
  (void)error;
  return answer_bytes(&c->as.query.response, out);
}

static enum rkv_status answer_nothing(struct plugin_call *c, grpc_slice *out,
                                      struct rkv_error *error) {
  (void)c, (void)error;
  *out = grpc_empty_slice();
  return RKV_OK;
}

static enum rkv_status answer_change(struct plugin_call *c, grpc_slice *out,
                                     struct rkv_error *error) {
  struct rkv_membership_call *m = &c->as.membership;
  enum rkv_status status = codec_membership_answer_encode(m->id, m->membership, out, error);
  rkv_buf_drop(&m->membership);
  return status;
}

static enum rkv_status answer_members(struct plugin_call *c, grpc_slice *out,
                                      struct rkv_error *error) {
  struct rkv_membership_call *m = &c->as.membership;
  enum rkv_status status = codec_members_answer_encode(m->id, m->membership, out, error);
  rkv_buf_drop(&m->membership);
  return status;
}

static enum rkv_status answer_snapshot(struct plugin_call *c, grpc_slice *out,
                                       struct rkv_error *error) {
  (void)error;
  *out = codec_snapshot_now_answer_encode(&c->as.snapshot_now);
  return RKV_OK;
}

static enum rkv_status answer_metrics(struct plugin_call *c, grpc_slice *out,
                                      struct rkv_error *error) {
  enum rkv_status status = codec_metrics_answer_encode(&c->as.metrics, out, error);
  rkv_buf_drop(&c->as.metrics.membership);
  rkv_buf_drop(&c->as.metrics.text);
  return status;
}

static enum rkv_status answer_swap(struct plugin_call *c, grpc_slice *out,
                                   struct rkv_error *error) {
  enum rkv_status status = swap_words_read_answer(c->as.admin.answer, &c->swap, error);
  if (status == RKV_OK) {
    status = codec_swap_answer_encode(&c->swap, out, error);
    rkv_buf_drop(&c->swap.text);
  }
  rkv_buf_drop(&c->as.admin.answer);
  return status;
}

static enum rkv_status answer_admin(struct plugin_call *c, grpc_slice *out,
                                    struct rkv_error *error) {
  (void)error;
  *out = codec_admin_answer_encode(&c->as.admin);
  rkv_buf_drop(&c->as.admin.answer);
  return RKV_OK;
}

/* ---- the table ---- */

/* X(path, operation's name, field of the union, how it is read, how it is answered). */
#define ROW_LIST(X)                                                                                \
  X("/openraftpb.AppService/Set", propose, propose, read_set, answer_set)                          \
  X("/openraftpb.AppService/Get", query, query, read_get, answer_get)                              \
  X("/openraftpb.AppService/Init", init, init, read_init, answer_nothing)                          \
  X("/openraftpb.AppService/AddLearner", add_learner, membership, read_add_learner, answer_change) \
  X("/openraftpb.AppService/ChangeMembership", change_membership, membership,                      \
    read_change_membership, answer_change)                                                         \
  X("/openraftpb.AppService/Metrics", metrics, metrics, read_nothing, answer_metrics)              \
  X("/rkv.v1.Admin/Remove", remove, membership, read_remove, answer_members)                       \
  X("/rkv.v1.Admin/SetAddress", set_address, membership, read_set_address, answer_members)         \
  X("/rkv.v1.Admin/TransferLeader", transfer, transfer, read_transfer, answer_nothing)             \
  X("/rkv.v1.Admin/TriggerSnapshot", snapshot_now, snapshot_now, read_nothing, answer_snapshot)    \
  X("/rkv.v1.Admin/SwapStorage", admin, admin, read_swap, answer_swap)

#define ROW_FUNCTIONS(path, function, field, read, answer)                                         \
  static bool is_carried_##function(const struct rkv_transport_ops *ops) {                         \
    return ops->send_##function != NULL;                                                           \
  }                                                                                                \
  static void send_##function(const struct rkv_transport_ops *ops, void *peer,                     \
                              struct plugin_call *c) {                                             \
    ops->send_##function(peer, &c->as.field);                                                      \
  }
ROW_LIST(ROW_FUNCTIONS)
#undef ROW_FUNCTIONS

const struct plugin_row *plugin_row_find(const char *path) {
  static const struct plugin_row rows[] = {
#define ROW(path, function, field, read, answer)                                                   \
  {path, "send_" #function, is_carried_##function, read, send_##function, answer},
      ROW_LIST(ROW)
#undef ROW
          {"/rkv.v1.Admin/Call", "send_admin", is_carried_admin, read_admin, send_admin,
           answer_admin}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    if (strcmp(rows[i].path, path) == 0) return &rows[i];
  return NULL;
}
