/* stream.c: one write stream in a closed loop.
 *
 * (T1) At most `window` messages are unanswered; answers come in the order of the messages.
 * (T2) One send and one receive are under way at a time: the core allows no more. */
#include "stream.h"

#include "nodes.h"
#include "wire.h"

#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATH "/rkv.v1.Stream/Write"
#define RESULTS 1 /* WriteResponse.results, WriteRequest.commands */
#define CODE_TAG 0x08
#define STREAM_TIMEOUT_S 10 /* after so long without an event the node counts as dead */

enum event { EVENT_BEGUN = 1, EVENT_SENT, EVENT_RECEIVED, EVENT_END };

struct stream {
  const struct cluster *cluster;
  struct load_result *result;
  struct load_kind *puts;
  struct histogram *latencies;
  grpc_completion_queue *cq;
  grpc_channel *channel;
  grpc_call *call;
  uint8_t *command; /* one put with its tag; the key's digits change */
  size_t command_size, digits_at;
  grpc_byte_buffer *out, *in;
  uint64_t *started_ns; /* of the unanswered messages: a ring of `window` */
  unsigned window, batch;
  uint64_t sent, answered, sequence;
  bool sending, measuring, over, closed, ended;
  grpc_metadata_array initial, trailing;
  grpc_status_code code;
  grpc_slice details;
};

static uint64_t now_ns(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

static bool start(struct stream *s, const grpc_op *ops, size_t count, enum event event) {
  if (grpc_call_start_batch(s->call, ops, count, (void *)(uintptr_t)event, NULL) == GRPC_CALL_OK)
    return true;
  (void)fprintf(stderr, "bench: the core refused a batch\n");
  return false;
}

/* ---- messages ---- */

static bool make_command(struct stream *s) {
  const size_t value_bytes = s->cluster->options->value_bytes;
  const size_t room = value_bytes + LOAD_KEY_BYTES + 2 * WIRE_OVERHEAD_MAX;
  char *value = malloc(value_bytes + 1);
  uint8_t *put = malloc(room);
  size_t size = 0;
  s->command = malloc(room);
  if (value && put && s->command) {
    memset(value, 'v', value_bytes);
    wire_put_bytes(put, &size, 1, "key-00000000", LOAD_KEY_BYTES);
    s->digits_at = size - 8;
    wire_put_bytes(put, &size, 2, value, value_bytes);
    wire_put_bytes(s->command, &s->command_size, RESULTS, put, size);
    s->digits_at += s->command_size - size;
  }
  free(value);
  free(put);
  return s->command_size > 0;
}

static bool send_next(struct stream *s) {
  const unsigned keys = s->cluster->options->keys;
  grpc_slice slice = grpc_slice_malloc(s->batch * s->command_size);
  uint8_t *at = GRPC_SLICE_START_PTR(slice);
  grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};
  for (unsigned i = 0; i < s->batch; i++, at += s->command_size) {
    char digits[16];
    (void)snprintf(digits, sizeof digits, "%08u", load_key(s->sequence++, keys));
    memcpy(at, s->command, s->command_size);
    memcpy(at + s->digits_at, digits, 8);
  }
  s->out = grpc_raw_byte_buffer_create(&slice, 1);
  grpc_slice_unref(slice);
  s->started_ns[s->sent++ % s->window] = now_ns(CLOCK_MONOTONIC);
  s->sending = true;
  op.data.send_message.send_message = s->out;
  return start(s, &op, 1, EVENT_SENT);
}

static bool receive_next(struct stream *s) {
  grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};
  op.data.recv_message.recv_message = &s->in;
  return start(s, &op, 1, EVENT_RECEIVED);
}

/* Counts the results of one answer: a result without a code is a put that was applied. */
static void count_results(struct stream *s, const uint8_t *at, size_t size) {
  const uint8_t *end = at + size;
  const uint64_t took = now_ns(CLOCK_MONOTONIC) - s->started_ns[s->answered++ % s->window];
  while (at < end && *at == (RESULTS << 3 | 2)) {
    size_t len = 0;
    unsigned shift = 0;
    do len |= (size_t)(*++at & 0x7f) << shift, shift += 7;
    while (at < end && *at & 0x80);
    at++;
    if (len > 0 && at < end && *at == CODE_TAG) {
      s->puts->failed++;
    } else {
      s->puts->acked++;
      if (s->measuring) s->puts->counted++;
      if (s->measuring) histogram_add(s->latencies, took);
    }
    at += len;
  }
}

static void take_answer(struct stream *s) {
  grpc_byte_buffer_reader reader;
  if (!grpc_byte_buffer_reader_init(&reader, s->in)) return;
  grpc_slice whole = grpc_byte_buffer_reader_readall(&reader);
  count_results(s, GRPC_SLICE_START_PTR(whole), GRPC_SLICE_LENGTH(whole));
  grpc_slice_unref(whole);
  grpc_byte_buffer_reader_destroy(&reader);
  grpc_byte_buffer_destroy(s->in);
  s->in = NULL;
}

/* ---- the loop ---- */

static bool go_on(struct stream *s) {
  grpc_op op = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};
  if (s->sending || s->closed) return true;
  if (!s->over && s->sent - s->answered < s->window) return send_next(s);
  if (!s->over) return true;
  s->closed = true;
  s->sending = true;
  return start(s, &op, 1, EVENT_SENT);
}

/* Works one event. False: the stream has ended, or no event comes any more. */
static bool work(struct stream *s) {
  gpr_timespec until = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                    gpr_time_from_seconds(STREAM_TIMEOUT_S, GPR_TIMESPAN));
  grpc_event event = grpc_completion_queue_next(s->cq, until, NULL);
  if (event.type != GRPC_OP_COMPLETE) return false;
  switch ((enum event)(uintptr_t)event.tag) {
  case EVENT_BEGUN: return true;
  case EVENT_SENT:
    if (s->out) grpc_byte_buffer_destroy(s->out);
    s->out = NULL;
    s->sending = false;
    return go_on(s);
  case EVENT_RECEIVED:
    if (!s->in) return true; /* the stream's end follows */
    take_answer(s);
    return receive_next(s) && go_on(s);
  case EVENT_END: s->ended = true; return false;
  }
  return false;
}

static void drive(struct stream *s, bool (*stop)(void)) {
  const struct options *options = s->cluster->options;
  const uint64_t second = 1000000000ULL, warm = now_ns(CLOCK_MONOTONIC);
  const uint64_t warm_ns = warm + options->warmup_seconds * second;
  const uint64_t end_ns = warm_ns + options->seconds * second;
  struct load_window window = {.from_ns = 0};
  do {
    const uint64_t now = now_ns(CLOCK_MONOTONIC);
    if (!s->measuring && !s->over && now >= warm_ns) {
      s->measuring = true;
      load_window_begin(&window, s->cluster, now);
    }
    const bool enough = options->puts > 0 && s->sequence >= options->puts;
    if (!s->over && (enough || now >= end_ns || stop())) {
      s->over = true;
      s->measuring = false;
      load_window_end(&window, s->cluster, now, s->result);
    }
  } while (work(s));
}

/* ---- life ---- */

static bool open_stream(struct stream *s, const char *endpoint) {
  grpc_channel_credentials *plain = grpc_insecure_credentials_create();
  grpc_arg lean = {.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_MINIMAL_STACK};
  const grpc_channel_args args = {1, &lean};
  grpc_op begin[2] = {{.op = GRPC_OP_SEND_INITIAL_METADATA}, {.op = GRPC_OP_RECV_STATUS_ON_CLIENT}};
  grpc_op initial = {.op = GRPC_OP_RECV_INITIAL_METADATA};
  lean.value.integer = 1;
  s->cq = grpc_completion_queue_create_for_next(NULL);
  s->channel = grpc_channel_create(endpoint, plain, &args);
  grpc_channel_credentials_release(plain);
  s->call = grpc_channel_create_call(s->channel, NULL, GRPC_PROPAGATE_DEFAULTS, s->cq,
                                     grpc_slice_from_static_string(PATH), NULL,
                                     gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
  grpc_metadata_array_init(&s->initial);
  grpc_metadata_array_init(&s->trailing);
  begin[1].data.recv_status_on_client.trailing_metadata = &s->trailing;
  begin[1].data.recv_status_on_client.status = &s->code;
  begin[1].data.recv_status_on_client.status_details = &s->details;
  initial.data.recv_initial_metadata.recv_initial_metadata = &s->initial;
  return s->call && start(s, begin, 2, EVENT_END) && start(s, &initial, 1, EVENT_BEGUN) &&
         receive_next(s) && send_next(s);
}

static void note_end(struct stream *s) {
  struct load_result *result = s->result;
  char *text;
  if (s->ended && s->code == GRPC_STATUS_OK) return;
  s->puts->failed += (s->sent - s->answered) * s->batch;
  result->failure_code = s->ended ? (int)s->code : GRPC_STATUS_DEADLINE_EXCEEDED;
  text = s->ended ? grpc_slice_to_c_string(s->details) : NULL;
  (void)snprintf(result->failure, sizeof result->failure, "%s", text ? text : "no answer");
  gpr_free(text);
}

static void close_stream(struct stream *s) {
  if (s->call) grpc_call_cancel(s->call, NULL);
  if (s->cq) grpc_completion_queue_shutdown(s->cq);
  while (s->cq &&
         grpc_completion_queue_next(s->cq, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL).type !=
             GRPC_QUEUE_SHUTDOWN) {
  }
  if (s->out) grpc_byte_buffer_destroy(s->out);
  if (s->in) grpc_byte_buffer_destroy(s->in);
  if (s->call) grpc_call_unref(s->call);
  if (s->channel) grpc_channel_destroy(s->channel);
  if (s->cq) grpc_completion_queue_destroy(s->cq);
  grpc_slice_unref(s->details);
  grpc_metadata_array_destroy(&s->initial);
  grpc_metadata_array_destroy(&s->trailing);
  free(s->command);
  free(s->started_ns);
  free(s->latencies);
}

bool stream_run(const struct cluster *cluster, const char *endpoint, unsigned inflight,
                bool (*stop)(void), struct load_result *result) {
  struct stream s = {.cluster = cluster, .result = result, .batch = cluster->options->batch};
  bool ok = false;
  memset(result, 0, sizeof *result);
  s.details = grpc_empty_slice();
  s.puts = &result->kinds[MIX_WRITE];
  s.window = inflight > s.batch ? inflight / s.batch : 1;
  s.latencies = calloc(1, sizeof *s.latencies);
  s.started_ns = calloc(s.window, sizeof *s.started_ns);
  if (s.latencies && s.started_ns && make_command(&s) && open_stream(&s, endpoint)) {
    drive(&s, stop);
    note_end(&s);
    load_summarize(s.latencies, s.puts);
    ok = true;
  }
  close_stream(&s);
  return ok;
}
