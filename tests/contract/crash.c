/* crash.c: the handler of signals that mean a crash. */
#define _GNU_SOURCE /* the registers of ucontext */
#include "crash.h"

#include <execinfo.h>
#include <signal.h>
#include <stdlib.h>
#include <ucontext.h>
#include <unistd.h>

enum {
  FRAMES_MAX = 48,
  STACK_BYTES = 64 << 10, /* the handler's own: backtrace unwinds there */
  HANDLER_S = 5           /* a handler that waits for a lock is ended */
};

/* Of a sanitizer's run time, if there is one. */
void __sanitizer_print_stack_trace(void) __attribute__((weak));

static struct calls *noted;
static int trace_fd = -1;

void crash_prepare(void) {
  void *frame[1];
  (void)backtrace(frame, 1); /* the first one loads the unwinder */
}

/* Where the crash happened: what stands above it in the trace is the handler's. */
static void *place_of(const void *context) {
  const ucontext_t *at = context;
#if defined(__x86_64__)
  return (void *)(uintptr_t)at->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
  return (void *)(uintptr_t)at->uc_mcontext.pc;
#else
  (void)at;
  return NULL;
#endif
}

static void on_crash(int number, siginfo_t *info, void *context) {
  void *frames[FRAMES_MAX], *place = place_of(context);
  int expected = 0, count, from = 0;
  (void)info;
  (void)signal(SIGALRM, SIG_DFL);
  (void)alarm(HANDLER_S);
  if (atomic_compare_exchange_strong(&noted->crashed, &expected, number)) {
    atomic_store(&noted->crashed_in, calls_mine());
    count = backtrace(frames, FRAMES_MAX);
    for (int i = 0; i < count && from == 0; i++)
      if (frames[i] == place) from = i;
    backtrace_symbols_fd(frames + from, count - from, trace_fd);
  }
  (void)raise(number); /* SA_RESETHAND: this one ends the process */
}

void crash_watch(struct calls *calls, int fd) {
  static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP};
  const unsigned flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND | SA_NODEFER;
  struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = (int)flags};
  static char second[STACK_BYTES]; /* of this process, which is one law */
  stack_t stack = {.ss_sp = second, .ss_size = sizeof second};
  if (__sanitizer_print_stack_trace) return;
  noted = calls;
  trace_fd = fd;
  (void)sigemptyset(&action.sa_mask);
  (void)sigaltstack(&stack, NULL);
  for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++)
    (void)sigaction(crashes[i], &action, NULL);
}
