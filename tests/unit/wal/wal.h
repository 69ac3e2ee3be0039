/* wal.h: a storage-wal under test, the acts of its stories, and a model of what it must hold. */
#ifndef TEST_WAL_H
#define TEST_WAL_H

#include "fake_host.h"
#include "scratch.h"
#include "told.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

#include <wal.h>

#include <cmocka.h>

/* ---- the storage (acts.c) ---- */

enum { WARNINGS_MAX = 8192 };

struct wal {
  const struct rkv_storage_ops *ops;
  struct files files; /* with the shim (shim.h) in front */
  void *storage;      /* NULL: closed */
  struct fake_host host;
  char dir[SCRATCH_PATH_MAX];
  uint64_t segment_bytes, queue_bytes_max; /* options for the next open */
  bool sync;
  struct rkv_error error;         /* of the last open that was refused */
  atomic_int fatal;               /* the status that was reported, RKV_OK: none */
  char warning[RKV_LOG_TEXT_MAX]; /* the last line logged with WARN or above; "" */
  char warnings[WARNINGS_MAX];    /* all such lines, as far as they fit */
  int buffers_before;
};

/* Waits for something that happens in another thread. */
enum { UNTIL_S = 30 };
#define UNTIL(condition)                                                                           \
  do {                                                                                             \
    time_t until = time(NULL) + UNTIL_S;                                                           \
    while (!(condition) && time(NULL) < until)                                                     \
      (void)nanosleep(&(struct timespec){0, 1000000}, NULL);                                       \
    assert_true(condition);                                                                        \
  } while (0)

enum { SEGMENT_SMALL = 64 * 1024 };

/* cmocka fixtures: a directory, an open storage in it with small segments; *state is the wal. The
 * teardown checks that no payload leaked. */
int wal_setup(void **state);
int wal_teardown(void **state);

/* The same without cmocka, for children. */
void wal_init(struct wal *w);

enum rkv_status wal_open(struct wal *w);
void wal_close(struct wal *w);
void wal_reopen(struct wal *w);     /* must succeed */
void wal_start_anew(struct wal *w); /* in an empty directory */

/* From now on this process can open `left` more files; then again as many as before. */
void wal_take_descriptors(unsigned left);
void wal_give_descriptors(void);

/* A line with this text was logged, also by a thread that goes on. */
bool wal_warned(struct wal *w, const char *text);

/* A path of a file in the directory. */
void wal_path(const struct wal *w, const char *name, char path[2 * SCRATCH_PATH_MAX]);
/* Names of the files that begin with `prefix`, ascending; how many. */
size_t wal_files(const struct wal *w, const char *prefix, char names[][64], size_t max);
size_t wal_count(const struct wal *w, const char *prefix);
/* Waits until a segment lies ready. */
void wal_await_spare(const struct wal *w);
uint64_t wal_file_size(const struct wal *w, const char *name);
void wal_read_file(const struct wal *w, const char *name, uint64_t at, void *bytes, size_t len);
void wal_write_file(const struct wal *w, const char *name, uint64_t at, const void *bytes,
                    size_t len);
void wal_cut_file(const struct wal *w, const char *name, uint64_t size);

/* ---- the model (model.c) ---- */

enum { MODEL_MAX = 1 << 15 };
enum { TERM_SHORT = 1000 }; /* entries of this and greater terms are short */

struct model {
  struct rkv_vote vote;
  struct rkv_log_id purged, last;
  uint32_t terms[MODEL_MAX]; /* of the entries purged + 1 .. last */
};

enum step_kind { STEP_VOTE, STEP_APPEND, STEP_TRUNCATE, STEP_PURGE, STEP_SNAPSHOT };

struct step {
  enum step_kind kind;
  rkv_index index; /* TRUNCATE: after; PURGE: up to; SNAPSHOT: last; APPEND: the first */
  rkv_term term;
  size_t count; /* APPEND */
};

struct model *model_new(void);
void model_step(struct model *m, const struct step *step);
/* A step that may follow. *seed moves on. */
struct step model_random(const struct model *m, uint64_t *seed);
bool model_equal(const struct model *a, const struct model *b);
uint64_t random_next(uint64_t *seed);

struct step step_vote(rkv_term term);
struct step step_append(const struct model *m, rkv_term term, size_t count);
struct step step_truncate(rkv_index after);
struct step step_purge(rkv_index up_to, rkv_term term);
struct step step_snapshot(rkv_index last);

/* Hands the step to the storage; told (not used by truncate and purge) may be told later. A
 * snapshot is made at once. */
void wal_issue(struct wal *w, const struct step *step, struct told *told);
/* Hands it in, waits, and takes it into the model. */
void wal_do(struct wal *w, struct model *m, struct step step);
/* What the storage holds; false (and a text) if entries are not what they were. */
bool wal_look(struct wal *w, struct model *found, char text[RKV_ERROR_TEXT_MAX]);
/* Reading from..to, clipped to what is held, gives the model's entries. */
void wal_reads(struct wal *w, const struct model *m, rkv_index from, rkv_index to);
/* It holds what the model says. */
void wal_holds(struct wal *w, const struct model *m);

#endif
