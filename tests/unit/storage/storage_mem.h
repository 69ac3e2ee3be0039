/* storage_mem.h: the storage under test and the acts of its stories. */
#ifndef STORAGE_MEM_TEST_H
#define STORAGE_MEM_TEST_H

#include "fake_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct log_test {
  const struct rkv_storage_ops *ops;
  void *storage;
  struct fake_host host;
  int buffers_before; /* alive when the test began */
};

/* cmocka fixtures: opens an empty storage; closes it and checks that no payload leaked. */
int log_setup(void **state);
int log_teardown(void **state);

/* The stories about snapshots (storage_mem_snapshot.c). */
void snapshot_is_read_back(void **state);
void snapshot_appears_at_commit_only(void **state);
void snapshot_outlives_its_successor(void **state);
void snapshot_readers_overlap_the_writer(void **state);

#endif
