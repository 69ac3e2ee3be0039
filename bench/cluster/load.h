/* load.h: keeps a fixed number of requests in flight, where an answer starts the next request at
 * once (closed loop); or sends requests at a rate, whatever the answers (open loop, pace.h). */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "histogram.h"
#include "target.h"

#define LOAD_CALL_TIMEOUT_MS 10000
#define LOAD_KEY_BYTES 12 /* "key-" and 8 digits */

/* How the requests of one kind ended. */
struct load_kind {
  uint64_t acked; /* answered OK, warm-up and the last ones in flight included */
  uint64_t failed;
  uint64_t counted; /* of acked, those answered inside the measured time */
  uint64_t p50_ns, p99_ns, p999_ns, max_ns;
};

struct load_result {
  struct load_kind kinds[MIX_KINDS];
  uint64_t behind; /* open loop: due in the measured time, but no slot was free: never started */
  double seconds;  /* the measured time */
  uint64_t servers_ns, client_ns; /* CPU inside the measured time */
  int failure_code;               /* gRPC status of the first failed request, 0: none failed */
  char failure[CLIENT_TEXT_MAX];  /* its text */
};

/* The number of the key for a request: every key in turn, in an order that no cache favours. */
unsigned load_key(uint64_t sequence, unsigned keys);

/* The measured time, between warm-up and end. from_ns 0: it has not begun. */
struct load_window {
  uint64_t from_ns, servers_ns, own_ns;
};

/* Begin and end of the measured time; the end fills the times of *result, zeros if it never
 * began. */
void load_window_begin(struct load_window *window, const struct cluster *cluster, uint64_t now_ns);
void load_window_end(const struct load_window *window, const struct cluster *cluster,
                     uint64_t now_ns, struct load_result *result);

/* Fills the quantiles of *kind. */
void load_summarize(const struct histogram *latencies, struct load_kind *kind);

/* Drives `inflight` requests (open loop: at most so many) at the leader's endpoint for the times in
 * the cluster's options. `stop` is called now and then; true ends the load early. False: the load
 * could not run at all, and the reason was printed. */
bool load_run(const struct cluster *cluster, struct client *client, const char *endpoint,
              unsigned inflight, bool (*stop)(void), struct load_result *result);

#endif
