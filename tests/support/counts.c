/* counts.c: a library to preload. It counts what a process costs in measures that do not depend on
 * the machine, into the file that RKV_COUNTS names (struct counts; test_counts.py reads it).
 *
 * It stands before the C library's functions and passes every call on. Calls inside the C library
 * are not seen, but that is so in every run. Several processes share one file. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* X(name): one counter each, in the order of the file. */
#define COUNTS_LIST(X)                                                                             \
  X(sends) /* sendmsg */                                                                           \
  X(receives)                                                                                      \
  X(polls)                                                                                         \
  X(events) /* read and write: of event descriptors nearly all */                                  \
  X(wakes)  /* another thread may have to run: a signalled condition, a futex woken */             \
  X(allocations)                                                                                   \
  X(allocated) /* bytes */                                                                         \
  X(copies)    /* calls of memcpy and memmove */                                                   \
  X(copied)    /* bytes */

struct counts {
#define COUNTS_FIELD(name) atomic_uint_fast64_t name;
  COUNTS_LIST(COUNTS_FIELD)
#undef COUNTS_FIELD
};

static struct counts nowhere, *counts = &nowhere;

#define ADD(name, n) atomic_fetch_add_explicit(&counts->name, (n), memory_order_relaxed)

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
void *__memcpy_chk(void *to, const void *from, size_t size, size_t room);

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("RKV_COUNTS");
  int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  void *at;
  if (fd < 0) return;
  at = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  (void)close(fd);
  if (at != MAP_FAILED) counts = at;
}

#define EXPORT __attribute__((visibility("default")))

/* ---- memory ---- */

EXPORT void *malloc(size_t size) {
  ADD(allocations, 1);
  ADD(allocated, size);
  return __libc_malloc(size);
}

EXPORT void *calloc(size_t count, size_t size) {
  ADD(allocations, 1);
  ADD(allocated, count * size);
  return __libc_calloc(count, size);
}

EXPORT void *realloc(void *old, size_t size) {
  ADD(allocations, 1);
  ADD(allocated, size);
  return __libc_realloc(old, size);
}

/* Copies byte by byte: the compiler must not turn this into a call of memcpy. */
static void *copy_bytes(void *to, const void *from, size_t size) {
  volatile uint8_t *out = to;
  const uint8_t *in = from;
  for (size_t i = 0; i < size; i++) out[i] = in[i];
  return to;
}

EXPORT void *memcpy(void *restrict to, const void *restrict from, size_t size) {
  ADD(copies, 1);
  ADD(copied, size);
  return copy_bytes(to, from, size);
}

EXPORT void *__memcpy_chk(void *to, const void *from, size_t size, size_t room) {
  if (size > room) abort();
  return memcpy(to, from, size);
}

EXPORT void *memmove(void *to, const void *from, size_t size) {
  volatile uint8_t *out = to;
  const uint8_t *in = from;
  ADD(copies, 1);
  ADD(copied, size);
  if ((uintptr_t)to <= (uintptr_t)from) return copy_bytes(to, from, size);
  while (size-- > 0) out[size] = in[size];
  return to;
}

/* ---- the kernel ---- */

EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  ADD(sends, 1);
  return syscall(SYS_sendmsg, fd, message, flags);
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
  ADD(receives, 1);
  return syscall(SYS_recvmsg, fd, message, flags);
}

EXPORT int epoll_wait(int fd, struct epoll_event *events, int size, int timeout_ms) {
  ADD(polls, 1);
  return (int)syscall(SYS_epoll_pwait, fd, events, size, timeout_ms, NULL, 0);
}

EXPORT ssize_t read(int fd, void *out, size_t size) {
  ADD(events, 1);
  return syscall(SYS_read, fd, out, size);
}

EXPORT ssize_t write(int fd, const void *bytes, size_t size) {
  ADD(events, 1);
  return syscall(SYS_write, fd, bytes, size);
}

/* ---- other threads ---- */

EXPORT long syscall(long number, ...) {
  static long (*_Atomic next)(long, ...);
  long args[6];
  va_list list;
  if (!next) next = __extension__(long (*)(long, ...)) dlsym(RTLD_NEXT, "syscall");
  va_start(list, number);
  for (int i = 0; i < 6; i++) args[i] = va_arg(list, long);
  va_end(list);
  if (number == SYS_futex && (args[1] & FUTEX_CMD_MASK) == FUTEX_WAKE) ADD(wakes, 1);
  return next(number, args[0], args[1], args[2], args[3], args[4], args[5]);
}

EXPORT int pthread_cond_signal(pthread_cond_t *condition) {
  static int (*_Atomic next)(pthread_cond_t *);
  if (!next)
    next = __extension__(int (*)(pthread_cond_t *)) dlsym(RTLD_NEXT, "pthread_cond_signal");
  ADD(wakes, 1);
  return next(condition);
}

EXPORT int pthread_cond_broadcast(pthread_cond_t *condition) {
  static int (*_Atomic next)(pthread_cond_t *);
  if (!next)
    next = __extension__(int (*)(pthread_cond_t *)) dlsym(RTLD_NEXT, "pthread_cond_broadcast");
  ADD(wakes, 1);
  return next(condition);
}
