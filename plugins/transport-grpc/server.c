/* server.c: makes the core's server: arguments, port, methods, counters; invariants in server.h. */
#include "server.h"

#include <inttypes.h>
#include <stdlib.h>
#include "acceptor.h"
#include "ended.h"
#include "inflow.h"
#include "keep.h"

#define METHODS_MAX 24
#define HANDSHAKE_MS 10000
#define KEEPALIVE_MS 60000 /* a client that vanished without a word is noticed after this */
#define KEEPALIVE_TIMEOUT_MS 20000
#define PING_INTERVAL_MIN_MS 1000 /* pings that come faster are strikes ... */
#define PING_STRIKES_MAX 10       /* ... and after so many the connection is closed */
#define ARGS_MAX 16

struct counter {
  struct rkv_metric metric;
  _Atomic uint64_t value;
};

struct server {
  grpc_server *core;
  struct acceptor_door *door; /* the core's, for the acceptor */
  struct acceptor *acceptor;
  struct slot_kind kinds[METHODS_MAX];
  size_t kind_count;
  struct inflows *appends, *writes;
  struct snapshots *snapshots;
  struct unaries unaries;
  struct untaken_list untaken;
  struct ended *ended;
  struct unary *spares;
  size_t spare_count;
  struct counter counters[SERVER_COUNTS];
  pthread_mutex_t lock; /* guards what follows: what was said last of a peer's request */
  char blamed[RKV_ERROR_TEXT_MAX];
  uint64_t blamed_ns, blamed_count;
};

grpc_server *server_core(const struct transport *t) {
  return t->server->core;
}

struct untaken_list *server_untaken(const struct transport *t) {
  return &t->server->untaken;
}

struct unaries *server_unaries(const struct transport *t) {
  return &t->server->unaries;
}

void server_ended(struct transport *t, enum ended_kind why) {
  ended_add(t->server->ended, why);
}

void server_set_connections_max(struct transport *t, size_t max) {
  ended_set_max(t->server->ended, max);
}

/* ---- counters ---- */

static uint64_t counter_read(void *arg) {
  struct counter *counter = arg;
  return atomic_load_explicit(&counter->value, memory_order_relaxed);
}

void server_count(struct transport *t, enum server_count what) {
  atomic_fetch_add_explicit(&t->server->counters[what].value, 1, memory_order_relaxed);
}

void server_arrived(struct transport *t, enum rkv_status awaits) {
  server_count(t, SERVER_COUNT_requests);
  if (awaits != RKV_OK)
    t->host->fatal(t->host->ctx, RKV_NO_MEMORY, "transport-grpc: no memory to await a call");
}

/* How often it happened since the last line, if it is time for one; else 0. */
static uint64_t blame(struct server *s, const char *text, uint64_t now_ns) {
  uint64_t count = 0;
  pthread_mutex_lock(&s->lock);
  s->blamed_count++;
  if (strncmp(s->blamed, text, sizeof s->blamed - 1) != 0 ||
      transport_has_passed(now_ns, s->blamed_ns, SERVER_REPEAT_NS)) {
    count = s->blamed_count;
    s->blamed_count = 0;
    s->blamed_ns = now_ns;
    (void)snprintf(s->blamed, sizeof s->blamed, "%s", text);
  }
  pthread_mutex_unlock(&s->lock);
  return count;
}

void server_count_refusal(struct transport *t, enum rkv_status status, const char *of_peer,
                          const struct rkv_error *error) {
  uint64_t count;
  if (status != RKV_INVALID && status != RKV_TOO_LARGE) return;
  server_count(t, SERVER_COUNT_refused);
  if (!of_peer || !error || status != RKV_INVALID) return; /* too large: the sender splits it */
  count = blame(t->server, error->text, transport_now(t));
  if (count > 0)
    rkv_log(t->host, RKV_LOG_WARN, TRANSPORT_LOG,
            "a peer's request cannot be taken method=%s times=%" PRIu64 " text=\"%s\"", of_peer,
            count, error->text);
}

static enum rkv_status register_counters(struct transport *t, struct rkv_error *error) {
  static const char *const texts[SERVER_COUNTS][2] = {
#define SERVER_COUNT_TEXT(name, help) {#name, help},
      SERVER_COUNT_LIST(SERVER_COUNT_TEXT)
#undef SERVER_COUNT_TEXT
  };
  for (size_t i = 0; i < SERVER_COUNTS; i++) {
    struct counter *counter = &t->server->counters[i];
    enum rkv_status status;
    counter->metric.name = texts[i][0];
    counter->metric.help = texts[i][1];
    counter->metric.read = counter_read;
    counter->metric.arg = counter;
    status = t->host->metric_register(t->host->ctx, &counter->metric, error);
    if (status != RKV_OK) return status;
  }
  return RKV_OK;
}

/* ---- messages ---- */

enum rkv_status server_check_message(struct transport *t, const grpc_byte_buffer *message,
                                     uint64_t limit, struct rkv_error *error) {
  const size_t len = grpc_byte_buffer_length((grpc_byte_buffer *)(uintptr_t)message);
  if (keep_is_compressed(message))
    return rkv_fail(error, RKV_UNIMPLEMENTED,
                    "compressed messages are not taken here (send without grpc-encoding)");
  if (len <= limit) return RKV_OK;
  server_count(t, SERVER_COUNT_too_large);
  return rkv_fail(error, RKV_TOO_LARGE,
                  "decoded message length too large: found %zu bytes, the limit is %" PRIu64
                  " bytes",
                  len, limit);
}

/* ---- spares ---- */

struct unary *server_spare_take(struct transport *t) {
  struct server *s = t->server;
  struct unary *u = s->spares;
  if (!u) {
    u = calloc(1, sizeof *u);
    if (u) u->t = t;
    return u;
  }
  s->spares = u->next;
  s->spare_count--;
  return u;
}

void server_spare_give(struct transport *t, struct unary *u) {
  struct server *s = t->server;
  if (s->spare_count >= SERVER_SPARE_MAX) {
    unary_free(u);
    return;
  }
  u->next = s->spares;
  s->spares = u;
  s->spare_count++;
}

/* ---- making ---- */

static grpc_arg int_arg(const char *key, uint64_t value) {
  grpc_arg arg;
  arg.type = GRPC_ARG_INTEGER;
  arg.key = (char *)(uintptr_t)key;
  arg.value.integer = value > INT32_MAX ? INT32_MAX : (int)value;
  return arg;
}

/* Lean: the core's filters for sizes, channelz and retries cost a third of a call; sizes are
 * checked by us (server_check_message), deadlines are asked for one by one, memory is bounded by
 * the quota. */
static grpc_server *make_core(const struct transport_options *options,
                              struct acceptor_door **door) {
  grpc_resource_quota *quota = grpc_resource_quota_create("transport-grpc");
  grpc_arg args[ARGS_MAX];
  grpc_channel_args list = {0, args};
  grpc_server *core;
  grpc_resource_quota_resize(quota, options->memory_max);
  args[list.num_args].type = GRPC_ARG_POINTER;
  args[list.num_args].key = (char *)(uintptr_t)GRPC_ARG_RESOURCE_QUOTA;
  args[list.num_args].value.pointer.p = quota;
  args[list.num_args++].value.pointer.vtable = grpc_resource_quota_arg_vtable();
  args[list.num_args++] = int_arg(GRPC_ARG_MINIMAL_STACK, 1);
  args[list.num_args++] = int_arg(GRPC_ARG_ENABLE_DEADLINE_CHECKS, 1);
  args[list.num_args++] = int_arg(GRPC_ARG_ENABLE_CHANNELZ, 0);
  args[list.num_args++] = int_arg(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  args[list.num_args++] = int_arg(GRPC_ARG_MAX_CONCURRENT_STREAMS, options->concurrent_streams_max);
  args[list.num_args++] = int_arg(GRPC_ARG_MAX_METADATA_SIZE, options->metadata_max);
  args[list.num_args++] = int_arg(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, HANDSHAKE_MS);
  args[list.num_args++] = int_arg(GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_MS);
  args[list.num_args++] = int_arg(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_TIMEOUT_MS);
  args[list.num_args++] =
      int_arg(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, PING_INTERVAL_MIN_MS);
  args[list.num_args++] = int_arg(GRPC_ARG_HTTP2_MAX_PING_STRIKES, PING_STRIKES_MAX);
  args[list.num_args++] = acceptor_arg(door);
  core = grpc_server_create(&list, NULL);
  grpc_resource_quota_unref(quota);
  return core;
}

static enum rkv_status register_methods(struct server *s, const struct method *table,
                                        uint64_t limit, struct rkv_error *error) {
  for (; table->handle; table++) {
    struct slot_kind *kind = &s->kinds[s->kind_count];
    if (s->kind_count == METHODS_MAX)
      return rkv_fail(error, RKV_BROKEN, "more than %d methods", METHODS_MAX);
    kind->method = table;
    kind->limit = limit;
    kind->registered =
        grpc_server_register_method(s->core, table->path, NULL, GRPC_SRM_PAYLOAD_NONE, 0);
    if (!kind->registered)
      return rkv_fail(error, RKV_BROKEN, "method %s cannot be registered", table->path);
    s->kind_count++;
  }
  return RKV_OK;
}

enum rkv_status server_open(struct transport *t, struct rkv_error *error) {
  struct server *s = calloc(1, sizeof *s);
  enum rkv_status status;
  if (!s) return rkv_fail(error, RKV_NO_MEMORY, "transport-grpc: no memory for the server");
  if (pthread_mutex_init(&s->lock, NULL) != 0) {
    free(s);
    return rkv_fail(error, RKV_NO_MEMORY, "transport-grpc: no memory for the server");
  }
  t->server = s;
  s->ended = ended_new(t);
  if (!s->ended) return rkv_fail(error, RKV_NO_MEMORY, "transport-grpc: no memory for the server");
  unaries_open(&s->unaries, t);
  status = untaken_open(&s->untaken, t, error);
  if (status != RKV_OK) return status;
  s->core = make_core(&t->options, &s->door);
  grpc_server_register_completion_queue(s->core, t->cq, NULL);
  status = register_counters(t, error);
  if (status == RKV_OK)
    status = register_methods(s, service_app_methods, t->options.app_message_max, error);
  if (status == RKV_OK)
    status = register_methods(s, service_raft_methods, t->options.raft_message_max, error);
  if (status == RKV_OK)
    status = register_methods(s, service_peer_methods, t->options.raft_message_max, error);
  if (status == RKV_OK)
    status = register_methods(s, service_admin_methods, t->options.app_message_max, error);
  if (status == RKV_OK)
    status =
        inflows_open(t, s->core, &service_append, t->options.raft_message_max, &s->appends, error);
  if (status == RKV_OK)
    status =
        inflows_open(t, s->core, &service_write, t->options.app_message_max, &s->writes, error);
  if (status == RKV_OK) status = snapshots_open(t, s->core, &s->snapshots, error);
  if (status == RKV_OK) status = acceptor_open(t, s->core, &s->door, &s->acceptor, error);
  return status; /* the caller frees what there is */
}

enum rkv_status server_start(struct transport *t, struct rkv_error *error) {
  static const struct slot_kind unknown = {NULL, NULL, 0};
  struct server *s = t->server;
  enum rkv_status status;
  grpc_server_start(s->core);
  for (size_t i = 0; i < SERVER_SLOTS; i++) {
    /* Without these, calls of unknown methods would wait for ever. */
    status = unary_await(t, &unknown);
    for (size_t k = 0; status == RKV_OK && k < s->kind_count; k++)
      status = unary_await(t, &s->kinds[k]);
    if (status != RKV_OK) return rkv_fail(error, status, "transport-grpc: no memory for slots");
  }
  status = inflows_start(s->appends, error);
  if (status == RKV_OK) status = inflows_start(s->writes, error);
  if (status == RKV_OK) status = snapshots_start(s->snapshots, error);
  return status != RKV_OK ? status : acceptor_start(s->acceptor, error);
}

void server_stop_accepting(struct transport *t) {
  acceptor_stop(t->server->acceptor);
}

void server_hang_up(struct transport *t) {
  acceptor_hang_up(t->server->acceptor);
}

void server_close(struct transport *t) {
  grpc_server_destroy(t->server->core);
}

void server_free(struct transport *t) {
  struct server *s = t->server;
  if (!s) return;
  while (s->spares) {
    struct unary *u = s->spares;
    s->spares = u->next;
    unary_free(u);
  }
  inflows_free(s->appends);
  inflows_free(s->writes);
  snapshots_free(s->snapshots);
  untaken_close(&s->untaken);
  ended_free(s->ended);
  pthread_mutex_destroy(&s->lock);
  acceptor_free(s->acceptor);
  free(s);
}
