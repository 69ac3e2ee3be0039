/* swap.c: asks a node to move to another storage, and looks until it has. */
#include "swap.h"

#include "print.h"
#include "trouble.h"

#include "rkv.pb-c.h"

#include <grpc/status.h>
#include <host/storage/progress.h>
#include <rkv/swap.h>

#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void swap_init(struct swap *swap, const struct session *session, rkv_node_id id, const char *addr) {
  assert(strlen(addr) < RKV_ADDR_MAX);
  swap->args = *session->args;
  swap->args.endpoint_count = 1;
  (void)snprintf(swap->args.endpoints[0], RKV_ADDR_MAX, "%s", addr);
  swap->node = (struct session){.client = session->client, .args = &swap->args};
  swap->id = id;
  swap->code = GRPC_STATUS_OK;
}

/* ---- asking ---- */

/* NULL, with *outcome: there is no answer, and that was printed. Else swap_free. */
static Rkv__V1__SwapStorageResponse *swap_ask(struct swap *s, enum rkv_swap_action action,
                                              enum outcome *outcome) {
  const bool names = action == RKV_SWAP_CHECK || action == RKV_SWAP_BEGIN;
  const bool reads = action == RKV_SWAP_CHECK || action == RKV_SWAP_LOOK;
  Rkv__V1__SwapStorageRequest request = RKV__V1__SWAP_STORAGE_REQUEST__INIT;
  char *settings[RKV_SWAP_SETTINGS_MAX];
  struct follow_answer got;
  Rkv__V1__SwapStorageResponse *a;
  request.action = action;
  if (names) {
    assert(s->args.plugin && s->args.set_count <= RKV_SWAP_SETTINGS_MAX);
    request.plugin = wire_bytes(s->args.plugin);
    for (unsigned i = 0; i < s->args.set_count; i++) /* only read: protobuf-c has no const */
      settings[i] = (char *)(uintptr_t)s->args.sets[i];
    request.settings = settings;
    request.n_settings = s->args.set_count;
    request.forgetful = (s->args.options & ARGS_YES) != 0;
  }
  *outcome = wire_ask(&s->node, WIRE_ADMIN "SwapStorage", &request.base,
                      reads ? FOLLOW_READ : FOLLOW_ACT, &got);
  s->code = got.code;
  if (*outcome != OUTCOME_DONE) {
    *outcome = print_trouble(&s->node, SWAP_NAME, *outcome, &got);
    return NULL;
  }
  a = rkv__v1__swap_storage_response__unpack(NULL, got.size, got.data);
  if (!a) *outcome = print_unreadable(&s->node, SWAP_NAME, &got);
  follow_free(&got);
  return a;
}

static void swap_free(Rkv__V1__SwapStorageResponse *a) {
  rkv__v1__swap_storage_response__free_unpacked(a, NULL);
}

/* ---- telling ---- */

/* The node's own words, which may be several lines, each behind two spaces. */
static void say_text(const struct swap *s, FILE *to, const Rkv__V1__SwapStorageResponse *a) {
  const char *at = (const char *)a->text.data, *end = at + a->text.len;
  while (at < end) {
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    const size_t len = (size_t)((newline ? newline : end) - at);
    (void)fputs("  ", to);
    if (s->args.raw)
      (void)fwrite(at, 1, len, to);
    else
      print_safe(to, at, len);
    (void)fputc('\n', to);
    at += newline ? len + 1 : len;
  }
}

static void say_json(const struct swap *s, const Rkv__V1__SwapStorageResponse *a) {
  (void)printf("{\"id\":%" PRIu64 ",\"endpoint\":", s->id);
  print_json_text(stdout, s->args.endpoints[0]);
  (void)printf(",\"phase\":\"%s\",\"done\":%" PRIu64 ",\"total\":%" PRIu64 ",\"text\":",
               wire_swap_word(a->phase), a->done, a->total);
  print_json_bytes(stdout, a->text.data, a->text.len);
  (void)printf("}\n");
}

/* Prints how it is or ended: for scripts, or the sentence with the node's words below. */
static enum outcome say(const struct swap *s, const Rkv__V1__SwapStorageResponse *a,
                        enum outcome outcome, const char *sentence) {
  FILE *to = outcome == OUTCOME_DONE ? stdout : stderr;
  if (s->args.json) say_json(s, a);
  if (s->args.json && outcome == OUTCOME_DONE) return outcome;
  if (outcome != OUTCOME_DONE) (void)fputs("rkvctl: " SWAP_NAME ": ", to);
  (void)fprintf(to, "node %" PRIu64 " %s%s\n", s->id, sentence, a->text.len > 0 ? ":" : "");
  say_text(s, to, a);
  return outcome;
}

/* ---- what Ctrl-C says ---- */

static char farewell[2 * RKV_ADDR_MAX + 256];

static void on_interrupt(int number) {
  const ssize_t told = write(STDERR_FILENO, farewell, strlen(farewell));
  (void)told; /* there is nobody else to tell */
  (void)signal(number, SIG_DFL);
  (void)raise(number); /* ends the process when this function has returned */
}

/* From here to the end of the process. */
static void say_farewell_when_interrupted(const struct swap *s) {
  struct sigaction act = {.sa_handler = on_interrupt};
  const char *addr = s->args.endpoints[0];
  (void)snprintf(farewell, sizeof farewell,
                 "\nrkvctl: " SWAP_NAME ": node %" PRIu64
                 " goes on with it; to follow:  rkvctl --endpoints %s " SWAP_NAME " %" PRIu64
                 "\nto give it up:  rkvctl --endpoints %s " SWAP_NAME " %" PRIu64 " --cancel\n",
                 s->id, addr, s->id, addr, s->id);
  (void)sigaction(SIGINT, &act, NULL);
}

/* ---- following ---- */

/* What was shown of a swap that runs. */
struct swap_watch {
  bool begun; /* a swap ran */
  bool shown; /* what follows is of use */
  struct progress bar;
  uint64_t phase, next_ms;
};

/* Else entries of the log. */
static bool counts_bytes(const Rkv__V1__SwapStorageResponse *a) {
  return a->phase == RKV_SWAP_PHASE_SNAPSHOT;
}

static void show_bar(struct swap_watch *w, const Rkv__V1__SwapStorageResponse *a, uint64_t done) {
  const char *what = wire_swap_phase(a->phase);
  if (!w->shown || a->phase != w->phase || done < w->bar.done) {
    progress_begin(&w->bar, what, counts_bytes(a) ? PROGRESS_BYTES : PROGRESS_ENTRIES, a->total);
    progress_join(&w->bar, done);
  }
  w->bar.total = a->total;
  progress_add(&w->bar, done - w->bar.done);
}

static void show_line(const struct swap *s, struct swap_watch *w,
                      const Rkv__V1__SwapStorageResponse *a, uint64_t done) {
  const uint64_t now = client_now_ms();
  if (w->shown && a->phase == w->phase && now < w->next_ms) return;
  w->next_ms = now + SWAP_LINE_MS;
  (void)fprintf(stderr, "rkvctl: " SWAP_NAME ": node %" PRIu64 ": %s", s->id,
                wire_swap_phase(a->phase));
  if (a->total > 0) (void)fprintf(stderr, ", %.0f%% of ", 100 * (double)done / (double)a->total);
  if (a->total > 0 && counts_bytes(a))
    (void)fprintf(stderr, "%.1f MiB", (double)a->total / (1 << 20));
  else if (a->total > 0)
    (void)fprintf(stderr, "%" PRIu64 " entries", a->total);
  (void)fputc('\n', stderr);
}

static void show(const struct swap *s, struct swap_watch *w,
                 const Rkv__V1__SwapStorageResponse *a) {
  const uint64_t done = a->done < a->total ? a->done : a->total; /* a node may say anything */
  if (w->bar.shown)
    show_bar(w, a, done);
  else
    show_line(s, w, a, done);
  w->phase = a->phase;
  w->begun = w->shown = true;
}

/* The last look had no answer, or a refusal. */
static enum outcome say_lost(const struct swap *s) {
  if (s->code == GRPC_STATUS_RESOURCE_EXHAUSTED) {
    (void)fprintf(stderr,
                  "  node %" PRIu64 " has much to do, the swap goes on; to follow:  rkvctl "
                  "--endpoints %s " SWAP_NAME " %" PRIu64 "\n",
                  s->id, s->args.endpoints[0], s->id);
    return OUTCOME_NO_ANSWER;
  }
  (void)fprintf(stderr,
                "  node %" PRIu64
                " went away before its swap was seen to end: it stands on its old "
                "storage, or on the new one, never on both\n"
                "  start it as before: if it has moved, it refuses and says which lines of its INI "
                "file to change\n",
                s->id);
  return OUTCOME_NO_ANSWER;
}

/* How a swap ended, or that there is none. */
static enum outcome say_end(const struct swap *s, const struct swap_watch *w,
                            const Rkv__V1__SwapStorageResponse *a) {
  switch (a->phase) {
  case RKV_SWAP_PHASE_MOVED: return say(s, a, OUTCOME_DONE, "moved to another storage");
  case RKV_SWAP_PHASE_FAILED:
    return say(s, a, OUTCOME_REFUSED, "stays on its storage, the swap was given up");
  default:
    return w->begun ? say(s, a, OUTCOME_NO_ANSWER,
                          "was restarted before its swap ended: it stands on the storage that it "
                          "started on")
                    : say(s, a, OUTCOME_DONE, "swaps no storage, and has not since it started");
  }
}

static bool has_ended(uint64_t phase) {
  return phase == RKV_SWAP_PHASE_NONE || phase == RKV_SWAP_PHASE_MOVED ||
         phase == RKV_SWAP_PHASE_FAILED;
}

/* The swap itself bounds the loop, and --timeout each look. */
static enum outcome watch_on(struct swap *s, struct swap_watch *w) {
  const struct timespec pause = {.tv_nsec = SWAP_LOOK_MS * 1000000L};
  enum outcome outcome = OUTCOME_DONE;
  bool ended = false;
  progress_init(&w->bar, stderr);
  while (!ended) {
    Rkv__V1__SwapStorageResponse *a = swap_ask(s, RKV_SWAP_LOOK, &outcome);
    if (!a) break;
    ended = has_ended(a->phase);
    if (ended) {
      progress_end(&w->bar);
      outcome = say_end(s, w, a);
    } else {
      show(s, w, a);
      (void)nanosleep(&pause, NULL);
    }
    swap_free(a);
  }
  return ended || !w->begun ? outcome : say_lost(s);
}

enum outcome swap_follow(struct swap *s) {
  struct swap_watch watch = {.begun = false};
  say_farewell_when_interrupted(s);
  return watch_on(s, &watch);
}

/* ---- the acts ---- */

enum outcome swap_check(struct swap *s) {
  enum outcome outcome;
  Rkv__V1__SwapStorageResponse *a = swap_ask(s, RKV_SWAP_CHECK, &outcome);
  if (!a) return outcome;
  if (!s->args.json || (s->args.options & ARGS_CHECK))
    outcome = say(s, a, OUTCOME_DONE, "can move to another storage");
  swap_free(a);
  return outcome;
}

enum outcome swap_begin(struct swap *s) {
  struct swap_watch watch = {.begun = true};
  enum outcome outcome;
  Rkv__V1__SwapStorageResponse *a;
  say_farewell_when_interrupted(s);
  a = swap_ask(s, RKV_SWAP_BEGIN, &outcome);
  if (!a) return outcome;
  swap_free(a);
  return watch_on(s, &watch);
}

enum outcome swap_cancel(struct swap *s) {
  enum outcome outcome;
  Rkv__V1__SwapStorageResponse *a = swap_ask(s, RKV_SWAP_CANCEL, &outcome);
  if (!a) return outcome;
  outcome = say(s, a, OUTCOME_DONE, "gives the swap up and stays on its storage");
  swap_free(a);
  return outcome;
}
