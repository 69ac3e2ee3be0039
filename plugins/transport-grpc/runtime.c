/* runtime.c: the life of an instance; invariants in runtime.h. */
#include "runtime.h"

#include <grpc/grpc_security.h>
#include <grpc/support/log.h>
#include <assert.h>
#include <stdlib.h>
#include <time.h>
#include "peer.h"
#include "pollers.h"
#include "server.h"

#define STOP_FLUSH_NS (500 * MS)   /* what answers on their way get to leave, whatever the grace */
#define STOP_CANCEL_NS (200 * MS)  /* likewise what calls that were cancelled are told */
#define STOP_CONNECT_NS (200 * MS) /* what peers that are there need for their first words */
#define STOP_LOOK_NS (10 * MS)     /* how often stop() looks at counts that were not announced */

/* ---- time ---- */

gpr_timespec transport_to_gpr(const struct transport *t, uint64_t deadline_ns) {
  uint64_t now = transport_now(t), left = deadline_ns > now ? deadline_ns - now : 0;
  if (deadline_ns == 0 || left > INT64_MAX) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_nanos((int64_t)left, GPR_TIMESPAN));
}

uint64_t transport_from_gpr(const struct transport *t, gpr_timespec deadline) {
  gpr_timespec at = gpr_convert_clock_type(deadline, GPR_CLOCK_MONOTONIC);
  gpr_timespec left;
  uint64_t now = transport_now(t), ns;
  if (gpr_time_cmp(at, gpr_inf_future(GPR_CLOCK_MONOTONIC)) == 0) return 0;
  left = gpr_time_sub(at, gpr_now(GPR_CLOCK_MONOTONIC));
  if (left.tv_sec < 0) return now; /* over, and not "none" */
  if ((uint64_t)left.tv_sec >= (UINT64_MAX - now) / SECOND - 1) return 0;
  ns = (uint64_t)left.tv_sec * SECOND + (uint64_t)left.tv_nsec;
  return now + ns;
}

bool transport_cond_make(pthread_cond_t *cond) {
  pthread_condattr_t attr;
  bool ok;
  if (pthread_condattr_init(&attr) != 0) return false;
  ok =
      pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 && pthread_cond_init(cond, &attr) == 0;
  pthread_condattr_destroy(&attr);
  return ok;
}

void transport_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t ns) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += (long)ns;
  if (until.tv_nsec >= (long)SECOND) {
    until.tv_nsec -= (long)SECOND;
    until.tv_sec++;
  }
  (void)pthread_cond_timedwait(cond, mutex, &until); /* a time-out is no news: callers look */
}

/* ---- counts ---- */

static bool count_begin(atomic_size_t *count, atomic_bool *closed) {
  /* Counted before the look: whoever closes the direction afterwards waits for this call. */
  atomic_fetch_add(count, 1);
  if (!atomic_load(closed)) return true;
  atomic_fetch_sub(count, 1);
  return false;
}

static void count_end(struct transport *t, atomic_size_t *count) {
  size_t before;
  if (!atomic_load(&t->draining)) {
    before = atomic_fetch_sub(count, 1); /* stop() looks for itself: *t may be gone after this */
    assert(before > 0);                  /* (P3) */
    return;
  }
  pthread_mutex_lock(&t->mutex);
  before = atomic_fetch_sub(count, 1);
  assert(before > 0); /* (P3) */
  pthread_cond_broadcast(&t->changed);
  pthread_mutex_unlock(&t->mutex);
}

bool transport_inbound_begin(struct transport *t) {
  return count_begin(&t->inbound, &t->draining);
}
void transport_inbound_end(struct transport *t) {
  count_end(t, &t->inbound);
}
bool transport_outbound_begin(struct transport *t) {
  return count_begin(&t->outbound, &t->ended);
}
void transport_outbound_end(struct transport *t) {
  count_end(t, &t->outbound);
}

/* ---- for the poller ---- */

void transport_post(struct transport *t, struct tag *tag) {
  /* An empty batch comes back as an event at once; it changes nothing of the call. */
  grpc_call_error e;
  assert(t->post_call); /* (R2) */
  e = transport_batch(t->post_call, NULL, 0, tag);
  if (e != GRPC_CALL_OK) {
    rkv_log(t->host, RKV_LOG_ERROR, TRANSPORT_LOG, "empty batch refused error=%d", (int)e);
    t->host->fatal(t->host->ctx, RKV_BROKEN, "gRPC refused an empty batch");
  }
}

void transport_tick_add(struct transport *t, struct tick *tick) {
  tick->next = t->ticks;
  t->ticks = tick;
}

void transport_after_kick(struct transport *t, struct tag *tag) {
  tag->next = t->after_kick;
  t->after_kick = tag;
}

/* ---- open ---- */

/* Waits a moment for what the queue has left. The pollers do not run. */
static void drain(struct transport *t, bool *shutdown) {
  const gpr_timespec moment = gpr_time_from_nanos((int64_t)TRANSPORT_TICK_NS, GPR_TIMESPAN);
  (void)pollers_burst(t->pollers, gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), moment), shutdown);
}

/* Gives back what has been made; also the end of close. The poller does not run. */
static void dismantle(struct transport *t) {
  bool shutdown = false;
  if (t->server) server_stop_accepting(t);
  if (t->server && !t->server_down) { /* never started, so there was no stop */
    grpc_server_shutdown_and_notify(server_core(t), t->cq, &t->server_down_tag);
    grpc_server_cancel_all_calls(server_core(t));
    while (!t->server_down) drain(t, &shutdown);
  }
  if (t->server) server_close(t);
  peers_close(t);
  if (t->post_call) grpc_call_unref(t->post_call);
  if (t->post_channel) grpc_channel_destroy(t->post_channel);
  if (t->cq) {
    if (!t->queue_down) grpc_completion_queue_shutdown(t->cq);
    while (!t->queue_down) drain(t, &t->queue_down);
    grpc_completion_queue_destroy(t->cq);
  }
  server_free(t);
  pollers_free(t->pollers);
  pthread_cond_destroy(&t->changed);
  pthread_mutex_destroy(&t->mutex);
  grpc_shutdown_blocking(); /* not the plain one: it may leave a detached thread */
  free(t);
}

static bool make_sync(struct transport *t) {
  if (!transport_cond_make(&t->changed)) return false;
  if (pthread_mutex_init(&t->mutex, NULL) == 0) {
    t->pollers = pollers_new(t);
    if (t->pollers) return true;
    pthread_mutex_destroy(&t->mutex);
  }
  pthread_cond_destroy(&t->changed);
  return false;
}

/* The core logs to stderr, for the whole process, in its own words. What went wrong with a call is
 * in the call's status, so it is silenced, unless a person asks for it with GRPC_VERBOSITY. A
 * setting, not a callback: several instances set the same. */
static void quiet_core(void) {
  if (!getenv("GRPC_VERBOSITY"))
    gpr_set_log_verbosity((gpr_log_severity)(GPR_LOG_SEVERITY_ERROR + 1));
}

static void server_is_down(struct tag *self, bool ok) {
  struct transport *t =
      (struct transport *)((char *)self - offsetof(struct transport, server_down_tag));
  (void)ok; /* the event tells it, not its success */
  pthread_mutex_lock(&t->mutex);
  t->server_down = true;
  pthread_cond_broadcast(&t->changed);
  pthread_mutex_unlock(&t->mutex);
}

enum rkv_status transport_open(const struct rkv_host *host, const struct rkv_config *config,
                               const struct rkv_node_api *node, void **transport,
                               struct rkv_error *error) {
  struct transport *t = calloc(1, sizeof *t);
  enum rkv_status status;
  if (!t) return rkv_fail(error, RKV_NO_MEMORY, "transport-grpc: no memory");
  t->host = host;
  t->node = node;
  t->server_down_tag.fn = server_is_down;
  if (!make_sync(t)) {
    free(t);
    return rkv_fail(error, RKV_NO_MEMORY, "transport-grpc: no mutex to be had");
  }
  grpc_init();
  quiet_core();
  status = options_read(config, &t->options, error);
  if (status != RKV_OK) goto fail;
  t->cq = grpc_completion_queue_create_for_next(NULL);
  t->post_channel = grpc_lame_client_channel_create("post", GRPC_STATUS_UNAVAILABLE, "post");
  t->post_call = grpc_channel_create_call(t->post_channel, NULL, GRPC_PROPAGATE_DEFAULTS, t->cq,
                                          grpc_slice_from_static_string("/post"), NULL,
                                          gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
  status = peers_open(t, error);
  if (status == RKV_OK) status = server_open(t, error);
  if (status != RKV_OK) goto fail;
  *transport = t;
  return RKV_OK;
fail:
  dismantle(t);
  return status;
}

/* ---- start, stop, close ---- */

enum rkv_status transport_start(void *transport, struct rkv_error *error) {
  struct transport *t = transport;
  enum rkv_status status = server_start(t, error);
  if (status == RKV_OK) status = pollers_start(t->pollers, error);
  t->running = status == RKV_OK;
  return status;
}

/* Waits a moment for a change; the mutex is held. */
static void wait_change(struct transport *t) {
  transport_wait(&t->changed, &t->mutex, STOP_LOOK_NS); /* callers look again anyway */
}

static bool all_ended(struct transport *t) {
  return t->server_down && atomic_load(&t->inbound) == 0 && atomic_load(&t->outbound) == 0;
}

/* Returns once nothing of a call is left anywhere. A thread may have taken the arrival of a call
 * from the queue and not have handled it yet: the call counts only from then on. A flood may keep
 * that thread until its connection is hung up. The mutex is held. */
static void await_nothing(struct transport *t) {
  const uint64_t patience = transport_now(t) + STOP_CANCEL_NS;
  bool hung_up = false;
  do {
    struct pollers_mark mark;
    while (!all_ended(t)) wait_change(t);
    pollers_mark(t->pollers, &mark);
    while (!pollers_passed(t->pollers, &mark)) {
      if (!hung_up && transport_now(t) >= patience) {
        server_hang_up(t);
        hung_up = true;
      }
      wait_change(t);
    }
  } while (!all_ended(t));
}

/* Inbound calls are answered (or the grace is over), then nothing new is sent to peers, then the
 * server shuts down: proposals that wait need the peers until the end. */
void transport_stop(void *transport, uint64_t grace_ns) {
  struct transport *t = transport;
  const uint64_t begin = transport_now(t);
  uint64_t patience;
  if (!t->running) return;
  atomic_store(&t->draining, true);
  pthread_mutex_lock(&t->mutex);
  while (atomic_load(&t->inbound) > 0 && transport_now(t) - begin < grace_ns) wait_change(t);
  pthread_mutex_unlock(&t->mutex);

  atomic_store(&t->ended, true);
  peers_cancel(t);
  server_stop_accepting(t);
  grpc_server_shutdown_and_notify(server_core(t), t->cq, &t->server_down_tag);
  patience = transport_now(t) + (atomic_load(&t->inbound) > 0 ? 0 : STOP_FLUSH_NS);
  pthread_mutex_lock(&t->mutex);
  while (!all_ended(t) && transport_now(t) < patience) wait_change(t);
  if (!t->server_down) {
    pthread_mutex_unlock(&t->mutex);
    grpc_server_cancel_all_calls(server_core(t));
    pthread_mutex_lock(&t->mutex);
  }
  patience = transport_now(t) + STOP_CANCEL_NS;
  while (!all_ended(t) && (t->server_down || transport_now(t) < patience)) wait_change(t);
  if (!t->server_down) server_hang_up(t);
  await_nothing(t);
  patience = transport_now(t) + STOP_CONNECT_NS;
  while (peers_connecting(t) && transport_now(t) < patience) wait_change(t);
  pthread_mutex_unlock(&t->mutex);

  grpc_call_unref(t->post_call);
  t->post_call = NULL;
  grpc_completion_queue_shutdown(t->cq);
  pollers_join(t->pollers);
  t->running = false;
  t->queue_down = true;
}

void transport_close(void *transport) {
  struct transport *t = transport;
  dismantle(t);
}
