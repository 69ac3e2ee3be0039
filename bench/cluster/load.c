/* load.c: the closed loop, and the open one.
 *
 * (L1) A slot has at most one request in flight. Closed: after an answer the slot starts its next
 *      request at once, until the time is up. Open: the slot is idle until a request is due.
 * (L2) Every request that was started is counted as acked or as failed.
 * (L3) Open: requests start in the order in which they are due, and those that wait for a slot
 *      when the time is up count with what they have waited by then. */
#include "load.h"

#include "nodes.h"
#include "pace.h"
#include "wire.h"

#include <grpc/status.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#define STOP_CHECK_EVENTS 1024
#define LOOK_NS 50000UL /* an open loop's pause between two looks for due requests and answers */
#define KEY_STRIDE 2654435761ULL /* a prime: no key is left out */

struct load;

struct slot {
  struct load *load;
  struct client_channel *channel;
  enum mix_kind kind;  /* of the request in flight */
  uint64_t started_ns; /* open: when it was due */
  struct slot *next;   /* among the idle ones */
};

struct load {
  const struct cluster *cluster;
  const struct options *options;
  struct histogram *latencies; /* one for each kind */
  struct load_result *result;
  struct slot *slots, *idle, **idle_end;
  struct pace pace; /* rate 0: closed */
  uint8_t *request; /* a put, whose first bytes are a get; only the key's digits change */
  size_t get_size, put_size, digits_at;
  long turns[MIX_KINDS];
  uint64_t sequence, busy, warm_ns, end_ns;
  bool measuring, over;
};

static uint64_t now_ns(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

static void start(struct slot *slot, uint64_t since_ns);

/* Puts an idle slot behind the others, so that all connections are used. */
static void put_by(struct slot *slot) {
  slot->next = NULL;
  *slot->load->idle_end = slot;
  slot->load->idle_end = &slot->next;
}

static void on_answer(void *ctx, const struct client_reply *reply) {
  struct slot *slot = ctx;
  struct load *load = slot->load;
  struct load_result *result = load->result;
  struct load_kind *kind = &result->kinds[slot->kind];
  load->busy--;
  if (reply->code == GRPC_STATUS_OK) {
    kind->acked++;
    if (load->measuring) {
      kind->counted++;
      histogram_add(&load->latencies[slot->kind], now_ns(CLOCK_MONOTONIC) - slot->started_ns);
    }
  } else {
    kind->failed++;
    if (result->failure_code == GRPC_STATUS_OK) {
      result->failure_code = reply->code;
      memcpy(result->failure, reply->text, sizeof result->failure);
    }
  }
  if (load->pace.rate > 0)
    put_by(slot);
  else if (!load->over)
    start(slot, now_ns(CLOCK_MONOTONIC));
}

static void start(struct slot *slot, uint64_t since_ns) {
  struct load *load = slot->load;
  const struct target *target = load->cluster->target;
  struct client_pair level = {.key = NULL};
  char digits[16];
  bool write;
  slot->kind = mix_next(&load->options->mix, load->turns);
  write = slot->kind == MIX_WRITE;
  if (!write) level = (struct client_pair){"rkv-read", mix_kind_name(slot->kind)};
  (void)snprintf(digits, sizeof digits, "%08u", load_key(load->sequence++, load->options->keys));
  memcpy(load->request + load->digits_at, digits, 8);
  slot->started_ns = since_ns;
  if (client_start_with(slot->channel, write ? target->put_path : target->get_path, level,
                        load->request, write ? load->put_size : load->get_size,
                        client_now_ms() + LOAD_CALL_TIMEOUT_MS, on_answer, slot) != RKV_OK) {
    load->result->kinds[slot->kind].failed++;
    if (load->pace.rate > 0) put_by(slot);
    return;
  }
  load->busy++;
}

/* (L3) */
static void start_due(struct load *load, uint64_t now) {
  while (load->idle && pace_due_ns(&load->pace, load->sequence) <= now) {
    struct slot *slot = load->idle;
    load->idle = slot->next;
    if (!load->idle) load->idle_end = &load->idle;
    start(slot, pace_due_ns(&load->pace, load->sequence));
  }
}

/* (L3) */
static void count_behind(struct load *load, uint64_t now) {
  const uint64_t due = pace_count(&load->pace, now);
  for (uint64_t n = load->sequence; n < due; n++)
    histogram_add(&load->latencies[mix_next(&load->options->mix, load->turns)],
                  now - pace_due_ns(&load->pace, n));
  load->result->behind = due > load->sequence ? due - load->sequence : 0;
}

static bool make_request(struct load *load) {
  size_t value_bytes = load->options->value_bytes;
  char *value = malloc(value_bytes + 1);
  bool ok = false;
  load->request = malloc(value_bytes + LOAD_KEY_BYTES + WIRE_OVERHEAD_MAX);
  if (!value || !load->request) goto out;
  memset(value, 'v', value_bytes);
  wire_put_bytes(load->request, &load->put_size, 1, "key-00000000", LOAD_KEY_BYTES);
  load->get_size = load->put_size;
  load->digits_at = load->put_size - 8;
  wire_put_bytes(load->request, &load->put_size, 2, value, value_bytes);
  ok = true;
out:
  free(value);
  return ok;
}

/* Waits for one event or due request, and works it. */
static void work(struct load *load, struct client *client) {
  const struct timespec pause = {.tv_nsec = (long)LOOK_NS};
  if (load->pace.rate == 0 || load->over) {
    client_poll(client, load->over ? UINT64_MAX : load->end_ns / 1000000 + 1);
    return;
  }
  start_due(load, now_ns(CLOCK_MONOTONIC));
  if (!client_poll(client, 0)) (void)nanosleep(&pause, NULL);
}

static bool is_over(struct load *load, uint64_t now) {
  const unsigned puts = load->options->puts;
  return now >= load->end_ns || (puts > 0 && load->sequence >= puts);
}

void load_window_begin(struct load_window *window, const struct cluster *cluster, uint64_t now) {
  window->from_ns = now;
  window->servers_ns = nodes_cpu_ns(cluster);
  window->own_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
}

void load_window_end(const struct load_window *window, const struct cluster *cluster, uint64_t now,
                     struct load_result *result) {
  if (window->from_ns == 0) return;
  result->seconds = (double)(now - window->from_ns) / 1e9;
  result->servers_ns = nodes_cpu_ns(cluster) - window->servers_ns;
  result->client_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID) - window->own_ns;
}

static void drive(struct load *load, struct client *client, bool (*stop)(void)) {
  struct load_window window = {.from_ns = 0};
  unsigned events = 0;
  while (load->busy > 0 || (load->pace.rate > 0 && !load->over)) {
    uint64_t now = now_ns(CLOCK_MONOTONIC);
    if (!load->measuring && !load->over && now >= load->warm_ns) {
      load->measuring = true;
      load_window_begin(&window, load->cluster, now);
    }
    if (!load->over && (is_over(load, now) || (++events % STOP_CHECK_EVENTS == 0 && stop()))) {
      load->over = true;
      load->measuring = false;
      if (load->pace.rate > 0) count_behind(load, now);
      load_window_end(&window, load->cluster, now, load->result);
    }
    if (load->busy > 0 || !load->over) work(load, client);
  }
}

/* Connects every channel before the load, so that no request pays for a handshake. */
static bool connect_slots(struct load *load, struct client *client, const char *endpoint,
                          unsigned inflight) {
  struct client_channel *channels[OPTIONS_CONNECTIONS_MAX];
  for (unsigned i = 0; i < load->options->connections; i++) {
    channels[i] = client_connect(client, endpoint);
    if (!channels[i] || !client_wait_ready(channels[i], client_now_ms() + LOAD_CALL_TIMEOUT_MS)) {
      (void)fprintf(stderr, "bench: no connection to %s\n", endpoint);
      return false;
    }
  }
  for (unsigned i = 0; i < inflight; i++) {
    load->slots[i].load = load;
    load->slots[i].channel = channels[i % load->options->connections];
  }
  return true;
}

unsigned load_key(uint64_t sequence, unsigned keys) {
  return (unsigned)(sequence * KEY_STRIDE % keys);
}

void load_summarize(const struct histogram *latencies, struct load_kind *kind) {
  kind->p50_ns = histogram_quantile(latencies, 0.50);
  kind->p99_ns = histogram_quantile(latencies, 0.99);
  kind->p999_ns = histogram_quantile(latencies, 0.999);
  kind->max_ns = histogram_quantile(latencies, 1);
}

bool load_run(const struct cluster *cluster, struct client *client, const char *endpoint,
              unsigned inflight, bool (*stop)(void), struct load_result *result) {
  struct load load = {.cluster = cluster, .options = cluster->options, .result = result};
  uint64_t second = 1000000000ULL;
  bool ok = false;
  memset(result, 0, sizeof *result);
  load.latencies = calloc(MIX_KINDS, sizeof *load.latencies);
  load.slots = calloc(inflight, sizeof *load.slots);
  if (!load.latencies || !load.slots || !make_request(&load)) {
    (void)fprintf(stderr, "bench: out of memory\n");
    goto out;
  }
  if (!connect_slots(&load, client, endpoint, inflight)) goto out;
  load.warm_ns = now_ns(CLOCK_MONOTONIC) + load.options->warmup_seconds * second;
  load.end_ns = load.warm_ns + load.options->seconds * second;
  load.idle_end = &load.idle;
  load.pace.rate = load.options->rate;
  load.pace.begin_ns = now_ns(CLOCK_MONOTONIC);
  /* 1 ns: with the default, pauses are up to 50 us longer */
  if (load.pace.rate > 0) (void)prctl(PR_SET_TIMERSLACK, 1UL);
  for (unsigned i = 0; i < inflight; i++) {
    if (load.pace.rate > 0)
      put_by(&load.slots[i]);
    else
      start(&load.slots[i], load.pace.begin_ns);
  }
  drive(&load, client, stop);
  for (unsigned i = 0; i < MIX_KINDS; i++) load_summarize(&load.latencies[i], &result->kinds[i]);
  ok = true;
out:
  free(load.request);
  free(load.slots);
  free(load.latencies);
  return ok;
}
