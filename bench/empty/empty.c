/* empty.c: bench-empty --id N --addr HOST:PORT: a server that answers Set, Get and all else with an
 * empty message at once: the ceiling of every unary call of a server made of gRPC's C core.
 *
 * The core gets the same arguments as from transport-grpc, with one queue and one thread. Metrics
 * says that this node leads and that its log has one entry per Set, so that bench-cluster can drive
 * and verify it like a cluster of one. Runs until SIGTERM. */
#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 256 /* calls of one method that may arrive at once */
#define SERVICE "/openraftpb.AppService/"
#define TEXT_FIELD 2 /* MetricsResponse.other_metrics */

struct server {
  grpc_server *core;
  grpc_completion_queue *cq;
  uint64_t sets;
};

/* One call from its slot to its answer; used again. */
struct call {
  struct server *server;
  void *registered; /* NULL: any other method */
  bool is_set, answered;
  grpc_call *call;
  gpr_timespec deadline;
  grpc_metadata_array metadata;
  grpc_call_details details;
  grpc_byte_buffer *request, *answer;
  int cancelled;
};

static grpc_arg int_arg(const char *key, int value) {
  grpc_arg arg = {.type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key};
  arg.value.integer = value;
  return arg;
}

static void await(struct call *c) {
  grpc_call_error e;
  c->answered = false;
  c->request = NULL;
  c->metadata.count = 0;
  if (c->registered)
    e = grpc_server_request_registered_call(c->server->core, c->registered, &c->call, &c->deadline,
                                            &c->metadata, &c->request, c->server->cq, c->server->cq,
                                            c);
  else
    e = grpc_server_request_call(c->server->core, &c->call, &c->details, &c->metadata,
                                 c->server->cq, c->server->cq, c);
  if (e == GRPC_CALL_OK) return;
  (void)fprintf(stderr, "bench-empty: the core refused a slot\n");
  exit(1);
}

/* The answer to Metrics. Init gets the same answer, which is not read. */
static grpc_slice metrics_of(const struct server *s) {
  char out[96];
  const int len =
      snprintf(out + 2, sizeof out - 2, "state:leader leader:1 last_log:%" PRIu64, s->sets);
  out[0] = TEXT_FIELD << 3 | 2;
  out[1] = (char)len;
  return grpc_slice_from_copied_buffer(out, (size_t)len + 2);
}

static void answer(struct call *c) {
  grpc_op ops[4] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},
                    {.op = GRPC_OP_SEND_MESSAGE},
                    {.op = GRPC_OP_SEND_STATUS_FROM_SERVER},
                    {.op = GRPC_OP_RECV_CLOSE_ON_SERVER}};
  grpc_slice message = c->registered ? grpc_empty_slice() : metrics_of(c->server);
  c->answer = grpc_raw_byte_buffer_create(&message, 1);
  grpc_slice_unref(message);
  if (c->is_set) c->server->sets++;
  ops[1].data.send_message.send_message = c->answer;
  ops[3].data.recv_close_on_server.cancelled = &c->cancelled;
  c->answered = true;
  if (grpc_call_start_batch(c->call, ops, 4, c, NULL) == GRPC_CALL_OK) return;
  (void)fprintf(stderr, "bench-empty: the core refused an answer\n");
  exit(1);
}

static void recycle(struct call *c) {
  grpc_call_unref(c->call);
  grpc_byte_buffer_destroy(c->answer);
  if (c->request) grpc_byte_buffer_destroy(c->request);
  if (!c->registered) grpc_call_details_destroy(&c->details);
  await(c);
}

static void open_slots(struct server *s, void *registered, bool is_set) {
  for (int i = 0; i < SLOTS; i++) {
    struct call *c = calloc(1, sizeof *c);
    if (!c) exit(1);
    c->server = s;
    c->registered = registered;
    c->is_set = is_set;
    grpc_metadata_array_init(&c->metadata);
    grpc_call_details_init(&c->details);
    await(c);
  }
}

static bool serve(struct server *s, const char *addr) {
  grpc_arg args[] = {int_arg(GRPC_ARG_MINIMAL_STACK, 1), int_arg(GRPC_ARG_ENABLE_CHANNELZ, 0),
                     int_arg(GRPC_ARG_HTTP2_BDP_PROBE, 0), int_arg(GRPC_ARG_ALLOW_REUSEPORT, 0)};
  const grpc_channel_args list = {sizeof args / sizeof args[0], args};
  grpc_server_credentials *plain = grpc_insecure_server_credentials_create();
  void *set, *get;
  int port;
  s->cq = grpc_completion_queue_create_for_next(NULL);
  s->core = grpc_server_create(&list, NULL);
  grpc_server_register_completion_queue(s->core, s->cq, NULL);
  set = grpc_server_register_method(s->core, SERVICE "Set", NULL,
                                    GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER, 0);
  get = grpc_server_register_method(s->core, SERVICE "Get", NULL,
                                    GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER, 0);
  port = grpc_server_add_http2_port(s->core, addr, plain);
  grpc_server_credentials_release(plain);
  if (port <= 0 || !set || !get) return false;
  grpc_server_start(s->core);
  open_slots(s, set, true);
  open_slots(s, get, false);
  open_slots(s, NULL, false);
  return true;
}

int main(int argc, char **argv) {
  struct server s = {.sets = 0};
  const char *addr = NULL;
  if (argc > 1 && strcmp(argv[1], "--help") == 0) {
    printf("usage: bench-empty --id N --addr HOST:PORT   a server that keeps nothing\n");
    return 0;
  }
  for (int i = 1; i + 1 < argc; i += 2)
    if (strcmp(argv[i], "--addr") == 0) addr = argv[i + 1];
  if (!addr) {
    (void)fprintf(stderr, "usage: bench-empty --id N --addr HOST:PORT\n");
    return 2;
  }
  grpc_init();
  if (!serve(&s, addr)) {
    (void)fprintf(stderr, "bench-empty: cannot listen at %s\n", addr);
    return 1;
  }
  for (;;) {
    grpc_event event = grpc_completion_queue_next(s.cq, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    struct call *c = event.tag;
    if (event.type != GRPC_OP_COMPLETE) return 1;
    if (c->answered)
      recycle(c);
    else if (event.success)
      answer(c);
  }
}
