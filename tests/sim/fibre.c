/* fibre.c: fibres on ucontext, with pooled stacks; the sanitizers are told of each switch. */
#include "fibre.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef __has_feature
#define __has_feature(name) 0 /* gcc says it by macros */
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/common_interface_defs.h>
#define FIBRE_ASAN 1
#elif defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#include <sanitizer/tsan_interface.h>
#define FIBRE_TSAN 1
#endif

enum { STACK_BYTES = 512 * 1024, POOL_MAX = 64 };

struct fibre {
  ucontext_t self, caller;
  uint8_t *stack;
  void (*run)(void *arg);
  void *arg;
  bool begun, ended;
  /* Sanitizers: the fibre's own place, and that of whoever gave it the turn. */
  void *fake_stack, *tsan, *tsan_caller;
  const void *caller_bottom;
  size_t caller_size;
};

static struct fibre *current;
static uint8_t *pool[POOL_MAX]; /* stacks that nobody uses */
static size_t pooled;

/* ---- stacks: the page below each faults ---- */

static uint8_t *stack_take(void) {
  if (pooled > 0) return pool[--pooled];
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  uint8_t *at =
      mmap(NULL, page + STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  assert(at != MAP_FAILED);
  int code = mprotect(at, page, PROT_NONE);
  assert(code == 0);
  (void)code;
  return at + page;
}

static void stack_give(uint8_t *stack) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  if (pooled < POOL_MAX)
    pool[pooled++] = stack;
  else
    (void)munmap(stack - page, page + STACK_BYTES);
}

/* ---- what sanitizers are told ---- */

static void tell_going_in(struct fibre *f, void **fake_stack) {
#ifdef FIBRE_ASAN
  __sanitizer_start_switch_fiber(fake_stack, f->stack, STACK_BYTES);
#elif defined(FIBRE_TSAN)
  f->tsan_caller = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(f->tsan, 0);
#endif
  (void)f, (void)fake_stack;
}

static void tell_came_out(void *fake_stack) {
#ifdef FIBRE_ASAN
  __sanitizer_finish_switch_fiber(fake_stack, NULL, NULL);
#endif
  (void)fake_stack;
}

static void tell_came_in(struct fibre *f) {
#ifdef FIBRE_ASAN
  __sanitizer_finish_switch_fiber(f->fake_stack, &f->caller_bottom, &f->caller_size);
#endif
  (void)f;
}

static void tell_going_out(struct fibre *f) {
#ifdef FIBRE_ASAN
  __sanitizer_start_switch_fiber(f->ended ? NULL : &f->fake_stack, f->caller_bottom,
                                 f->caller_size);
#elif defined(FIBRE_TSAN)
  __tsan_switch_to_fiber(f->tsan_caller, 0);
#endif
  (void)f;
}

/* ---- turns ---- */

static void go_out(struct fibre *f) {
  tell_going_out(f);
  (void)swapcontext(&f->self, &f->caller);
  tell_came_in(f);
}

static void enter(void) {
  struct fibre *f = current;
  tell_came_in(f);
  f->run(f->arg);
  f->ended = true;
  go_out(f);
}

struct fibre *fibre_new(void (*run)(void *arg), void *arg) {
  struct fibre *f = calloc(1, sizeof *f);
  assert(f);
  f->run = run;
  f->arg = arg;
  f->stack = stack_take();
#ifdef FIBRE_TSAN
  f->tsan = __tsan_create_fiber(0);
#endif
  (void)getcontext(&f->self);
  f->self.uc_stack.ss_sp = f->stack;
  f->self.uc_stack.ss_size = STACK_BYTES;
  makecontext(&f->self, enter, 0);
  return f;
}

void fibre_resume(struct fibre *f) {
  void *fake_stack = NULL;
  assert(!current && !f->ended);
  current = f;
  f->begun = true;
  tell_going_in(f, &fake_stack);
  (void)swapcontext(&f->caller, &f->self);
  tell_came_out(fake_stack);
  current = NULL;
}

void fibre_yield(void) {
  assert(current);
  go_out(current);
}

struct fibre *fibre_current(void) {
  return current;
}

bool fibre_has_ended(const struct fibre *f) {
  return f->ended;
}

void fibre_free(struct fibre *f) {
  assert(f->ended || !f->begun);
#ifdef FIBRE_TSAN
  __tsan_destroy_fiber(f->tsan);
#endif
  stack_give(f->stack);
  free(f);
}
