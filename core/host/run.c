/* run.c: signals, the wait, the orderly stop.
 *
 * (U1) From the first signal to the end of the process at most STOP_MAX_S: draining, the
 * transport's grace and its own second fit in; what hangs all the same is cut off by SIGALRM. */
#include "run.h"

#include "assembly.h"
#include "exit_codes.h"
#include "log_pump.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define LOG_MODULE "host"
#define STOP_MAX_S 5u
#define DRAIN_MAX_NS UINT64_C(2500000000) /* for proposals in flight */
#define GRACE_NS UINT64_C(1000000000)     /* for the answers to get out */
#define DRAIN_POLL_MS 2

struct runner {
  struct host_assembly assembly;
  struct log_pump pump;
  int signal_fd; /* SIGTERM, SIGINT */
  int fatal_fd;  /* readable once the node has to stop by itself */
  int begun_fd;  /* readable once the start is over */
  pthread_t watcher;
};

/* ---- signals ---- */

static sigset_t stop_signals(void) {
  sigset_t set;
  (void)sigemptyset(&set);
  (void)sigaddset(&set, SIGTERM);
  (void)sigaddset(&set, SIGINT);
  return set;
}

/* X(signal): would end the process, and comes from terminals, supervisors, timers and libraries. */
#define STRAY_LIST(X)                                                                              \
  X(SIGHUP)                                                                                        \
  X(SIGUSR1)                                                                                       \
  X(SIGUSR2)                                                                                       \
  X(SIGALRM)                                                                                       \
  X(SIGVTALRM)                                                                                     \
  X(SIGPROF)                                                                                       \
  X(SIGIO)                                                                                         \
  X(SIGPWR)                                                                                        \
  X(SIGXCPU)

/* NULL: it asks the node to stop. */
static const char *stray_name(int signal_number) {
  switch (signal_number) {
#define STRAY_NAME(name)                                                                           \
  case name: return #name;
    STRAY_LIST(STRAY_NAME)
#undef STRAY_NAME
  default: return NULL;
  }
}

static void exit_at_once(int signal_number) {
  (void)signal_number;
  _exit(HOST_EXIT_OK);
}

static void exit_hanging(int signal_number) {
  static const char text[] = "raft-key-value: a plugin did not stop in time (cut off)\n";
  (void)log_pump_say(STDERR_FILENO, text, sizeof text - 1);
  (void)signal_number;
  _exit(HOST_EXIT_BROKEN);
}

static void on_signal(int signal_number, void (*handler)(int)) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  (void)sigemptyset(&action.sa_mask);
  (void)sigaction(signal_number, &action, NULL);
}

/* Blocked before the first thread exists, so that every thread inherits it. A write that would send
 * SIGPIPE or SIGXFSZ fails by itself. */
static bool take_signals(struct runner *r) {
  sigset_t set = stop_signals();
#define STRAY_TAKE(name) (void)sigaddset(&set, name);
  STRAY_LIST(STRAY_TAKE)
#undef STRAY_TAKE
  on_signal(SIGPIPE, SIG_IGN);
  on_signal(SIGXFSZ, SIG_IGN);
  if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0) return false;
  r->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
  r->fatal_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  r->begun_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return r->signal_fd >= 0 && r->fatal_fd >= 0 && r->begun_fd >= 0;
}

/* From here on a signal ends the process, and so does time. */
static void limit_stop(void) {
  sigset_t set = stop_signals();
  (void)sigaddset(&set, SIGALRM);
  on_signal(SIGTERM, exit_at_once);
  on_signal(SIGINT, exit_at_once);
  on_signal(SIGALRM, SIG_IGN); /* drops a stray one that waits */
  on_signal(SIGALRM, exit_hanging);
  (void)alarm(STOP_MAX_S);
  (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void raise_event(int fd) {
  uint64_t one = 1;
  ssize_t wrote = write(fd, &one, sizeof one);
  (void)wrote; /* an eventfd that was never read cannot be full */
}

static void on_fatal(void *arg) {
  raise_event(((const struct runner *)arg)->fatal_fd);
}

/* ---- wait ---- */

static void tell_stray(const struct runner *r, const char *name) {
  rkv_log(&r->assembly.services.node.host, RKV_LOG_WARN, LOG_MODULE,
          "signal ignored (SIGTERM and SIGINT stop the node, and a restart reads its configuration "
          "again) signal=%s",
          name);
}

/* Sleeps until a stop signal came or the node has to stop; the signal's number, 0 for the node. */
static int wait_for_end(const struct runner *r) {
  struct pollfd fds[2] = {{.fd = r->signal_fd, .events = POLLIN},
                          {.fd = r->fatal_fd, .events = POLLIN}};
  for (;;) {
    struct signalfd_siginfo info;
    if (poll(fds, 2, -1) < 0) continue; /* EINTR: nothing else can be wrong with these two */
    if (fds[1].revents) return 0;
    if (!fds[0].revents || read(r->signal_fd, &info, sizeof info) != (ssize_t)sizeof info) continue;
    if (!stray_name((int)info.ssi_signo)) return (int)info.ssi_signo;
    tell_stray(r, stray_name((int)info.ssi_signo));
  }
}

/* New proposals are refused; those in flight may end. */
static void drain(struct runner *r) {
  const struct rkv_host *host = &r->assembly.services.node.host;
  uint64_t until = host->now_ns(host->ctx) + DRAIN_MAX_NS;
  node_drain(r->assembly.node);
  while (!node_idle(r->assembly.node) && host->now_ns(host->ctx) < until &&
         node_fatal_status(r->assembly.node, NULL) == RKV_OK)
    (void)poll(NULL, 0, DRAIN_POLL_MS);
}

/* ---- while the node is put together ---- */

/* Plugins open, logs are read and names are resolved for as long as that takes: nothing was served
 * yet, and a storage may be left at any moment. Stray signals
 * are taken without a word meanwhile. */
static void *watch_start(void *arg) {
  static const char text[] = "raft-key-value: stopped before it served, as asked by a signal\n";
  const struct runner *r = arg;
  struct pollfd fds[2] = {{.fd = r->signal_fd, .events = POLLIN},
                          {.fd = r->begun_fd, .events = POLLIN}};
  for (;;) {
    struct signalfd_siginfo info;
    if (poll(fds, 2, -1) < 0) continue; /* EINTR */
    if (fds[1].revents) return NULL;
    if (read(r->signal_fd, &info, sizeof info) != (ssize_t)sizeof info) continue;
    if (stray_name((int)info.ssi_signo)) continue;
    (void)log_pump_say(STDERR_FILENO, text, sizeof text - 1);
    _exit(HOST_EXIT_OK);
  }
}

static enum rkv_status begin_watch(struct runner *r, struct rkv_error *error) {
  int failed = pthread_create(&r->watcher, NULL, watch_start, r);
  if (!failed) return RKV_OK;
  return rkv_fail(error, RKV_FULL, "no thread for signals: %s", strerror(failed));
}

static void end_watch(struct runner *r) {
  raise_event(r->begun_fd);
  (void)pthread_join(r->watcher, NULL);
}

/* ---- life ---- */

static void announce(const struct runner *r) {
  const struct host_config *config = r->assembly.config;
  const struct rkv_host *host = &r->assembly.services.node.host;
  const struct rkv_plugin *storage = config->parts[HOST_PART_STORAGE].plugin;
  char line[RKV_ADDR_MAX + 64];
  int len;
  rkv_log(host, RKV_LOG_INFO, LOG_MODULE,
          "serves id=%" PRIu64 " addr=%s transport=%s storage=%s durable=%s state_machine=%s",
          host->node_id, host->node_addr, config->parts[HOST_PART_TRANSPORT].plugin->name,
          storage->name, storage->capabilities & RKV_CAP_DURABLE ? "true" : "false",
          config->parts[HOST_PART_STATE_MACHINE].plugin->name);
  len = snprintf(line, sizeof line, "listening addr=%s id=%" PRIu64 "\n", host->node_addr,
                 host->node_id);
  if (!log_pump_say(STDOUT_FILENO, line, (size_t)len))
    rkv_log(host, RKV_LOG_WARN, LOG_MODULE, "stdout cannot be written, or nobody reads it");
}

/* Serves until the end; the exit code. */
static int serve(struct runner *r) {
  const struct rkv_host *host = &r->assembly.services.node.host;
  enum rkv_status fatal;
  int signal_number;
  announce(r);
  signal_number = wait_for_end(r);
  limit_stop();
  if (signal_number) {
    rkv_log(host, RKV_LOG_INFO, LOG_MODULE, "stops signal=%s",
            signal_number == SIGTERM ? "SIGTERM" : "SIGINT");
    drain(r);
  }
  host_assembly_stop(&r->assembly, GRACE_NS);
  fatal = node_fatal_status(r->assembly.node, NULL);
  if (fatal == RKV_OK) rkv_log(host, RKV_LOG_INFO, LOG_MODULE, "stopped");
  return host_exit_code(fatal);
}

static void close_fd(int fd) {
  if (fd >= 0) (void)close(fd);
}

/* From the opened log to its end; the exit code. */
static int run_logged(struct runner *r, const struct host_config *config) {
  struct rkv_error error;
  enum rkv_status status =
      host_assembly_open(&r->assembly, config, r->pump.in, on_fatal, r, &error);
  char line[RKV_ERROR_TEXT_MAX + 32];
  int code, len;
  if (status == RKV_OK) status = host_assembly_start(&r->assembly, &error);
  if (status == RKV_OK) {
    end_watch(r);
    code = serve(r);
  } else {
    len = snprintf(line, sizeof line, "raft-key-value: %s\n", error.text);
    (void)log_pump_say(r->pump.in, line, (size_t)len);
    code = host_exit_code(status);
  }
  host_assembly_close(&r->assembly);
  if (status != RKV_OK) end_watch(r); /* a close may hang as an open may */
  return code;
}

/* The process ends next: what the log's reader has not taken by then is left. */
int host_run(const struct host_config *config) {
  struct runner *r = calloc(1, sizeof *r);
  struct rkv_error error;
  int code = HOST_EXIT_UNAVAILABLE;
  bool left = false;
  if (!r) {
    (void)fprintf(stderr, "raft-key-value: out of memory\n");
    return HOST_EXIT_UNAVAILABLE;
  }
  r->signal_fd = r->fatal_fd = r->begun_fd = -1;
  if (!take_signals(r)) {
    (void)fprintf(stderr, "raft-key-value: no signal or event descriptor: %s\n", strerror(errno));
  } else if (log_pump_open(&r->pump, STDERR_FILENO, &error) != RKV_OK ||
             begin_watch(r, &error) != RKV_OK) {
    (void)fprintf(stderr, "raft-key-value: %s\n", error.text);
  } else {
    code = run_logged(r, config);
    left = !log_pump_close(&r->pump);
    (void)alarm(0);
  }
  close_fd(r->signal_fd);
  close_fd(r->fatal_fd);
  close_fd(r->begun_fd);
  if (!left) free(r); /* else the log's thread waits for the reader to the end */
  return code;
}
