/* played_node.c: a gRPC server in a thread of its own, one call requested at a time. */
#include "played_node.h"

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS_MAX 64

struct played_call {
  grpc_call *call;
  grpc_call_details details;
  grpc_metadata_array head;
  grpc_metadata leader;
  grpc_slice text;
  grpc_byte_buffer *answer;
  int cancelled;
  bool arrived; /* false: the tag means a new call; true: the call has ended */
};

struct played_note {
  char method[ADDRESS_MAX], read[ADDRESS_MAX];
};

struct played_node {
  enum part script[PLAYED_SCRIPT_MAX];
  unsigned count;
  atomic_uint calls;
  char endpoint[ADDRESS_MAX], leader[ADDRESS_MAX];
  pthread_mutex_t lock; /* guards `last`: the next call may overwrite it while a test still reads */
  struct played_note last, /* of the last call, written before it is answered */
      shown;               /* the test's own copy of it */
  grpc_server *server;
  grpc_completion_queue *queue;
  pthread_t thread;
};

static void request_call(struct played_node *node) {
  struct played_call *call = calloc(1, sizeof *call);
  if (!call) abort(); /* a test without memory proves nothing */
  grpc_call_details_init(&call->details);
  grpc_metadata_array_init(&call->head);
  if (grpc_server_request_call(node->server, &call->call, &call->details, &call->head, node->queue,
                               node->queue, call) != GRPC_CALL_OK)
    abort();
}

static void end_call(struct played_call *call) {
  if (call->call) grpc_call_unref(call->call);
  if (call->answer) grpc_byte_buffer_destroy(call->answer);
  grpc_call_details_destroy(&call->details);
  grpc_metadata_array_destroy(&call->head);
  free(call);
}

static void add_status(struct played_call *call, grpc_op *op, grpc_status_code code,
                       const char *text) {
  call->text = grpc_slice_from_static_string(text);
  op->op = GRPC_OP_SEND_STATUS_FROM_SERVER;
  op->data.send_status_from_server.status = code;
  op->data.send_status_from_server.status_details = &call->text;
}

/* Starts what the part does with the call, and returns how many operations that takes. */
static size_t play(const struct played_node *node, enum part part, struct played_call *call,
                   grpc_op *ops) {
  size_t n = 0;
  ops[n].op = GRPC_OP_RECV_CLOSE_ON_SERVER;
  ops[n++].data.recv_close_on_server.cancelled = &call->cancelled;
  if (part == SAYS_NOTHING) return n;
  ops[n++].op = GRPC_OP_SEND_INITIAL_METADATA;
  switch (part) {
  case ANSWERS:
  case ANSWERS_LOG_ID: {
    grpc_slice done =
        grpc_slice_from_static_string(part == ANSWERS ? "done" : "\x0a\x04\x08\x03\x10\x07");
    call->answer = grpc_raw_byte_buffer_create(&done, 1);
    ops[n].op = GRPC_OP_SEND_MESSAGE;
    ops[n++].data.send_message.send_message = call->answer;
    add_status(call, &ops[n++], GRPC_STATUS_OK, "");
    break;
  }
  case LEADS_ELSEWHERE:
    call->leader.key = grpc_slice_from_static_string("x-openraft-leader-endpoint");
    call->leader.value = grpc_slice_from_static_string(node->leader);
    ops[n].data.send_status_from_server.trailing_metadata_count = 1;
    ops[n].data.send_status_from_server.trailing_metadata = &call->leader;
    add_status(call, &ops[n++], GRPC_STATUS_UNAVAILABLE, "has to forward request to: another");
    break;
  case KNOWS_NO_LEADER:
    add_status(call, &ops[n++], GRPC_STATUS_UNAVAILABLE, "has to forward request to: none");
    break;
  case DECLINES:
    call->leader.key = grpc_slice_from_static_string("rkv-refused");
    call->leader.value = grpc_slice_from_static_string("1");
    ops[n].data.send_status_from_server.trailing_metadata_count = 1;
    ops[n].data.send_status_from_server.trailing_metadata = &call->leader;
    add_status(call, &ops[n++], GRPC_STATUS_UNAVAILABLE, "node 1 is stopping");
    break;
  case REFUSES: add_status(call, &ops[n++], GRPC_STATUS_FAILED_PRECONDITION, "not now"); break;
  case ABORTS: add_status(call, &ops[n++], GRPC_STATUS_ABORTED, "as it happens"); break;
  case FAILS_INSIDE: add_status(call, &ops[n++], GRPC_STATUS_INTERNAL, "as it happens"); break;
  case FAILS_SOMEHOW: add_status(call, &ops[n++], GRPC_STATUS_UNKNOWN, "as it happens"); break;
  case LOSES_DATA: add_status(call, &ops[n++], GRPC_STATUS_DATA_LOSS, "as it happens"); break;
  case BREAKS_OFF: add_status(call, &ops[n++], GRPC_STATUS_UNAVAILABLE, "Socket closed"); break;
  case SAYS_NOTHING: break;
  }
  return n;
}

static void copy(char to[ADDRESS_MAX], grpc_slice from) {
  (void)snprintf(to, ADDRESS_MAX, "%.*s", (int)GRPC_SLICE_LENGTH(from),
                 (const char *)GRPC_SLICE_START_PTR(from));
}

static void note(struct played_node *node, const struct played_call *call) {
  struct played_note note = {.read = ""};
  copy(note.method, call->details.method);
  for (size_t i = 0; i < call->head.count; i++)
    if (grpc_slice_str_cmp(call->head.metadata[i].key, "rkv-read") == 0)
      copy(note.read, call->head.metadata[i].value);
  (void)pthread_mutex_lock(&node->lock);
  node->last = note;
  (void)pthread_mutex_unlock(&node->lock);
}

static void on_arrival(struct played_node *node, struct played_call *call) {
  unsigned nth;
  grpc_op ops[4];
  size_t n;
  memset(ops, 0, sizeof ops);
  call->arrived = true;
  note(node, call);
  nth = atomic_fetch_add(&node->calls, 1);
  n = play(node, node->script[nth < node->count ? nth : node->count - 1], call, ops);
  if (grpc_call_start_batch(call->call, ops, n, call, NULL) != GRPC_CALL_OK) abort();
  request_call(node);
}

static void *run(void *arg) {
  struct played_node *node = arg;
  for (;;) {
    grpc_event event =
        grpc_completion_queue_next(node->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    struct played_call *call = event.tag;
    if (event.type == GRPC_QUEUE_SHUTDOWN) return NULL;
    if (!call) { /* the server has shut down: no call is left */
      grpc_completion_queue_shutdown(node->queue);
    } else if (!call->arrived && event.success) {
      on_arrival(node, call);
    } else {
      end_call(call);
    }
  }
}

struct played_node *played_node_start(const enum part *script, unsigned count, const char *leader) {
  struct played_node *node = calloc(1, sizeof *node);
  grpc_server_credentials *insecure;
  int port;
  if (!node || count == 0 || count > PLAYED_SCRIPT_MAX) abort();
  memcpy(node->script, script, count * sizeof *script);
  node->count = count;
  if (pthread_mutex_init(&node->lock, NULL)) abort();
  grpc_init();
  node->queue = grpc_completion_queue_create_for_next(NULL);
  node->server = grpc_server_create(NULL, NULL);
  grpc_server_register_completion_queue(node->server, node->queue, NULL);
  insecure = grpc_insecure_server_credentials_create();
  port = grpc_server_add_http2_port(node->server, "127.0.0.1:0", insecure);
  grpc_server_credentials_release(insecure);
  if (port == 0) abort();
  (void)snprintf(node->endpoint, sizeof node->endpoint, "127.0.0.1:%d", port);
  (void)snprintf(node->leader, sizeof node->leader, "%s", leader ? leader : node->endpoint);
  grpc_server_start(node->server);
  request_call(node);
  if (pthread_create(&node->thread, NULL, run, node)) abort();
  return node;
}

const char *played_node_endpoint(const struct played_node *node) {
  return node->endpoint;
}

static const struct played_note *show(struct played_node *node) {
  (void)pthread_mutex_lock(&node->lock);
  node->shown = node->last;
  (void)pthread_mutex_unlock(&node->lock);
  return &node->shown;
}

const char *played_node_method(struct played_node *node) {
  return show(node)->method;
}

const char *played_node_read(struct played_node *node) {
  return show(node)->read;
}

unsigned played_node_calls(struct played_node *node) {
  return atomic_load(&node->calls);
}

void played_node_stop(struct played_node *node) {
  grpc_server_shutdown_and_notify(node->server, node->queue, NULL);
  grpc_server_cancel_all_calls(node->server);
  (void)pthread_join(node->thread, NULL);
  grpc_server_destroy(node->server);
  grpc_completion_queue_destroy(node->queue);
  grpc_shutdown_blocking();
  (void)pthread_mutex_destroy(&node->lock);
  free(node);
}
