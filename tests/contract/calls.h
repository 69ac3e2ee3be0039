/* calls.h: which operation of the plugin each thread of a law is in, for reports of crashes and
 * hangs.
 *
 * A law gets the plugin with its operations wrapped (calls_watch): each call notes its name and
 * when it began in memory that the suite shares with the law, so that both outlive the law. Every
 * operation of today's ABI has a wrapper (CALLS_ALL). The notes order nothing: a thread sanitizer
 * sees the plugin's races as before. */
#ifndef CONTRACT_CALLS_H
#define CONTRACT_CALLS_H

#include <rkv/rkv.h>

#include <stdatomic.h>
#include <stdio.h>
#include <sys/types.h>

enum { CALLS_THREADS_MAX = 64 /* threads whose calls are told apart; others share a place */ };

/* What one thread does. `name` is a literal of this program: it means the same in every process
 * that was forked from the suite. */
struct calls_place {
  _Atomic(const char *) name; /* NULL: in no operation */
  atomic_uint_least64_t since_ms;
  atomic_int pid;
};

/* Zeroed before a law begins. */
struct calls {
  struct calls_place places[CALLS_THREADS_MAX];
  atomic_uint taken;           /* places given out */
  atomic_uint_least64_t count; /* operations begun */
  _Atomic(const char *) last;  /* the last one that ended, and when */
  atomic_uint_least64_t last_ms;
  atomic_int crashed;               /* the signal of the first crash; 0: none */
  _Atomic(const char *) crashed_in; /* the operation of the thread that crashed; NULL: none */
};

/* Makes `watched` the same plugin with operations that note in `calls` when they run. For this
 * process and those that it forks; once per process. */
void calls_watch(struct calls *calls, const struct rkv_plugin *plugin, struct rkv_plugin *watched);
/* In a process that was just forked: its thread is another one than its parent's. */
void calls_forked(void);

/* The operation in which the calling thread is; NULL: in none. From a signal handler, too. */
const char *calls_mine(void);

/* ---- for wrappers (calls_storage.c, calls_sm.c, calls_transport.c) ---- */

/* Begins an operation; what it gives back ends it. Operations may stand inside of others. */
const char *calls_begin(const char *name);
void calls_end(const char *name, const char *before);

/* A table of operations that are wrapped; those that `ops`, borrowed, lacks stay NULL. */
const void *calls_storage(const void *ops);
const void *calls_sm(const void *ops);
const void *calls_transport(const void *ops);

/* ---- telling, from outside of the law ---- */

/* How a process crashed: the signal's name, and in which operation. */
void calls_tell_crash(const struct calls *calls, pid_t pid, int signal, FILE *out);

/* Why a law was not done in its time, told before it is ended: that it hung, and in which
 * operation; or that it is slow, and how far it came. `limit_ms` is what it had. */
void calls_tell_late(const struct calls *calls, uint64_t limit_ms, FILE *out);
/* The same for one process of the law, which has been ended already. */
void calls_tell_late_process(const struct calls *calls, pid_t pid, uint64_t limit_ms, FILE *out);

/* One operation, noted while it runs; `real` is the plugin's table, of the file that says this. */
#define CALLS_STATUS(name, params, args)                                                           \
  static enum rkv_status note_##name params {                                                      \
    const char *before = calls_begin(#name);                                                       \
    enum rkv_status status = real->name args;                                                      \
    calls_end(#name, before);                                                                      \
    return status;                                                                                 \
  }
#define CALLS_NOTHING(name, params, args)                                                          \
  static void note_##name params {                                                                 \
    const char *before = calls_begin(#name);                                                       \
    real->name args;                                                                               \
    calls_end(#name, before);                                                                      \
  }

/* Does not compile while an operation of `struct ops`, which holds nothing but operations, has no
 * row in `list`. A row is there once: its wrapper has a name of its own. */
#define CALLS_ONE(answer, name, params, args) +1
#define CALLS_ALL(list, ops)                                                                       \
  _Static_assert(sizeof(struct ops) == (0 list(CALLS_ONE)) * sizeof(void (*)(void)),               \
                 "an operation of struct " #ops " has no row in " #list)

#endif
