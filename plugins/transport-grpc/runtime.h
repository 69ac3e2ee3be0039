/* runtime.h: what both halves of the transport stand on: one completion queue, ONE poller
 * (pollers.h), ticks for time-outs, and the count of open calls that stop() waits for.
 *
 * (R1) Every event of the queue carries a `struct tag *`; its fn runs on the poller.
 * (R2) grpc_call_start_batch may be called from any thread while the call is counted as open
 *      (inbound or outbound); after stop() nothing may touch the queue any more.
 *
 * After each burst of events, and after the ticks, the poller calls node->kick once. Nobody else in
 * this plugin kicks, least of all a done callback: whoever hands work to the node, or answers it,
 * from an event or a tick is served. Tag and tick functions never block. */
#ifndef TRANSPORT_RUNTIME_H
#define TRANSPORT_RUNTIME_H

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <grpc/grpc.h>
#include <grpc/support/time.h>
#include <rkv/rkv.h>
#include "options.h"

#define TRANSPORT_LOG "grpc" /* module of every log line */
#define TRANSPORT_BURST 256  /* events handled before the node is kicked */
#define TRANSPORT_TICK_NS (50 * MS)
/* busy_poll: with more calls in the node there is always something to handle. */
#define TRANSPORT_BUSY_CALLS_MAX 8

/* First member of whatever waits for an event; ok as grpc_event.success. `handed` carries to the
 * poller what was written before the batch was started: the core does so too, but no tool can see
 * it there. */
struct tag {
  void (*fn)(struct tag *self, bool ok);
  atomic_bool handed;
  struct tag *next; /* runtime's */
};

/* grpc_call_start_batch with a tag of ours: every batch goes through here. Any thread (R2). */
static inline grpc_call_error transport_batch(grpc_call *call, const grpc_op *ops, size_t count,
                                              struct tag *tag) {
  assert(call && tag->fn); /* (R1) */
  atomic_store_explicit(&tag->handed, true, memory_order_release);
  return grpc_call_start_batch(call, ops, count, tag, NULL);
}

/* Called by the poller about every TRANSPORT_TICK_NS, for time-outs: resolution is one tick. */
struct tick {
  void (*fn)(struct tick *self, uint64_t now_ns);
  struct tick *next; /* runtime's */
};

struct server;
struct peers;
struct pollers;

struct transport {
  const struct rkv_host *host;
  const struct rkv_node_api *node;
  struct transport_options options;
  grpc_completion_queue *cq;
  struct server *server; /* server.h */
  struct peers *peers;   /* peer.h: the other half's own, NULL if it needs none */

  /* ---- the runtime's own ---- */
  grpc_channel *post_channel; /* a lame channel: post_call lives on it */
  grpc_call *post_call;       /* carries empty batches, see transport_post */
  struct tick *ticks;
  struct tag *after_kick;
  struct pollers *pollers;
  bool running;    /* the pollers exist; open/start/stop/close only */
  bool queue_down; /* the queue was shut down and drained; likewise */
  pthread_mutex_t mutex;
  pthread_cond_t changed; /* a count went to 0, or server_down */
  bool server_down;       /* under mutex: core reports that the server has shut down */
  struct tag server_down_tag;
  atomic_bool draining; /* no new inbound call */
  atomic_bool ended;    /* no new outbound call */
  atomic_size_t inbound, outbound;
  atomic_size_t awaited; /* commands and queries of clients in the node, for busy_poll */
};

/* Host's clock, the one of every deadline_ns. Any thread. */
static inline uint64_t transport_now(const struct transport *t) {
  return t->host->now_ns(t->host->ctx);
}
/* Has `ns` passed since then? `since_ns` may lie behind `now_ns`: a tick is given the time at which
 * it began, and others look at the clock, and note what begins, while it runs. */
static inline bool transport_has_passed(uint64_t now_ns, uint64_t since_ns, uint64_t ns) {
  return now_ns >= since_ns && now_ns - since_ns >= ns;
}

/* A condition variable on the monotonic clock, and a wait of less than a second on it, which may
 * end early. Any thread. */
bool transport_cond_make(pthread_cond_t *cond);
void transport_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t ns);

/* A deadline on the host's clock (0 = none) as gRPC wants it, and back. Any thread. */
gpr_timespec transport_to_gpr(const struct transport *t, uint64_t deadline_ns);
uint64_t transport_from_gpr(const struct transport *t, gpr_timespec deadline);

/* Runs tag->fn(tag, true) on the poller, soon. Any thread, never blocks; only while the caller
 * counts as open (R2). The tag may be posted again once its fn was entered. */
void transport_post(struct transport *t, struct tag *tag);

/* Runs tag->fn(tag, true) after the next kick: for what can wait until the answers to this burst
 * have left. The core sends a window update of its own, one more system call before the answer and
 * one more wake on the other side, as soon as a stream that took a message awaits the next one. The
 * poller only; only while the caller counts as open (R2). */
void transport_after_kick(struct transport *t, struct tag *tag);

/* Registers a tick; only inside open. It is called until stop() has joined the poller. */
void transport_tick_add(struct transport *t, struct tick *tick);

/* One more open call of a direction. False: the direction is closed, answer RKV_UNAVAILABLE
 * (inbound) or RKV_CANCELLED (outbound) at once and do not end what was not begun. Any thread.
 * An outbound call counts from send_* until its done was called AND its last batch came back. */
bool transport_inbound_begin(struct transport *t);
void transport_inbound_end(struct transport *t);
bool transport_outbound_begin(struct transport *t);
void transport_outbound_end(struct transport *t);
/* The refusal of a stream because the node stops. */
static inline enum rkv_status transport_stopping(const struct transport *t,
                                                 struct rkv_error *error) {
  return rkv_fail(error, RKV_UNAVAILABLE, "node %" PRIu64 " is stopping: try again later",
                  t->host->node_id);
}

/* The operations of rkv/transport.h. */
enum rkv_status transport_open(const struct rkv_host *host, const struct rkv_config *config,
                               const struct rkv_node_api *node, void **transport,
                               struct rkv_error *error);
enum rkv_status transport_start(void *transport, struct rkv_error *error);
void transport_stop(void *transport, uint64_t grace_ns);
void transport_close(void *transport);

#endif
