/* grpc_call.c: one unary call: start, complete, keep the struct for the next one.
 *
 * (I1) A call is in client->live from a successful client_start until its event was taken. */
#include "grpc_parts.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>

#include <stdlib.h>
#include <string.h>

#define CODE_LIST(X)                                                                               \
  X(OK)                                                                                            \
  X(CANCELLED)                                                                                     \
  X(UNKNOWN)                                                                                       \
  X(INVALID_ARGUMENT)                                                                              \
  X(DEADLINE_EXCEEDED)                                                                             \
  X(NOT_FOUND)                                                                                     \
  X(ALREADY_EXISTS)                                                                                \
  X(PERMISSION_DENIED)                                                                             \
  X(RESOURCE_EXHAUSTED)                                                                            \
  X(FAILED_PRECONDITION)                                                                           \
  X(ABORTED)                                                                                       \
  X(OUT_OF_RANGE)                                                                                  \
  X(UNIMPLEMENTED)                                                                                 \
  X(INTERNAL)                                                                                      \
  X(UNAVAILABLE)                                                                                   \
  X(DATA_LOSS)                                                                                     \
  X(UNAUTHENTICATED)

const char *client_code_name(int code) {
  switch (code) {
#define CODE_NAME(name)                                                                            \
  case GRPC_STATUS_##name: return #name;
    CODE_LIST(CODE_NAME)
#undef CODE_NAME
  }
  return "UNKNOWN";
}

static struct client_call *take(struct grpc_way *client) {
  struct client_call *call = client->free;
  if (call) {
    client->free = call->next;
  } else {
    call = calloc(1, sizeof *call);
    if (!call) return NULL;
    grpc_metadata_array_init(&call->head);
    grpc_metadata_array_init(&call->tail);
  }
  call->client = client;
  call->previous = NULL;
  call->next = client->live;
  if (client->live) client->live->previous = call;
  client->live = call;
  client->live_count++;
  return call;
}

static void give_back(struct client_call *call) {
  struct grpc_way *client = call->client;
  if (call->next) call->next->previous = call->previous;
  if (call->previous) {
    call->previous->next = call->next;
  } else {
    client->live = call->next;
  }
  client->live_count--;
  call->next = client->free;
  client->free = call;
}

static void copy_text(char *to, size_t size, grpc_slice from) {
  size_t len = GRPC_SLICE_LENGTH(from);
  if (len >= size) len = size - 1;
  memcpy(to, GRPC_SLICE_START_PTR(from), len);
  to[len] = '\0';
}

static void copy_leader(char *to, size_t size, const grpc_metadata_array *tail) {
  to[0] = '\0';
  for (size_t i = 0; i < tail->count; i++)
    if (grpc_slice_str_cmp(tail->metadata[i].key, CLIENT_LEADER_KEY) == 0)
      copy_text(to, size, tail->metadata[i].value);
}

static bool says_refused(const grpc_metadata_array *tail) {
  for (size_t i = 0; i < tail->count; i++)
    if (grpc_slice_str_cmp(tail->metadata[i].key, CLIENT_REFUSED_KEY) == 0) return true;
  return false;
}

/* Hands the reply over. If the message is one slice, as a rule, it is lent and not copied. */
static void deliver(const struct client_call *call, struct client_reply *reply) {
  grpc_byte_buffer_reader reader;
  grpc_slice *one, whole;
  if (reply->code != GRPC_STATUS_OK || !call->response) {
    call->done(call->ctx, reply);
    return;
  }
  if (!grpc_byte_buffer_reader_init(&reader, call->response)) {
    reply->code = GRPC_STATUS_INTERNAL;
    memcpy(reply->text, "the answer cannot be read", sizeof "the answer cannot be read");
    call->done(call->ctx, reply);
    return;
  }
  if (call->response->data.raw.slice_buffer.count == 1 &&
      grpc_byte_buffer_reader_peek(&reader, &one)) {
    reply->data = GRPC_SLICE_START_PTR(*one);
    reply->size = GRPC_SLICE_LENGTH(*one);
    call->done(call->ctx, reply);
  } else {
    whole = grpc_byte_buffer_reader_readall(&reader);
    reply->data = GRPC_SLICE_START_PTR(whole);
    reply->size = GRPC_SLICE_LENGTH(whole);
    call->done(call->ctx, reply);
    grpc_slice_unref(whole);
  }
  grpc_byte_buffer_reader_destroy(&reader);
}

static void drop_pair(struct client_call *call) {
  grpc_slice_unref(call->pair.key);
  grpc_slice_unref(call->pair.value);
}

static void on_call_done(struct client_event *self, bool ok) {
  struct client_call *call = (struct client_call *)self;
  struct client_reply reply;
  (void)ok; /* a batch with RECV_STATUS always succeeds: the outcome is in the status */
  reply.code = (int)call->code;
  reply.text[0] = reply.leader[0] = '\0';
  reply.refused = false;
  reply.data = NULL;
  reply.size = 0;
  if (reply.code != GRPC_STATUS_OK) {
    copy_text(reply.text, sizeof reply.text, call->details);
    copy_leader(reply.leader, sizeof reply.leader, &call->tail);
    reply.refused = says_refused(&call->tail);
  } else if (!call->response) {
    reply.code = GRPC_STATUS_INTERNAL;
    memcpy(reply.text, "OK without a message", sizeof "OK without a message");
  }
  deliver(call, &reply);
  grpc_call_unref(call->call);
  grpc_slice_unref(call->details);
  grpc_byte_buffer_destroy(call->request);
  drop_pair(call);
  if (call->response) grpc_byte_buffer_destroy(call->response);
  call->head.count = call->tail.count = 0;
  give_back(call);
}

static grpc_call_error start_batch(struct client_call *call) {
  grpc_op ops[6];
  memset(ops, 0, sizeof ops);
  ops[0].op = GRPC_OP_SEND_INITIAL_METADATA;
  ops[0].data.send_initial_metadata.count = GRPC_SLICE_LENGTH(call->pair.key) > 0;
  ops[0].data.send_initial_metadata.metadata = &call->pair;
  ops[1].op = GRPC_OP_SEND_MESSAGE;
  ops[1].data.send_message.send_message = call->request;
  ops[2].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
  ops[3].op = GRPC_OP_RECV_INITIAL_METADATA;
  ops[3].data.recv_initial_metadata.recv_initial_metadata = &call->head;
  ops[4].op = GRPC_OP_RECV_MESSAGE;
  ops[4].data.recv_message.recv_message = &call->response;
  ops[5].op = GRPC_OP_RECV_STATUS_ON_CLIENT;
  ops[5].data.recv_status_on_client.trailing_metadata = &call->tail;
  ops[5].data.recv_status_on_client.status = &call->code;
  ops[5].data.recv_status_on_client.status_details = &call->details;
  return grpc_call_start_batch(call->call, ops, sizeof ops / sizeof ops[0], call, NULL);
}

enum rkv_status grpc_way_start(struct client_channel *given, const char *path,
                               struct client_pair pair, const void *request, size_t size,
                               uint64_t deadline_ms, client_done done, void *ctx) {
  const struct grpc_way_channel *channel = (struct grpc_way_channel *)given;
  struct grpc_way *client = (struct grpc_way *)given->client;
  struct client_call *call;
  grpc_slice body;
  if (client->live_count >= CLIENT_CALLS_MAX) return RKV_FULL;
  call = take(client);
  if (!call) return RKV_NO_MEMORY;
  call->event.on_done = on_call_done;
  call->done = done;
  call->ctx = ctx;
  call->code = GRPC_STATUS_UNKNOWN;
  call->details = grpc_empty_slice();
  call->response = NULL;
  call->pair.key = call->pair.value = grpc_empty_slice();
  if (pair.key) {
    call->pair.key = grpc_slice_from_copied_string(pair.key);
    call->pair.value = grpc_slice_from_copied_string(pair.value);
  }
  body = grpc_slice_from_copied_buffer(request, size);
  call->request = grpc_raw_byte_buffer_create(&body, 1);
  grpc_slice_unref(body);
  call->call = grpc_channel_create_call(channel->channel, NULL, GRPC_PROPAGATE_DEFAULTS,
                                        client->queue, grpc_slice_from_static_string(path), NULL,
                                        client_deadline(deadline_ms), NULL);
  if (start_batch(call) != GRPC_CALL_OK) {
    grpc_call_unref(call->call);
    grpc_byte_buffer_destroy(call->request);
    drop_pair(call);
    give_back(call);
    return RKV_BROKEN;
  }
  return RKV_OK;
}

void client_calls_cancel(struct grpc_way *client) {
  struct client_call *call;
  for (call = client->live; call; call = call->next) grpc_call_cancel(call->call, NULL);
}

void client_calls_free(struct grpc_way *client) {
  struct client_call *call;
  while ((call = client->free)) {
    client->free = call->next;
    grpc_metadata_array_destroy(&call->head);
    grpc_metadata_array_destroy(&call->tail);
    free(call);
  }
}
