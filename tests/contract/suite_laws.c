/* suite_laws.c: which laws are tried, some side by side, and their outcomes in order. */
#define _GNU_SOURCE /* sigabbrev_np */
#include "suite.h"

#include "crash.h"
#include "foreground.h"
#include "probe.h"
#include "screen.h"

#include <host/exit_codes.h>
#include <host/loader.h>
#include <host/ops.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { LOOK_MS = 250, LOST_LOOK_MS = 5 /* how long nothing is looked at; without a descriptor */ };

/* The laws of one run, and those of them that are under way. */
struct field {
  struct suite *suite;
  const struct contract_law *laws[RUN_LAWS_MAX];
  bool over[RUN_LAWS_MAX];
  size_t count, begun;
  struct run runs[SUITE_JOBS_MAX];
  struct contract c;
  struct scratch scratch;
  struct screen screen;
  sigset_t mask; /* of before */
  int signals;   /* signalfd */
};

/* ---- which ---- */

/* `word` is the law's name or its letter and number. */
static bool is_called(const struct contract_law *law, const char *word) {
  char *end;
  if (strcmp(law->name, word) == 0) return true;
  if ((word[0] & ~0x20) != contract_letter(law->kind)) return false;
  return strtoul(word + 1, &end, 10) == law->number && end != word + 1 && *end == '\0';
}

static bool wanted(const struct suite *suite, const struct contract_law *law) {
  if (suite->wish.only_count == 0) return law->level <= suite->wish.level;
  for (size_t i = 0; i < suite->wish.only_count; i++)
    if (is_called(law, suite->wish.only[i])) return true;
  return false;
}

/* A law that was asked for by a name that no law has. */
static bool all_known(const struct suite *suite, const struct contract_law *laws, size_t count,
                      FILE *err) {
  for (size_t i = 0; i < suite->wish.only_count; i++) {
    bool known = false;
    for (size_t k = 0; k < count && !known; k++) known = is_called(&laws[k], suite->wish.only[i]);
    if (known) continue;
    (void)fprintf(err, "rkv-contract: --only %s: a %s has no such law (see rkv-contract --list)\n",
                  suite->wish.only[i], host_kind_name(suite->plugin->kind));
    return false;
  }
  return true;
}

static void skip(const struct suite *suite, const struct contract_law *law,
                 struct run_outcome *outcome) {
  char text[CONTRACT_NOTE_MAX] = "by its declaration: it has no capability";
  size_t used = strlen(text);
  uint64_t lacks = law->needs & ~suite->plugin->capabilities;
#define SKIP_NAME(name, bit, word)                                                                 \
  if (lacks & RKV_CAP_##name)                                                                      \
    used += (size_t)snprintf(text + used, sizeof text - used, " %s", word);
  RKV_CAP_LIST(SKIP_NAME)
#undef SKIP_NAME
  if (lacks & RKV_CAP_FINDS_DAMAGE && used < sizeof text)
    (void)snprintf(text + used, sizeof text - used, ": it does not notice a decaying disk");
  *outcome = (struct run_outcome){.law = law, .result = RUN_SKIPPED, .text = strdup(text)};
}

/* ---- trying ---- */

static void begin_next(struct field *f, struct run *run) {
  size_t at = f->begun++;
  struct run_outcome *outcome = &f->suite->outcomes[at];
  if (f->laws[at]->needs & ~f->suite->plugin->capabilities) {
    skip(f->suite, f->laws[at], outcome);
    f->over[at] = true;
    return;
  }
  run_begin(run, &f->c, f->laws[at], f->scratch.path, f->scratch.keep, &f->mask, outcome);
  f->over[at] = run->pid == 0;
}

static void begin_some(struct field *f) {
  for (size_t i = 0; i < f->suite->wish.jobs; i++)
    while (f->runs[i].pid == 0 && f->begun < f->count) begin_next(f, &f->runs[i]);
}

/* Waits until a law ends, its time is up, or a signal comes. */
static void wait_for_some(struct field *f) {
  struct pollfd fds[SUITE_JOBS_MAX + 1] = {{f->signals, POLLIN, 0}};
  nfds_t count = 1;
  uint64_t ms = LOOK_MS;
  for (size_t i = 0; i < f->suite->wish.jobs; i++) {
    const struct run *run = &f->runs[i];
    if (run->pid == 0) continue;
    if (run_left_ms(run) < ms) ms = run_left_ms(run);
    if (run->fd < 0 && ms > LOST_LOOK_MS) ms = LOST_LOOK_MS;
    if (run->fd >= 0) fds[count++] = (struct pollfd){run->fd, POLLIN, 0};
  }
  (void)poll(fds, count, (int)ms);
}

static void end_some(struct field *f) {
  for (size_t i = 0; i < f->suite->wish.jobs; i++) {
    struct run *run = &f->runs[i];
    if (run->pid != 0 && run_over(run)) f->over[run->outcome - f->suite->outcomes] = true;
  }
}

static void tell_some(struct field *f, FILE *out) {
  struct suite *suite = f->suite;
  if (suite->count < f->count && f->over[suite->count]) screen_clear(&f->screen);
  for (; suite->count < f->count && f->over[suite->count]; suite->count++) {
    const struct run_outcome *outcome = &suite->outcomes[suite->count];
    suite->passed += outcome->result == RUN_PASSED;
    suite->failed += outcome->result == RUN_FAILED;
    suite->skipped += outcome->result == RUN_SKIPPED;
    suite_tell_law(outcome, out);
  }
  if (suite->count < f->count)
    screen_show(&f->screen, f->laws, f->over, suite->outcomes, f->count, f->runs, suite->wish.jobs);
}

static bool broken_off(struct field *f) {
  struct signalfd_siginfo info;
  if (read(f->signals, &info, sizeof info) == (ssize_t)sizeof info)
    f->suite->broken_off = (int)info.ssi_signo;
  return f->suite->broken_off != 0;
}

static void try_laws(struct field *f, FILE *out) {
  screen_begin(&f->screen, out);
  while (f->suite->count < f->count && !broken_off(f)) {
    begin_some(f);
    if (!f->over[f->suite->count]) wait_for_some(f);
    end_some(f);
    tell_some(f, out);
  }
  for (size_t i = 0; i < f->suite->wish.jobs; i++) run_break(&f->runs[i]);
  screen_clear(&f->screen);
}

/* A machine for which the suite has no command fails most of its laws by one cause, which is told
 * once. False: it was told. */
static bool commands_known(struct field *f, FILE *err) {
  static const struct contract_law probe = {
      .name = "probe", .kind = RKV_KIND_STATE_MACHINE, .seconds = 20, .run = sm_probe_commands};
  struct run *run = &f->runs[0];
  struct run_outcome outcome;
  bool known = false;
  if (f->suite->plugin->kind != RKV_KIND_STATE_MACHINE) return true;
  run_begin(run, &f->c, &probe, f->scratch.path, false, &f->mask, &outcome);
  while (!run_over(run) && !broken_off(f)) wait_for_some(f);
  if (f->suite->broken_off == 0) known = outcome.stage != PROBE_ASKS;
  if (f->suite->broken_off == 0 && !known) (void)fprintf(err, "rkv-contract: %s\n", outcome.text);
  run_break(run);
  free(outcome.text);
  return known;
}

/* From now on these signals wait to be read, and processes that lose their parent become ours. */
static bool hold_signals(struct field *f, FILE *err) {
  sigset_t ends;
  (void)sigemptyset(&ends);
  (void)sigaddset(&ends, SIGINT);
  (void)sigaddset(&ends, SIGTERM);
  (void)sigaddset(&ends, SIGHUP);
  (void)sigaddset(&ends, SIGPIPE); /* nobody reads the report any more */
  (void)sigprocmask(SIG_BLOCK, &ends, &f->mask);
  f->signals = signalfd(-1, &ends, SFD_NONBLOCK | SFD_CLOEXEC);
  (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (f->signals < 0) (void)fprintf(err, "rkv-contract: signalfd: %s\n", strerror(errno));
  return f->signals >= 0;
}

static void release_signals(struct field *f) {
  (void)close(f->signals);
  (void)sigprocmask(SIG_SETMASK, &f->mask, NULL);
}

static bool choose(struct field *f, FILE *err) {
  struct suite *suite = f->suite;
  size_t count;
  const struct contract_law *laws = contract_laws(suite->plugin->kind, &count);
  if (!all_known(suite, laws, count, err)) return false;
  for (size_t i = 0; i < count && f->count < RUN_LAWS_MAX; i++)
    if (wanted(suite, &laws[i])) f->laws[f->count++] = &laws[i];
  return true;
}

static bool run_field(struct field *f, FILE *out, FILE *err) {
  struct suite *suite = f->suite;
  const struct suite_wish *wish = &suite->wish;
  bool made = wish->keep ? scratch_take(&f->scratch, wish->keep, err)
                         : scratch_make(&f->scratch, wish->scratch, err);
  if (!made) return false;
  if (commands_known(f, err)) {
    suite_tell_head(suite, out);
    if (wish->foreground && (f->laws[0]->needs & ~suite->plugin->capabilities) == 0) {
      release_signals(f);
      foreground_run(&f->c, f->laws[0], &f->scratch, HOST_EXIT_OK, SUITE_EXIT_BROKEN);
    }
    try_laws(f, out);
  }
  scratch_clear(&f->scratch);
  if (suite->broken_off != 0)
    (void)fprintf(err, "rkv-contract: broken off by SIG%s: no result, and nothing left in %s\n",
                  sigabbrev_np(suite->broken_off), f->scratch.path);
  else if (suite->count > 0)
    suite_tell_sum(suite, out);
  return suite->count > 0 && suite->failed == 0 && suite->broken_off == 0;
}

bool suite_run(struct suite *suite, FILE *out, FILE *err) {
  struct field *f = calloc(1, sizeof *f);
  bool holds = false;
  if (!f) return false;
  f->suite = suite;
  f->c = (struct contract){.plugin = suite->plugin,
                           .values = suite->part.values,
                           .commands = suite->wish.commands,
                           .dir_option = suite->dir_option,
                           .under = suite->part.under,
                           .under_dir_option = suite->under_dir_option,
                           .level = suite->wish.level,
                           .seed = suite->wish.seed,
                           .slow = suite->wish.slow,
                           .limit_s = suite->wish.limit_s,
                           .wait_s = CONTRACT_WAIT_S};
  if (f->c.limit_s > 0 && f->c.limit_s <= CONTRACT_WAIT_S) f->c.wait_s = (f->c.limit_s + 1) / 2;
  crash_prepare();
  if (choose(f, err) && hold_signals(f, err)) {
    holds = run_field(f, out, err);
    release_signals(f);
  }
  free(f);
  return holds;
}
