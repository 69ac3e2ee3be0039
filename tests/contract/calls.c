/* calls.c: notes which operation runs, and tells it. */
#include "calls.h"

#include "contract.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <unistd.h>

/* Without the end of an operation for half of its time, a law hangs. */
enum { HANG_PART = 2 };

static struct calls *noted;                     /* of the law that this process is */
static _Thread_local struct calls_place *place; /* the calling thread's; NULL: none yet */

/* ---- inside of the law ---- */

void calls_watch(struct calls *calls, const struct rkv_plugin *plugin, struct rkv_plugin *watched) {
  noted = calls;
  *watched = *plugin;
  if (plugin->kind == RKV_KIND_STORAGE) watched->ops = calls_storage(plugin->ops);
  if (plugin->kind == RKV_KIND_STATE_MACHINE) watched->ops = calls_sm(plugin->ops);
  if (plugin->kind == RKV_KIND_TRANSPORT) watched->ops = calls_transport(plugin->ops);
}

void calls_forked(void) {
  place = NULL;
}

const char *calls_mine(void) {
  return place ? atomic_load_explicit(&place->name, memory_order_relaxed) : NULL;
}

static void take_place(void) {
  unsigned number = atomic_fetch_add_explicit(&noted->taken, 1, memory_order_relaxed);
  place = &noted->places[number % CALLS_THREADS_MAX];
  atomic_store_explicit(&place->name, NULL, memory_order_relaxed);
  atomic_store_explicit(&place->pid, (int)getpid(), memory_order_relaxed);
}

const char *calls_begin(const char *name) {
  const char *before;
  if (!place) take_place();
  before = atomic_load_explicit(&place->name, memory_order_relaxed);
  atomic_store_explicit(&place->since_ms, contract_now_ms(), memory_order_relaxed);
  atomic_store_explicit(&place->name, name, memory_order_relaxed);
  (void)atomic_fetch_add_explicit(&noted->count, 1, memory_order_relaxed);
  return before;
}

void calls_end(const char *name, const char *before) {
  uint64_t now = contract_now_ms();
  atomic_store_explicit(&noted->last, name, memory_order_relaxed);
  atomic_store_explicit(&noted->last_ms, now, memory_order_relaxed);
  atomic_store_explicit(&place->since_ms, now, memory_order_relaxed);
  atomic_store_explicit(&place->name, before, memory_order_relaxed);
}

/* ---- outside ---- */

/* The operation that has run for longest, of one process (0: of all that live). */
static const char *longest(const struct calls *calls, pid_t pid, uint64_t *ms) {
  const char *found = NULL;
  uint64_t now = contract_now_ms();
  *ms = 0;
  for (size_t i = 0; i < CALLS_THREADS_MAX; i++) {
    const struct calls_place *at = &calls->places[i];
    const char *name = atomic_load(&at->name);
    pid_t its = atomic_load(&at->pid);
    uint64_t since = atomic_load(&at->since_ms);
    bool counts = pid != 0 ? its == pid : its > 0 && kill(its, 0) == 0;
    if (!name || !counts || since > now) continue;
    if (found && now - since <= *ms) continue;
    found = name;
    *ms = now - since;
  }
  return found;
}

void calls_tell_crash(const struct calls *calls, pid_t pid, int signal, FILE *out) {
  int noted_signal = atomic_load(&calls->crashed);
  const char *in = atomic_load(&calls->crashed_in);
  uint64_t ms;
  (void)fprintf(out, "it crashed: %s", strsignal(noted_signal ? noted_signal : signal));
  if (noted_signal && in) {
    (void)fprintf(out, " in %s", in);
    return;
  }
  in = longest(calls, pid, &ms);
  if (in) (void)fprintf(out, ", in a thread of the plugin's own or by a full stack, during %s", in);
  if (!in && atomic_load(&calls->last))
    (void)fprintf(out, ", in no operation; the last one that ended was %s",
                  atomic_load(&calls->last));
}

void calls_tell_late_process(const struct calls *calls, pid_t pid, uint64_t limit_ms, FILE *out) {
  uint64_t running_ms, now = contract_now_ms(), ended_ms = atomic_load(&calls->last_ms);
  const char *running = longest(calls, pid, &running_ms), *last = atomic_load(&calls->last);
  uint64_t quiet_ms = last && ended_ms < now ? now - ended_ms : 0;
  if (running && running_ms >= limit_ms / HANG_PART) {
    (void)fprintf(out, "it hung: not done after %" PRIu64 " s; %s has run for %" PRIu64 " ms",
                  limit_ms / 1000, running, running_ms);
  } else if (last && quiet_ms < limit_ms / HANG_PART) {
    (void)fprintf(out,
                  "it is slow: not done after %" PRIu64 " s, and still at work: %" PRIu64
                  " operations, the last one %s %" PRIu64
                  " ms ago (--slow N gives N times as long)",
                  limit_ms / 1000, (uint64_t)atomic_load(&calls->count), last, quiet_ms);
  } else {
    (void)fprintf(out, "it hung: not done after %" PRIu64 " s", limit_ms / 1000);
    if (last)
      (void)fprintf(out, "; no operation runs, the last one, %s, ended %" PRIu64 " ms ago", last,
                    quiet_ms);
  }
}

void calls_tell_late(const struct calls *calls, uint64_t limit_ms, FILE *out) {
  calls_tell_late_process(calls, 0, limit_ms, out);
}
