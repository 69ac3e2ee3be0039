/* log_acts.h: a storage on the running log whose device is an array, and what tests do to it. */
#ifndef LOG_ACTS_H
#define LOG_ACTS_H

#include "fake_host.h"

#include <storage-parts/queue.h>
#include <storage-parts/reading.h>

enum { ENTRIES_MAX = 64, DONE_MAX = 64, QUEUE_MAX = 64 * 1024 };

struct done {
  struct rkv_completion completion;
  unsigned number; /* which call */
};

struct fixture {
  struct log log; /* the first member */
  struct fake_host fake;
  struct rkv_entry device[ENTRIES_MAX]; /* by their index */
  rkv_index first_dropped, last_dropped;
  unsigned finds, fatals, warnings, ends;
  bool fails;     /* every write */
  bool truncates; /* the device's next read, after the first entry */
  struct done calls[DONE_MAX];
  unsigned called, told; /* of calls; the told ones came in order */
  enum rkv_status status[DONE_MAX];
};

extern struct fixture *f; /* of the story that runs */

int log_setup(void **state);
/* Everything was told how it ended, in order. */
int log_teardown(void **state);

/* Writes one operation, as a writer thread would. */
enum rkv_status write_one(struct log *log, struct op *op, const struct op *last,
                          struct rkv_error *error);
void write_all(void);

struct rkv_completion *next_call(void);
void append(rkv_term term, rkv_index first, size_t count);
/* How many entries are read; they are the right ones. */
size_t reads(rkv_index from, rkv_index to);
/* Entries of these terms are read, by a storage that does not know what is durable. */
void reads_terms(rkv_index from, rkv_index to, const rkv_term *terms, size_t expected);
enum rkv_status read_fails(rkv_index at);
struct rkv_storage_state load_state(void);
/* What the storage was told last to drop. */
void dropped(rkv_index first, rkv_index last);

#endif
