/* contract.h: how a law is written. A law is one sentence of a plugin kind's contract and a
 * function that tries to break it.
 *
 * Each kind has its list of laws (storage_laws.h, sm_laws.h, transport_laws.h), rows of
 *
 *     X(number, name, LEVEL, needs, seconds, "The sentence, which says what must hold.")
 *
 * number    stands in reports and never changes its meaning
 * name      the law's function is KIND_law_NAME(struct contract *)
 * LEVEL     BASIC, CRASH or FULL: the lowest level that tries it
 * needs     capability flags (RKV_CAP_*): a plugin that does not declare them skips the law
 * seconds   its time limit at the levels basic and crash (CONTRACT_FULL_TIMES longer at full)
 *
 * (L1) A law runs in a process of its own, forked from a process that never opened the plugin, with
 *      an empty directory of its own. If it crashes, hangs, leaves bytes behind or reports fatal
 *      without cause, this law has failed, and no other.
 * (L2) A law returns if it holds. If it does not hold, the law calls contract_fail (any thread, any
 *      process of the law), which ends the process: a law never cleans up after a failure. */
#ifndef CONTRACT_H
#define CONTRACT_H

#include "calls.h"

#include <host/limits.h>
#include <rkv/rkv.h>

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

enum contract_level { CONTRACT_BASIC, CONTRACT_CRASH, CONTRACT_FULL, CONTRACT_LEVELS };

enum {
  CONTRACT_FULL_TIMES = 30,  /* at level full a law may take so many times its seconds */
  CONTRACT_TEXT_MAX = 16384, /* bytes of the reason a law gives, its NUL included */
  CONTRACT_NOTE_MAX = 1024,  /* bytes of a law's note about a success */
  CONTRACT_PATH_MAX = 512,
  CONTRACT_WAIT_S = 20,      /* seconds of `wait_s` unless the user says otherwise */
  CONTRACT_METRICS_MAX = 64, /* metrics that one instance may register */
};

struct contract;
struct host_part;

struct contract_law {
  unsigned number;
  const char *name, *says;
  uint32_t kind; /* an enum rkv_plugin_kind */
  enum contract_level level;
  uint64_t needs;
  unsigned seconds;
  void (*run)(struct contract *c);
};

/* Memory that a law and all its processes share: how the law ended, and what it did last. */
struct contract_shared {
  atomic_int failures; /* the first failure writes the text */
  char text[CONTRACT_TEXT_MAX], note[CONTRACT_NOTE_MAX];
  atomic_int stage;   /* of a probe (probe.h) */
  struct calls calls; /* what runs */
};

/* What a law gets. */
struct contract {
  const struct rkv_plugin *plugin;
  const struct rkv_value *values; /* of the plugin's options, in its order */
  const char *commands;           /* state machines: the user's file (sm_given.h), or NULL */
  int dir_option; /* the position of the PATH option `dir` in it; -1: there is none */
  const struct host_part *under; /* what a stacked plugin is built over; NULL: it is not stacked */
  int under_dir_option;          /* likewise of that one */
  enum contract_level level;
  uint64_t seed;
  unsigned slow;    /* every time limit is multiplied by this: 1, more under a sanitizer */
  unsigned limit_s; /* no law takes longer; 0: as its row says */
  unsigned wait_s;  /* limit of waiting for a completion or answer */
  char dir[CONTRACT_PATH_MAX]; /* the law's own: empty at the start, removed after the law */
  struct contract_shared *shared;
  /* How this process ends (an enum run_result). NULL: no law in the foreground. */
  void (*end)(struct contract *c, int result);
  atomic_int buffers; /* alive in this process: contract_bytes and buf_alloc */
};

/* ---- how a law ends ---- */

/* A debugger finds it by its name in a program that is stripped, too. */
#define CONTRACT_SHOWN __attribute__((visibility("default")))

/* The law does not hold: notes why and ends the process. The first text counts. */
__attribute__((format(printf, 2, 3), noreturn)) CONTRACT_SHOWN void
contract_fail(struct contract *c, const char *format, ...);

/* The law does not concern this plugin, for this reason: ends the process. Only where neither
 * capability flags nor options could tell so. */
__attribute__((format(printf, 2, 3), noreturn)) void contract_skip(struct contract *c,
                                                                   const char *format, ...);

/* Notes one line about a success: how much was tried. The last line counts. */
__attribute__((format(printf, 2, 3))) void contract_note(struct contract *c, const char *format,
                                                         ...);

#define CONTRACT_REQUIRE(c, condition, ...)                                                        \
  do {                                                                                             \
    if (!(condition)) contract_fail((c), __VA_ARGS__);                                             \
  } while (0)

/* ---- amounts ---- */

/* How much a law tries at its level. */
uint64_t contract_amount(const struct contract *c, uint64_t basic, uint64_t crash, uint64_t full);

/* The next random number. *state is the sequence's: c->seed in the beginning, or a number made from
 * it. */
uint64_t contract_random(uint64_t *state);
/* A random number from low to high, both included. */
uint64_t contract_between(uint64_t *state, uint64_t low, uint64_t high);

/* Milliseconds of the monotonic clock. */
uint64_t contract_now_ms(void);
void contract_pause_ms(unsigned ms);

/* ---- bytes ---- */

/* A buffer with one reference over a copy of the bytes (NULL: zeros). */
struct rkv_buf contract_bytes(struct contract *c, const void *data, size_t len);

/* Breaks the law if buffers are left after the last instance of this process was closed. */
void contract_no_buffers(struct contract *c);

/* ---- the host that an instance sees ---- */

struct contract_host {
  struct rkv_host host;
  struct contract *c;
  uint64_t later_ns; /* its clock is so far ahead */
  pthread_mutex_t lock;
  enum rkv_status fatal; /* the first reported, RKV_OK: none; under `lock` */
  char fatal_text[RKV_ERROR_TEXT_MAX];
  char warning[RKV_LOG_TEXT_MAX]; /* the last line of WARN or above */
  const char *metrics[CONTRACT_METRICS_MAX];
  size_t metric_count;
  const char *dir;                           /* of the plugin under a stacked one; NULL: c->dir */
  struct rkv_host under;                     /* what that one sees */
  struct rkv_value values[HOST_OPTIONS_MAX]; /* and its options */
};

void contract_host_init(struct contract_host *h, struct contract *c, rkv_node_id node_id);
enum rkv_status contract_host_fatal(struct contract_host *h);
/* Breaks the law if the instance reported fatal without cause. */
void contract_host_calm(struct contract_host *h);

/* What a stacked plugin opened must be closed when its own close has returned, or its open has
 * failed. Breaks the law if it is not. */
void contract_under_closed(const struct contract_host *h, const char *when);

/* rkv_host.open_under (under.c); ctx is a struct contract_host. */
enum rkv_status contract_open_under(void *ctx, enum rkv_plugin_kind kind,
                                    const struct rkv_node_api *node, struct rkv_under *under,
                                    struct rkv_error *error);

/* The configuration for open: the user's options, with `dir` (NULL: c->dir) as the PATH option of
 * that name. `values` has room for the plugin's option_count. */
struct rkv_config contract_config(const struct contract *c, const char *dir,
                                  struct rkv_value *values);

/* An empty error: what it holds afterwards comes from the plugin. */
struct rkv_error *contract_ask(struct rkv_error *error);
/* Breaks the law unless a failure is complete: a known status, the same status in the error, and a
 * text of one line. */
void contract_text_ok(struct contract *c, enum rkv_status status, const struct rkv_error *error,
                      const char *what);

/* ---- completions ---- */

/* The completion of one asynchronous operation. A second call of done breaks the law at once. */
struct contract_told {
  struct rkv_completion completion;
  struct contract *c;
  const char *what; /* "append", for reasons */
  atomic_int times;
  enum rkv_status status;
  char text[RKV_ERROR_TEXT_MAX];
};

void contract_told_init(struct contract_told *told, struct contract *c, const char *what);
bool contract_told_yet(struct contract_told *told);
/* Waits for done; none within wait_s breaks the law. */
enum rkv_status contract_told_wait(struct contract_told *told);
/* Likewise; any status but RKV_OK breaks the law. */
void contract_told_ok(struct contract_told *told);

/* ---- processes ---- */

/* Forks this process, which has no other thread and no open instance, and runs `act` in the child,
 * which then ends. */
pid_t contract_fork(struct contract *c, void (*act)(struct contract *c, void *arg), void *arg);

/* Waits for the child. True: `act` returned; false: the child was killed (SIGKILL). A failed law,
 * another signal or a hang in the child breaks the law here too. */
bool contract_join(struct contract *c, pid_t pid, unsigned seconds);

/* Forks and joins, for an `act` that must return. */
void contract_apart(struct contract *c, void (*act)(struct contract *c, void *arg), void *arg,
                    unsigned seconds);

/* Zeroed memory that processes forked later share. */
void *contract_share(struct contract *c, size_t len);
void contract_unshare(void *shared, size_t len);

/* ---- the table (laws.c) ---- */

/* The laws of a kind in the order of their numbers. */
const struct contract_law *contract_laws(uint32_t kind, size_t *count);
/* 'S' storage, 'M' state machine, 'T' transport: the letter before a law's number. */
char contract_letter(uint32_t kind);
extern const char *const contract_level_names[CONTRACT_LEVELS + 1];

#endif
