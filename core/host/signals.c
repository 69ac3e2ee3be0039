/* signals.c: the signals' mask, descriptor and names. */
#include "signals.h"

#include "exit_codes.h"
#include "log_pump.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* X(signal): signals that end a process by default and come from terminals, supervisors, timers,
 * limits and libraries. The real-time signals do so too; they are not listed because their numbers
 * are known only at run time. */
#define STRAY_LIST(X)                                                                              \
  X(SIGUSR1)                                                                                       \
  X(SIGUSR2)                                                                                       \
  X(SIGALRM)                                                                                       \
  X(SIGVTALRM)                                                                                     \
  X(SIGPROF)                                                                                       \
  X(SIGIO)                                                                                         \
  X(SIGPWR)                                                                                        \
  X(SIGSTKFLT)                                                                                     \
  X(SIGXCPU)

static sigset_t stop_signals(void) {
  sigset_t set;
  (void)sigemptyset(&set);
  (void)sigaddset(&set, SIGTERM);
  (void)sigaddset(&set, SIGINT);
  return set;
}

static void on_signal(int number, void (*handler)(int)) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  (void)sigemptyset(&action.sa_mask);
  (void)sigaction(number, &action, NULL);
}

/* SIGPIPE and SIGXFSZ are ignored: the write that would send them fails with an error. */
int host_signals_take(void) {
  sigset_t set = stop_signals();
  (void)sigaddset(&set, SIGHUP);
#define STRAY_TAKE(name) (void)sigaddset(&set, name);
  STRAY_LIST(STRAY_TAKE)
#undef STRAY_TAKE
  for (int number = SIGRTMIN; number <= SIGRTMAX; number++) (void)sigaddset(&set, number);
  on_signal(SIGPIPE, SIG_IGN);
  on_signal(SIGXFSZ, SIG_IGN);
  if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) return -1;
  return signalfd(-1, &set, SFD_CLOEXEC);
}

int host_signals_read(int fd) {
  struct signalfd_siginfo info;
  return read(fd, &info, sizeof info) == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

enum host_signal host_signal_meaning(int number) {
  if (number == SIGTERM || number == SIGINT) return HOST_SIGNAL_STOPS;
  return number == SIGHUP ? HOST_SIGNAL_RELOADS : HOST_SIGNAL_STRAY;
}

const char *host_signal_name(int number, char out[HOST_SIGNAL_NAME_MAX]) {
  switch (number) {
  case SIGTERM: return "SIGTERM";
  case SIGINT: return "SIGINT";
  case SIGHUP: return "SIGHUP";
#define STRAY_NAME(name)                                                                           \
  case name: return #name;
    STRAY_LIST(STRAY_NAME)
#undef STRAY_NAME
  default: break;
  }
  (void)snprintf(out, HOST_SIGNAL_NAME_MAX, "SIGRTMIN+%d", number - SIGRTMIN);
  return out;
}

static void exit_at_once(int number) {
  (void)number;
  _exit(HOST_EXIT_OK);
}

static void exit_hanging(int number) {
  static const char text[] = "raft-key-value: a plugin did not stop in time (cut off)\n";
  (void)log_pump_say(STDERR_FILENO, text, sizeof text - 1);
  (void)number;
  _exit(HOST_EXIT_BROKEN);
}

void host_signals_limit_stop(void) {
  sigset_t set = stop_signals();
  (void)sigaddset(&set, SIGALRM);
  on_signal(SIGTERM, exit_at_once);
  on_signal(SIGINT, exit_at_once);
  on_signal(SIGALRM, SIG_IGN); /* drops a pending one */
  on_signal(SIGALRM, exit_hanging);
  (void)alarm(HOST_STOP_MAX_S);
  (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}
