/* storage_laws.h: the storage under test and the acts of its stories. */
#ifndef STORAGE_LAWS_H
#define STORAGE_LAWS_H

#include "fake_host.h"
#include "scratch.h"
#include "told.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct log_test {
  const struct rkv_plugin *plugin;
  const struct rkv_storage_ops *ops;
  void *storage; /* NULL: closed */
  struct fake_host host;
  int buffers_before;         /* alive when the test began */
  char dir[SCRATCH_PATH_MAX]; /* "" for a storage without one */
};

/* ---- storage_acts.c ---- */

/* Names the storage, "storage-mem" or another one. To be called before the first story. */
void log_choose(const char *plugin);

/* cmocka fixtures: opens an empty storage; closes it and checks that no payload leaked. */
int log_setup(void **state);
int log_teardown(void **state);

/* Opens the same directory with this host. */
enum rkv_status log_open(struct log_test *t, const struct fake_host *host, void **storage,
                         struct rkv_error *error);
/* Closes it if it is open, and opens it; that must succeed. */
void log_reopen(struct log_test *t);

/* Entry `index` is of term index / 10 + 1 and says its own index in its payload. */
struct rkv_log_id id_of(rkv_index index);
/* Appends entries from..to and waits. */
void append_at(struct log_test *t, rkv_index from, rkv_index to, struct told *told);
void append(struct log_test *t, rkv_index from, rkv_index to);

/* Reads and checks every entry that comes. Returns how many; -1 for RKV_NOT_FOUND. */
int read_some(struct log_test *t, rkv_index from, rkv_index to, uint64_t bytes_max,
              size_t capacity);
int read_all(struct log_test *t, rkv_index from, rkv_index to);
/* Fails the test unless load answers this, and exactly these entries can be read. */
void holds(struct log_test *t, struct rkv_log_id purged, struct rkv_log_id last);

/* ---- storage_laws_snapshot.c ---- */

/* Makes the snapshot at `last`, then opens the newest one, which must be it. */
void make_snapshot(struct log_test *t, rkv_index last, size_t size);
void *open_newest(struct log_test *t, rkv_index last, size_t size);
/* Reads on to the end and returns how many bytes were those of the snapshot at `last`. */
size_t read_to_end(struct log_test *t, void *reader, rkv_index last, uint64_t offset, size_t max);

/* The stories about snapshots. */
void snapshot_is_read_back(void **state);
void snapshot_appears_at_commit_only(void **state);
void snapshot_outlives_its_successor(void **state);
void snapshot_readers_overlap_the_writer(void **state);

/* ---- storage_laws_durable.c: of a storage that is durable ---- */

void reopening_keeps_everything(void **state);
void reopening_often_changes_nothing(void **state);
void closing_finishes_what_waits(void **state);
void only_one_opens_it(void **state);
void another_node_is_refused(void **state);

#endif
