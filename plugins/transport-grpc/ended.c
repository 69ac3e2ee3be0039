/* ended.c: tells what this node ended by WARN lines, few of them. */
#include "ended.h"

#include <inttypes.h>
#include <stdlib.h>
#include "doorstep.h"
#include "pollers.h"

struct ended {
  struct tick tick; /* first: on_tick gets it back */
  struct transport *t;
  size_t connections_max;
  struct {
    atomic_uint_least64_t untold;
    uint64_t told_ns; /* 0: never; the poller's */
  } kinds[ENDED_KINDS];
};

void ended_add(struct ended *e, enum ended_kind why) {
  static const enum server_count counts[ENDED_KINDS] = {
#define ENDED_COUNT(name, counter) [ENDED_##name] = SERVER_COUNT_##counter,
      ENDED_LIST(ENDED_COUNT)
#undef ENDED_COUNT
  };
  server_count(e->t, counts[why]);
  atomic_fetch_add(&e->kinds[why].untold, 1);
}

static void tell_connections(const struct ended *e, enum ended_kind why, uint64_t count) {
  const struct rkv_host *host = e->t->host;
  if (why == ENDED_MAX)
    rkv_log(host, RKV_LOG_WARN, TRANSPORT_LOG,
            "connections refused count=%" PRIu64 ": %zu are open, the most that connections_max "
            "and the limit of descriptors allow (end idle clients or raise them)",
            count, e->connections_max);
  else if (why == ENDED_PER_ADDRESS)
    rkv_log(host, RKV_LOG_WARN, TRANSPORT_LOG,
            "connections refused count=%" PRIu64 ": one address has %" PRIu64 " open already (have "
            "the client share its connection or raise connections_per_address_max)",
            count, e->t->options.connections_per_address_max);
  else if (why == ENDED_SPEECHLESS)
    rkv_log(host, RKV_LOG_WARN, TRANSPORT_LOG,
            "connections ended count=%" PRIu64 ": their clients said nothing for %" PRIu64 " ms",
            count, (uint64_t)(DOORSTEP_WAIT_NS / MS));
  else if (why == ENDED_STRANGE)
    rkv_log(host, RKV_LOG_WARN, TRANSPORT_LOG,
            "connections ended count=%" PRIu64 ": they began with something else than plain HTTP/2 "
            "(a client with TLS or HTTP/1?)",
            count);
  else
    rkv_log(host, RKV_LOG_WARN, TRANSPORT_LOG,
            "connections refused count=%" PRIu64 ": the process has no file descriptor left "
            "(raise LimitNOFILE= of systemd, ulimit -n, or lower connections_max)",
            count);
}

static void tell(const struct ended *e, enum ended_kind why, uint64_t count) {
  const struct rkv_host *host = e->t->host;
  switch (why) {
  case ENDED_SILENT:
    rkv_log(host, RKV_LOG_WARN, TRANSPORT_LOG,
            "calls ended count=%" PRIu64 ": their first message did not come within %" PRIu64
            " ms (first_message_timeout)",
            count, e->t->options.first_message_timeout / MS);
    break;
  case ENDED_UNTAKEN:
    rkv_log(host, RKV_LOG_WARN, TRANSPORT_LOG,
            "calls ended count=%" PRIu64 ": their clients did not take the answers (within %" PRIu64
            " ms: answer_timeout; or all that wait were over %" PRIu64 " bytes: answers_max)",
            count, e->t->options.answer_timeout / MS, e->t->options.answers_max);
    break;
  case ENDED_RELIEVED:
    rkv_log(host, RKV_LOG_WARN, TRANSPORT_LOG,
            "a thread does not come back from the core times=%" PRIu64 ": another one, of %d at "
            "most, goes on in its place (this machine has little time for it, or a client floods "
            "the node: share/doc/raft-key-value/security.md)",
            count, POLLERS_MAX);
    break;
  default: tell_connections(e, why, count); break;
  }
}

static void on_tick(struct tick *self, uint64_t now_ns) {
  struct ended *e = (struct ended *)self;
  for (unsigned why = 0; why < ENDED_KINDS; why++) {
    const uint64_t told = e->kinds[why].told_ns;
    if (atomic_load_explicit(&e->kinds[why].untold, memory_order_relaxed) == 0) continue;
    if (told != 0 && now_ns - told < ENDED_TELL_NS) continue;
    tell(e, (enum ended_kind)why, atomic_exchange(&e->kinds[why].untold, 0));
    e->kinds[why].told_ns = now_ns;
  }
}

void ended_set_max(struct ended *e, size_t connections_max) {
  e->connections_max = connections_max;
}

struct ended *ended_new(struct transport *t) {
  struct ended *e = calloc(1, sizeof *e);
  if (!e) return NULL;
  e->t = t;
  e->tick.fn = on_tick;
  transport_tick_add(t, &e->tick);
  return e;
}

void ended_free(struct ended *e) {
  free(e);
}
