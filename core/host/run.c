/* run.c: the wait for signals, the orderly stop.
 *
 * Draining and the transport's grace take DRAIN_AND_GRACE_NS at most; with the transport's own
 * second they fit into HOST_STOP_MAX_S. If a stop blocks for longer, SIGALRM ends the process. */
#include "run.h"

#include "assembly.h"
#include "commands.h"
#include "exit_codes.h"
#include "limits.h"
#include "log_pump.h"
#include "reload.h"
#include "signals.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LOG_MODULE "host"
#define DRAIN_MAX_NS UINT64_C(2500000000) /* for proposals in flight */
#define GRACE_NS UINT64_C(1000000000)     /* for the answers to get out */
#define DRAIN_AND_GRACE_NS UINT64_C(3500000000)
#define NEEDED_MAX_NS UINT64_C(3200000000) /* for a voter on its way back */
#define DRAIN_POLL_MS 2
#define REMEDY_MAX 256 /* bytes of a remedy and the program's name around an error's text */
#define STACK_NAME_MAX (2 * HOST_PLUGIN_NAME_MAX) /* bytes of "OVER/UNDER" */
#define SIGNALS_MAX 65                            /* the numbers of signals are below */
#define STRAY_TOLD_NS UINT64_C(10000000000)       /* pause between two lines about one signal */

/* A signal that a node has no use for. */
struct stray {
  uint64_t count, next_ns; /* received since the last line; when the next line may be logged */
};

struct runner {
  struct host_assembly assembly;
  struct host_reload reload;
  struct log_pump pump;
  struct stray strays[SIGNALS_MAX];
  bool reload_due; /* SIGHUP came before the node served */
  int signal_fd;
  int fatal_fd; /* readable once the node has to stop for a reason of its own */
  int begun_fd; /* readable once the start is over */
  pthread_t watcher;
};

/* ---- signals ---- */

static bool take_signals(struct runner *r) {
  r->signal_fd = host_signals_take();
  if (r->signal_fd < 0) return false;
  r->fatal_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  r->begun_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  r->reload.done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return r->fatal_fd >= 0 && r->begun_fd >= 0 && r->reload.done_fd >= 0;
}

static void raise_event(int fd) {
  uint64_t one = 1;
  ssize_t wrote = write(fd, &one, sizeof one);
  (void)wrote; /* each of these eventfds is written once, so it cannot be full */
}

static void on_node_fatal(void *arg) {
  raise_event(((const struct runner *)arg)->fatal_fd);
}

/* ---- wait ---- */

/* Logs an ignored signal at once; if it keeps coming, at most every STRAY_TOLD_NS. */
static void tell_stray(struct runner *r, int number) {
  const struct rkv_host *host = &r->assembly.services.node.host;
  struct stray *stray = &r->strays[number];
  const uint64_t now = host->now_ns(host->ctx);
  char name[HOST_SIGNAL_NAME_MAX];
  stray->count++;
  if (now < stray->next_ns) return;
  rkv_log(host, RKV_LOG_WARN, LOG_MODULE,
          "signal ignored (SIGTERM and SIGINT stop the node, SIGHUP has it read its configuration "
          "again) signal=%s count=%" PRIu64,
          host_signal_name(number, name), stray->count);
  stray->count = 0;
  stray->next_ns = now + STRAY_TOLD_NS;
}

/* Reads one signal and acts on it. Returns its number if it stops the node, else 0. */
static int take_signal(struct runner *r) {
  const int number = host_signals_read(r->signal_fd);
  if (number == 0) return 0;
  switch (host_signal_meaning(number)) {
  case HOST_SIGNAL_STOPS: return number;
  case HOST_SIGNAL_RELOADS: host_reload_begin(&r->reload); break;
  case HOST_SIGNAL_STRAY: tell_stray(r, number); break;
  }
  return 0;
}

/* Sleeps until the process has to stop. Returns the number of the stop signal; 0: the node has to
 * stop for a reason of its own. */
static int wait_for_end(struct runner *r) {
  struct pollfd fds[3] = {{.fd = r->signal_fd, .events = POLLIN},
                          {.fd = r->fatal_fd, .events = POLLIN},
                          {.fd = r->reload.done_fd, .events = POLLIN}};
  int number;
  if (r->reload_due) host_reload_begin(&r->reload);
  for (;;) {
    if (poll(fds, 3, -1) < 0) continue; /* EINTR: nothing else can be wrong with these three */
    if (fds[1].revents) return 0;
    if (fds[0].revents && (number = take_signal(r)) != 0) return number;
    if (fds[2].revents) host_reload_finish(&r->reload);
  }
}

/* Waits until proposals in flight have ended and leadership is handed over, and until no voter on
 * its way back needs this node; new proposals are refused. Returns how long the transport may take
 * to get the answers out. */
static uint64_t drain(struct runner *r) {
  const struct rkv_host *host = &r->assembly.services.node.host;
  struct node *node = r->assembly.node;
  const uint64_t begin = host->now_ns(host->ctx);
  uint64_t taken = 0;
  node_drain(node);
  while (((taken < DRAIN_MAX_NS && !node_idle(node)) ||
          (taken < NEEDED_MAX_NS && !node_may_go(node))) &&
         node_fatal_status(node, NULL) == RKV_OK) {
    (void)poll(NULL, 0, DRAIN_POLL_MS);
    taken = host->now_ns(host->ctx) - begin;
  }
  if (taken >= DRAIN_AND_GRACE_NS) return 0;
  return taken < DRAIN_AND_GRACE_NS - GRACE_NS ? GRACE_NS : DRAIN_AND_GRACE_NS - taken;
}

/* ---- while the node is put together ---- */

/* Obeys signals while the node is put together, which takes as long as plugins need to open, logs
 * to be read and names to be resolved. A stop signal ends the process at once: nothing was served
 * yet, and a storage may be left at any moment. A reload waits until the node serves; other signals
 * are dropped without a line. */
static void *watch_start(void *arg) {
  static const char text[] = "raft-key-value: stopped before it served, as asked by a signal\n";
  struct runner *r = arg;
  struct pollfd fds[2] = {{.fd = r->signal_fd, .events = POLLIN},
                          {.fd = r->begun_fd, .events = POLLIN}};
  for (;;) {
    int number;
    if (poll(fds, 2, -1) < 0) continue; /* EINTR */
    if (fds[1].revents) return NULL;
    number = host_signals_read(r->signal_fd);
    if (number == 0 || host_signal_meaning(number) == HOST_SIGNAL_STRAY) continue;
    if (host_signal_meaning(number) == HOST_SIGNAL_RELOADS) {
      r->reload_due = true;
      continue;
    }
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

/* "storage-wal"; of a stacked one "storage-crypt/storage-wal". */
static const char *stack_name(const struct host_part *part, char out[STACK_NAME_MAX]) {
  (void)snprintf(out, STACK_NAME_MAX, "%s%s%s", part->plugin->name, part->under ? "/" : "",
                 part->under ? part->under->plugin->name : "");
  return out;
}

static void announce(const struct runner *r) {
  const struct host_config *config = r->assembly.config;
  const struct rkv_host *host = &r->assembly.services.node.host;
  const struct host_part *storage = &config->parts[HOST_PART_STORAGE];
  char names[HOST_PART_COUNT][STACK_NAME_MAX], line[RKV_ADDR_MAX + 64];
  int len;
  rkv_log(host, RKV_LOG_INFO, LOG_MODULE,
          "serves id=%" PRIu64 " addr=%s transport=%s storage=%s durable=%s state_machine=%s",
          host->node_id, host->node_addr,
          stack_name(&config->parts[HOST_PART_TRANSPORT], names[HOST_PART_TRANSPORT]),
          stack_name(storage, names[HOST_PART_STORAGE]),
          host_part_capabilities(storage) & RKV_CAP_DURABLE ? "true" : "false",
          stack_name(&config->parts[HOST_PART_STATE_MACHINE], names[HOST_PART_STATE_MACHINE]));
  for (size_t i = 0; i < HOST_PART_COUNT; i++)
    for (const struct host_part *part = &config->parts[i]; part; part = part->under)
      if (part->said.untried[0])
        rkv_log(host, RKV_LOG_INFO, LOG_MODULE, "contract of %s: not tried: %s", part->plugin->name,
                part->said.untried);
  len = snprintf(line, sizeof line, "listening addr=%s id=%" PRIu64 "\n", host->node_addr,
                 host->node_id);
  if (!log_pump_say(STDOUT_FILENO, line, (size_t)len))
    rkv_log(host, RKV_LOG_WARN, LOG_MODULE, "stdout cannot be written, or nobody reads it");
}

/* Serves until the process has to stop. Returns the exit code. */
static int serve(struct runner *r) {
  const struct rkv_host *host = &r->assembly.services.node.host;
  uint64_t grace_ns = GRACE_NS;
  enum rkv_status fatal;
  int signal_number;
  announce(r);
  signal_number = wait_for_end(r);
  host_signals_limit_stop();
  if (signal_number) {
    char name[HOST_SIGNAL_NAME_MAX];
    rkv_log(host, RKV_LOG_INFO, LOG_MODULE, "stops signal=%s",
            host_signal_name(signal_number, name));
    grace_ns = drain(r);
  }
  host_assembly_stop(&r->assembly, grace_ns);
  fatal = node_fatal_status(r->assembly.node, NULL);
  if (fatal == RKV_OK) rkv_log(host, RKV_LOG_INFO, LOG_MODULE, "stopped");
  if (*host_remedy(fatal))
    rkv_log(host, RKV_LOG_ERROR, LOG_MODULE, "stopped%s", host_remedy(fatal));
  return host_exit_code(fatal);
}

static void close_fd(int fd) {
  if (fd >= 0) (void)close(fd);
}

/* Opens, runs and closes the node while the log is open. Returns the exit code. */
static int run_logged(struct runner *r, const struct host_flags *flags,
                      const struct host_config *config) {
  struct rkv_error error;
  enum rkv_status status =
      host_assembly_open(&r->assembly, config, r->pump.in, on_node_fatal, r, &error);
  char line[RKV_ERROR_TEXT_MAX + REMEDY_MAX + SETTLE_REMEDY_MAX];
  int code, len;
  r->reload.flags = flags;
  r->reload.running = config;
  r->reload.services = &r->assembly.services;
  r->reload.swap = &r->assembly.swap;
  if (status == RKV_OK) status = host_assembly_start(&r->assembly, &error);
  if (status == RKV_OK) {
    end_watch(r);
    code = serve(r);
  } else {
    len = snprintf(line, sizeof line, "raft-key-value: %s%s%s\n", error.text, r->assembly.remedy,
                   host_remedy(status));
    (void)log_pump_say(r->pump.in, line, (size_t)len);
    code = host_exit_code(status);
  }
  host_assembly_close(&r->assembly);
  /* signals are watched until here, because a close may block */
  if (status != RKV_OK) end_watch(r);
  return code;
}

/* Reads the configuration, runs the node, and frees the configuration, while signals are watched.
 * *left: the log's reader has not taken everything. */
static int run_watched(struct runner *r, const struct host_flags *flags, bool *left) {
  struct rkv_error error;
  int code = HOST_EXIT_UNAVAILABLE;
  struct host_config *config = host_command_load(flags, stderr, &code);
  bool opened = config && log_pump_open(&r->pump, STDERR_FILENO, &error) == RKV_OK;
  if (config && !opened) {
    (void)fprintf(stderr, "raft-key-value: %s\n", error.text);
    code = HOST_EXIT_UNAVAILABLE;
  }
  if (!opened) {
    end_watch(r);
  } else {
    code = run_logged(r, flags, config);
    *left = !log_pump_close(&r->pump);
    /* the reading thread still uses what is freed below */
    if (!host_reload_end(&r->reload)) _exit(code);
    (void)alarm(0);
  }
  if (config) host_config_free(config);
  free(config);
  return code;
}

/* The process ends when this returns: what the log's reader has not taken by then is lost. */
int host_run(const struct host_flags *flags) {
  struct runner *r = calloc(1, sizeof *r);
  struct rkv_error error;
  int code = HOST_EXIT_UNAVAILABLE;
  bool left = false;
  if (!r) {
    (void)fprintf(stderr, "raft-key-value: out of memory\n");
    return HOST_EXIT_UNAVAILABLE;
  }
  r->signal_fd = r->fatal_fd = r->begun_fd = r->reload.done_fd = -1;
  if (!take_signals(r))
    (void)fprintf(stderr, "raft-key-value: no signal or event descriptor: %s\n", strerror(errno));
  else if (begin_watch(r, &error) != RKV_OK)
    (void)fprintf(stderr, "raft-key-value: %s\n", error.text);
  else
    code = run_watched(r, flags, &left);
  close_fd(r->signal_fd);
  close_fd(r->fatal_fd);
  close_fd(r->begun_fd);
  close_fd(r->reload.done_fd);
  if (!left) free(r); /* else the log's thread still uses *r */
  return code;
}
